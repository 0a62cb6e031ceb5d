export {
  DEFAULT_LOOKUP_TIMEOUT_MS,
  DEFAULT_MAX_ANSWER_BYTES,
  LookupClient,
  LookupError,
  type AskOptions,
  type FoundTopic,
  type LookupClientOptions,
  type WithFailures,
} from './lookup-client.js';
export type { FoundNode, FoundProducer, LookupFailure } from './found.js';
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
export type { Pem, TlsClientOptions } from './tls-options.js';
export type { Connect } from './lookupd-link.js';
export type { ClientTimers } from '../base/timers.js';
