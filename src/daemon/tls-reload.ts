import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:tls';
import type { Found, Metric } from '../operate/index.js';
import type { Logger } from '../registry/index.js';
import { loadTls, type TlsOptions } from './tls.js';

/** Who renews certificates by a machine does it sooner. */
const SOON_MS = 14 * 24 * 3600 * 1000;

/** What servers speak TLS with, and how long it is good for. */
export interface TlsLoader {
  /** Gives the servers what is in the files, now and again. Throws, and leaves them as they are, when a file is bad. */
  readonly load: () => void;
  readonly metrics: readonly Metric[];
  readonly findings: () => readonly Found[];
}

/** Makes it, for servers that may be made later; without any it does nothing. */
export function createTlsLoader(options: TlsOptions, servers: () => readonly Server[], log: Logger): TlsLoader {
  let loaded: X509Certificate | undefined;
  const expiryMs = () => (loaded ? Date.parse(loaded.validTo) : Infinity);
  const load = () => {
    if (servers().length === 0) return;
    const { context, certificate } = loadTls(options);
    for (const server of servers()) server.setSecureContext(context);
    loaded = certificate;
    log.info?.(`TLS: ${nameOf(certificate)}, valid to ${certificate.validTo}, SHA-256 ${certificate.fingerprint256}`);
    const leftMs = expiryMs() - Date.now();
    if (leftMs < 0) log.warn?.(`TLS: the certificate was valid to ${certificate.validTo}`);
    else if (leftMs < SOON_MS) log.warn?.(`TLS: the certificate expires soon, it is valid to ${certificate.validTo}`);
  };
  const expiry: Metric = {
    name: 'nsqlookupd_tls_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of the ports over TLS expires, in seconds since 1970.',
    type: 'gauge',
    samples: () => (loaded ? [{ labels: {}, value: expiryMs() / 1000 }] : []),
  };
  return {
    load,
    metrics: [expiry],
    findings: () =>
      loaded && expiryMs() - Date.now() < SOON_MS
        ? [{ kind: 'certificate-expiring', subject: nameOf(loaded), seen: `it is valid to ${loaded.validTo}` }]
        : [],
  };
}

function nameOf({ subject, subjectAltName = '-' }: X509Certificate): string {
  const name = (subject as string | undefined)?.replaceAll('\n', ', '); // which newer certificates are without
  return name || subjectAltName;
}
