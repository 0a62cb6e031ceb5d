export { Session, type SessionOptions, type SessionOutput } from './session.js';
