export * from './tcp-handler.js';
export * from './tcp-handler-options.js';
export * from './admission.js';
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
