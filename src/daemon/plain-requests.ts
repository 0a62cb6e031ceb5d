import type { HttpRequest } from '../http/index.js';
import type { ReadyAnswer } from './fast-response.js';

/** How many requests are known again: two megabytes of them at most. */
const MAX_KNOWN = 1000;
/** What is kept ready of their answers. */
const MAX_READY_BYTES = 16 * 1024 * 1024;
const READS = 'ping|info|topics|nodes|channels|lookup|watch';
const VALUE = '[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?';
/** One whole request that no two readers could read in two ways. */
const PLAIN = new RegExp(
  `^GET (/(?:${READS})(?:\\?[\\w.~%&=+*:-]*)?) HTTP/1\\.1\\r\\n((?:[A-Za-z-]+: ${VALUE}\\r\\n)+)\\r\\n$`,
);
/** The headers that may come, each once, as clients, browsers and proxies write them. */
const HEADERS = new Map(
  [
    ...['Host', 'User-Agent', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Authorization', 'Connection'],
    ...['Cache-Control', 'Pragma', 'Last-Event-ID', 'Origin', 'Referer'],
    ...['Sec-Fetch-Dest', 'Sec-Fetch-Mode', 'Sec-Fetch-Site', 'Sec-Ch-Ua', 'Sec-Ch-Ua-Mobile', 'Sec-Ch-Ua-Platform'],
    ...['Sec-Fetch-User', 'Upgrade-Insecure-Requests', 'Priority', 'DNT'],
    ...['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Real-IP'],
  ]
    .flatMap((name) => [name, name.toLowerCase()])
    .map((written) => [written, written.toLowerCase()]),
);
const CONNECTION = [undefined, 'keep-alive', 'close'];

/** A plain request, and what it was answered. */
export interface Plain {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  path: string;
  query: string;
  ready: ReadyAnswer | undefined;
}

/** Requests that were read are not read again when they come again, as clients write all of theirs alike. */
export class KnownRequests {
  readonly #known = new Map<string, Plain>();
  #readyBytes = 0;

  read(text: string): Plain | undefined {
    const known = this.#known.get(text);
    if (known) return known;
    const read = readPlain(text);
    if (!read) return undefined;
    const plain = { path: '', query: '', ready: undefined, ...read };
    if (hasSecret(plain)) return plain;
    if (this.#known.size >= MAX_KNOWN) this.#clear();
    this.#known.set(text, plain);
    return plain;
  }

  /** Keeps what a request was answered, to be sent again, if the request is kept. */
  keep(plain: Plain, { path, query }: HttpRequest, ready: ReadyAnswer): void {
    if (hasSecret(plain)) return;
    this.#readyBytes += ready.size - (plain.ready?.size ?? 0);
    Object.assign(plain, { path, query, ready });
    if (this.#readyBytes > MAX_READY_BYTES) this.#clear();
  }

  /** Keeps no answer to it any more. */
  drop(plain: Plain): void {
    this.#readyBytes -= plain.ready?.size ?? 0;
    plain.ready = undefined;
  }

  #clear(): void {
    for (const plain of this.#known.values()) plain.ready = undefined; // one of them may be answered just now
    this.#known.clear();
    this.#readyBytes = 0;
  }
}

/** Whether nothing of it is to be kept. */
function hasSecret({ headers }: Plain): boolean {
  return headers['authorization'] !== undefined;
}

/** The target and the headers of a plain request; undefined at any doubt. */
function readPlain(text: string): Pick<Plain, 'url' | 'headers'> | undefined {
  const [, url, lines] = PLAIN.exec(text) ?? [];
  if (url === undefined || lines === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (let start = 0, end: number; start < lines.length; start = end + 2) {
    end = lines.indexOf('\r\n', start);
    const colon = lines.indexOf(':', start);
    const name = HEADERS.get(lines.slice(start, colon));
    if (name === undefined || headers[name] !== undefined) return undefined;
    headers[name] = lines.slice(colon + 2, end);
  }
  return headers['host'] !== undefined && CONNECTION.includes(headers['connection']) ? { url, headers } : undefined;
}
