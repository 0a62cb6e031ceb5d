import { DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS, DEFAULT_TOMBSTONE_LIFETIME_MS } from '../../registry/index.js';
import {
  DEFAULT_GRACE_MS,
  DEFAULT_HTTP_ADDRESS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_TCP_ADDRESS,
  MAX_KEEP_ALIVE_MS,
} from '../lookupd-options.js';
import { ADDRESS_OR_NONE, BOOLEAN, duration, integer, LEVEL, STRING } from '../setting-kinds.js';
import { DEFAULT_LOG_PREFIX, LOG_LEVELS } from '../stderr-logger.js';
import { row } from './setting.js';

/** What nsqlookupd has as well, and where a lookupd listens. */
export const GENERAL_SETTINGS = {
  config: row(STRING, '', 'path to a config file (TOML)', { commandLineOnly: true }),
  version: row(BOOLEAN, false, 'print the version and exit', { commandLineOnly: true }),
  help: row(BOOLEAN, false, 'print this and exit', { commandLineOnly: true }),
  'log-level': row(LEVEL, 'info', `the lowest level that is logged: ${LOG_LEVELS.join(', ')}`),
  'log-prefix': row(STRING, DEFAULT_LOG_PREFIX, 'what every log line starts with'),
  verbose: row(BOOLEAN, false, 'deprecated, has no effect: use log-level'),
  'tcp-address': row(
    ADDRESS_OR_NONE,
    DEFAULT_TCP_ADDRESS,
    'host:port to listen on for peers; port 0 picks a free one; "" for none, beside a tcp-tls-address',
    { option: 'tcpAddress' },
  ),
  'http-address': row(
    ADDRESS_OR_NONE,
    DEFAULT_HTTP_ADDRESS,
    'host:port to listen on for HTTP; port 0 picks a free one; "" for none, beside an https-address',
    { option: 'httpAddress' },
  ),
  'broadcast-address': row(STRING, '', 'where peers are told to find this lookupd (the OS hostname if empty)', {
    option: 'broadcastAddress',
    none: '',
  }),
  'broadcast-tcp-port': row(integer(0, 65_535), 0, 'the TCP port that peers are told (the one it listens on if 0)', {
    option: 'broadcastTcpPort',
    none: 0,
  }),
  'broadcast-http-port': row(integer(0, 65_535), 0, 'the HTTP port that peers are told (the one it listens on if 0)', {
    option: 'broadcastHttpPort',
    none: 0,
  }),
  'keep-alive': row(
    duration(1000, MAX_KEEP_ALIVE_MS),
    DEFAULT_KEEP_ALIVE_MS,
    'how long a connection is silent before TCP probes it',
    { option: 'keepAliveMs', atLimit: 'probed, and closed some ten seconds later' },
  ),
  'inactive-producer-timeout': row(
    duration(),
    DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
    'how long after its last ping a producer is still named',
    { option: 'inactiveProducerTimeoutMs' },
  ),
  'tombstone-lifetime': row(duration(), DEFAULT_TOMBSTONE_LIFETIME_MS, 'how long a tombstone hides a producer', {
    option: 'tombstoneLifetimeMs',
  }),
  'grace-period': row(duration(), DEFAULT_GRACE_MS, 'how long shutdown waits for HTTP requests in flight', {
    option: 'graceMs',
    atLimit: 'cut off',
  }),
};
