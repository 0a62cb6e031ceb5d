import type { Clock } from '../base/clock.js';
import { report, type OnError } from '../base/error-report.js';
import { setTimer, type ClientTimers } from '../base/timers.js';
import { within } from '../base/within.js';
import type { HttpLookupd } from './address.js';
import { explain } from './lookup-error.js';
import type { UnionRegistry } from './union-registry.js';
import { UnionSource, type SourceOptions } from './union-source.js';

/** One of the lookupds of a union, as it stands. */
export interface UnionLookupd {
  /** As it was given, without a query. */
  readonly address: string;
  /** `up`; `grace`: down, and what it said last still serves; `down`: left out; `starting`: it has neither answered nor failed. */
  readonly state: 'up' | 'grace' | 'down' | 'starting';
  /** Whether it tells of changes itself, and need not be asked again and again. */
  readonly isWatched: boolean;
  /** Why it does not answer, while it does not. */
  readonly reason: string | undefined;
}

export interface MembersOptions extends Omit<SourceOptions, 'onSwap' | 'onStatus'> {
  readonly lookupds: () => Promise<readonly HttpLookupd[]>;
  readonly refreshMs: number;
  /** How long to wait for an answer of which there are, and for those that have neither answered nor failed. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly timers: ClientTimers;
  readonly onError: OnError;
}

/** The lookupds of a union: those that there are now, and those that still count though they are gone. */
export class UnionMembers {
  readonly #registry: UnionRegistry;
  readonly #options: MembersOptions;
  readonly #sources = new Map<string, UnionSource>();
  readonly #leaving = new Set<UnionSource>();
  #refreshing: Promise<void> | undefined;
  #timer: unknown;
  readonly #waited: unknown;
  #isClosed = false;
  #isKnown = false;
  /** Whether each of the first has answered or failed, or had the time to: who comes later is not waited for. */
  #isSettled = false;
  #settled: (() => void)[] = [];
  /** Those that do not answer, for a header; `''` for none. */
  down = '';
  /** Whether there is anything to answer with, and nobody to wait for. */
  isReady = false;

  constructor(registry: UnionRegistry, options: MembersOptions) {
    this.#registry = registry;
    this.#options = options;
    this.#waited = setTimer(options.timers, () => this.#settle(), options.timeoutMs);
    void this.refresh();
  }

  /** Those that there are. */
  get all(): UnionSource[] {
    return [...this.#sources.values()].filter((source) => !this.#leaving.has(source));
  }

  get states(): UnionLookupd[] {
    return this.all.map(({ lookupd, failure, isIn, isWatched }) => {
      const state = !failure ? (isIn ? 'up' : 'starting') : isIn ? 'grace' : 'down';
      return { address: lookupd.address, state, isWatched: isWatched === true, reason: failure && explain(failure) };
    });
  }

  /** Resolves when each has answered or failed, or had the time to: whether there is anything to answer with. */
  async ready(): Promise<boolean> {
    while (!this.#isClosed && !this.#isSettled) await new Promise<void>((resolve) => this.#settled.push(resolve));
    return [...this.#sources.values()].some(({ isIn }) => isIn);
  }

  /** Looks anew which lookupds there are. */
  refresh(): Promise<void> {
    return (this.#refreshing ??= this.#look().finally(() => (this.#refreshing = undefined)));
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of [this.#timer, this.#waited]) if (timer !== undefined) this.#options.timers.clearTimeout(timer);
    for (const source of this.#sources.values()) source.stop(true);
    this.#changed();
  }

  async #look(): Promise<void> {
    const { lookupds, onError, timers, refreshMs, timeoutMs } = this.#options;
    const late = () => new Error(`no answer within ${timeoutMs} ms`);
    try {
      this.#follow(await within(lookupds(), { timers, ms: timeoutMs, late }));
    } catch (error) {
      report(onError, error, 'which lookupds there are is not known'); // those of before stay
    }
    this.#isKnown = true;
    this.#changed();
    if (this.#isClosed) return;
    this.#timer = setTimer(timers, () => void this.refresh(), refreshMs);
  }

  #follow(lookupds: readonly HttpLookupd[]): void {
    if (this.#isClosed) return;
    const there = new Set(lookupds.map(({ address }) => address));
    for (const [address, source] of this.#sources) {
      if (there.has(address) || this.#leaving.has(source)) continue;
      this.#leaving.add(source);
      source.stop();
      if (!source.isIn) this.#drop(source);
    }
    for (const lookupd of lookupds) {
      const known = this.#sources.get(lookupd.address);
      const source = known ?? new UnionSource(lookupd, this.#sourceOptions());
      this.#leaving.delete(source);
      if (!known) {
        this.#sources.set(lookupd.address, source);
        this.#registry.add(source);
      }
      source.start();
    }
  }

  #sourceOptions(): SourceOptions {
    return {
      ...this.#options,
      onSwap: (source, before) => this.#registry.swapped(source, before),
      onStatus: () => {
        for (const source of this.#leaving) if (!source.isIn) this.#drop(source);
        this.#changed();
      },
    };
  }

  #drop(source: UnionSource): void {
    this.#leaving.delete(source);
    this.#sources.delete(source.lookupd.address);
    this.#registry.delete(source);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#changed();
  }

  #changed(): void {
    const { all } = this;
    this.down = all
      .filter(({ failure }) => failure)
      .map(({ lookupd }) => lookupd.address)
      .join(', ');
    this.#isSettled ||= this.#isKnown && all.every(({ failure, isIn }) => failure !== undefined || isIn);
    this.isReady = this.#isSettled && [...this.#sources.values()].some(({ isIn }) => isIn);
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}
