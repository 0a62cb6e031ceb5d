import type { Clock } from '../base/clock.js';
import type { OnError } from '../base/error-report.js';
import {
  aClock,
  aFunction,
  anArray,
  clientTimers,
  nested,
  number,
  oneOf,
  required,
  textOrFunction,
  type Checks,
} from '../base/options.js';
import type { ClientTimers } from '../base/timers.js';
import { ZONE_POLICIES, type Authorize, type RouteRow, type ZoneOf, type ZonePolicy } from '../http/index.js';
import type { Topology } from '../registry/index.js';
import { lookupdsOrFunction, type Lookupds } from './address.js';
import { TLS_CLIENT_CHECKS, type TlsClientOptions } from '../base/tls-options.js';

/** 45 seconds: how long what a lookupd said last serves when it is down. */
export const DEFAULT_UNION_GRACE_MS = 45_000;
/** 2 seconds: how long what a lookupd said serves that cannot tell of changes. */
export const DEFAULT_UNION_POLL_MS = 2000;
/** 10 seconds: how often `lookupds` is asked for which there are, if it is a function. */
export const DEFAULT_UNION_REFRESH_MS = 10_000;

/** Of which lookupds a union is, and how they are asked. Times are milliseconds. */
export interface UnionHandlerOptions {
  /** The HTTP side of each, as of `LookupClient`; a function is asked again and again, and `resolveLookupds` makes one of a DNS name. */
  readonly lookupds: Lookupds;
  /** How long what a lookupd said last serves when it is down, or no longer among `lookupds`. Default 45,000. */
  readonly graceMs?: number | undefined;
  /** How often a lookupd is asked that cannot tell of changes, such as the original. Default 2,000. */
  readonly pollMs?: number | undefined;
  /** How often `lookupds` is asked, if it is a function. Default 10,000. */
  readonly refreshMs?: number | undefined;
  /** How long a lookupd may take for an answer. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** The longest answer, or event, that is read of one. Default 67,108,864 (64 MiB). */
  readonly maxAnswerBytes?: number | undefined;
  /** What the lookupds have as such: how long after its last ping a producer is still named. Default 300,000. */
  readonly inactiveProducerTimeoutMs?: number | undefined;
  /** What the lookupds have as such: how long a tombstone hides a producer. Default 45,000. */
  readonly tombstoneLifetimeMs?: number | undefined;
  /** The most clients that watch at once. Default 10,000. */
  readonly maxWatchers?: number | undefined;
  /** Sent to the lookupds as `Authorization: Bearer …`; a function is asked before each request. Default: nothing is sent. */
  readonly token?: string | (() => string | PromiseLike<string>) | undefined;
  /** How lookupds are asked whose URL begins with `https`, in Node. Not with `fetch`. */
  readonly tls?: TlsClientOptions | undefined;
  /** What asks. Default: the runtime's own. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Rows beside its own, such as those of `metricsRoutes`; a function is given what the lookupds say together. Default: none. */
  readonly routes?: readonly RouteRow[] | ((topology: Topology) => readonly RouteRow[]) | undefined;
  /** Decides who may do what here. Default: anyone may do anything. */
  readonly authorize?: Authorize | undefined;
  /** As of `createHttpHandler`. Default `off`. */
  readonly zonePolicy?: ZonePolicy | undefined;
  /** As of `createHttpHandler`. */
  readonly zoneOf?: ZoneOf | undefined;
  /** Milliseconds since 1970. Default: one that nobody sets, `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** What pauses and deadlines are measured with. Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /** From 0 to 1, for pauses. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Gets what went wrong that is no lookupd's fault. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

export const UNION_CHECKS: Checks<UnionHandlerOptions> = {
  lookupds: required(lookupdsOrFunction),
  graceMs: number(0),
  pollMs: number(1),
  refreshMs: number(1),
  timeoutMs: number(1),
  maxAnswerBytes: number(1),
  inactiveProducerTimeoutMs: number(0),
  tombstoneLifetimeMs: number(0),
  maxWatchers: number(0),
  token: textOrFunction,
  tls: nested(TLS_CLIENT_CHECKS),
  fetch: aFunction,
  routes: (name, value) => (typeof value === 'function' ? undefined : anArray(name, value)),
  authorize: aFunction,
  zonePolicy: oneOf(ZONE_POLICIES),
  zoneOf: aFunction,
  clock: aClock,
  timers: clientTimers,
  random: aFunction,
  onError: aFunction,
};
