import { duration, list, STRING, type Kind } from '../setting-kinds.js';
import { row } from './setting.js';
import type { ValuesOf } from './setting.js';

const NONE: readonly string[] = [];

const LOOKUPD: Kind<string> = {
  parse: (text) => (/^\S+$/.test(text) ? text : undefined),
  show: String,
  like: 'host:port',
  allowed: 'host:port or a URL',
  toml: 'string',
  example: '"127.0.0.1:4161"',
};

/** What the command is when it answers for other lookupds, in place of being one. */
export const UNION_SETTINGS = {
  'lookupd-http-address': row(
    list(LOOKUPD),
    NONE,
    'host:port (a name stands for all its addresses) or URL of a lookupd: answer for all of them as one, instead of being one',
  ),
  'lookupd-grace': row(
    duration(),
    45_000,
    'with lookupd-http-address: how long the last answer of one that is down serves',
    {
      atLimit: 'left out',
    },
  ),
  'lookupd-poll-interval': row(
    duration(100),
    2000,
    'with lookupd-http-address: how often one that does not push changes is polled',
  ),
  'lookupd-token-file': row(
    STRING,
    '',
    'with lookupd-http-address: path to a file with one token, which is sent to the lookupds; read again when it changes',
  ),
  'lookupd-tls-root-ca-file': row(
    STRING,
    '',
    'with lookupd-http-address: path to the CA certificates in PEM for lookupds that are asked over https; read again on SIGHUP and when it changes',
  ),
};

/** What a union is made of, as the settings say. */
export function toUnionOptions(given: Partial<ValuesOf<typeof UNION_SETTINGS>>) {
  return {
    addresses: given['lookupd-http-address'] ?? NONE,
    lookupdGraceMs: given['lookupd-grace'] ?? UNION_SETTINGS['lookupd-grace'].default,
    pollMs: given['lookupd-poll-interval'] ?? UNION_SETTINGS['lookupd-poll-interval'].default,
    tokenFile: given['lookupd-token-file'] ?? '',
    caFile: given['lookupd-tls-root-ca-file'] ?? '',
  };
}
