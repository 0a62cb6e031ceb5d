import { createTlsFetch } from '../base/node-fetch.js';
import { readTokenFile } from './access-token-file.js';
import { SettingError } from './flags.js';
import { readSmallFile } from './read-file.js';
import { STRING } from './setting-kinds.js';
import { row, type ValuesOf } from './settings/setting.js';

/** How a lookupd is asked that does not answer everybody, or answers over TLS. */
export const FETCH_FLAGS = {
  'auth-token-file': row(STRING, '', "path to a file of tokens as a lookupd's; the first of them is sent"),
  'tls-root-ca-file': row(STRING, '', "path to the certificates in PEM that the lookupd's is signed by"),
  'tls-cert': row(STRING, '', 'path to a certificate in PEM to show'),
  'tls-key': row(STRING, '', "path to that certificate's key in PEM"),
  'tls-server-name': row(STRING, '', "the name in the lookupd's certificate, where it is not the URL's host"),
};

/** Asks as the flags say. Throws a SettingError for a file that cannot be used. */
export function createSubcommandFetch(
  flags: Partial<ValuesOf<typeof FETCH_FLAGS>>,
): (url: string, init: RequestInit) => Promise<Response> {
  const read = (flag: 'tls-root-ca-file' | 'tls-cert' | 'tls-key') =>
    flags[flag] ? readSmallFile(`-${flag}`, flags[flag]).text : undefined;
  try {
    const { 'auth-token-file': path, 'tls-server-name': servername } = flags;
    const token = path ? Object.keys(readTokenFile(path, '-auth-token-file').tokens)[0] : undefined;
    const given = { ca: read('tls-root-ca-file'), cert: read('tls-cert'), key: read('tls-key'), servername };
    const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
    const ask = Object.keys(tls).length > 0 ? createTlsFetch(tls) : globalThis.fetch;
    return (url, { headers, ...init }) =>
      ask(url, {
        ...init,
        headers: { ...(headers as Record<string, string>), ...(token && { Authorization: `Bearer ${token}` }) },
      });
  } catch (error) {
    throw new SettingError((error as Error).message);
  }
}
