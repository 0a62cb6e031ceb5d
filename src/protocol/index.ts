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
export {
  DEFAULT_MAX_BODY_BYTES,
  DEFAULT_MAX_FIELD_LENGTH,
  DEFAULT_MAX_LINE_BYTES,
  PeerDecoder,
  type PeerLimits,
} from './peer-decoder.js';
export { encodePeerMessage } from './peer-encoder.js';
export { DEFAULT_MAX_REPLY_BYTES, ReplyDecoder } from './reply-decoder.js';
export { encodeReply } from './reply-encoder.js';
