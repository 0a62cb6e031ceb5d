import { setTimer, type ClientTimers } from '../base/timers.js';
import type { Logger, Topology } from '../registry/index.js';
import type { RegistryStore } from './registry-store.js';
import { writeRegistry } from './registry-writer.js';
import type { WarmRestartStatus } from './warm-restart.js';

/** The part of the time that goes into saving, at the most: a large registry is saved less often. */
const MAX_SHARE_OF_TIME = 0.1;

interface SaverOptions {
  readonly topology: Topology;
  readonly store: RegistryStore;
  readonly saveIntervalMs: number;
  readonly storeTimeoutMs: number;
  readonly timers: ClientTimers;
  readonly log: Logger;
}

/** Saves what has changed, now and then, one save at a time. */
export class Saver {
  readonly #options: SaverOptions;
  #stop: (() => void) | undefined;
  #timer: unknown;
  #watch: unknown;
  #saving: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #isChanged = false;
  #isGivenUp = false;
  #isWhole = false;
  #tookMs = 0;
  /** How many were made, of all saves. */
  #chunks = 0;
  #savedAtMs: number | undefined;
  #failures = 0;
  #failure: string | undefined;

  constructor(options: SaverOptions) {
    this.#options = options;
  }

  get status(): Omit<WarmRestartStatus, 'restoredPeers'> {
    return { savedAtMs: this.#savedAtMs, failures: this.#failures, failure: this.#failure };
  }

  start(): void {
    this.#stop = this.#options.topology.db.onChange(() => {
      if (this.#isChanged) return;
      this.#isChanged = true;
      this.#schedule();
    });
  }

  /** Resolves when the last save is over, or given up, as the time is `over`. */
  async close(over: Promise<void>): Promise<void> {
    this.#stop?.();
    if (this.#timer !== undefined) this.#options.timers.clearTimeout(this.#timer);
    this.#closing ??= this.#saveLast();
    await Promise.race([this.#closing, over]);
    this.#isGivenUp = true;
    this.#stopWatching();
  }

  async #saveLast(): Promise<void> {
    await this.#saving;
    if (this.#isChanged) await this.#save();
  }

  async *#text(): AsyncGenerator<string, void, undefined> {
    for await (const chunk of writeRegistry(this.#options.topology)) {
      if (this.#isGivenUp) throw new Error('given up, as the process ends');
      this.#chunks++;
      yield chunk;
    }
    this.#isWhole = true;
  }

  #schedule(): void {
    if (this.#closing || this.#saving || this.#timer !== undefined) return;
    const pauseMs = Math.max(this.#options.saveIntervalMs, this.#tookMs / MAX_SHARE_OF_TIME);
    this.#timer = setTimer(this.#options.timers, () => this.#begin(), pauseMs);
  }

  #begin(): void {
    this.#timer = undefined;
    this.#saving = this.#save().finally(() => {
      this.#saving = undefined;
      if (this.#isChanged) this.#schedule();
    });
  }

  async #save(): Promise<void> {
    const { topology, store, log } = this.#options;
    this.#isChanged = this.#isWhole = false;
    const text = this.#text();
    this.#watchOver();
    try {
      const startMs = topology.clock();
      await store.save(text);
      if (!this.#isWhole) throw new Error('the store has not taken all of it');
      if (this.#failure !== undefined) log.info?.('SAVE: the registry is saved again');
      this.#savedAtMs = startMs;
      this.#tookMs = topology.clock() - startMs;
      this.#failure = undefined;
    } catch (error) {
      this.#failed(`the registry could not be saved, trying again - ${messageOf(error)}`, messageOf(error));
      this.#isChanged = true;
    } finally {
      this.#stopWatching();
      void text.return().catch(() => undefined); // a store may leave it half taken
    }
  }

  /** Tells when the store has taken nothing for too long, and not said that it has all. */
  #watchOver(): void {
    const { timers, storeTimeoutMs } = this.#options;
    let known = this.#chunks;
    const look = () => {
      const message = `the store has said nothing for ${storeTimeoutMs} ms`;
      if (known === this.#chunks) return this.#failed(`${message}, still waiting`, message);
      known = this.#chunks;
      this.#watch = setTimer(timers, look, storeTimeoutMs);
    };
    this.#watch = setTimer(timers, look, storeTimeoutMs);
  }

  #stopWatching(): void {
    if (this.#watch !== undefined) this.#options.timers.clearTimeout(this.#watch);
    this.#watch = undefined;
  }

  #failed(line: string, message: string): void {
    if (this.#failure === undefined) this.#options.log.error?.(`SAVE: ${line}`);
    this.#failure = message;
    this.#failures++;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
