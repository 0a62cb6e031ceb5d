import { formatDuration, parseDuration } from '../base/duration.js';
import { splitHostPort } from '../base/host-port.js';
import { parseNetwork } from '../base/networks.js';
import { LOG_LEVELS } from './stderr-logger.js';

/** How the text of a flag or of a config value is read, and how a default is shown. */
export interface Kind<T> {
  /** What the text says, or undefined if it is not of this kind. */
  parse(text: string): T | undefined;
  show(value: T): string;
  /** What a text of this kind looks like, for the help. */
  readonly like: string;
  /** What is allowed, for the message about a text that is not. */
  readonly allowed?: string;
  /** The type of such a value in the config file; of a list, of each of its values. */
  readonly toml: 'string' | 'boolean' | 'number' | 'table';
  /** Of a table: whether an entry in the config file may be so that is no text. */
  readonly isEntry?: (value: unknown) => boolean;
  /** One as it stands in the config file. */
  readonly example?: string;
  /** What a list is of: its flag can be given again and again, and in the config file it is an array. */
  readonly item?: Kind<unknown>;
}

export const STRING: Kind<string> = {
  parse: (text) => text,
  show: (text) => (/^\S+$/.test(text) ? text : JSON.stringify(text)),
  like: 'string',
  toml: 'string',
};

const TRUE = ['true', 'True', 'TRUE', 't', 'T', '1'];
const FALSE = ['false', 'False', 'FALSE', 'f', 'F', '0'];

export const BOOLEAN: Kind<boolean> = {
  parse: (text) => (TRUE.includes(text) ? true : FALSE.includes(text) ? false : undefined),
  show: String,
  like: '',
  toml: 'boolean',
};

/** One of those words, in any letter case. */
export function oneOf<T extends string>(like: string, ...words: readonly T[]): Kind<T> {
  const shown = words.filter((word) => word !== '');
  return {
    parse: (text) => words.find((word) => word === text.toLowerCase()),
    show: (word) => word || 'none',
    like,
    allowed: `one of ${shown.join(', ')}`,
    toml: 'string',
    example: JSON.stringify(shown[0]),
  };
}

export const LEVEL = { ...oneOf('level', ...LOG_LEVELS), example: '"info"' };

export const ADDRESS: Kind<string> = {
  parse: (text) => (splitHostPort(text) ? text : undefined),
  show: (text) => text || 'none',
  like: 'host:port',
  allowed: 'host:port, with a port from 0 to 65535',
  toml: 'string',
  example: '"127.0.0.1:4160"',
};

/** An address, or addresses that begin alike. */
export const NETWORK: Kind<string> = {
  parse: (text) => (parseNetwork(text) ? text : undefined),
  show: String,
  like: 'network',
  allowed: 'an address or a network, such as 10.0.0.0/8 or fd00::/8',
  toml: 'string',
  example: '"10.0.0.0/8"',
};

/** In milliseconds. */
export function duration(leastMs = 0, mostMs = Infinity): Kind<number> {
  const range = () => toRange(leastMs, mostMs, (ms) => (ms === 0 ? '0' : formatDuration(ms)));
  return {
    parse: (text) => within(leastMs, mostMs, parseDuration(text)),
    show: formatDuration,
    get like() {
      return `duration ${range()}`;
    },
    get allowed() {
      return `a duration ${range()}, such as 1m30s`;
    },
    toml: 'string',
    example: '"45s"',
  };
}

export function integer(least = 0, most = Infinity): Kind<number> {
  return {
    parse: (text) => (/^\d{1,15}$/.test(text) ? within(least, most, Number(text)) : undefined),
    show: String,
    like: 'int',
    get allowed() {
      return `a whole number ${toRange(least, most, String)}`;
    },
    toml: 'number',
  };
}

/** Several of a kind: `-x a -x b` and `-x=a,b` for the flag, `x = ["a", "b"]` in the config file. */
export function list<T>(item: Kind<T>): Kind<readonly T[]> {
  return {
    parse: (text) => {
      const values = text.split(',').map((part) => item.parse(part));
      return values.every((value) => value !== undefined) ? values : undefined;
    },
    show: (values) => values.map((value) => item.show(value)).join(',') || 'none',
    like: `${item.like},…`,
    allowed: `${item.allowed ?? item.like}, or several with commas between`,
    toml: item.toml,
    item,
  };
}

/** Texts by name: `-x a=b -x c=d` and `-x=a=b,c=d` for the flag, a table in the config file. */
export function stringTable(like: string, example: string): Kind<Readonly<Record<string, string>>> {
  return {
    parse: (text) => {
      const table: Record<string, string> = {};
      for (const pair of text.split(',')) {
        const [, name, value] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
        if (name === undefined || value === undefined || Object.hasOwn(table, name)) return undefined;
        table[name] = value;
      }
      return table;
    },
    show: (table) =>
      Object.entries(table)
        .map(([name, value]) => `${name}=${value}`)
        .join(',') || 'none',
    like: `${like},…`,
    allowed: `${like}, or several with commas between, each name once`,
    toml: 'table',
    example,
  };
}

/** A host:port, or nothing. */
export const ADDRESS_OR_NONE: Kind<string> = {
  ...ADDRESS,
  parse: (text) => (text === '' ? text : ADDRESS.parse(text)),
  allowed: `${ADDRESS.allowed}, or nothing`,
};

function within(least: number, most: number, value: number | undefined): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

function toRange(least: number, most: number, show: (value: number) => string): string {
  return `from ${show(least)} ${most === Infinity ? 'on' : `to ${show(most)}`}`;
}
