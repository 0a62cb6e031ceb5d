import type { X509Certificate } from 'node:crypto';
import type { SecureContextOptions, SecureVersion } from 'node:tls';
import { readSmallFile } from './read-file.js';
import { DEFAULT_TLS_MIN_VERSION, type TlsOptions } from './tls.js';

type NamedPath = readonly [name: string, path: string];
/** At least one. */
type Certificates = readonly [X509Certificate, ...X509Certificate[]];

/** What was read of the files. */
export interface LoadedTls {
  /** All that `setSecureContext` is to be given: what is left out there is lost. */
  readonly context: SecureContextOptions;
  /** Those that are shown, one's own first, and those that clients' are verified by. */
  readonly certificates: { readonly tlsCert: Certificates; readonly tlsRootCaFile?: Certificates };
}

/** Reads the files. Throws an error that names the option for what is no certificate or key, or where they do not match. */
export function loadTls(options: TlsOptions): LoadedTls {
  const { tlsCert = '', tlsKey = '', tlsRootCaFile, tlsMinVersion = DEFAULT_TLS_MIN_VERSION } = options;
  const isOld = tlsMinVersion === 'tls1.0' || tlsMinVersion === 'tls1.1';
  const root = tlsRootCaFile === undefined ? undefined : readCertificates('tlsRootCaFile', tlsRootCaFile);
  const common: SecureContextOptions = {
    ca: root?.pem ?? [], // else Node's own: a certificate that anybody can buy would be verified
    minVersion: tlsMinVersion.replace('tls', 'TLSv').replace('v1.0', 'v1') as SecureVersion,
    // OpenSSL speaks the old versions at its lowest level only.
    ...(isOld && { ciphers: `${process.getBuiltinModule('node:tls').DEFAULT_CIPHERS}:@SECLEVEL=0` }),
  };
  const { cert, key, certificates } = readKeyPair(['tlsCert', tlsCert], ['tlsKey', tlsKey], common);
  // Nobody is verified by a root where nobody is asked.
  const asked = root && options.tlsClientAuthPolicy !== undefined && { tlsRootCaFile: root.certificates };
  return { context: { ...common, cert, key }, certificates: { tlsCert: certificates, ...asked } };
}

/**
 * A certificate and its key, of the paths that have these names. Throws an error that has them for what is no certificate or key, or
 * where they do not match.
 */
export function readKeyPair(
  [certName, certPath]: NamedPath,
  [keyName, keyPath]: NamedPath,
  context: SecureContextOptions = {},
): { readonly cert: string; readonly key: string; readonly certificates: Certificates } {
  const { pem: cert, certificates } = readCertificates(certName, certPath);
  const key = readSmallFile(keyName, keyPath).text;
  const { createPrivateKey } = process.getBuiltinModule('node:crypto');
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  try {
    createPrivateKey(key); // an empty one would be passed over
    createSecureContext({ ...context, cert, key });
  } catch (error) {
    throw new Error(`${certName} ${certPath} and ${keyName} ${keyPath} cannot be used - ${(error as Error).message}`, {
      cause: error,
    });
  }
  return { cert, key, certificates };
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** At least one: OpenSSL passes over what it cannot read. Throws an error that has the name of whatever says the path. */
export function readCertificates(
  name: string,
  path: string,
): { readonly pem: string; readonly certificates: Certificates } {
  const pem = readSmallFile(name, path).text;
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  try {
    const [first, ...others] = (pem.match(PEM) ?? []).map((each) => new X509Certificate(each));
    if (first) return { pem, certificates: [first, ...others] };
  } catch (error) {
    throw new Error(`${name} ${path} has a certificate that cannot be read - ${(error as Error).message}`, {
      cause: error,
    });
  }
  throw new Error(`${name} ${path} has no certificate in PEM`);
}
