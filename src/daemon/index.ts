export { createLookupd } from './lookupd.js';
export type { ListenAddresses, Lookupd } from './lookupd-interface.js';
export {
  DEFAULT_GRACE_MS,
  DEFAULT_HTTP_ADDRESS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_TCP_ADDRESS,
  type LookupdOptions,
} from './lookupd-options.js';
export {
  createLogger,
  DEFAULT_LOG_PREFIX,
  LOG_FORMATS,
  LOG_LEVELS,
  type DaemonLogger,
  type LogFormat,
  type LoggerOptions,
  type LogLevel,
} from './stderr-logger.js';
export {
  DEFAULT_HTTP_IDLE_TIMEOUT_MS,
  DEFAULT_HTTP_MAX_CONNECTIONS,
  DEFAULT_HTTP_MAX_HEADER_BYTES,
  DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
  type HttpServerOptions,
} from './http-server.js';
export { createProcessMetrics, type ProcessMetrics } from './process-metrics.js';
export type { OperationOptions } from './operation.js';
export {
  DEFAULT_TLS_MIN_VERSION,
  TLS_CLIENT_AUTH_POLICIES,
  TLS_VERSIONS,
  type TlsClientAuthPolicy,
  type TlsOptions,
  type TlsVersion,
} from './tls.js';
export { PRODUCER_ADDRESSES, type AccessOptions, type ProducerAddress } from './access-options.js';
export type { Refusals } from './access.js';
export { createProfiles, type Profiles, type ProfilesOptions } from './profiles.js';
export { createSystemClock } from './system-clock.js';
export { runCommand } from './run-command.js';
export { PACKAGE_VERSION } from '../base/version.js';
export { formatDuration, parseDuration } from '../base/duration.js';
export type { KeepingOptions } from './keeping.js';
export type { SharingOptions } from './sharing.js';
