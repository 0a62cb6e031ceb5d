import type { Server } from 'node:tls';
import type { Logger } from '../registry/index.js';
import { loadTls, type TlsOptions } from './tls.js';

/** Gives the servers what they speak TLS with, now and again. Throws, and leaves them as they are, when a file is bad. */
export function createTlsLoader(options: TlsOptions, servers: readonly Server[], log: Logger): () => void {
  return () => {
    if (servers.length === 0) return;
    const { context, certificate } = loadTls(options);
    for (const server of servers) server.setSecureContext(context);
    const { subject, subjectAltName = '-', validTo, fingerprint256 } = certificate;
    const name = (subject as string | undefined)?.replaceAll('\n', ', '); // which newer certificates are without
    log.info?.(`TLS: ${name || subjectAltName}, valid to ${validTo}, SHA-256 ${fingerprint256}`);
    if (Date.parse(validTo) < Date.now()) log.warn?.(`TLS: the certificate was valid to ${validTo}`);
  };
}
