import { createSteadyClock, type Clock } from '../base/clock.js';
import { aClock, aFunction, checkOptions, required, text, withMethods, type Checks } from '../base/options.js';
import { PACKAGE_VERSION } from '../base/version.js';
import type { Authorize, HttpRequest, RouteArgument, RouteDescription, RouteRow } from '../http/index.js';
import { NSQLOOKUPD_VERSION, topicRegistration, type PeerInfo, type Topology } from '../registry/index.js';
import { done, json } from './answers.js';
import { answerPage } from './document.js';

/** What the page's routes are made of. */
export interface PageOptions {
  /** What the page shows; it is fed by `/watch`, which is to be there as well. */
  readonly topology: Topology;
  /** Decides what a visitor of the page may do; the same as the handler's. Default: anyone may do anything. */
  readonly authorize?: Authorize | undefined;
  /** The index of the oldest change that `/watch` can go on from. Default: the page goes back no further than it has been open. */
  readonly oldestIndex?: (() => string) | undefined;
  /** How the registry outlives a restart or is shared, in a few words. Default: `in memory`. */
  readonly sharing?: string | undefined;
  /** What the time since this call is measured with: milliseconds. Default: `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
}

const CHECKS: Checks<PageOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'deletingTopic')),
  authorize: aFunction,
  oldestIndex: aFunction,
  sharing: text,
  clock: aClock,
};

/** What the page can do, if the one who looks may. */
const WRITES = [
  'topic/create',
  'topic/delete',
  'topic/tombstone',
  'topic/untombstone',
  'channel/create',
  'channel/delete',
] as const;
/** The most peers that are named as restored. */
const MAX_NAMED = 10_000;

/**
 * Makes the page that shows a topology as it changes, at `/ui`, with what it asks for beside `/watch`: `/ui/about`, `/ui/topic`,
 * `/ui/node` and `POST /topic/untombstone`. Who may not read gets the page, and nothing in it, only if `authorize` lets them
 * have `ui`. Throws a TypeError for an option that is unknown, missing or of the wrong kind.
 *
 * @example
 * ```js
 * import { createRouter, RegistrationDB, Topology } from 'nsqlookupd';
 * import { pageRoutes } from 'nsqlookupd/page';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const handler = createRouter(pageRoutes({ topology }));
 * const answer = await handler({ method: 'GET', path: '/ui', query: '', headers: {} });
 * console.log(answer?.headers['Content-Type']); // text/html; charset=utf-8
 * ```
 */
export function pageRoutes(options: PageOptions): readonly RouteRow[] {
  const {
    topology,
    authorize,
    oldestIndex,
    sharing = 'in memory',
    clock = createSteadyClock(),
  } = checkOptions('pageRoutes', options, CHECKS);
  const { db, lifetimes } = topology;
  const startMs = clock();
  const heard = (peers: readonly PeerInfo[], { query }: HttpRequest) => {
    topology.work.spend(peers.length);
    const byAddress = new URLSearchParams(query).get('by') === 'address';
    const nameOf = (peer: PeerInfo) => (byAddress ? peer.remoteAddress : db.keyOf(peer)!);
    const times = peers.map((peer) => [nameOf(peer), topology.toWallMs(peer.lastUpdateMs)] as const);
    return json({ last_update_ms: Object.fromEntries(times) });
  };
  const about = async (request: HttpRequest) =>
    json({
      version: NSQLOOKUPD_VERSION,
      package_version: PACKAGE_VERSION,
      uptime_ms: Math.round(clock() - startMs),
      now_ms: topology.toWallMs(topology.clock()),
      epoch: db.epoch,
      sharing,
      inactive_producer_timeout_ms: lifetimes.inactiveProducerTimeoutMs,
      tombstone_lifetime_ms: lifetimes.tombstoneLifetimeMs,
      restored: restoredIn(topology),
      other_origins: [...topology.liveOrigins],
      oldest_index: oldestIndex?.() ?? null,
      ...(await judged(authorize, request)),
    });
  const read = (
    name: string,
    about: RouteDescription,
    args: readonly RouteArgument[],
    answer: RouteRow['answer'],
  ): RouteRow => ({ method: 'GET', path: `/${name}`, args, action: { name, kind: 'read' }, about, answer });
  return [
    read('ui', ABOUT_PAGE, [], (request) => answerPage(request)),
    read('ui/about', toJsonOf('who serves the page, and what one may do'), [], about),
    read('ui/topic', toJsonOf('when its producers were last heard of'), [TOPIC], (request, topic = '') => {
      return heard(
        [...db.producersOf(topicRegistration(topic))].map(({ peer }) => peer),
        request,
      );
    }),
    read('ui/node', toJsonOf('when those there were last heard of'), [NODE], (request, node = '') => {
      return heard(db.peersAt(node), request);
    }),
    {
      method: 'POST',
      path: '/topic/untombstone',
      args: [TOPIC, NODE],
      action: { name: 'topic/untombstone', kind: 'write' },
      about: { summary: 'ends a tombstone', answers: { 200: { description: 'it has none' } } },
      answer: (_, topic = '', node = '') => {
        topology.work.spend(topology.untombstone(topic, node));
        return done();
      },
    },
  ];
}

const TOPIC: RouteArgument = { name: 'topic', about: 'a topic' };
const NODE: RouteArgument = { name: 'node', about: 'broadcast address:HTTP port' };

const ABOUT_PAGE: RouteDescription = {
  summary: 'the page',
  answers: {
    200: { description: 'the document', content: { 'text/html': { type: 'string' } } },
    304: { description: 'it is the one that the browser has' },
  },
};

function toJsonOf(summary: string): RouteDescription {
  return { summary, answers: { 200: { description: summary, content: { 'application/json': { type: 'object' } } } } };
}

/** Those whose connection ended with another process, by their keys. */
function restoredIn({ db, liveOrigins }: Topology): readonly string[] {
  if (db.broughtCount === 0) return [];
  const keys = db.peers().flatMap((peer) => (db.isBrought(peer) ? [db.keyOf(peer)!] : []));
  return keys.filter((key) => !liveOrigins.has(key.slice(0, key.lastIndexOf('/')))).slice(0, MAX_NAMED);
}

/** Which writes the one who asks may make, and whether more may be made with a token. */
async function judged(authorize: Authorize | undefined, request: HttpRequest) {
  const may: string[] = [];
  let asks = false;
  for (const name of WRITES) {
    const asked = { ...request, method: 'POST', path: `/${name}`, query: '' };
    const caller = request.caller ?? { address: request.remoteAddress };
    const verdict = authorize ? await authorize(caller, { name, kind: 'write' }, asked) : true;
    if (verdict === true) may.push(name);
    else if (verdict.status === 401) asks = true;
  }
  return { may, asks_token: asks };
}
