import { isThenable, printError, report } from '../base/error-report.js';
import { aFunction, checkOptions, number, oneOf, type Checks } from '../base/options.js';
import {
  createHttpHandler,
  ZONE_POLICIES,
  type Action,
  type Authorize,
  type HttpRequest,
  type HttpResponse,
  type RouteDescription,
  type RouteRow,
  type ZoneOf,
  type ZonePolicy,
} from '../http/index.js';
import { isTopicName, type OnError } from '../registry/index.js';
import { failure, tooManyWatchers } from './answers.js';
import { ALL, Feed } from './feed.js';
import { ChangeEvents, RegistryEvents } from './registry-events.js';
import { COME_BACK, EVENT_STREAM } from './sse.js';
import { createTakeTopics } from './take-topics.js';
import { TopicEvents } from './topic-events.js';
import { Watchers, type MayStay, type Watcher } from './watchers.js';

/** The most that watch at once. */
export const DEFAULT_MAX_WATCHERS = 10_000;
/** The most topics that one may watch. */
const MAX_TOPICS = 1000;
/** A longer query waits for a turn that has time for it: with what comes of it, so much of it is as much work as one step. */
const MAX_SHORT_QUERY = 256;
const CHARACTERS_A_STEP = 4;

/** What the routes of watching are made of. */
export interface WatchRoutesOptions {
  /** The most that watch at once, from 0 on; one more is answered 503. Who watches over ten topics counts once for every ten. Default 10,000. */
  readonly maxWatchers?: number | undefined;
  /** Whether a topic's producers are those for where the caller is, as of `createHttpHandler`. Default `off`. */
  readonly zonePolicy?: ZonePolicy | undefined;
  /** Where a caller is who does not say it with `zone=Z&region=R`. Default: nobody knows. */
  readonly zoneOf?: ZoneOf | undefined;
  /**
   * Asked every 15 seconds, and at `recheck`, whether each that watches still may, as they were asked for when they came; who may not
   * is ended. Best the same as the handler's. Default: who came may stay.
   */
  readonly authorize?: Authorize | undefined;
  /** Gets what went wrong. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<WatchRoutesOptions> = {
  maxWatchers: number(0),
  zonePolicy: oneOf(ZONE_POLICIES),
  zoneOf: aFunction,
  authorize: aFunction,
  onError: aFunction,
};

/** The routes of watching, and what they are for the host. */
export interface WatchRoutes {
  /** `GET /watch`, for `createHttpHandler({ routes })`. */
  readonly rows: readonly RouteRow[];
  /** How many watch. */
  readonly watchers: number;
  /**
   * Takes one of `maxWatchers` for somebody who waits in another way, as `createBlockingReads` lets them. Gives what gives it back;
   * undefined if all are taken.
   */
  readonly takePlace: () => (() => void) | undefined;
  /** Asks `authorize` about all that watch, as when a token has been taken from somebody. */
  recheck(): void;
  /** Ends all that watch, who are told when to come back, and answers 503 from then on. */
  close(): void;
}

/**
 * The route `GET /watch`: server-sent events. With `topic=T`, once or more, `lookup` for each topic as it is, and after each change;
 * `gone` for one that is not there. Without a topic the whole registry: `snapshot` in parts, then each `change`. `Last-Event-ID` or
 * `index=I` goes on from there. A comment comes every 15 seconds. Throws a TypeError for what is wrong with the options.
 *
 * @example
 * ```js
 * import { createFeed, createWatchRoutes } from 'nsqlookupd/feed';
 * import { createHttpHandler, toFetchHandler } from 'nsqlookupd/http';
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const feed = createFeed(topology);
 * const watching = createWatchRoutes(feed, { maxWatchers: 500 });
 * const fetch = toFetchHandler(createHttpHandler({ topology, routes: watching.rows }));
 * const { body } = await fetch(new Request('http://lookupd/watch?topic=orders'));
 * for await (const chunk of body ?? []) {
 *   console.log(new TextDecoder().decode(chunk).split('\n')[0]); // event: gone
 *   break;
 * }
 * watching.close();
 * feed.close();
 * ```
 */
export function createWatchRoutes(feed: Feed, options: WatchRoutesOptions = {}): WatchRoutes {
  if (!(feed instanceof Feed)) throw new TypeError('feed must be what createFeed makes');
  const checked = checkOptions('createWatchRoutes', options, CHECKS);
  const { maxWatchers = DEFAULT_MAX_WATCHERS, zonePolicy = 'off', zoneOf, authorize, onError = printError } = checked;
  const { topology } = feed;
  const watchers = new Watchers(feed, maxWatchers);
  const events = new TopicEvents(
    feed,
    createHttpHandler({ topology, zonePolicy, maxCacheBytes: 0, onError }),
    watchers,
    onError,
  );

  const watchTopics = (topics: readonly string[], place: string, index: string, mayStay?: MayStay): Watcher => {
    const watched = topics.map((topic) => events.get(topic, place));
    const take = createTakeTopics(feed, watched, index);
    const watcher = watchers.add(take, topics.length, mayStay, () =>
      watched.forEach((each) => events.delete(each, watcher)),
    );
    for (const each of watched) events.add(each, watcher);
    return watcher;
  };
  const ofAll = watchers.group();
  const changes = new ChangeEvents(feed);
  let stop = (): void => {};
  const watchAll = (index: string, mayStay?: MayStay): Watcher => {
    const all = new RegistryEvents(
      ...([feed, changes, index] as const),
      () => watcher.wake(),
      () => watcher.finish(),
    );
    const watcher = watchers.add(all.take, 0, mayStay, () => {
      ofAll.delete(watcher);
      if (ofAll.size === 0) stop();
    });
    if (ofAll.size === 0) stop = feed.listen(ALL, () => ofAll.wake());
    ofAll.add(watcher);
    return watcher;
  };

  const answer = (request: HttpRequest): HttpResponse => {
    const { method, query, headers } = request;
    const asked = readQuery(query);
    if (!asked) return failure(400, 'INVALID_REQUEST');
    const { topics } = asked;
    if (!topics.every(isTopicName)) return failure(400, 'INVALID_ARG_TOPIC');
    if (topics.length > MAX_TOPICS) return failure(400, 'TOO_MANY_TOPICS');
    if (!watchers.hasRoomFor(topics.length)) return tooMany(request);
    if (method === 'HEAD') return { status: 200, headers: EVENT_STREAM, body: '' };
    const lastId = headers['last-event-id'];
    const index = typeof lastId === 'string' && lastId !== '' ? lastId : asked.index;
    const place = zonePolicy === 'off' ? '' : placeQuery(request, zoneOf);
    const mayStay = authorize && toMayStay(authorize, request, onError);
    const body = topics.length > 0 ? watchTopics(topics, place, index, mayStay) : watchAll(index, mayStay);
    return { status: 200, headers: EVENT_STREAM, body, isEndless: true };
  };
  const watch: RouteRow = {
    method: 'GET',
    path: '/watch',
    action: WATCH,
    about: ABOUT,
    answer: (request) => {
      const { length } = request.query;
      if (length <= MAX_SHORT_QUERY) return answer(request);
      return topology.work.turn(length / CHARACTERS_A_STEP).then(() => answer(request));
    },
  };
  return {
    rows: [watch],
    get watchers() {
      return watchers.size;
    },
    takePlace: () => watchers.takePlace(),
    recheck: () => watchers.recheck(),
    close: () => watchers.close(),
  };
}

const WATCH: Action = { name: 'watch', kind: 'read' };

/**
 * An EventSource, which is known by what it accepts, gives up for good at any status but 200 (WHATWG HTML, "Server-sent events"): it is
 * told when to come back.
 */
function tooMany({ headers }: HttpRequest): HttpResponse {
  if (headers['accept'] === 'text/event-stream') return { status: 200, headers: EVENT_STREAM, body: COME_BACK };
  return tooManyWatchers();
}

/** Asks about a client once more; of its request it keeps what it was asked with. */
function toMayStay(authorize: Authorize, request: HttpRequest, onError: OnError): MayStay {
  const { method, path, query, headers, remoteAddress, caller = { address: remoteAddress } } = request;
  const asked: HttpRequest = { method, path, query, headers, remoteAddress, caller };
  const fail = (error: unknown) => {
    report(onError, error, 'authorize threw');
    return false;
  };
  return () => {
    try {
      const verdict = authorize(caller, WATCH, asked);
      return isThenable(verdict) ? Promise.resolve(verdict).then((later) => later === true, fail) : verdict === true;
    } catch (error) {
      return fail(error);
    }
  };
}

const MESSAGE = { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] };
const ABOUT: RouteDescription = {
  summary: 'server-sent events: topics, or the whole registry, as they change',
  answers: {
    200: { description: 'events, without end', content: { 'text/event-stream': { type: 'string' } } },
    400: { description: 'the query is none', content: { 'application/json': MESSAGE } },
    503: { description: 'as many watch as may', content: { 'application/json': MESSAGE } },
  },
};

/** Where the caller is, for the query of a lookup. */
function placeQuery(request: HttpRequest, zoneOf: ZoneOf | undefined): string {
  const given = new URLSearchParams(request.query);
  const says = given.has('zone') || given.has('region');
  const place = says ? { zone: given.get('zone'), region: given.get('region') } : zoneOf?.(request);
  return place ? `&${new URLSearchParams({ zone: place.zone ?? '', region: place.region ?? '' }).toString()}` : '';
}

function readQuery(query: string): { readonly topics: string[]; readonly index: string } | undefined {
  if (/%(?![0-9a-f]{2})|;/i.test(query)) return undefined; // as of the other routes
  const given = new URLSearchParams(query);
  return { topics: [...new Set(given.getAll('topic'))], index: given.get('index') ?? '' };
}
