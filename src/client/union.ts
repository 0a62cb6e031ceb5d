import { createSteadyClock } from '../base/clock.js';
import { isThenable, printError } from '../base/error-report.js';
import { checkOptions } from '../base/options.js';
import { DEFAULT_TIMERS } from '../base/timers.js';
import { createBlockingReads, createFeed, createWatchRoutes } from '../feed/index.js';
import {
  createHttpHandler,
  createRouter,
  decorate,
  type HttpDecorator,
  type HttpResponse,
  type RoutedHandler,
  type RouteRow,
} from '../http/index.js';
import { DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS, type Topology } from '../registry/index.js';
import { toLookupds } from './address.js';
import { explain, toSafeError } from './lookup-error.js';
import { DEFAULT_LOOKUP_TIMEOUT_MS, DEFAULT_MAX_ANSWER_BYTES } from './lookup-client.js';
import { LookupdHttp } from './lookupd-http.js';
import { createTlsFetch, fetchAnyPort } from '../base/node-fetch.js';
import { UnionMembers, type UnionLookupd } from './union-members.js';
import {
  DEFAULT_UNION_GRACE_MS,
  DEFAULT_UNION_POLL_MS,
  DEFAULT_UNION_REFRESH_MS,
  UNION_CHECKS,
  type UnionHandlerOptions,
} from './union-options.js';
import { UnionRegistry } from './union-registry.js';
import type { UnionSource } from './union-source.js';

/** Answers for several lookupds as one. */
export interface UnionHandler extends RoutedHandler {
  /** The lookupds, as they stand. */
  readonly lookupds: readonly UnionLookupd[];
  /** What they say together, to be read: what is written here reaches none of them. */
  readonly topology: Topology;
  /** How many watch, over `/watch`. */
  readonly watchers: number;
  /** Resolves when each has answered or failed, or `timeoutMs` are over: whether any has answered. */
  ready(): Promise<boolean>;
  /** Asks them no more, and ends all that watch. */
  close(): void;
}

/** Says that a union asks: one that answered another would answer itself, in the end, what is no more. */
const UNION = 'X-Nsqlookupd-Union';
/** Names the lookupds that do not answer. */
const DOWN = 'X-Nsqlookupd-Down';
const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8', 'X-Nsq-Content-Type': 'nsq; version=1.0' };
/** What is answered without any lookupd. */
const OWN = ['ping', 'info'];

/**
 * Makes a handler that answers for several lookupds as one: reads, also those that wait, and `/watch` from what they hold together;
 * writes go to all. One of this package is followed, the original is asked again and again. Needs no state, so that any number may stand
 * side by side. It begins to ask at once. Throws a TypeError for what is wrong with the options.
 *
 * @example
 * ```js
 * import { createUnionHandler } from 'nsqlookupd/client';
 * import { createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const lookupd = createMemoryLookupd();
 * lookupd.topology.createTopic('orders');
 * const union = createUnionHandler({ lookupds: ['a:4161', 'b:4161'], fetch: lookupd.fetch });
 * const answer = await union({ method: 'GET', path: '/topics', query: '', headers: {} });
 * console.log(answer?.status, await union.ready(), union.topology.topics()); // 200 true [ 'orders' ]
 * union.close();
 * ```
 */
export function createUnionHandler(options: UnionHandlerOptions): UnionHandler {
  const checked = checkOptions('createUnionHandler', options, UNION_CHECKS);
  const { token, fetch, tls, clock = createSteadyClock(), timers = DEFAULT_TIMERS, onError = printError } = checked;
  const { timeoutMs = DEFAULT_LOOKUP_TIMEOUT_MS, maxAnswerBytes = DEFAULT_MAX_ANSWER_BYTES } = checked;
  const { maxWatchers, zonePolicy, zoneOf, authorize } = checked;
  if (fetch && tls) throw new TypeError('createUnionHandler takes tls or a fetch, not both');
  const http = new LookupdHttp({
    ...{ timeoutMs, maxAnswerBytes, timers },
    token: typeof token === 'function' ? token : () => token,
    fetch: fetch ?? (tls ? createTlsFetch(tls) : fetchAnyPort),
    headers: { [UNION]: '1' },
  });
  const registry = new UnionRegistry(clock, checked.tombstoneLifetimeMs, onError);
  const { topology } = registry;
  const members = new UnionMembers(registry, {
    ...{ http, timers, clock, timeoutMs, maxAnswerBytes, onError, work: topology.work },
    lookupds: toLookupds(checked.lookupds),
    random: checked.random ?? Math.random,
    pollMs: checked.pollMs ?? DEFAULT_UNION_POLL_MS,
    graceMs: checked.graceMs ?? DEFAULT_UNION_GRACE_MS,
    refreshMs: checked.refreshMs ?? DEFAULT_UNION_REFRESH_MS,
    inactiveProducerTimeoutMs: checked.inactiveProducerTimeoutMs ?? DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
  });
  const feed = createFeed(topology, { timers, onError });
  const watching = createWatchRoutes(feed, { maxWatchers, zonePolicy, zoneOf, authorize, onError });
  const inner = createHttpHandler({ topology, zonePolicy, zoneOf, onError });
  const rows = [...inner.routes, ...watching.rows].map((row) => {
    if (row.action.kind === 'write') return writing(row, members, http);
    return OWN.includes(row.action.name) ? row : reading(row, members);
  });
  const more = typeof checked.routes === 'function' ? checked.routes(topology) : (checked.routes ?? []);
  const router = createRouter([...rows, ...statusRows(members), ...more], { authorize, onError });
  const named: HttpDecorator = (handler) => (request) => {
    if (request.headers[UNION.toLowerCase()] !== undefined) return json(508, { message: 'UNION_ASKS_UNION' });
    const result = handler(request);
    const name = (response: HttpResponse | undefined) =>
      response && members.down !== ''
        ? { ...response, headers: { ...response.headers, [DOWN]: members.down } }
        : response;
    return isThenable(result) ? result.then(name) : name(result);
  };
  const handler = decorate(router, named, createBlockingReads(feed, { takePlace: watching.takePlace }));
  return Object.defineProperties(handler, {
    lookupds: { get: () => members.states },
    topology: { value: topology },
    routes: { value: router.routes },
    watchers: { get: () => watching.watchers },
    ready: { value: () => members.ready() },
    close: {
      value: () => {
        members.close();
        watching.close();
        feed.close();
      },
    },
  }) as UnionHandler;
}

function json(status: number, value: unknown): HttpResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(value) };
}

/** A read, as soon as each lookupd has answered or failed. */
function reading(row: RouteRow, members: UnionMembers): RouteRow {
  const answer: RouteRow['answer'] = async (request, ...values) => {
    if (!(await members.ready())) return json(502, { message: 'NO_LOOKUPD_ANSWERS' });
    return row.answer(request, ...values);
  };
  return {
    ...row,
    answer: (request, ...values) => (members.isReady ? row.answer(request, ...values) : answer(request, ...values)),
  };
}

/** A write, at all lookupds. */
function writing(row: RouteRow, members: UnionMembers, http: LookupdHttp): RouteRow {
  const write = async (source: UnionSource, values: readonly string[]) => {
    const { lookupd } = source;
    const url = new URL(lookupd.toUrl(row.path.slice(1)));
    row.args?.forEach(({ name }, i) => url.searchParams.append(name, values[i]!));
    try {
      const { status, message } = await http.post(url.href);
      if (status === 200) await source.refresh();
      return { status, lookupd: lookupd.address, message: message || `status ${status}` };
    } catch (error) {
      return { status: 0, lookupd: lookupd.address, message: explain(toSafeError(error, lookupd.secrets)) };
    }
  };
  return {
    ...row,
    answer: async (_, ...values) => {
      await members.ready();
      const answers = await Promise.all(members.all.map((source) => write(source, values)));
      const failed = answers.filter(({ status }) => status !== 200 && status !== 404);
      const failures = failed.map(({ lookupd, message }) => ({ lookupd, message }));
      const [missing] = answers.filter(({ status }) => status === 404);
      if (answers.some(({ status }) => status === 200)) {
        const { 'X-Nsq-Content-Type': type } = JSON_HEADERS;
        // What is not there at one of them needs no deleting there.
        return failures.length === 0
          ? { status: 200, headers: { 'X-Nsq-Content-Type': type }, body: '' }
          : json(200, { failures });
      }
      return missing && failures.length === 0 ? json(404, { message: missing.message }) : json(502, { failures });
    },
  };
}

function statusRows(members: UnionMembers): readonly RouteRow[] {
  const row = (name: string, answer: () => HttpResponse): RouteRow => {
    return { method: 'GET', path: `/${name}`, action: { name, kind: 'read' }, answer };
  };
  const told = () => members.states.map(({ isWatched, reason, ...rest }) => ({ ...rest, watched: isWatched, reason }));
  return [
    row('healthz', () => ({ status: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: 'OK' })),
    row('readyz', () => {
      const ready = members.isReady;
      const isStarting = members.states.some(({ state }) => state === 'starting');
      const reasons = ready ? [] : [isStarting ? 'starting' : 'no lookupd answers'];
      const down = members.states.filter(({ reason }) => reason !== undefined).map(({ address }) => address);
      return json(ready ? 200 : 503, { ready, reasons, down });
    }),
    row('stats', () => json(200, { lookupds: told() })),
  ];
}
