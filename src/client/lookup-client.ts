import { isTopicName } from '../registry/index.js';
import {
  aFunction,
  aSignal,
  checkOptions,
  clientTimers,
  nested,
  number,
  required,
  textOrFunction,
  type Checks,
} from '../base/options.js';
import { someLookupds, toHttpLookupd, type HttpLookupd } from './address.js';
import {
  mergeNodes,
  mergeProducers,
  mergeStrings,
  type FoundNode,
  type FoundProducer,
  type Json,
  type LookupFailure,
  type Said,
} from './found.js';
import { DEFAULT_TIMERS, type ClientTimers } from '../base/timers.js';
import { createTlsFetch, fetchAnyPort } from './node-fetch.js';
import { TLS_CLIENT_CHECKS, type TlsClientOptions } from './tls-options.js';
import { within } from './within.js';

/** How long a lookupd may take for its whole answer. */
export const DEFAULT_LOOKUP_TIMEOUT_MS = 5000;
/** The longest answer that is read: 64 MiB. */
export const DEFAULT_MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Which lookupds a `LookupClient` asks, and how. */
export interface LookupClientOptions {
  /**
   * The HTTP side of each lookupd: `host:port`, or a URL for another scheme, a path before the routes, or a query that goes
   * with each request, such as `https://host/nsq/lookup?token=…` (a `/lookup` at the end may be left out). No answer or
   * error shows the query.
   */
  readonly lookupds: readonly string[];
  /** How long a lookupd may take for its whole answer. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** The longest answer that is read. Default 67,108,864 (64 MiB). */
  readonly maxAnswerBytes?: number | undefined;
  /** Sent as `Authorization: Bearer …`; a function is asked before each request. Default: nothing is sent. */
  readonly token?: string | (() => string | PromiseLike<string>) | undefined;
  /** What `timeoutMs` is measured with. Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /**
   * What asks. It must heed `signal` in its second argument. Default: the runtime's own; in Node, `node:http` asks at ports
   * that `fetch` forbids.
   */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** How lookupds whose URL begins with `https` are asked, in Node: by which CA, with which certificate. Not with `fetch`. */
  readonly tls?: TlsClientOptions | undefined;
}

const CHECKS: Checks<LookupClientOptions> = {
  lookupds: required(someLookupds),
  timeoutMs: number(1),
  maxAnswerBytes: number(1),
  token: textOrFunction,
  timers: clientTimers,
  fetch: aFunction,
  tls: nested(TLS_CLIENT_CHECKS),
};

/** How one question is asked. */
export interface AskOptions {
  /** Ends the question: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An answer that may lack some lookupds. */
export interface WithFailures {
  /** The lookupds that are not in the answer, and why. */
  readonly failures: readonly LookupFailure[];
}

/** Where a topic lives. */
export interface FoundTopic extends WithFailures {
  /** Its channels, sorted. */
  readonly channels: readonly string[];
  /** Who carries it, each once. */
  readonly producers: readonly FoundProducer[];
}

/**
 * A lookupd did not answer as a lookupd does. `message` says how.
 *
 * @example
 * ```js
 * import { LookupClient, LookupError } from 'nsqlookupd/client';
 *
 * const client = new LookupClient({ lookupds: ['a:4161'], fetch: async () => new Response('no', { status: 502 }) });
 * const { errors } = await client.topics().catch((error) => error);
 * console.log(errors[0] instanceof LookupError, errors[0].status); // true 502
 * ```
 */
export class LookupError extends Error {
  /** `LookupError`. */
  override readonly name = 'LookupError';
  /** `E_LOOKUP`. */
  readonly code = 'E_LOOKUP';
  /** The HTTP status; 0 for an answer that did not come in time, was too long, or is none of a lookupd. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/**
 * Asks several lookupds at once. They do not know of each other: what they say together is the answer. One that is down,
 * or answers what is no answer, is named in `failures`; an answer without any lookupd is a rejection, with an
 * `AggregateError` of why.
 *
 * @example
 * ```js
 * import { LookupClient } from 'nsqlookupd/client';
 * import { createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const { fetch } = createMemoryLookupd(); // leave it out, and it is the runtime's own
 * const client = new LookupClient({ lookupds: ['lookupd-1:4161', 'lookupd-2:4161'], fetch });
 * const { producers, failures } = await client.lookup('orders');
 * console.log(producers.length, failures.length); // 0 0
 * ```
 */
export class LookupClient {
  readonly #lookupds: readonly HttpLookupd[];
  readonly #timeoutMs: number;
  readonly #maxAnswerBytes: number;
  readonly #timers: ClientTimers;
  readonly #token: () => string | undefined | PromiseLike<string>;
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. */
  constructor(options: LookupClientOptions) {
    const {
      lookupds,
      token,
      fetch,
      tls,
      timers = DEFAULT_TIMERS,
      timeoutMs = DEFAULT_LOOKUP_TIMEOUT_MS,
      maxAnswerBytes = DEFAULT_MAX_ANSWER_BYTES,
    } = checkOptions('LookupClient', options, CHECKS);
    this.#lookupds = [...new Set(lookupds)].map(toHttpLookupd);
    this.#timeoutMs = timeoutMs;
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#timers = timers;
    this.#token = typeof token === 'function' ? token : () => token;
    if (fetch && tls) throw new TypeError('LookupClient takes tls or a fetch, not both');
    this.#fetch = fetch ?? (tls ? createTlsFetch(tls) : fetchAnyPort);
  }

  /** Where a topic lives. Nothing where no lookupd has heard of it. Throws a TypeError for a name that is not legal. */
  async lookup(topic: string, options?: AskOptions): Promise<FoundTopic> {
    const { said, failures } = await this.#askAll('lookup', 'producers', options, checkTopic(topic));
    return { channels: mergeStrings(said, 'channels'), producers: mergeProducers(said), failures };
  }

  /** All topics, sorted. */
  async topics(options?: AskOptions): Promise<WithFailures & { readonly topics: readonly string[] }> {
    const { said, failures } = await this.#askAll('topics', 'topics', options);
    return { topics: mergeStrings(said, 'topics'), failures };
  }

  /** The channels of a topic, sorted. Throws a TypeError for a name that is not legal. */
  async channels(
    topic: string,
    options?: AskOptions,
  ): Promise<WithFailures & { readonly channels: readonly string[] }> {
    const { said, failures } = await this.#askAll('channels', 'channels', options, checkTopic(topic));
    return { channels: mergeStrings(said, 'channels'), failures };
  }

  /** All nodes that are active, with their topics. */
  async nodes(options?: AskOptions): Promise<WithFailures & { readonly nodes: readonly FoundNode[] }> {
    const { said, failures } = await this.#askAll('nodes', 'producers', options);
    return { nodes: mergeNodes(said), failures };
  }

  async #askAll(
    route: string,
    name: 'producers' | 'topics' | 'channels',
    options: AskOptions | undefined,
    topic?: string,
  ): Promise<{ said: Said[]; failures: LookupFailure[] }> {
    const { signal } = checkOptions(`a question for ${route}`, options, { signal: aSignal });
    signal?.throwIfAborted();
    const said: Said[] = [];
    const failures: LookupFailure[] = [];
    const answers = await Promise.allSettled(
      this.#lookupds.map(({ toUrl }) => this.#ask(toUrl(route, topic), name, signal)),
    );
    signal?.throwIfAborted();
    for (const [i, answer] of answers.entries()) {
      const { address, secrets } = this.#lookupds[i]!;
      if (answer.status === 'fulfilled') said.push({ address, json: answer.value });
      else failures.push({ address, error: withoutSecrets(toError(answer.reason), secrets) });
    }
    if (said.length > 0) return { said, failures };
    const reasons = failures.map(({ address, error }) => `${address}: ${explain(error)}`).join('; ');
    throw new AggregateError(
      failures.map(({ error }) => error),
      `no lookupd answered (${reasons})`,
    );
  }

  /** What one lookupd answers: an object with a list of that name. */
  async #ask(url: string, name: string, signal: AbortSignal | undefined): Promise<Json> {
    const giveUp = new AbortController();
    const late = () => new LookupError(`no answer within ${this.#timeoutMs} ms`, 0);
    try {
      const asked = this.#fetchJson(url, name, giveUp.signal);
      return await within(asked, { timers: this.#timers, ms: this.#timeoutMs, late, signal });
    } catch (error) {
      giveUp.abort(error);
      throw error;
    }
  }

  async #fetchJson(url: string, name: string, signal: AbortSignal): Promise<Json> {
    const token = await this.#token();
    const response = await this.#fetch(url, {
      signal,
      headers: {
        Accept: 'application/vnd.nsq; version=1.0',
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
    });
    const json = toJson(await readText(response, this.#maxAnswerBytes));
    // Go may write a list that is empty as null.
    if (response.status === 200 && json && (json[name] === null || Array.isArray(json[name]))) return json;
    if (response.status === 404 && json?.['message'] === 'TOPIC_NOT_FOUND') return {};
    if (response.status === 200) throw new LookupError(`the answer has no list of ${name}`, 0);
    const word = typeof json?.['message'] === 'string' ? ` ${json['message']}` : '';
    throw new LookupError(`status ${response.status}${word}`, response.status);
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

function checkTopic(topic: string): string {
  if (!isTopicName(topic)) throw new TypeError(`not a legal topic name: ${JSON.stringify(topic)}`);
  return topic;
}

/** Node's `fetch` says why in the cause alone. */
function explain({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? `${message}, ${cause.message}` : message;
}

/** The error, or, where it shows a secret, one that says the same without it: a `fetch` may name the URL. */
function withoutSecrets(error: Error, secrets: readonly string[]): Error {
  const shown = describe(error);
  if (!secrets.some((secret) => shown.includes(secret))) return error;
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), explain(error));
  return new LookupError(message, error instanceof LookupError ? error.status : 0);
}

/** All that an error shows when it is printed. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = Object.values(error).filter((value) => typeof value === 'string');
  return [error.message, error.stack, ...fields, error.cause === undefined ? '' : describe(error.cause)].join(' ');
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
}
