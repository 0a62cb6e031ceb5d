import { oneOf, text, type Checks } from '../base/options.js';

/** As nsqd names them; what it has besides (`ssl3.0`), nobody may use. */
export const TLS_VERSIONS = ['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3'] as const;
/** The least version of TLS that is spoken. */
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** What is asked of a client: any certificate (`require`), or one that the CA has signed (`require-verify`). */
export const TLS_CLIENT_AUTH_POLICIES = ['require', 'require-verify'] as const;
/** What is asked of a client's certificate. */
export type TlsClientAuthPolicy = (typeof TLS_CLIENT_AUTH_POLICIES)[number];

/** The least version of TLS: 1.2. nsqd's is 1.0. */
export const DEFAULT_TLS_MIN_VERSION: TlsVersion = 'tls1.2';

/** With what TLS is spoken, on all ports that speak it. */
export interface TlsOptions {
  /** The path of the certificate in PEM, with those that signed it. */
  readonly tlsCert?: string | undefined;
  /** The path of the certificate's key, in PEM. */
  readonly tlsKey?: string | undefined;
  /** The path of the certificates, in PEM, that clients' are to be signed by. Needed for `require-verify`. */
  readonly tlsRootCaFile?: string | undefined;
  /** `require`: a client must show a certificate, whoever signed it; `require-verify`: one that a root CA signed. Default: none. */
  readonly tlsClientAuthPolicy?: TlsClientAuthPolicy | undefined;
  /** The lowest version: `tls1.0` to `tls1.3`. Default `tls1.2`. */
  readonly tlsMinVersion?: TlsVersion | undefined;
}

/** What checks the options of TLS. */
export const TLS_CHECKS: Checks<TlsOptions> = {
  tlsCert: text,
  tlsKey: text,
  tlsRootCaFile: text,
  tlsClientAuthPolicy: oneOf(TLS_CLIENT_AUTH_POLICIES),
  tlsMinVersion: oneOf(TLS_VERSIONS),
};

/** Throws a TypeError for options that do not go together. */
export function checkTls({ tlsCert, tlsKey, tlsRootCaFile, tlsClientAuthPolicy }: TlsOptions): void {
  if (tlsCert === undefined || tlsKey === undefined) throw new TypeError('TLS needs a tlsCert and a tlsKey');
  if (tlsClientAuthPolicy === 'require-verify' && tlsRootCaFile === undefined)
    throw new TypeError('tlsClientAuthPolicy "require-verify" needs a tlsRootCaFile');
}

/** The files that are read. */
export function tlsFiles({ tlsCert, tlsKey, tlsRootCaFile }: TlsOptions): readonly string[] {
  return [tlsCert, tlsKey, tlsRootCaFile].filter((path) => path !== undefined);
}
