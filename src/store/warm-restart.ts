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
import { SILENT_LOGGER, type Logger, type OnError, type PeerInfo, type Topology } from '../registry/index.js';
import { readRegistry } from './registry-reader.js';
import { UnreadableError, type RegistryStore } from './registry-store.js';
import { writeRegistry } from './registry-writer.js';

/** 45 seconds: how long the producers of before a restart are answered for; an nsqd tries again every 15. */
export const DEFAULT_RESTORE_GRACE_MS = 45_000;
/** A second between two saves, at the least. */
export const DEFAULT_SAVE_INTERVAL_MS = 1000;
/** The part of the time that goes into saving, at the most: a large registry is saved less often. */
const MAX_SHARE_OF_TIME = 0.1;

/** What a `WarmRestart` is made of. */
export interface WarmRestartOptions {
  /** Whose registry is kept. */
  readonly topology: Topology;
  /** Where it is kept, such as `createFileStore` makes. */
  readonly store: RegistryStore;
  /**
   * How long producers that were there before the restart are answered for if they do not come back: milliseconds from 0 on. Default 45,000.
   */
  readonly restoreGraceMs?: number | undefined;
  /** How long after a save the next one begins, if anything has changed: milliseconds from 0 on; ten times what the last took, if that is longer. Default 1,000. */
  readonly saveIntervalMs?: number | undefined;
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
   * set aside, and told to `log`. Rejects when the store cannot be used at all.
   */
  restore(): Promise<void>;
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
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  let restored: readonly PeerInfo[] = [];
  const saver = new Saver(topology, store, saveIntervalMs, timers, log);
  let graceTimer: unknown;

  const areThere = () => restored.filter((peer) => topology.db.keyOf(peer) !== undefined);
  const endGrace = () => {
    const left = areThere();
    restored = [];
    if (left.length > 0) log.info?.(`RESTORE: peers that have not come back: ${left.length}`);
    for (const peer of left) topology.leave(peer);
  };
  const read = async () => {
    try {
      const chunks = await store.load();
      if (!chunks) return;
      const { peers, lost } = await readRegistry(topology, chunks);
      restored = peers;
      if (lost > 0) log.warn?.(`RESTORE: registrations and producers without room: ${lost}`);
      log.info?.(`RESTORE: ${topology.db.size} registrations and producers, ${restored.length} peers`);
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
    async restore() {
      await read();
      saver.start();
      if (restored.length > 0) graceTimer = setTimer(timers, endGrace, restoreGraceMs);
    },
    get status() {
      return { restoredPeers: areThere().length, ...saver.status };
    },
    async close(timeoutMs = Infinity) {
      if (graceTimer !== undefined) timers.clearTimeout(graceTimer);
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

/** Saves what has changed, now and then, one save at a time. */
class Saver {
  readonly #topology: Topology;
  readonly #store: RegistryStore;
  readonly #intervalMs: number;
  readonly #timers: ClientTimers;
  readonly #log: Logger;
  #stop: (() => void) | undefined;
  #timer: unknown;
  #saving: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #isChanged = false;
  #isGivenUp = false;
  #isWhole = false;
  #tookMs = 0;
  #savedAtMs: number | undefined;
  #failures = 0;
  #failure: string | undefined;

  constructor(topology: Topology, store: RegistryStore, intervalMs: number, timers: ClientTimers, log: Logger) {
    this.#topology = topology;
    this.#store = store;
    this.#intervalMs = intervalMs;
    this.#timers = timers;
    this.#log = log;
  }

  get status(): Omit<WarmRestartStatus, 'restoredPeers'> {
    return { savedAtMs: this.#savedAtMs, failures: this.#failures, failure: this.#failure };
  }

  start(): void {
    this.#stop = this.#topology.db.onChange(() => {
      if (this.#isChanged) return;
      this.#isChanged = true;
      this.#schedule();
    });
  }

  /** Resolves when the last save is over, or given up, as the time is `over`. */
  async close(over: Promise<void>): Promise<void> {
    this.#stop?.();
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#closing ??= this.#saveLast();
    await Promise.race([this.#closing, over]);
    this.#isGivenUp = true;
  }

  async #saveLast(): Promise<void> {
    await this.#saving;
    if (this.#isChanged) await this.#save();
  }

  async *#text(): AsyncGenerator<string, void, undefined> {
    for await (const chunk of writeRegistry(this.#topology)) {
      if (this.#isGivenUp) throw new Error('given up, as the process ends');
      yield chunk;
    }
    this.#isWhole = true;
  }

  #schedule(): void {
    if (this.#closing || this.#saving || this.#timer !== undefined) return;
    const pauseMs = Math.max(this.#intervalMs, this.#tookMs / MAX_SHARE_OF_TIME);
    this.#timer = setTimer(this.#timers, () => this.#begin(), pauseMs);
  }

  #begin(): void {
    this.#timer = undefined;
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined;
      if (this.#isChanged) this.#schedule();
    });
  }

  async #save(): Promise<void> {
    this.#isChanged = this.#isWhole = false;
    const text = this.#text();
    try {
      const startMs = this.#topology.clock();
      await this.#store.save(text);
      if (!this.#isWhole) throw new Error('the store has not taken all of it');
      if (this.#failure !== undefined) this.#log.info?.('SAVE: the registry is saved again');
      this.#savedAtMs = startMs;
      this.#tookMs = this.#topology.clock() - startMs;
      this.#failure = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (this.#failure === undefined)
        this.#log.error?.(`SAVE: the registry could not be saved, trying again - ${message}`);
      this.#failure = message;
      this.#failures++;
      this.#isChanged = true;
    } finally {
      void text.return().catch(() => undefined); // a store may leave it half taken
    }
  }
}
