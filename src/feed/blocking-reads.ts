import { aFunction, checkOptions, type Checks } from '../base/options.js';
import { parseDuration } from '../base/duration.js';
import type { HttpDecorator, HttpHandler, HttpRequest, HttpResponse, HttpResult } from '../http/index.js';
import { failure, tooManyWatchers } from './answers.js';
import { Feed } from './feed.js';
import { NODES, TOPICS } from './last-revisions.js';

/** How long a read waits that does not say. */
export const DEFAULT_WAIT_MS = 30_000;
const MIN_WAIT_MS = 100;
const MAX_WAIT_MS = 600_000;
/** A wait is longer by up to so much, so that not all that wait come back at once. */
const JITTER = 0.1;
/** To answer one that has waited is as much work as so many steps: they are woken in slices. */
const STEPS_AN_ANSWER = 30;

/** How reads wait. */
export interface BlockingReadsOptions {
  /** From 0 to 1, for the jitter. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /**
   * Asked before each read with an index, such as `takePlace` of `createWatchRoutes`: gives what is called when it is over; undefined where it may
   * not be, which is answered 503. Default: any may.
   */
  readonly takePlace?: (() => (() => void) | undefined) | undefined;
}

const CHECKS: Checks<BlockingReadsOptions> = { random: aFunction, takePlace: aFunction };

/** What a path's answer changes with: a name, or that of the topic in the query. */
const KEYS: Readonly<Record<string, string | symbol | undefined>> = { '/topics': TOPICS, '/nodes': NODES };
const OF_TOPIC: readonly string[] = ['/lookup', '/channels'];

/**
 * A decorator that lets reads of `/lookup`, `/channels`, `/topics` and `/nodes` wait for a change: `index=I&wait=30s` is answered as
 * soon as the answer differs from that with the index I, or after the wait (100 ms to 10 min) with the same index, which stands in the header
 * `X-Nsq-Index`; `index=` asks for it. `If-None-Match` is answered 304 when the answer is the same. Requests without either are
 * answered as they were. Throws a TypeError for what is wrong with the options.
 *
 * @example
 * ```js
 * import { createBlockingReads, createFeed } from 'nsqlookupd/feed';
 * import { createHttpHandler, decorate } from 'nsqlookupd/http';
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const feed = createFeed(topology);
 * const handler = decorate(createHttpHandler({ topology }), createBlockingReads(feed));
 * const request = { method: 'GET', path: '/lookup', query: 'topic=orders&index=', headers: {} };
 * const first = await handler(request);
 * setTimeout(() => topology.createTopic('orders'), 10);
 * const query = `topic=orders&wait=5s&index=${first?.headers['X-Nsq-Index']}`;
 * console.log(first?.status, (await handler({ ...request, query }))?.status); // 404 200
 * feed.close();
 * ```
 */
export function createBlockingReads(feed: Feed, options: BlockingReadsOptions = {}): HttpDecorator {
  if (!(feed instanceof Feed)) throw new TypeError('feed must be what createFeed makes');
  const { random = Math.random, takePlace = () => () => undefined } = checkOptions(
    'createBlockingReads',
    options,
    CHECKS,
  );
  return (handler) => {
    const wait = async (request: HttpRequest, key: string | symbol, { index, waitMs }: Asked): Promise<HttpResult> => {
      const endsAtMs = feed.topology.clock() + waitMs * (1 + JITTER * random());
      let at = feed.index;
      let known = await handler(request);
      if (!isRead(known)) return known;
      // Asked after the read: what changed while it was made may be in it, as may what time has changed and is told later.
      if (feed.isBehind() || feed.isNewSince(key, index)) return withIndex(known, at);
      known = leftOf(known);
      for (;;) {
        const isNew = await feed.waitFor(key, at, request.signal, endsAtMs - feed.topology.clock());
        await feed.topology.work.turn(STEPS_AN_ANSWER);
        at = feed.index;
        const next = await handler(request);
        if (!isRead(next)) return next;
        if (!isSame(known, next)) return withIndex(next, at);
        // Also where it changes all the time, and its answer does not.
        if (!isNew || feed.topology.clock() >= endsAtMs) return withIndex(next, index);
        leftOf(next);
      }
    };
    return (request) => {
      const { method, query, headers } = request;
      const tag = headers['if-none-match'];
      // Of most requests this is all that is looked at.
      if (method !== 'GET' || (tag === undefined && !query.includes('index'))) return handler(request);
      const key = keyOf(request);
      if (key === undefined) return handler(request);
      const asked = readQuery(query);
      if (!asked) return typeof tag === 'string' ? answerTagged(handler, request, tag) : handler(request);
      const isLegal = asked.waitMs >= MIN_WAIT_MS && asked.waitMs <= MAX_WAIT_MS;
      if (!isLegal) return failure(400, 'INVALID_ARG_WAIT');
      const release = takePlace();
      return release ? wait(request, key, asked).finally(release) : tooManyWatchers();
    };
  };
}

interface Asked {
  readonly index: string;
  readonly waitMs: number;
}

/** What its answer changes with; undefined for what cannot wait. */
function keyOf({ path, query }: HttpRequest): string | symbol | undefined {
  const key = KEYS[path];
  if (key !== undefined || !OF_TOPIC.includes(path)) return key;
  return new URLSearchParams(query).get('topic') ?? undefined;
}

/** Undefined where no index is given. A wait that is no duration is NaN. */
function readQuery(query: string): Asked | undefined {
  const given = new URLSearchParams(query);
  const index = given.get('index');
  const wait = given.get('wait');
  if (index === null) return undefined;
  return { index, waitMs: wait === null ? DEFAULT_WAIT_MS : (parseDuration(wait) ?? NaN) };
}

/** Whether it is an answer, or that there is none, and not an error of another kind. */
function isRead(result: HttpResult): result is HttpResponse {
  return result?.status === 200 || result?.status === 404;
}

function isSame(one: HttpResponse, other: HttpResponse): boolean {
  if (one.status !== other.status) return false;
  if (one.body === other.body) return true;
  if (typeof one.body === 'string' || typeof other.body === 'string') return false;
  if (!(one.body instanceof Uint8Array && other.body instanceof Uint8Array)) return false;
  const { body } = other;
  return one.body.length === body.length && one.body.every((byte, i) => byte === body[i]);
}

/** What is kept, to compare, of an answer that nobody gets: nothing of one that is made as it is sent, and no more of that is made. */
function leftOf(response: HttpResponse): HttpResponse {
  const { body } = response;
  if (typeof body === 'string' || body instanceof Uint8Array) return response;
  void body[Symbol.asyncIterator]().return?.();
  return { ...response, body: '' };
}

function withIndex(response: HttpResponse, index: string): HttpResponse {
  return { ...response, headers: { ...response.headers, 'X-Nsq-Index': index } };
}

/** With its tag, or 304 if that is the one that the client has. A long answer has none. */
async function answerTagged(handler: HttpHandler, request: HttpRequest, tag: string): Promise<HttpResult> {
  const result = await handler(request);
  if (!result || result.status !== 200 || !(result.body instanceof Uint8Array)) return result;
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new Uint8Array(result.body));
  const own = `"${Array.from(new Uint8Array(digest, 0, 12), (byte) => byte.toString(16).padStart(2, '0')).join('')}"`;
  const headers = { ...result.headers, ETag: own };
  const isKnown = tag.split(',').some((each) => each.trim().replace(/^W\//, '') === own);
  return isKnown ? { status: 304, headers, body: '' } : { ...result, headers };
}
