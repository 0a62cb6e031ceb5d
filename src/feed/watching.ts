import { isThenable, report } from '../base/error-report.js';
import {
  createHttpHandler,
  type Action,
  type Authorize,
  type HttpRequest,
  type HttpResponse,
  type ZoneOf,
  type ZonePolicy,
} from '../http/index.js';
import { isTopicName, type OnError } from '../registry/index.js';
import { failure, tooManyWatchers } from './answers.js';
import { ALL, type Feed } from './feed.js';
import { ChangeEvents, RegistryEvents } from './registry-events.js';
import { COME_BACK, EVENT_STREAM } from './sse.js';
import { createTakeTopics } from './take-topics.js';
import { TopicEvents } from './topic-events.js';
import { Watchers, type MayStay, type Watcher } from './watchers.js';

/** The most topics that one may watch. */
const MAX_TOPICS = 1000;

const WATCH: Action = { name: 'watch', kind: 'read' };

/** As of `createWatchRoutes`. */
interface WatchingOptions {
  readonly maxWatchers: number;
  readonly zonePolicy: ZonePolicy;
  readonly zoneOf: ZoneOf | undefined;
  readonly authorize: Authorize | undefined;
  readonly onError: OnError;
}

/** What answers those who watch. */
export interface Watching {
  readonly answer: (request: HttpRequest) => HttpResponse;
  readonly watchers: number;
  readonly takePlace: () => (() => void) | undefined;
  recheck(): void;
  close(): void;
}

/** Makes it. */
export function createWatching(
  feed: Feed,
  { maxWatchers, zonePolicy, zoneOf, authorize, onError }: WatchingOptions,
): Watching {
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
  return {
    answer,
    get watchers() {
      return watchers.size;
    },
    takePlace: () => watchers.takePlace(),
    recheck: () => watchers.recheck(),
    close: () => watchers.close(),
  };
}

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
