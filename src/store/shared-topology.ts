import { printError } from '../base/error-report.js';
import { toSafeLogger } from '../base/logger.js';
import {
  aFunction,
  checkOptions,
  clientTimers,
  logger,
  number,
  required,
  withMethods,
  type Checks,
} from '../base/options.js';
import { DEFAULT_TIMERS, setTimer, type ClientTimers } from '../base/timers.js';
import { SILENT_LOGGER, type Logger, type OnError, type Topology } from '../registry/index.js';
import { SharedLink } from './shared-link.js';
import type { SharedRegistry } from './shared-registry.js';
import type { SharedStatus } from './shared-status.js';

/** 45 seconds: how long the peers of a lookupd that is gone are answered for; an nsqd tries again every 15. */
export const DEFAULT_SHARED_GRACE_MS = 45_000;
/** 15 seconds: how long a lookupd that says nothing is taken to be there. */
export const DEFAULT_SHARED_LEASE_MS = 15_000;

/** What a `SharedTopology` is made of. */
export interface SharedTopologyOptions {
  /** Whose registry is shared. */
  readonly topology: Topology;
  /** What carries it, such as `createRedisRegistry` makes. */
  readonly registry: SharedRegistry;
  /** How long the peers of a lookupd that is gone are answered for, if they do not come to another: milliseconds from 0 on. Default 45,000. */
  readonly graceMs?: number | undefined;
  /** After how long a lookupd that says nothing is gone: milliseconds from 100 on; it says something every third of that. Default 15,000. */
  readonly leaseMs?: number | undefined;
  /** Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /** Told when what carries it is away, and back, and when a lookupd comes or goes. Default: nobody. */
  readonly log?: Logger | undefined;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<SharedTopologyOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'leave')),
  registry: required(withMethods('a SharedRegistry', 'connect')),
  graceMs: number(0),
  leaseMs: number(100),
  timers: clientTimers,
  log: logger,
  onError: aFunction,
};

/** A registry that is shared with other lookupds. */
export interface SharedTopology {
  /**
   * Begins. Resolves when all that the others know is here, or after `timeoutMs` (default 2,000) without that: it goes on trying. Never
   * rejects.
   */
  start(timeoutMs?: number): Promise<void>;
  /** How it stands. */
  readonly status: SharedStatus;
  /** Hands the peers over and ends it: to be called before they go. Waits for `timeoutMs` (default 1,000) at the most. Never rejects. */
  close(timeoutMs?: number): Promise<void>;
}

/**
 * Makes several lookupds one: each tells what its own peers carry, and answers for the peers of all out of its own registry. Answers
 * never wait for what carries it, and while that is away each goes on with what it knows. Throws a TypeError that names the option
 * when one is unknown, missing, or of the wrong kind.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 * import { createSharedMemory, createSharedTopology } from 'nsqlookupd/store';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const shared = createSharedTopology({ topology, registry: createSharedMemory(Date.now).registry() });
 * await shared.start();
 * console.log(shared.status.isConnected); // true
 * await shared.close();
 * ```
 */
export function createSharedTopology(options: SharedTopologyOptions): SharedTopology {
  const checked = checkOptions('createSharedTopology', options, CHECKS);
  const { topology, registry, timers = DEFAULT_TIMERS, onError = printError } = checked;
  const { graceMs = DEFAULT_SHARED_GRACE_MS, leaseMs = DEFAULT_SHARED_LEASE_MS } = checked;
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  const link = new SharedLink({ topology, registry, graceMs, leaseMs, timers, log });
  const within = async (what: Promise<void>, ms: number) => {
    let timer: unknown;
    await Promise.race([what, new Promise<void>((resolve) => (timer = setTimer(timers, resolve, ms)))]);
    timers.clearTimeout(timer);
  };
  return {
    start: (timeoutMs = 2000) => within(link.start(), timeoutMs),
    get status() {
      return link.status;
    },
    close: async (timeoutMs = 1000) => {
      await within(link.leave(), timeoutMs);
      link.close();
    },
  };
}
