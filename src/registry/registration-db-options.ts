import type { OnError } from '../base/error-report.js';
import { aFunction, text, type Checks } from '../base/options.js';
import type { Producer, Registration } from './registration.js';

/**
 * What a `RegistrationDB` tells, each after the change is made. A listener may change the db itself. `on`, `once` and
 * `off` know these names and arguments.
 */
export interface RegistrationDBEvents {
  /** A registration is there that was not, before `producerAdded` if a producer brought it. */
  registrationAdded: (registration: Registration) => void;
  /** A registration has gone, after `producerRemoved` of each of its producers. */
  registrationRemoved: (registration: Registration) => void;
  /** A peer has become a producer of the registration. */
  producerAdded: (registration: Registration, producer: Producer) => void;
  /** A peer is no longer a producer of the registration, whichever way it went. */
  producerRemoved: (registration: Registration, producer: Producer) => void;
  /** A producer was tombstoned; when the tombstone ends is told by nobody, as nothing happens then. */
  producerTombstoned: (registration: Registration, producer: Producer) => void;
}

/** Options of a `RegistrationDB`, all of which may be left out. */
export interface RegistrationDBOptions {
  /**
   * Gets what a listener of the db's events threw, once for each event. The change that the event told of
   * stands, and whoever made it is not disturbed. Default: a line to the console.
   */
  readonly onError?: OnError | undefined;
  /** Begins the keys of peers that identify themselves here; where several dbs are put together, each has its own. Default `local`. */
  readonly origin?: string | undefined;
  /** Names this db among others, and itself before a restart. Default: a random UUID. */
  readonly epoch?: string | undefined;
}

/** The origin of peers that identify themselves here. */
export const DEFAULT_ORIGIN = 'local';

export const DB_CHECKS: Checks<RegistrationDBOptions> = { onError: aFunction, origin: text, epoch: text };
