import { aClock, aFunction, logger, number, required, withMethods, type Checks } from '../base/options.js';
import type { WorkQueue } from '../base/work-queue.js';
import type { Clock } from '../base/clock.js';
import type { OnError } from '../base/error-report.js';
import type { Logger } from '../base/logger.js';
import type { RegistrationDB } from './registration-db.js';

/** 5 minutes: for how long a peer that is not heard of counts as there. nsqlookupd's default. */
export const DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS = 300_000;
/** 45 seconds: for how long a tombstone hides a producer. nsqlookupd's default. */
export const DEFAULT_TOMBSTONE_LIFETIME_MS = 45_000;
/** The most registrations and producers of them, together. nsqlookupd has no such limit. */
export const DEFAULT_MAX_REGISTRATIONS = 2_000_000;
/** The most registrations of one peer. nsqlookupd has no such limit. */
export const DEFAULT_MAX_REGISTRATIONS_PER_PEER = 100_000;

/** What the registry may weigh, in bytes: 512 MiB. nsqlookupd has no such limit. */
export const DEFAULT_MAX_REGISTRY_BYTES = 512 * 1024 * 1024;

/** What a `Topology` is made of. Times are milliseconds; every number is one from 0 on, `Infinity` included. */
export interface TopologyOptions {
  /** The registry that is asked and changed. */
  readonly db: RegistrationDB;
  /**
   * The clock that ages are measured with: a monotonic one, or in a test one that you turn by hand. Default: `createSteadyClock()`.
   */
  readonly clock?: Clock | undefined;
  /** The time of day for what is printed, as in `/debug`. Default: the `clock`, or without one the system's. */
  readonly wallClock?: Clock | undefined;
  /** A peer that has been silent for longer than this is left out of lookups and nodes. Default 300,000 (5 minutes). */
  readonly inactiveProducerTimeoutMs?: number | undefined;
  /** For how long a tombstone hides a producer. Default 45,000. */
  readonly tombstoneLifetimeMs?: number | undefined;
  /** The most registrations and producers of them, together (`db.size`). Default 2,000,000. */
  readonly maxRegistrations?: number | undefined;
  /** The most registrations of one peer. Default 100,000. */
  readonly maxRegistrationsPerPeer?: number | undefined;
  /** How many bytes of memory the registry may take, about (`db.bytes`). Default 536,870,912 (512 MiB). */
  readonly maxRegistryBytes?: number | undefined;
  /** What shares long work out over the turns of the event loop. Default: a new one. */
  readonly work?: WorkQueue | undefined;
  /** Gets a line for each change, worded as nsqlookupd words it. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/** The options of `Topology`, for who hands on part of what it was handed: each with what checks its value. */
export const TOPOLOGY_CHECKS: Checks<TopologyOptions> = {
  db: required(withMethods('a RegistrationDB', 'addProducer')),
  clock: aClock,
  wallClock: aClock,
  inactiveProducerTimeoutMs: number(0),
  tombstoneLifetimeMs: number(0),
  maxRegistrations: number(0),
  maxRegistrationsPerPeer: number(0),
  maxRegistryBytes: number(0),
  work: withMethods('a WorkQueue', 'run', 'turn'),
  log: logger,
  onError: aFunction,
};
