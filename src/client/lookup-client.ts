import { isTopicName } from '../registry/index.js';
import {
  aFunction,
  aSignal,
  checkOptions,
  clientTimers,
  nested,
  number,
  required,
  text,
  textOrFunction,
  type Checks,
} from '../base/options.js';
import { DEFAULT_TIMERS, type ClientTimers } from '../base/timers.js';
import { lookupdsOrFunction, toLookupds, type HttpLookupd, type Lookupds } from './address.js';
import {
  mergeNodes,
  mergeProducers,
  mergeStrings,
  type FoundNode,
  type FoundProducer,
  type LookupFailure,
  type Said,
  type WithFailures,
} from './found.js';
import { explain, toSafeError } from './lookup-error.js';
import { LookupdHttp } from './lookupd-http.js';
import type { LookupdWatch } from './lookupd-watch.js';
import { type WatchOptions } from './lookupd-watch.js';
import { createTlsFetch, fetchAnyPort } from '../base/node-fetch.js';
import { nodesChangeSince, topicChangeSince, type NodesChange, type TopicChange } from './watch-changes.js';
import { changesOf } from './changes-of.js';
import type { Watched } from './watched.js';
import { TLS_CLIENT_CHECKS, type TlsClientOptions } from '../base/tls-options.js';

/** How long a lookupd may take for its whole answer. */
export const DEFAULT_LOOKUP_TIMEOUT_MS = 5000;
/** The longest answer that is read: 64 MiB. */
export const DEFAULT_MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A minute, as NSQ's own consumers have it. */
export const DEFAULT_WATCH_INTERVAL_MS = 60_000;

/** Which lookupds a `LookupClient` asks, and how. */
export interface LookupClientOptions {
  /**
   * The HTTP side of each lookupd: `host:port`, or a URL for another scheme, a path before the routes, or a query that goes
   * with each request, such as `https://host/nsq/lookup?token=…` (a `/lookup` at the end may be left out). No answer or
   * error shows the query. A function gives them anew each time that they are asked, and once a minute while they are watched;
   * `resolveLookupds` makes one of a DNS name.
   */
  readonly lookupds: Lookupds;
  /** How long a lookupd may take for its whole answer. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** The longest answer that is read. Default 67,108,864 (64 MiB). */
  readonly maxAnswerBytes?: number | undefined;
  /** Sent as `Authorization: Bearer …`; a function is asked before each request. Default: nothing is sent. */
  readonly token?: string | (() => string | PromiseLike<string>) | undefined;
  /** What `timeoutMs` is measured with. Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /**
   * How often a lookupd is asked while it is watched that cannot tell of changes itself: milliseconds from 1 on, give or take
   * three tenths. Default 60,000.
   */
  readonly watchIntervalMs?: number | undefined;
  /** The zone that the client is in, for lookupds that heed it; it goes with `lookup` and `watch`. Default: none is said. */
  readonly zone?: string | undefined;
  /** The region that the client is in. Default: none is said. */
  readonly region?: string | undefined;
  /** From 0 to 1, for the pauses of a watch. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /**
   * What asks. It must heed `signal` in its second argument. Default: the runtime's own; in Node, `node:http` asks at ports
   * that `fetch` forbids.
   */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** How lookupds whose URL begins with `https` are asked, in Node: by which CA, with which certificate. Not with `fetch`. */
  readonly tls?: TlsClientOptions | undefined;
}

const CHECKS: Checks<LookupClientOptions> = {
  lookupds: required(lookupdsOrFunction),
  timeoutMs: number(1),
  maxAnswerBytes: number(1),
  token: textOrFunction,
  timers: clientTimers,
  watchIntervalMs: number(1),
  zone: text,
  region: text,
  random: aFunction,
  fetch: aFunction,
  tls: nested(TLS_CLIENT_CHECKS),
};

/** How lookupds are asked once. */
export interface AskOptions {
  /** Ends it: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Where a topic lives. */
export interface FoundTopic extends WithFailures {
  /** Its channels, sorted. */
  readonly channels: readonly string[];
  /** Who carries it, each once. */
  readonly producers: readonly FoundProducer[];
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
  readonly #lookupds: () => Promise<readonly HttpLookupd[]>;
  readonly #http: LookupdHttp;
  readonly #watch: Omit<WatchOptions, 'signal' | 'onAnswer' | 'onFailure'>;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. */
  constructor(options: LookupClientOptions) {
    const {
      lookupds,
      token,
      zone,
      region,
      fetch,
      tls,
      timers = DEFAULT_TIMERS,
      timeoutMs = DEFAULT_LOOKUP_TIMEOUT_MS,
      maxAnswerBytes = DEFAULT_MAX_ANSWER_BYTES,
      watchIntervalMs = DEFAULT_WATCH_INTERVAL_MS,
      random = Math.random,
    } = checkOptions('LookupClient', options, CHECKS);
    if (fetch && tls) throw new TypeError('LookupClient takes tls or a fetch, not both');
    this.#lookupds = toLookupds(lookupds, placeQuery({ zone, region }));
    this.#http = new LookupdHttp({
      timeoutMs,
      maxAnswerBytes,
      timers,
      token: typeof token === 'function' ? token : () => token,
      fetch: fetch ?? (tls ? createTlsFetch(tls) : fetchAnyPort),
    });
    this.#watch = { http: this.#http, timers, random, intervalMs: watchIntervalMs, maxAnswerBytes };
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

  /**
   * Where a topic lives, now and after each change, until the signal or the end of the loop: a lookupd that can tell of changes is
   * watched, another one asked every `watchIntervalMs`. One that is down counts as it last answered, so that a producer is
   * removed only when all lookupds that named it have answered without it. Who is slow gets the newest. Throws a TypeError
   * for a name that is not legal.
   */
  watch(topic: string, options?: AskOptions): AsyncGenerator<TopicChange, void, undefined> {
    const { signal } = checkOptions('watch', options, { signal: aSignal });
    checkTopic(topic);
    return this.#changes(signal, (watch) => watch.followTopic(topic), topicChangeSince);
  }

  /** The same for all nodes that are active: those that came, went, or carry other topics. */
  watchNodes(options?: AskOptions): AsyncGenerator<NodesChange, void, undefined> {
    const { signal } = checkOptions('watchNodes', options, { signal: aSignal });
    return this.#changes(signal, (watch) => watch.followNodes(), nodesChangeSince);
  }

  #changes<T>(
    signal: AbortSignal | undefined,
    follow: (watch: LookupdWatch) => Promise<void>,
    since: (last: T | undefined, watched: Watched) => T | undefined,
  ): AsyncGenerator<T, void, undefined> {
    return changesOf({ ...this.#watch, lookupds: this.#lookupds, signal, follow, since });
  }

  async #askAll(
    route: string,
    name: 'producers' | 'topics' | 'channels',
    options: AskOptions | undefined,
    topic?: string,
  ): Promise<{ said: Said[]; failures: LookupFailure[] }> {
    const { signal } = checkOptions(`LookupClient.${route}`, options, { signal: aSignal });
    signal?.throwIfAborted();
    const said: Said[] = [];
    const failures: LookupFailure[] = [];
    const lookupds = await this.#lookupds();
    const answers = await Promise.allSettled(
      lookupds.map(({ toUrl }) => this.#http.list(toUrl(route, topic), name, { signal })),
    );
    signal?.throwIfAborted();
    for (const [i, answer] of answers.entries()) {
      const { address, secrets } = lookupds[i]!;
      if (answer.status === 'fulfilled') said.push({ address, json: answer.value.json });
      else failures.push({ address, error: toSafeError(answer.reason, secrets) });
    }
    if (said.length > 0) return { said, failures };
    const reasons = failures.map(({ address, error }) => `${address}: ${explain(error)}`).join('; ');
    throw new AggregateError(
      failures.map(({ error }) => error),
      `no lookupd answered (${reasons})`,
    );
  }
}

function placeQuery(place: Readonly<Record<string, string | undefined>>): string {
  const said = Object.entries(place).filter(([, value]) => value !== undefined);
  return said.map(([name, value]) => `&${name}=${encodeURIComponent(value!)}`).join('');
}

function checkTopic(topic: string): string {
  if (!isTopicName(topic)) throw new TypeError(`not a legal topic name: ${JSON.stringify(topic)}`);
  return topic;
}
