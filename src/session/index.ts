export { Session } from './session.js';
export {
  OBSERVER_CHECK,
  type AdmissionRefusal,
  type PeerCommand,
  type PeerLimit,
  type PeerObserver,
  type SessionOptions,
  type SessionOutput,
  type Verdict,
} from './session-options.js';
