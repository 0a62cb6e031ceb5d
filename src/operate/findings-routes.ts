import {
  anArray,
  oneOf,
  aFunction,
  checkOptions,
  number,
  required,
  timers,
  withMethods,
  type Checks,
} from '../base/options.js';
import { DEFAULT_TIMERS, type Timers } from '../base/timers.js';
import { ZONE_POLICIES, type RouteDescription, type RouteRow, type ZonePolicy } from '../http/index.js';
import { DEFAULT_MAX_REGISTRATIONS_PER_PEER, type Topology } from '../registry/index.js';
import { Arrivals, type AnnouncedAddress } from './findings-arrivals.js';
import type { FindingsLimit } from './findings-checks.js';
import { createLook, type Found } from './findings-look.js';
import type { Probe, Resolve } from './findings-network.js';
import type { Findings } from './findings.js';

/** 15 seconds: how often nsqd pings. */
export const DEFAULT_FINDINGS_PING_INTERVAL_MS = 15_000;
/** 10 seconds: how long what was found is told again. */
export const DEFAULT_FINDINGS_MAX_AGE_MS = 10_000;
/** 5 seconds: by when names must have resolved, all of them together, and ports answered. */
export const DEFAULT_FINDINGS_NETWORK_TIMEOUT_MS = 5000;

/** Options of `createFindings`. Times are milliseconds from 0 on. */
export interface FindingsOptions {
  /** What is looked at. */
  readonly topology: Topology;
  /** Limits, and how much of each is used. Default: none. */
  readonly limits?: readonly FindingsLimit[] | undefined;
  /** The most registrations of one peer. Default 100,000. */
  readonly maxRegistrationsPerPeer?: number | undefined;
  /** Gives the addresses of a name. Default: names are not looked at. */
  readonly resolve?: Resolve | undefined;
  /** Tells whether somebody listens at a host and port. Default: ports are not looked at. */
  readonly probe?: Probe | undefined;
  /** What else is known to be wrong. Default: nothing. */
  readonly more?: (() => readonly Found[]) | undefined;
  /** How often peers ping; who is silent for over two is a finding. Default 15,000. */
  readonly pingIntervalMs?: number | undefined;
  /** How long what was found is told again. Default 10,000. */
  readonly maxAgeMs?: number | undefined;
  /** By when names must have resolved, and ports answered; what has not is counted as unchecked. Default 5,000. */
  readonly networkTimeoutMs?: number | undefined;
  /** That of the lookups: with `prefer` a topic is named whose zones nobody else reaches. Default `off`. */
  readonly zonePolicy?: ZonePolicy | undefined;
  /** What `networkTimeoutMs` is measured with. Default: the runtime's own. */
  readonly timers?: Timers | undefined;
}

const CHECKS: Checks<FindingsOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'deletingTopic')),
  limits: anArray,
  maxRegistrationsPerPeer: number(0),
  resolve: aFunction,
  probe: aFunction,
  more: aFunction,
  pingIntervalMs: number(0),
  maxAgeMs: number(0),
  networkTimeoutMs: number(0),
  zonePolicy: oneOf(ZONE_POLICIES),
  timers,
};

/** Looks for what is wrong with a topology. */
export interface FindingsSource {
  /** What was found: now, or within `maxAgeMs`. All who ask meanwhile get the same. Rejects with what the clock or a limit throws. */
  read(): Promise<Findings>;
  /** `GET /findings`, the same as JSON. */
  readonly routes: readonly RouteRow[];
  /**
   * To be told of each peer that identifies itself, as `admit` of a TCP handler is: who does so over and over is a finding. What is
   * known of arrivals is bounded.
   */
  arrived(peer: AnnouncedAddress): void;
}

/**
 * Looks for what NSQ's users most often ask about: addresses that nobody reaches, topics that nobody carries, channels that lack
 * somewhere. It looks when it is asked, in slices (`topology.work`).
 * Throws a TypeError for an option that is unknown, missing or of the wrong kind.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology } from 'nsqlookupd';
 * import { createFindings } from 'nsqlookupd/operate';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * topology.createChannel('orders', 'billing');
 * const source = createFindings({ topology });
 * const [finding] = (await source.read()).findings;
 * console.log(finding?.kind, finding?.subject); // topic-without-producer orders
 * ```
 */
export function createFindings(options: FindingsOptions): FindingsSource {
  const {
    topology,
    limits = [],
    maxRegistrationsPerPeer = DEFAULT_MAX_REGISTRATIONS_PER_PEER,
    resolve,
    probe,
    more = () => [],
    pingIntervalMs = DEFAULT_FINDINGS_PING_INTERVAL_MS,
    maxAgeMs = DEFAULT_FINDINGS_MAX_AGE_MS,
    networkTimeoutMs = DEFAULT_FINDINGS_NETWORK_TIMEOUT_MS,
    zonePolicy,
    timers: given = DEFAULT_TIMERS,
  } = checkOptions('createFindings', options, CHECKS);
  const arrivals = new Arrivals(topology.clock);
  const view = { topology, limits, maxRegistrationsPerPeer, pingIntervalMs, zonePolicy, arrivals };
  let look: (() => Promise<Findings>) | undefined;
  let last: { readonly findings: Promise<Findings>; endsAtMs: number } | undefined;

  const read = () => {
    const now = topology.clock();
    // Infinity while it is being looked for; a clock that is set back does not keep it for ever.
    if (last && now < last.endsAtMs && (last.endsAtMs === Infinity || last.endsAtMs - now <= maxAgeMs))
      return last.findings;
    look ??= createLook({ view, resolve, probe, more, timers: given, networkTimeoutMs });
    const current = { findings: look(), endsAtMs: Infinity };
    last = current;
    current.findings.then(
      () => (current.endsAtMs = topology.clock() + maxAgeMs),
      () => (current.endsAtMs = -Infinity),
    );
    return current.findings;
  };
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'X-Nsq-Content-Type': 'nsq; version=1.0' };
  const answer = async () => ({ status: 200, headers, body: JSON.stringify(toJson(await read())) });
  return {
    read,
    routes: [{ method: 'GET', path: '/findings', action: { name: 'findings', kind: 'read' }, about: ABOUT, answer }],
    arrived: (peer) => arrivals.note(peer),
  };
}

const COUNT = { type: 'integer' };
const MEMBERS = ['kind', 'subject', 'seen', 'why', 'advice'];
const FINDING = {
  type: 'object',
  properties: Object.fromEntries(MEMBERS.map((name) => [name, { type: 'string' }])),
  required: MEMBERS,
};
const FOUND = {
  type: 'object',
  properties: {
    findings: { type: 'array', items: FINDING },
    left_out: { type: 'object', additionalProperties: COUNT },
    unchecked: COUNT,
  },
  required: ['findings', 'left_out', 'unchecked'],
};
const ABOUT: RouteDescription = {
  summary: 'what is wrong with the topology, why it hurts, and what to do',
  answers: { 200: { description: 'what was found', content: { 'application/json': FOUND } } },
};

/** As `/findings` tells it. */
function toJson({ findings, leftOut, unchecked }: Findings) {
  return { findings, left_out: leftOut, unchecked };
}
