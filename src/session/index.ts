export { Session, type SessionOutput } from './session.js';
export type { AdmissionRefusal, SessionOptions, Verdict } from './session-options.js';
