import { createSteadyClock, type Clock } from '../base/clock.js';
import { printError, type OnError } from '../base/error-report.js';
import { joinHostPort } from '../base/host-port.js';
import { aClock, aFunction, checkOptions, number, required, withMethods, type Checks } from '../base/options.js';
import type { HttpResponse, JsonSchema, RouteRow } from '../http/index.js';
import type { PeerInfo, Topology } from '../registry/index.js';
import { describeJson, failure } from './answers.js';
import { conditionsCheck, reasonsOf, type Condition } from './condition.js';

/** 30 seconds: within two pings the nsqds are back that a lookupd has lost by a restart. */
export const DEFAULT_SETTLE_MS = 30_000;

/** What `/sd/nsqd` is made of. */
export interface DiscoveryOptions {
  /** Whose peers. */
  readonly topology: Topology;
  /**
   * How long after this call the answer is 503, in milliseconds from 0 on: Prometheus keeps the targets that it has, until those
   * are here that have to find their way back. Default 30,000.
   */
  readonly settleMs?: number | undefined;
  /** Conditions for being ready: each says what is in the way; meanwhile the answer is 503. Default: none. */
  readonly conditions?: readonly Condition[] | undefined;
  /** What `settleMs` is measured with: milliseconds. Default: `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** Gets what a condition threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<DiscoveryOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'deletingTopic')),
  settleMs: number(0),
  conditions: conditionsCheck,
  clock: aClock,
  onError: aFunction,
};

const HEADERS = { 'Content-Type': 'application/json' };
const PEERS_PER_CHUNK = 200;
const STEPS_PER_PEER = 4;
/** What Prometheus takes as an address: one that is none would cost all others theirs. */
const ADDRESS = /^[\w.:-]+$/;

const STRING: JsonSchema = { type: 'string' };
const TARGETS: JsonSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      targets: { type: 'array', items: STRING },
      labels: { type: 'object', additionalProperties: STRING },
    },
    required: ['targets', 'labels'],
    additionalProperties: false,
  },
};

/**
 * Makes `/sd/nsqd`, HTTP service discovery for Prometheus: the HTTP port of every nsqd that was heard of in time, with labels
 * `__meta_nsqd_broadcast_address`, `…_hostname`, `…_version`, `…_zone` and `…_region`. An answer without targets would make
 * Prometheus forget those that it has: while there are none, or it is not ready, the answer is 503. Throws a TypeError when an
 * option is unknown, missing or of the wrong kind.
 *
 * @example
 * ```js
 * import { createRouter } from 'nsqlookupd';
 * import { discoveryRoutes } from 'nsqlookupd/operate';
 * import { createTopology } from 'nsqlookupd/testing';
 *
 * const topology = createTopology({ 'host-1:4150': { orders: [] } });
 * const handler = createRouter(discoveryRoutes({ topology, settleMs: 0 }));
 * const answer = await handler({ method: 'GET', path: '/sd/nsqd', query: '', headers: {} });
 * console.log(answer?.status); // 200
 * ```
 */
export function discoveryRoutes(options: DiscoveryOptions): readonly RouteRow[] {
  const checked = checkOptions('discoveryRoutes', options, CHECKS);
  const { topology, settleMs = DEFAULT_SETTLE_MS, conditions = [], onError = printError } = checked;
  const { clock = createSteadyClock() } = checked;
  const startMs = clock();
  const answer = (): HttpResponse => {
    if (clock() - startMs < settleMs || reasonsOf(conditions, onError).length > 0) return failure(503, 'NOT_SETTLED');
    const peers = topology.nodePeers().filter(({ broadcastAddress }) => ADDRESS.test(toHost(broadcastAddress)));
    return peers.length === 0
      ? failure(503, 'NO_NSQDS')
      : { status: 200, headers: HEADERS, body: tell(peers, topology) };
  };
  const message: JsonSchema = { enum: ['NOT_SETTLED', 'NO_NSQDS'] };
  const about = {
    summary: 'the HTTP ports of all nsqds, for Prometheus',
    answers: {
      200: describeJson('as http_sd_configs wants it', TARGETS),
      503: describeJson('the targets that there were are to be kept', {
        type: 'object',
        properties: { message },
        required: ['message'],
      }),
    },
  };
  return [{ method: 'GET', path: '/sd/nsqd', action: { name: 'sd/nsqd', kind: 'read' }, about, answer }];
}

/** An IPv6 address may have been announced in brackets. */
function toHost(address: string): string {
  return address.replace(/^\[(.*)\]$/, '$1');
}

async function* tell(peers: readonly PeerInfo[], { work }: Topology): AsyncGenerator<string, void, undefined> {
  for (let i = 0; i < peers.length; i += PEERS_PER_CHUNK) {
    const some = peers.slice(i, i + PEERS_PER_CHUNK);
    await work.turn(some.length * STEPS_PER_PEER);
    yield `${i === 0 ? '[' : ','}${some.map(toTarget).join(',')}`;
  }
  yield ']';
}

function toTarget({ broadcastAddress, httpPort, hostname, version, topologyZone, topologyRegion }: PeerInfo): string {
  return JSON.stringify({
    targets: [joinHostPort(toHost(broadcastAddress), httpPort)],
    labels: {
      __meta_nsqd_broadcast_address: broadcastAddress,
      __meta_nsqd_hostname: hostname,
      __meta_nsqd_version: version,
      __meta_nsqd_zone: topologyZone,
      __meta_nsqd_region: topologyRegion,
    },
  });
}
