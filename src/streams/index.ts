export { toRemoteAddress, type ByteStream } from './byte-stream.js';
export type { MessageStream } from './message-stream.js';
export {
  DEFAULT_HIGH_WATER_MARK_BYTES,
  DEFAULT_MAX_UNREAD_BYTES,
  type MessageStreamEvents,
  type MessageStreamOptions,
} from './message-stream-options.js';
export { createPortStream } from './port-stream.js';
export type { MessagePortLike } from './message-port.js';
export { createStreamPair } from './stream-pair.js';
