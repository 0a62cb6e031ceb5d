import type { Socket } from 'node:net';
import type { Server, TlsOptions as ServerOptions, TLSSocket } from 'node:tls';
import { createRefusalLog } from '../base/refusal-log.js';
import { joinHostPort } from '../base/host-port.js';
import type { Clock, Logger } from '../registry/index.js';
import type { TlsClientAuthPolicy } from './tls.js';

/** How a server asks its clients for certificates, and how long they may take for it. The context comes when it is loaded. */
export function toServerOptions(policy: TlsClientAuthPolicy | undefined, handshakeTimeoutMs: number): ServerOptions {
  return {
    requestCert: policy !== undefined,
    rejectUnauthorized: policy === 'require-verify',
    handshakeTimeout: Math.ceil(Math.min(handshakeTimeoutMs, 2 ** 31 - 1)),
  };
}

/** What a TLS server is guarded with. */
export interface GuardOptions {
  readonly policy: TlsClientAuthPolicy | undefined;
  /** Names it in the log. */
  readonly name: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Told of each handshake that took too long. */
  readonly onTimeout: () => void;
}

/**
 * Closes connections without a certificate where one is required, before anything else sees them; logs handshakes that failed, once a
 * minute a source. Gives back what ends the connections that are not through their handshake, of which nobody else knows.
 */
export function guardTlsServer(server: Server, { policy, name, log, clock, onTimeout }: GuardOptions): () => void {
  const whenDue = createRefusalLog(clock);
  const shaking = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const address = toAddress(socket);
    shaking.set(address, socket);
    socket.once('close', () => {
      if (shaking.get(address) === socket) shaking.delete(address);
    });
  });
  const fail = (socket: Socket, reason: string) => {
    const address = toAddress(socket);
    whenDue(address, () => log.warn?.(`${name}: TLS handshake with ${address} failed - ${reason}`));
    socket.destroy();
  };
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    shaking.delete(toAddress(socket));
    // OpenSSL asks for one, and goes on without.
    if (policy === 'require' && !hasCertificate(socket)) fail(socket, 'no client certificate');
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException & { reason?: string }, socket: TLSSocket) => {
    if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') onTimeout();
    fail(socket, error.reason ?? error.message);
  });
  return () => {
    for (const socket of shaking.values()) socket.destroy();
    shaking.clear();
  };
}

/** Whether the client has shown one. A subject it need not have. */
function hasCertificate(socket: TLSSocket): boolean {
  return (socket.getPeerCertificate() as { raw?: unknown } | undefined)?.raw !== undefined;
}

function toAddress(socket: Socket): string {
  // One that has ended knows nothing any more, but the one below it does, which Node documents nowhere.
  const below = (socket as { _parent?: Socket | null })._parent ?? socket;
  const { remoteAddress, remotePort } = socket.remoteAddress === undefined ? below : socket;
  return remoteAddress === undefined || remotePort === undefined ? '-' : joinHostPort(remoteAddress, remotePort);
}
