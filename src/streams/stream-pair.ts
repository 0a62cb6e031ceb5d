import { MessageStream } from './message-stream.js';
import type { MessageStreamOptions } from './message-stream-options.js';
import type { MessagePortLike } from './message-port.js';

/**
 * Makes a connection that is nothing but memory: what is written to one end comes out of the other, in a later
 * microtask. The options are for both ends. Throws a TypeError that names one that is unknown or of
 * the wrong kind.
 *
 * @example
 * ```js
 * import { createStreamPair } from 'nsqlookupd/tcp';
 *
 * const [ours, theirs] = createStreamPair();
 * const received = new Promise((resolve) => theirs.once('data', resolve));
 * ours.write(Uint8Array.of(1, 2, 3));
 * console.log(await received);
 * ```
 */
export function createStreamPair(options: MessageStreamOptions = {}): [ours: MessageStream, theirs: MessageStream] {
  const [ours, theirs] = createPorts();
  const toStream = (port: MessagePortLike) => new MessageStream('createStreamPair', port, options);
  return [toStream(ours), toStream(theirs)];
}

type Receive = (message: unknown) => void;

function createPorts(): [MessagePortLike, MessagePortLike] {
  const receivers: [Receive?, Receive?] = [];
  const createPort = (own: 0 | 1, other: 0 | 1): MessagePortLike => ({
    postMessage: (message) => queueMicrotask(() => receivers[other]?.(message)),
    // Nothing but a message comes: a stream that closes says so with one.
    on: (event, listener) => event === 'message' && (receivers[own] = listener),
  });
  return [createPort(0, 1), createPort(1, 0)];
}
