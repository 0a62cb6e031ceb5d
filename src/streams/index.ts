export { toRemoteAddress, type ByteStream } from './byte-stream.js';
export {
  createPortStream,
  DEFAULT_HIGH_WATER_MARK_BYTES,
  DEFAULT_MAX_UNREAD_BYTES,
  type MessageStream,
  type MessageStreamEvents,
  type MessageStreamOptions,
} from './message-stream.js';
export type { MessagePortLike } from './message-port.js';
export { createStreamPair } from './stream-pair.js';
