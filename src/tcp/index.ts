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
export { Session, type SessionOptions, type SessionOutput } from '../session/index.js';
