export { Session, type AdmissionRefusal, type SessionOptions, type SessionOutput, type Verdict } from './session.js';
