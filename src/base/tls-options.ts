import { text, type Check } from './options.js';

/** A PEM text, or its bytes. */
export type Pem = string | Uint8Array;

/** How a client speaks TLS, in Node. What is left out is Node's own. */
export interface TlsClientOptions {
  /** The certificates, in PEM, of whoever the server's is to be signed by. Default: those that Node knows. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** The client's own certificate in PEM, with those that signed it. */
  readonly cert?: Pem | undefined;
  /** The key of `cert`, in PEM. */
  readonly key?: Pem | undefined;
  /** The name that the server's certificate must have. Default: the host of the address. */
  readonly servername?: string | undefined;
  /** The least version, such as `TLSv1.3`. Default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

const aPem: Check = (name, value) => {
  if (!(value instanceof Uint8Array)) text(name, value);
};

/** What `nested` checks the options of TLS with. */
export const TLS_CLIENT_CHECKS: { readonly [K in keyof Required<TlsClientOptions>]: Check } = {
  ca: (name, value) => (Array.isArray(value) ? value : [value]).forEach((each) => aPem(name, each)),
  cert: aPem,
  key: aPem,
  servername: text,
  minVersion: (name, value) => {
    if (value !== 'TLSv1.2' && value !== 'TLSv1.3') throw new TypeError(`${name} must be TLSv1.2 or TLSv1.3`);
  },
};
