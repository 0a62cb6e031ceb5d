import type { MessagePortLike } from './message-port.js';
import { MessageStream } from './message-stream.js';
import type { MessageStreamOptions } from './message-stream-options.js';

/**
 * Makes a stream of bytes of one end of a port; `handler(createPortStream(port))` serves the peer at the other,
 * and with another `createPortStream` there nothing more is to be known. Throws a TypeError when `port` is none, or
 * an option is unknown or of the wrong kind. The port must carry nothing else. By hand, each end sends:
 *
 * - a `Uint8Array` or an `ArrayBuffer`: bytes, cut anywhere;
 * - a number: that it has read so many more of the bytes that were sent to it, which makes room for others;
 * - `'end'`: that no more bytes come from it;
 * - `'close'`: that it is gone, as it is when the port closes, or the worker exits.
 *
 * Anything else is an `error`, and the stream is destroyed. It sends `Uint8Array`s, copied from what was written and
 * transferred.
 *
 * @example
 * ```js
 * import { createPortStream } from 'nsqlookupd/tcp';
 *
 * const { port1, port2 } = new MessageChannel();
 * const [ours, theirs] = [createPortStream(port1), createPortStream(port2)];
 * theirs.on('data', (bytes) => {
 *   console.log(bytes.length); // 3
 *   theirs.destroy();
 * });
 * ours.write(Uint8Array.of(1, 2, 3));
 * await new Promise((resolve) => ours.on('close', () => resolve(undefined)));
 * ```
 */
export function createPortStream(port: MessagePortLike, options: MessageStreamOptions = {}): MessageStream {
  return new MessageStream('createPortStream', port, options);
}
