export {
  createTcpHandler,
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_IDENTIFY_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_SILENCE_TIMEOUT_MS,
  type AnnounceOptions,
  type ConnectionInfo,
  type TcpHandler,
  type TcpHandlerOptions,
} from './tcp-handler.js';
export type { Timers } from './timers.js';
export type { ByteStream } from './byte-stream.js';
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
export { Session, type SessionOptions, type SessionOutput } from '../session/index.js';
