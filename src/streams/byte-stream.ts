import { joinHostPort } from '../base/host-port.js';

/**
 * A duplex stream of bytes with the methods and events that a Node stream has: a `net.Socket`, a `TLSSocket`,
 * any `Duplex`, or a few lines over something else. No socket is needed.
 */
export interface ByteStream {
  /**
   * Adds a listener. The events are `data` (a Uint8Array), `end` (the peer sends no more, and may still read), `drain`
   * (after a `write` that was false), `error` (an Error) and `close` (nothing follows it).
   */
  // `any`: the listeners of the hosts' own streams differ in their arguments from event to event.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  on(event: string, listener: (...args: any[]) => void): unknown;
  /** Sends bytes. False when the stream wants no more until `drain`; then no more is read from the peer either. */
  write(bytes: Uint8Array): boolean;
  /** Sends the end after what was written. What still comes in is read and dropped until `close`. */
  end(): unknown;
  /** Ends both directions at once, what was written perhaps unsent. `close` is to follow. May be called again. */
  destroy(): unknown;
  /** Holds `data` back until `resume`. A stream that cannot may go on: its bytes are answered all the same. */
  pause(): unknown;
  /** Lets `data` flow again, also if it was not held back. */
  resume(): unknown;
  /**
   * Takes bytes back that were the last, while it is paused, and gives them again after `resume`. A stream that has none is
   * trusted to read no more while it is paused; those of Node read on until they hold something.
   */
  unshift?(bytes: Uint8Array): unknown;
  /** Whether it is closed already. One that says so is not served; one that says nothing is taken to be open. */
  readonly destroyed?: boolean | undefined;
  /** The other end's address, for the log and for consumers; undefined for a stream that has none. */
  readonly remoteAddress?: string | undefined;
  /** The other end's port; undefined for a stream that has none. */
  readonly remotePort?: number | undefined;
}

/** `address:port` of the other end; undefined for a stream that has none. */
export function toRemoteAddress({ remoteAddress, remotePort }: ByteStream): string | undefined {
  return remoteAddress === undefined || remotePort === undefined ? undefined : joinHostPort(remoteAddress, remotePort);
}
