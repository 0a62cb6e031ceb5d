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
import { eachOfWithin, within } from '../base/within.js';
import type { Steps } from '../base/work-queue.js';
import { SILENT_LOGGER, type Logger, type OnError, type PeerInfo, type Topology } from '../registry/index.js';
import { readRegistry } from './registry-reader.js';
import { UnreadableError, type RegistryStore } from './registry-store.js';
import { Saver } from './saver.js';

/** 45 seconds: how long the producers of before a restart are answered for; an nsqd tries again every 15. */
export const DEFAULT_RESTORE_GRACE_MS = 45_000;
/** A second between two saves, at the least. */
export const DEFAULT_SAVE_INTERVAL_MS = 1000;
/** A minute: how long a store may say nothing. */
export const DEFAULT_STORE_TIMEOUT_MS = 60_000;

/** What a `WarmRestart` is made of. */
export interface WarmRestartOptions {
  /** Whose registry is kept. */
  readonly topology: Topology;
  /** Where it is kept, such as `createFileStore` makes. */
  readonly store: RegistryStore;
  /**
   * How long producers from before the restart stay in the answers if they do not come back: milliseconds from 0 on. Default 45,000.
   */
  readonly restoreGraceMs?: number | undefined;
  /** How long after a save the next one begins, if anything has changed: milliseconds from 0 on; ten times what the last took, if that is longer. Default 1,000. */
  readonly saveIntervalMs?: number | undefined;
  /**
   * How long the store may say nothing, in milliseconds from 0 on: one that loads is given up then; that one does not save is told to
   * `log`, and it is waited for. Default 60,000.
   */
  readonly storeTimeoutMs?: number | undefined;
  /** Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /** Told what was restored, and, once until it works again, that it could not be saved. Default: nobody. */
  readonly log?: Logger | undefined;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<WarmRestartOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'leave')),
  store: required(withMethods('a RegistryStore', 'load', 'save')),
  restoreGraceMs: number(0),
  saveIntervalMs: number(0),
  storeTimeoutMs: number(0),
  timers: clientTimers,
  log: logger,
  onError: aFunction,
};

/** How it stands with what is kept. */
export interface WarmRestartStatus {
  /** How many peers of before the restart are answered for, as they are not back yet. */
  readonly restoredPeers: number;
  /** When what is saved was true, by the clock of the topology; undefined if nothing was saved since the start. */
  readonly savedAtMs: number | undefined;
  /** How many saves failed since the start. */
  readonly failures: number;
  /** Why the last one failed; undefined if it did not. */
  readonly failure: string | undefined;
}

/** Keeps a registry over a restart. */
export interface WarmRestart {
  /**
   * Takes in what was saved, and saves from then on what changes. To be called before anybody may register. What cannot be read is
   * set aside, and told to `log`. Rejects when the store cannot be used at all or says nothing for too long, and when the signal is
   * aborted, with its reason; the registry is empty then.
   */
  restore(signal?: AbortSignal): Promise<void>;
  /** How it stands. */
  readonly status: WarmRestartStatus;
  /**
   * Saves for the last time, if anything has changed since, and lets go of the store. To be called before the peers go. A save that
   * is not over after `timeoutMs` (default: Infinity) is given up, so that what was saved before stays; nor is a store waited for
   * longer that does not let go. Never rejects.
   */
  close(timeoutMs?: number): Promise<void>;
}

/**
 * Makes a registry outlive its process. Throws a TypeError that names the option when one is unknown, missing, or of the
 * wrong kind.
 *
 * @example
 * ```js
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { RegistrationDB, Topology } from 'nsqlookupd';
 * import { createFileStore, createWarmRestart } from 'nsqlookupd/store';
 *
 * const folder = join(tmpdir(), 'nsqlookupd-registry');
 * const before = new Topology({ db: new RegistrationDB() });
 * const keeping = createWarmRestart({ topology: before, store: await createFileStore(folder) });
 * await keeping.restore();
 * before.createTopic('orders');
 * await keeping.close();
 *
 * const after = new Topology({ db: new RegistrationDB() });
 * const kept = createWarmRestart({ topology: after, store: await createFileStore(folder) });
 * await kept.restore();
 * console.log(after.topics()); // [ 'orders' ]
 * await kept.close();
 * ```
 */
export function createWarmRestart(options: WarmRestartOptions): WarmRestart {
  const checked = checkOptions('createWarmRestart', options, CHECKS);
  const { topology, store, timers = DEFAULT_TIMERS, onError = printError } = checked;
  const { restoreGraceMs = DEFAULT_RESTORE_GRACE_MS, saveIntervalMs = DEFAULT_SAVE_INTERVAL_MS } = checked;
  const { storeTimeoutMs = DEFAULT_STORE_TIMEOUT_MS } = checked;
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  /** Those that are neither back nor gone. */
  const restored = new Set<PeerInfo>();
  let stop = (): void => undefined;
  const saver = new Saver({ topology, store, saveIntervalMs, storeTimeoutMs, timers, log });
  let graceTimer: unknown;

  const follow = (peers: readonly PeerInfo[]) => {
    for (const peer of peers) restored.add(peer);
    stop = topology.db.onChange((change) => {
      if ('peer' in change && topology.db.keyOf(change.peer) === undefined) restored.delete(change.peer);
    });
  };
  const endGrace = () => {
    stop();
    const left = [...restored];
    restored.clear();
    if (left.length > 0) log.info?.(`RESTORE: peers that have not come back: ${left.length}`);
    topology.work.run(leavingEach(topology, left));
  };
  const read = async (signal: AbortSignal | undefined) => {
    const late = () => new Error(`the store has said nothing for ${storeTimeoutMs} ms`);
    const deadline = { timers, ms: storeTimeoutMs, late, signal };
    try {
      const chunks = await within(Promise.resolve(store.load()), deadline);
      if (!chunks) return;
      const { peers, lost } = await readRegistry(topology, eachOfWithin(chunks, deadline));
      follow(peers);
      if (lost > 0) log.warn?.(`RESTORE: registrations and producers that did not fit: ${lost}`);
      log.info?.(`RESTORE: ${topology.db.size} registrations and producers, ${restored.size} peers`);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      log.error?.(`RESTORE: what was saved cannot be read, starting empty - ${error.message}`);
      try {
        await store.setAside?.(error.why);
      } catch (failure) {
        log.error?.(`RESTORE: it could not be set aside - ${String(failure)}`);
      }
    }
  };
  return {
    async restore(signal) {
      await read(signal);
      saver.start();
      if (restored.size > 0) graceTimer = setTimer(timers, endGrace, restoreGraceMs);
    },
    get status() {
      return { restoredPeers: restored.size, ...saver.status };
    },
    async close(timeoutMs = Infinity) {
      if (graceTimer !== undefined) timers.clearTimeout(graceTimer);
      stop();
      let timer: unknown;
      const over = new Promise<void>((resolve) => (timer = setTimer(timers, resolve, timeoutMs)));
      await saver.close(over);
      const closing = Promise.resolve()
        .then(() => store.close?.())
        .catch((error: unknown) => log.error?.(`SAVE: the store could not be closed - ${String(error)}`));
      await Promise.race([closing, over]);
      timers.clearTimeout(timer);
    },
  };
}

function* leavingEach(topology: Topology, peers: readonly PeerInfo[]): Steps {
  for (const peer of peers) {
    const steps = topology.db.countRegistrationsOf(peer);
    topology.leave(peer);
    yield steps;
  }
}
