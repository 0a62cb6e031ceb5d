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
export type { Timers } from '../base/timers.js';
export {
  createPortStream,
  createStreamPair,
  DEFAULT_HIGH_WATER_MARK_BYTES,
  DEFAULT_MAX_UNREAD_BYTES,
  type ByteStream,
  type MessagePortLike,
  type MessageStream,
  type MessageStreamEvents,
  type MessageStreamOptions,
} from '../streams/index.js';
export { Session, type SessionOptions, type SessionOutput } from '../session/index.js';
