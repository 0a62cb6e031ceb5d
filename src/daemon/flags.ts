import { formatDuration, parseDuration } from '../base/duration.js';
import { DEFAULT_MAX_IGNORED_BODY_BYTES } from '../http/index.js';
import { DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_FIELD_LENGTH, DEFAULT_MAX_LINE_BYTES } from '../protocol/index.js';
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
import { DEFAULT_GRACE_MS, DEFAULT_HTTP_ADDRESS, DEFAULT_KEEP_ALIVE_MS, DEFAULT_TCP_ADDRESS } from './lookupd-options.js';
import { DEFAULT_LOG_PREFIX, LOG_LEVELS } from './stderr-logger.js';

/** How the text of a flag or of a config value is read, and how a default is shown. */
interface Kind<T> {
  /** What the text says, or undefined if it is not of this kind. */
  readonly parse: (text: string) => T | undefined;
  readonly show: (value: T) => string;
  /** What a text of this kind looks like, for the help. */
  readonly like: string;
  /** What is allowed, for the message about a text that is not. */
  readonly allowed?: string;
  /** The type of such a value in the config file. */
  readonly toml: 'string' | 'boolean' | 'number';
}

interface Flag<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly help: string;
  /** Whether it can only be given on the command line. */
  readonly commandLineOnly?: true;
}

const STRING: Kind<string> = {
  parse: (text) => text,
  show: (text) => (/^\S+$/.test(text) ? text : JSON.stringify(text)),
  like: 'string',
  toml: 'string',
};

const TRUE = ['true', 'True', 'TRUE', 't', 'T', '1'];
const FALSE = ['false', 'False', 'FALSE', 'f', 'F', '0'];

const BOOLEAN: Kind<boolean> = {
  parse: (text) => (TRUE.includes(text) ? true : FALSE.includes(text) ? false : undefined),
  show: String,
  like: '',
  toml: 'boolean',
};

const LEVEL: Kind<(typeof LOG_LEVELS)[number]> = {
  parse: (text) => LOG_LEVELS.find((level) => level === text.toLowerCase()),
  show: String,
  like: 'level',
  allowed: `one of ${LOG_LEVELS.join(', ')}`,
  toml: 'string',
};

const DURATION: Kind<number> = {
  parse: (text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= 0 ? ms : undefined;
  },
  show: formatDuration,
  like: 'duration from 0 on',
  allowed: 'a duration from 0 on, such as 1m30s',
  toml: 'string',
};

const INTEGER: Kind<number> = {
  parse: (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
  show: String,
  like: 'int',
  allowed: 'a whole number from 0 on',
  toml: 'number',
};

function flag<T>(kind: Kind<T>, standard: T, help: string): Flag<T> {
  return { kind, default: standard, help };
}

/** nsqlookupd's flags. In the config file a `-` of a name is a `_`. */
export const FLAGS = {
  config: { ...flag(STRING, '', 'path to a config file (TOML)'), commandLineOnly: true },
  version: { ...flag(BOOLEAN, false, 'print the version and exit'), commandLineOnly: true },
  help: { ...flag(BOOLEAN, false, 'print this and exit'), commandLineOnly: true },
  'log-level': flag(LEVEL, 'info', `the least that is logged: ${LOG_LEVELS.join(', ')}`),
  'log-prefix': flag(STRING, DEFAULT_LOG_PREFIX, 'what every log line starts with'),
  verbose: flag(BOOLEAN, false, 'deprecated, has no effect: use log-level'),
  'tcp-address': flag(STRING, DEFAULT_TCP_ADDRESS, 'host:port to listen on for peers; port 0 picks a free one'),
  'http-address': flag(STRING, DEFAULT_HTTP_ADDRESS, 'host:port to listen on for HTTP; port 0 picks a free one'),
  'broadcast-address': flag(STRING, '', 'where peers are told to find this lookupd (the OS hostname if empty)'),
  'broadcast-tcp-port': flag(INTEGER, 0, 'the port for peers that they are told (the one it listens on if 0)'),
  'broadcast-http-port': flag(INTEGER, 0, 'the port for HTTP that peers are told (the one it listens on if 0)'),
  'keep-alive': flag(DURATION, DEFAULT_KEEP_ALIVE_MS, 'how long a connection is silent before TCP probes it'),
  'inactive-producer-timeout': flag(
    DURATION,
    DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
    'how long after its last ping a producer is still named',
  ),
  'tombstone-lifetime': flag(DURATION, DEFAULT_TOMBSTONE_LIFETIME_MS, 'how long a tombstone hides a producer'),
  'grace-period': flag(DURATION, DEFAULT_GRACE_MS, 'how long the end waits for HTTP requests in flight'),
  'max-line-bytes': flag(INTEGER, DEFAULT_MAX_LINE_BYTES, 'the longest command line of a peer'),
  'max-body-bytes': flag(INTEGER, DEFAULT_MAX_BODY_BYTES, 'the longest body of an IDENTIFY'),
  'max-field-length': flag(INTEGER, DEFAULT_MAX_FIELD_LENGTH, 'the longest string in an IDENTIFY that is kept'),
  'max-connections': flag(INTEGER, DEFAULT_MAX_CONNECTIONS, 'the most connections of peers'),
  'max-registrations': flag(INTEGER, DEFAULT_MAX_REGISTRATIONS, 'the most registrations and producers, together'),
  'max-registrations-per-peer': flag(INTEGER, DEFAULT_MAX_REGISTRATIONS_PER_PEER, 'the most registrations of one peer'),
  'identify-timeout': flag(DURATION, DEFAULT_IDENTIFY_TIMEOUT_MS, 'by when a peer must have sent its IDENTIFY'),
  'silence-timeout': flag(
    DURATION,
    DEFAULT_SILENCE_TIMEOUT_MS,
    'how long a peer may send nothing; not less than three times the inactive-producer-timeout unless set',
  ),
  'drain-timeout': flag(DURATION, DEFAULT_DRAIN_TIMEOUT_MS, 'how long a peer may leave answers unread'),
  'http-max-connections': flag(INTEGER, DEFAULT_HTTP_MAX_CONNECTIONS, 'the most HTTP connections'),
  'http-max-header-bytes': flag(INTEGER, DEFAULT_HTTP_MAX_HEADER_BYTES, 'the longest HTTP request line and headers'),
  'http-max-body-bytes': flag(
    INTEGER,
    DEFAULT_MAX_IGNORED_BODY_BYTES,
    'an HTTP request with a longer body is answered and its connection closed',
  ),
  'http-request-timeout': flag(
    DURATION,
    DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
    'by when an HTTP request must have come; how long a client may read nothing of its answer',
  ),
  'http-idle-timeout': flag(DURATION, DEFAULT_HTTP_IDLE_TIMEOUT_MS, 'how long an HTTP connection may stay idle'),
} as const;

export type FlagName = keyof typeof FLAGS;
export type Settings = { -readonly [N in FlagName]: (typeof FLAGS)[N] extends Flag<infer T> ? T : never };

/** A flag or config value that cannot be taken, in one line. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/**
 * Reads the command line as Go's flag package does: one dash or two, `-flag value` or `-flag=value`, a boolean
 * alone. Unlike nsqlookupd it refuses an argument that is no flag. Throws a SettingError.
 */
export function parseFlags(args: readonly string[]): Partial<Settings> {
  const settings: Partial<Settings> = {};
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--' && i === args.length - 1) break;
    const [, given, value] = /^--?([^-=][^=]*)(?:=([^]*))?$/.exec(args[i]!) ?? [];
    if (given === undefined) throw new SettingError(`${JSON.stringify(args[i])} is not a flag`);
    const name = given === 'h' ? 'help' : given;
    if (!isFlag(name)) throw new SettingError(`flag provided but not defined: -${name}`);
    const text = value ?? (FLAGS[name].kind === BOOLEAN ? 'true' : args[++i]);
    if (text === undefined) throw new SettingError(`flag needs an argument: -${name}`);
    set(settings, name, text, `flag -${name}`);
  }
  return settings;
}

/** Reads the parsed config file. Throws a SettingError that names the key. */
export function readConfig(config: Readonly<Record<string, unknown>>): Partial<Settings> {
  const settings: Partial<Settings> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = key.replaceAll('_', '-');
    if (key.includes('-') || !isFlag(name) || 'commandLineOnly' in FLAGS[name]) {
      throw new SettingError(`unknown key ${JSON.stringify(key)}`);
    }
    const { toml } = FLAGS[name].kind;
    if (typeof value !== toml) {
      throw new SettingError(`key ${key} must be a ${toml}${FLAGS[name].kind === DURATION ? ', such as "45s"' : ''}`);
    }
    set(settings, name, String(value), `key ${key}`);
  }
  return settings;
}

export function defaultSettings(): Settings {
  return Object.fromEntries(Object.entries(FLAGS).map(([name, { default: value }]) => [name, value])) as Settings;
}

export function usage(): string {
  const lines = Object.entries(FLAGS).map(([name, { kind, default: value, help }]) => {
    const shown = (kind as Kind<unknown>).show(value);
    const note = kind === BOOLEAN ? '' : ` (default ${shown})`;
    return `  -${`${name} ${kind.like}`.trim()}\n        ${help}${note}`;
  });
  return `Usage of nsqlookupd:\n${lines.join('\n')}\n`;
}

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(FLAGS, name);
}

function set(settings: Partial<Settings>, name: FlagName, text: string, where: string): void {
  const { kind } = FLAGS[name];
  const { allowed = kind.like }: { readonly allowed?: string; readonly like: string } = kind;
  const value = kind.parse(text);
  if (value === undefined) {
    throw new SettingError(`invalid value ${JSON.stringify(text)} for ${where}${allowed && `: not ${allowed}`}`);
  }
  Object.assign(settings, { [name]: value });
}
