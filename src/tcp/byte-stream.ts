import { joinHostPort } from '../registry/host-port.js';

/**
 * A duplex stream of bytes with the methods and events that a Node stream has: a `net.Socket`, a `TLSSocket`,
 * any `Duplex`, or a few lines over something else. No socket is needed.
 */
export interface ByteStream {
  /** Events `data` (Uint8Array), `end`, `drain`, `error` (Error) and `close`. */
  // `any`: the listeners of the hosts' own streams differ in their arguments from event to event.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  on(event: string, listener: (...args: any[]) => void): unknown;
  /** False when the stream wants no more until `drain`. */
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** `address:port` of the other end; undefined for a stream that has none. */
export function toRemoteAddress({ remoteAddress, remotePort }: ByteStream): string | undefined {
  return remoteAddress === undefined || remotePort === undefined ? undefined : joinHostPort(remoteAddress, remotePort);
}
