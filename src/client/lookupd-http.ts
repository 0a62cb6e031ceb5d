import type { ClientTimers } from '../base/timers.js';
import type { Json } from './found.js';
import { LookupError } from './lookup-error.js';
import { within } from '../base/within.js';

export interface LookupdHttpOptions {
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly timers: ClientTimers;
  readonly token: () => string | undefined | PromiseLike<string>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How one request is made. */
export interface Ask {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** How much longer than usual the lookupd may take. */
  readonly waitMs?: number;
  readonly method?: 'GET' | 'POST';
}

/** Asks one lookupd at a time over HTTP. */
export class LookupdHttp {
  readonly #options: LookupdHttpOptions;

  constructor(options: LookupdHttpOptions) {
    this.#options = options;
  }

  /** The answer, an object with a list of that name, and its index, if it has one. Rejects when it is none. */
  list(url: string, name: string, ask: Ask = {}): Promise<{ readonly json: Json; readonly index: string | null }> {
    return this.#inTime(ask, async (signal) => {
      const response = await this.#fetch(url, { ...ask, signal });
      const json = toJson(await readText(response, this.#options.maxAnswerBytes));
      const index = response.headers.get('x-nsq-index');
      // Go may write a list that is empty as null.
      if (response.status === 200 && json && (json[name] === null || Array.isArray(json[name]))) return { json, index };
      if (response.status === 404 && json?.['message'] === 'TOPIC_NOT_FOUND') return { json: {}, index };
      if (response.status === 200) throw new LookupError(`the answer has no list of ${name}`, 0);
      const word = typeof json?.['message'] === 'string' ? ` ${json['message']}` : '';
      throw new LookupError(`status ${response.status}${word}`, response.status);
    });
  }

  /** Has something done. Gives the status and the word for it; rejects when there is no answer. */
  post(url: string): Promise<{ readonly status: number; readonly message: string }> {
    return this.#inTime({}, async (signal) => {
      const response = await this.#fetch(url, { signal, method: 'POST' });
      const json = toJson(await readText(response, this.#options.maxAnswerBytes));
      const message = typeof json?.['message'] === 'string' ? json['message'] : '';
      return { status: response.status, message };
    });
  }

  /** The response as soon as it begins; its body has no time limit, and ends with the signal, which is to be of this request alone. */
  open(url: string, ask: Ask): Promise<Response> {
    return this.#inTime(ask, (signal) => this.#fetch(url, { ...ask, signal }), true);
  }

  async #fetch(url: string, { headers, signal, method = 'GET' }: Ask): Promise<Response> {
    const token = await this.#options.token();
    return this.#options.fetch(url, {
      method,
      redirect: 'manual', // where a lookupd sends others is not who was to be asked
      signal: signal ?? null,
      headers: {
        Accept: 'application/vnd.nsq; version=1.0',
        ...this.#options.headers,
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
  }

  async #inTime<T>({ signal, waitMs = 0 }: Ask, call: (signal: AbortSignal) => Promise<T>, goesOn = false): Promise<T> {
    const giveUp = new AbortController();
    const { timers, timeoutMs } = this.#options;
    const ms = timeoutMs + waitMs;
    const late = () => new LookupError(`no answer within ${ms} ms`, 0);
    const abort = () => giveUp.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    try {
      const result = await within(call(giveUp.signal), { timers, ms, late, signal: giveUp.signal });
      if (!goesOn) signal?.removeEventListener('abort', abort);
      return result;
    } catch (error) {
      signal?.removeEventListener('abort', abort);
      giveUp.abort(error);
      throw error;
    }
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += (chunk as Uint8Array).length;
    if (length > maxBytes) throw new LookupError(`the answer is longer than ${maxBytes} bytes`, 0);
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

function toJson(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Json) : undefined;
  } catch {
    return undefined;
  }
}
