export {
  DEFAULT_LOOKUP_TIMEOUT_MS,
  DEFAULT_MAX_ANSWER_BYTES,
  DEFAULT_WATCH_INTERVAL_MS,
  LookupClient,
  type AskOptions,
  type FoundTopic,
  type LookupClientOptions,
} from './lookup-client.js';
export type { Lookupds } from './address.js';
export { createUnionHandler, type UnionHandler } from './union.js';
export type { UnionLookupd } from './union-members.js';
export {
  DEFAULT_UNION_GRACE_MS,
  DEFAULT_UNION_POLL_MS,
  DEFAULT_UNION_REFRESH_MS,
  type UnionHandlerOptions,
} from './union-options.js';
export { LookupError } from './lookup-error.js';
export { resolveLookupds } from './node-resolve.js';
export type { NodesChange, TopicChange } from './watch-changes.js';
export type { FoundNode, FoundProducer, LookupFailure, WithFailures } from './found.js';
export {
  DEFAULT_MAX_BACKOFF_MS,
  DEFAULT_MIN_BACKOFF_MS,
  DEFAULT_PEER_TIMEOUT_MS,
  DEFAULT_PING_INTERVAL_MS,
  PeerClient,
  type AnnouncedIdentity,
  type LookupdStatus,
  type PeerClientEvents,
  type PeerClientOptions,
} from './peer-client.js';
export { ClosedError, PeerConnection, RefusedError, type Order } from './peer-connection.js';
export { connectTcp, connectTls } from './node-connect.js';
export type { Pem, TlsClientOptions } from '../base/tls-options.js';
export type { Connect } from './lookupd-link.js';
export type { ClientTimers } from '../base/timers.js';
