import { printError } from '../base/error-report.js';
import { aFunction, checkOptions, number, oneOf, type Checks } from '../base/options.js';
import {
  ZONE_POLICIES,
  type Authorize,
  type RouteDescription,
  type RouteRow,
  type ZoneOf,
  type ZonePolicy,
} from '../http/index.js';
import type { OnError } from '../registry/index.js';
import { Feed } from './feed.js';
import { createWatching, type Watching } from './watching.js';

/** The most clients that watch at once. */
export const DEFAULT_MAX_WATCHERS = 10_000;
/** A longer query waits for a turn that has time for it: with what comes of it, so much of it is as much work as one step. */
const MAX_SHORT_QUERY = 256;
const CHARACTERS_A_STEP = 4;

/** What the routes of watching are made of. */
export interface WatchRoutesOptions {
  /** The most clients that watch at once, from 0 on; one more is answered 503. One that watches over ten topics counts once for every ten. Default 10,000. */
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
  let made: Watching | undefined;
  let isClosed = false;
  /** What few lookupds need, when the first needs it. */
  const watching = (): Watching => {
    if (made) return made;
    made = createWatching(feed, { maxWatchers, zonePolicy, zoneOf, authorize, onError });
    if (isClosed) made.close();
    return made;
  };
  const watch: RouteRow = {
    method: 'GET',
    path: '/watch',
    action: { name: 'watch', kind: 'read' },
    about: ABOUT,
    answer: (request) => {
      const { length } = request.query;
      if (length <= MAX_SHORT_QUERY) return watching().answer(request);
      return feed.topology.work.turn(length / CHARACTERS_A_STEP).then(() => watching().answer(request));
    },
  };
  return {
    rows: [watch],
    get watchers() {
      return made?.watchers ?? 0;
    },
    takePlace: () => watching().takePlace(),
    recheck: () => made?.recheck(),
    close: () => {
      isClosed = true;
      made?.close();
    },
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
