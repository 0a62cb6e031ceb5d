import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:tls';
import type { Found, Metric } from '../operate/index.js';
import type { Logger } from '../registry/index.js';
import type { Loader } from './loading.js';
import { tlsFiles, type TlsOptions } from './tls.js';
import { loadTls, type LoadedTls } from './tls-files.js';

/** Who renews certificates by a machine does it sooner. */
const SOON_MS = 14 * 24 * 3600 * 1000;

/** What servers speak TLS with, and how long it is good for. */
export interface TlsLoader extends Loader {
  readonly metrics: readonly Metric[];
  readonly findings: () => readonly Found[];
}

/** Makes it, for servers that may be made later; without any it does nothing. */
export function createTlsLoader(options: TlsOptions, servers: () => readonly Server[], log: Logger): TlsLoader {
  let loaded: Partial<LoadedTls['certificates']> = {};
  /** By the option, the one of its file that expires first. */
  const first = () =>
    (['tlsCert', 'tlsRootCaFile'] as const).flatMap((option) => {
      const certificates = loaded[option];
      if (!certificates) return [];
      const certificate = certificates.reduce((a, b) => (expiryMs(b) < expiryMs(a) ? b : a));
      return [{ option, certificate, leftMs: expiryMs(certificate) - Date.now() }];
    });
  const near = () => first().filter(({ leftMs }) => leftMs < SOON_MS);
  const remind = () => {
    for (const { option, certificate, leftMs } of near()) {
      const what = `${option} ${options[option]}: the certificate ${nameOf(certificate)}`;
      if (leftMs < 0) log.warn?.(`${what} was valid to ${certificate.validTo}`);
      else log.warn?.(`${what} expires soon, it is valid to ${certificate.validTo}`);
    }
  };
  const expiry: Metric = {
    name: 'nsqlookupd_tls_certificate_expiry_timestamp_seconds',
    help: 'When the first certificate in a file for the ports over TLS expires, in seconds since 1970, by the option.',
    type: 'gauge',
    samples: () =>
      first().map(({ option, certificate }) => ({ labels: { option }, value: expiryMs(certificate) / 1000 })),
  };
  return {
    get files() {
      return servers().length === 0 ? [] : tlsFiles(options);
    },
    load: () => {
      if (servers().length === 0) return;
      const { context, certificates } = loadTls(options);
      for (const server of servers()) server.setSecureContext(context);
      loaded = certificates;
      const [own] = certificates.tlsCert;
      log.info?.(`TLS: ${nameOf(own)}, valid to ${own.validTo}, SHA-256 ${own.fingerprint256}`);
      remind();
    },
    remind,
    metrics: [expiry],
    findings: () =>
      near().map(({ option, certificate }) => ({
        kind: 'certificate-expiring',
        subject: nameOf(certificate),
        seen: `in ${option}, valid to ${certificate.validTo}`,
      })),
  };
}

function expiryMs({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}

function nameOf({ subject, subjectAltName = '-' }: X509Certificate): string {
  const name = (subject as string | undefined)?.replaceAll('\n', ', '); // which newer certificates are without
  return name || subjectAltName;
}
