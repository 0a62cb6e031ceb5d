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

/** What a `Topology` is made of. Times are milliseconds; every number is one from 0 on, `Infinity` included. */
export interface TopologyOptions {
  /** The registry that is asked and changed. */
  readonly db: RegistrationDB;
  /** `Date.now` in a service, a clock to turn by hand in a test. */
  readonly clock: Clock;
  /** A peer not heard of for longer than this is left out of lookups and nodes. Default 300,000 (5 minutes). */
  readonly inactiveProducerTimeoutMs?: number | undefined;
  /** For how long a tombstone hides a producer. Default 45,000. */
  readonly tombstoneLifetimeMs?: number | undefined;
  /** The most registrations and producers of them, together (`db.size`). Default 2,000,000. */
  readonly maxRegistrations?: number | undefined;
  /** The most registrations of one peer. Default 100,000. */
  readonly maxRegistrationsPerPeer?: number | undefined;
  /** Gets a line for each change, worded as nsqlookupd words it. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}
