import type { Clock } from './clock.js';
import type { OnError } from './error-report.js';
import type { Logger } from './logger.js';
import type { RegistrationDB } from './registration-db.js';

export const DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS = 300_000;
export const DEFAULT_TOMBSTONE_LIFETIME_MS = 45_000;
export const DEFAULT_MAX_REGISTRATIONS = 2_000_000;
export const DEFAULT_MAX_REGISTRATIONS_PER_PEER = 100_000;

export interface TopologyOptions {
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
