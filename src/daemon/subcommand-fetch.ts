import { createTlsFetch, fetchAnyPort } from '../base/node-fetch.js';
import type { TlsClientOptions } from '../base/tls-options.js';
import { readTokenFile } from './access-token-file.js';
import { SettingError } from './flags.js';
import { STRING } from './setting-kinds.js';
import { row, type ValuesOf } from './settings/setting.js';
import { readCertificates, readKeyPair } from './tls-files.js';

/** How a lookupd is asked that does not answer everybody, or answers over TLS. */
export const FETCH_FLAGS = {
  'auth-token-file': row(STRING, '', "path to a file of tokens as a lookupd's; the first of them is sent"),
  'tls-root-ca-file': row(STRING, '', "path to the certificates in PEM that the lookupd's is signed by"),
  'tls-cert': row(STRING, '', 'path to a certificate in PEM to show'),
  'tls-key': row(STRING, '', "path to that certificate's key in PEM"),
  'tls-server-name': row(STRING, '', "the name in the lookupd's certificate, where it is not the URL's host"),
};

/** Asks as the flags say. Throws a SettingError for a file that cannot be used, or flags of TLS for a `base` without it. */
export function createSubcommandFetch(
  base: URL,
  flags: Partial<ValuesOf<typeof FETCH_FLAGS>>,
): (url: string, init: RequestInit) => Promise<Response> {
  const { 'auth-token-file': tokenFile, 'tls-root-ca-file': caFile } = flags;
  try {
    const token = tokenFile ? Object.keys(readTokenFile(tokenFile, '-auth-token-file').tokens)[0] : undefined;
    const tls: TlsClientOptions = {
      ...readOwn(flags),
      ...(caFile && { ca: readCertificates('-tls-root-ca-file', caFile).pem }),
      ...(flags['tls-server-name'] && { servername: flags['tls-server-name'] }),
    };
    const isTls = Object.keys(tls).length > 0;
    // A token that is meant for a port over TLS is not to be sent in plain text.
    if (isTls && base.protocol !== 'https:') throw new Error(`${base.origin} is not asked over TLS: say https://`);
    const ask = isTls ? createTlsFetch(tls) : fetchAnyPort;
    return (url, { headers, ...init }) =>
      ask(url, {
        ...init,
        headers: { ...(headers as Record<string, string>), ...(token && { Authorization: `Bearer ${token}` }) },
      });
  } catch (error) {
    throw new SettingError((error as Error).message);
  }
}

function readOwn({ 'tls-cert': certFile = '', 'tls-key': keyFile = '' }: Partial<ValuesOf<typeof FETCH_FLAGS>>) {
  if (certFile === '' && keyFile === '') return undefined;
  if (certFile === '' || keyFile === '') throw new Error('-tls-cert and -tls-key go together');
  const { cert, key } = readKeyPair(['-tls-cert', certFile], ['-tls-key', keyFile]);
  return { cert, key };
}
