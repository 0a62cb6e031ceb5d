import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { ByteStream } from '../streams/index.js';
import { aSignal, checkOptions } from '../base/options.js';
import { parseTcpAddress } from '../base/host-port.js';
import { TLS_CLIENT_CHECKS, type TlsClientOptions } from '../base/tls-options.js';

/**
 * Opens a TCP connection to `host:port`, in Node: what a `PeerClient` connects with. Rejects with the system's error, or the
 * signal's reason; with a TypeError for another address, or without a signal.
 *
 * @example
 * ```js
 * import { connectTcp } from 'nsqlookupd/client';
 *
 * const stream = await connectTcp('127.0.0.1:1', AbortSignal.timeout(1000)).catch(() => undefined);
 * console.log(stream); // undefined
 * ```
 */
export async function connectTcp(address: string, signal: AbortSignal): Promise<ByteStream> {
  aSignal('signal', signal);
  const { host, port } = parseTcpAddress(address);
  const { connect } = await import('node:net');
  return opened(connect({ host, port, noDelay: true, keepAlive: true }), 'connect', signal);
}

/**
 * Opens a connection to `host:port` over TLS, in Node: what a `PeerClient` with `tls` connects with. Resolves when the server's
 * certificate is found good. With TLS 1.3 a server that refuses the client's says so only afterwards: the stream fails then.
 * Rejects as `connectTcp`, and for a certificate that is not good; with a TypeError for options that are unknown or of the wrong
 * kind.
 *
 * @example
 * ```js
 * import { connectTls } from 'nsqlookupd/client';
 *
 * const stream = await connectTls('127.0.0.1:1', AbortSignal.timeout(1000), {}).catch(() => undefined);
 * console.log(stream); // undefined
 * ```
 */
export async function connectTls(address: string, signal: AbortSignal, options: TlsClientOptions): Promise<ByteStream> {
  aSignal('signal', signal);
  const tls = checkOptions('connectTls', options, TLS_CLIENT_CHECKS);
  const { host, port } = parseTcpAddress(address);
  const [{ connect }, { isIP }] = await Promise.all([import('node:tls'), import('node:net')]);
  const socket = connect({ servername: isIP(host) ? '' : host, ...(tls as ConnectionOptions), host, port });
  socket.setNoDelay(true).setKeepAlive(true);
  return opened(socket, 'secureConnect', signal);
}

function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    const settle = () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', fail);
    };
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', fail);
    socket.once(event, () => {
      settle();
      resolve(socket);
    });
    if (signal.aborted) abort();
  });
}
