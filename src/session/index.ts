export { Session, type SessionOutput } from './session.js';
export {
  OBSERVER_CHECK,
  type AdmissionRefusal,
  type PeerCommand,
  type PeerLimit,
  type PeerObserver,
  type SessionOptions,
  type Verdict,
} from './session-options.js';
