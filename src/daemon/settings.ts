import { getHeapStatistics } from 'node:v8';
import {
  DEFAULT_ANSWER_TIMEOUT_MS,
  DEFAULT_MAX_IGNORED_BODY_BYTES,
  DEFAULT_MAX_PIPELINED_REQUESTS,
  DEFAULT_MAX_UNSENT_BYTES,
} from '../http/index.js';
import {
  DEFAULT_MAX_BODY_BYTES,
  DEFAULT_MAX_FIELD_LENGTH,
  DEFAULT_MAX_LINE_BYTES,
  type PeerLimits,
} from '../protocol/index.js';
import {
  DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
  DEFAULT_MAX_REGISTRATIONS,
  DEFAULT_MAX_REGISTRATIONS_PER_PEER,
  DEFAULT_TOMBSTONE_LIFETIME_MS,
} from '../registry/index.js';
import {
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_IDENTIFY_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_SILENCE_TIMEOUT_MS,
} from '../tcp/index.js';
import {
  DEFAULT_HTTP_IDLE_TIMEOUT_MS,
  DEFAULT_HTTP_MAX_CONNECTIONS,
  DEFAULT_HTTP_MAX_HEADER_BYTES,
  DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
} from './http-server.js';
import {
  DEFAULT_GRACE_MS,
  DEFAULT_HTTP_ADDRESS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_TCP_ADDRESS,
  MAX_INT32,
  MAX_KEEP_ALIVE_MS,
  type LookupdOptions,
} from './lookupd-options.js';
import { ADDRESS, BOOLEAN, duration, integer, LEVEL, STRING, type Kind } from './setting-kinds.js';
import { DEFAULT_LOG_PREFIX, LOG_LEVELS } from './stderr-logger.js';

/** One setting: its flag, its config key, its option, its line in the help and its row in docs/settings.md. */
export interface Setting<T> extends SettingTraits<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly help: string;
}

interface SettingTraits<T> {
  /** The option of `createLookupd` that it becomes. */
  readonly option?: keyof LookupdOptions | `limits.${keyof PeerLimits}`;
  /** What whoever meets the limit gets. */
  readonly atLimit?: string;
  /** The value that stands for none: `createLookupd` is not told, and has a default of its own. */
  readonly none?: T;
  /** Set where `createLookupd` is not told the default, as its own depends on other options. */
  readonly onlyGiven?: true;
  /** What the default follows, where it is not the same everywhere. */
  readonly defaultText?: string;
  /** Whether it can only be given on the command line. */
  readonly commandLineOnly?: true;
}

/** Settings by flag; in the config file a `-` of a name is a `_`. Each may be of another type. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of settings, by flag. */
export type ValuesOf<T extends SettingTable> = {
  -readonly [N in keyof T]: T[N] extends Setting<infer V> ? V : never;
};

function row<T>(kind: Kind<T>, standard: T, help: string, traits: SettingTraits<T> = {}): Setting<T> {
  return { kind, default: standard, help, ...traits };
}

/** A part of the heap's limit, which `node --max-old-space-size` sets. */
function ofHeap(part: number): number {
  return Math.floor(getHeapStatistics().heap_size_limit / part);
}

/** nsqlookupd's settings, and those of the limits. */
export const SETTINGS = {
  config: row(STRING, '', 'path to a config file (TOML)', { commandLineOnly: true }),
  version: row(BOOLEAN, false, 'print the version and exit', { commandLineOnly: true }),
  help: row(BOOLEAN, false, 'print this and exit', { commandLineOnly: true }),
  'log-level': row(LEVEL, 'info', `the least that is logged: ${LOG_LEVELS.join(', ')}`),
  'log-prefix': row(STRING, DEFAULT_LOG_PREFIX, 'what every log line starts with'),
  verbose: row(BOOLEAN, false, 'deprecated, has no effect: use log-level'),
  'tcp-address': row(ADDRESS, DEFAULT_TCP_ADDRESS, 'host:port to listen on for peers; port 0 picks a free one', {
    option: 'tcpAddress',
  }),
  'http-address': row(ADDRESS, DEFAULT_HTTP_ADDRESS, 'host:port to listen on for HTTP; port 0 picks a free one', {
    option: 'httpAddress',
  }),
  'broadcast-address': row(STRING, '', 'where peers are told to find this lookupd (the OS hostname if empty)', {
    option: 'broadcastAddress',
    none: '',
  }),
  'broadcast-tcp-port': row(
    integer(0, 65_535),
    0,
    'the port for peers that they are told (the one it listens on if 0)',
    {
      option: 'broadcastTcpPort',
      none: 0,
    },
  ),
  'broadcast-http-port': row(
    integer(0, 65_535),
    0,
    'the port for HTTP that peers are told (the one it listens on if 0)',
    {
      option: 'broadcastHttpPort',
      none: 0,
    },
  ),
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
  'grace-period': row(duration(), DEFAULT_GRACE_MS, 'how long the end waits for HTTP requests in flight', {
    option: 'graceMs',
    atLimit: 'cut off',
  }),
  'max-line-bytes': row(integer(1), DEFAULT_MAX_LINE_BYTES, 'the longest command line of a peer', {
    option: 'limits.maxLineBytes',
    atLimit: '`E_INVALID`, closed',
  }),
  'max-body-bytes': row(integer(1), DEFAULT_MAX_BODY_BYTES, 'the longest body of an IDENTIFY', {
    option: 'limits.maxBodyBytes',
    atLimit: '`E_BAD_BODY`, closed',
  }),
  'max-field-length': row(integer(1), DEFAULT_MAX_FIELD_LENGTH, 'the longest string in an IDENTIFY that is kept', {
    option: 'limits.maxFieldLength',
    atLimit: '`E_BAD_BODY`, closed',
  }),
  'max-connections': row(integer(), DEFAULT_MAX_CONNECTIONS, 'the most connections of peers', {
    option: 'maxConnections',
    atLimit: '`E_INVALID`, closed',
  }),
  'max-unfinished-bytes': row(
    integer(),
    ofHeap(16),
    'the most bytes of commands that are not whole or not answered, of all peers together',
    {
      option: 'maxUnfinishedBytes',
      defaultText: "a sixteenth of the heap's limit",
      atLimit: '`E_INVALID`, closed: who has most',
    },
  ),
  'max-registrations': row(integer(), DEFAULT_MAX_REGISTRATIONS, 'the most registrations and producers, together', {
    option: 'maxRegistrations',
    atLimit: '`E_INVALID` for that REGISTER, the connection stays; 503 `TOO_MANY_REGISTRATIONS` over HTTP',
  }),
  'max-registrations-per-peer': row(
    integer(),
    DEFAULT_MAX_REGISTRATIONS_PER_PEER,
    'the most registrations of one peer',
    { option: 'maxRegistrationsPerPeer', atLimit: '`E_INVALID` for that REGISTER, the connection stays' },
  ),
  'max-registry-bytes': row(integer(), ofHeap(2), 'the most bytes of memory that the registry may take, about', {
    option: 'maxRegistryBytes',
    defaultText: "half of the heap's limit",
    atLimit: '`E_INVALID` for that REGISTER, the connection stays; 503 `TOO_MANY_REGISTRATIONS` over HTTP',
  }),
  'identify-timeout': row(duration(1), DEFAULT_IDENTIFY_TIMEOUT_MS, 'by when a peer must have sent its IDENTIFY', {
    option: 'identifyTimeoutMs',
    atLimit: '`E_INVALID`, closed',
  }),
  'silence-timeout': row(
    duration(1),
    DEFAULT_SILENCE_TIMEOUT_MS,
    'how long a peer may send nothing; not less than three times the inactive-producer-timeout unless set',
    { option: 'silenceTimeoutMs', onlyGiven: true, atLimit: '`E_INVALID`, closed' },
  ),
  'drain-timeout': row(duration(1), DEFAULT_DRAIN_TIMEOUT_MS, 'how long a peer may leave answers unread', {
    option: 'drainTimeoutMs',
    atLimit: 'closed',
  }),
  'http-max-connections': row(integer(1), DEFAULT_HTTP_MAX_CONNECTIONS, 'the most HTTP connections', {
    option: 'httpMaxConnections',
    atLimit: 'closed',
  }),
  'http-max-header-bytes': row(
    integer(1, MAX_INT32),
    DEFAULT_HTTP_MAX_HEADER_BYTES,
    'the longest HTTP request line and headers',
    { option: 'httpMaxHeaderBytes', atLimit: '431, closed' },
  ),
  'http-max-body-bytes': row(
    integer(),
    DEFAULT_MAX_IGNORED_BODY_BYTES,
    'an HTTP request with a longer body is answered and its connection closed',
    { option: 'httpMaxBodyBytes', atLimit: 'the answer, closed' },
  ),
  'http-request-timeout': row(
    duration(1, MAX_INT32),
    DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
    'by when an HTTP request must have come; how long a client may read nothing of its answer',
    { option: 'httpRequestTimeoutMs', atLimit: '408 or nothing, closed' },
  ),
  'http-idle-timeout': row(
    duration(1, MAX_INT32),
    DEFAULT_HTTP_IDLE_TIMEOUT_MS,
    'how long an HTTP connection may stay idle',
    { option: 'httpIdleTimeoutMs', atLimit: 'closed' },
  ),
  'http-answer-timeout': row(
    duration(1, MAX_INT32),
    DEFAULT_ANSWER_TIMEOUT_MS,
    'by when a client must have read its whole answer',
    { option: 'httpAnswerTimeoutMs', atLimit: 'cut off' },
  ),
  'http-max-unsent-bytes': row(
    integer(),
    DEFAULT_MAX_UNSENT_BYTES,
    'the most bytes of answers that clients have not read, of all together',
    { option: 'httpMaxUnsentBytes', atLimit: 'the longest-waiting is cut off' },
  ),
  'http-max-pipelined-requests': row(
    integer(),
    DEFAULT_MAX_PIPELINED_REQUESTS,
    'the most requests that wait for one before them on their connection, of all connections together',
    { option: 'httpMaxPipelinedRequests', atLimit: 'cut off' },
  ),
};

export type Settings = ValuesOf<typeof SETTINGS>;

/** The options of `createLookupd` that the settings become, with the defaults of those that are not given. */
export function toLookupdOptions(given: Partial<Settings>): LookupdOptions {
  const options: Record<string, unknown> = {};
  for (const [flag, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const value = given[flag as keyof Settings] ?? (setting.onlyGiven ? undefined : setting.default);
    if (setting.option === undefined || value === undefined || value === setting.none) continue;
    const [option = '', part] = setting.option.split('.');
    options[option] = part === undefined ? value : { ...(options[option] as object | undefined), [part]: value };
  }
  return options;
}
