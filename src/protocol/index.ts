export type { Identity } from '../base/identity.js';
export {
  MAGIC_V1,
  type Announcement,
  type ErrorCode,
  type Fault,
  type PeerMessage,
  type Reply,
  type TopicMessage,
} from './messages.js';
export * from './peer-decoder.js';
export * from './peer-encoder.js';
export * from './reply-decoder.js';
export * from './reply-encoder.js';
