import type { ByteStream } from '../streams/index.js';
import { aSignal } from '../base/options.js';
import { parseTcpAddress } from '../base/host-port.js';

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
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
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
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
    if (signal.aborted) abort();
  });
}
