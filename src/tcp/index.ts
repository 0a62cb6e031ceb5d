export { createTcpHandler, type ConnectionInfo, type TcpHandler } from './tcp-handler.js';
export {
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_IDENTIFY_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_UNFINISHED_BYTES,
  DEFAULT_SILENCE_TIMEOUT_MS,
  TCP_HANDLER_CHECKS,
  type Admit,
  type AnnounceOptions,
  type PeerCaller,
  type TcpHandlerOptions,
} from './tcp-handler-options.js';
export { admitFrom, admitInTurn, rewriteAddress, type AddressRewrite } from './admission.js';
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
export {
  Session,
  type AdmissionRefusal,
  type PeerCommand,
  type PeerLimit,
  type PeerObserver,
  type SessionOptions,
  type SessionOutput,
  type Verdict,
} from '../session/index.js';
