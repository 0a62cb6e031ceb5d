import { aFinite, aFunction, aNumber } from '../base/options.js';
import type { ClientTimers } from '../client/index.js';
import type { Clock } from '../registry/index.js';

/** 2026-01-01T00:00:00Z: where a clock stands that is told nothing else. */
export const DEFAULT_START_MS = 1_767_225_600_000;

/**
 * A clock to turn by hand, and timers that go by it: hand `clock.now` to a `Topology`, and the clock itself as `timers`
 * to a TCP handler or a `PeerClient`.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 * import { ManualClock } from 'nsqlookupd/testing';
 *
 * const clock = new ManualClock();
 * const topology = new Topology({ db: new RegistrationDB(), clock: clock.now });
 * clock.advance(300_001); // whoever has not pinged since is inactive
 * ```
 */
export class ManualClock implements ClientTimers {
  #nowMs: number;
  #passedMs = 0;
  #lastHandle = 0;
  readonly #timers = new Map<number, { readonly atMs: number; readonly callback: () => void }>();

  /** `startMs`: milliseconds since 1970. Throws a TypeError when it is no number, as all of this do. */
  constructor(startMs = DEFAULT_START_MS) {
    aFinite('startMs', startMs);
    this.#nowMs = startMs;
  }

  /** What time it is: milliseconds since 1970. To be passed on as it is. */
  readonly now: Clock = () => this.#nowMs;

  /** Lets so many milliseconds pass, and calls what falls due, in order, each at its time. */
  advance(ms: number): void {
    aFinite('ms', ms);
    if (ms < 0) throw new TypeError(`time passes forward, and not by ${ms} ms; use set to set the clock back`);
    const endMs = this.#passedMs + ms;
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      const [handle, { atMs, callback }] = next;
      this.#timers.delete(handle);
      this.#pass(atMs);
      callback();
    }
    this.#pass(endMs);
  }

  /**
   * The same, and lets answers arrive in between: promises settle, and streams in memory deliver, before the next timer is
   * called. For what asks and waits, like a `PeerClient`, which would take one long `advance` for a lookupd that hangs.
   */
  async advanceAsync(ms: number): Promise<void> {
    aFinite('ms', ms);
    const endMs = this.#passedMs + ms;
    await settle();
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      this.advance(next[1].atMs - this.#passedMs);
      await settle();
    }
    this.advance(endMs - this.#passedMs);
    await settle();
  }

  /** Sets what time it is, as an operator does. No time passes: no timer is called. */
  set(nowMs: number): void {
    aFinite('nowMs', nowMs);
    this.#nowMs = nowMs;
  }

  /** Calls back when so many milliseconds have passed. Answers a handle for `clearTimeout`. */
  setTimeout(callback: () => void, ms: number): number {
    aFunction('callback', callback);
    aNumber('ms', ms);
    this.#timers.set(++this.#lastHandle, { atMs: this.#passedMs + Math.max(0, ms), callback });
    return this.#lastHandle;
  }

  /** Forgets a timer. */
  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as number);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  #pass(toMs: number): void {
    if (toMs <= this.#passedMs) return; // a callback has turned it on
    this.#nowMs += toMs - this.#passedMs;
    this.#passedMs = toMs;
  }

  #next(endMs: number) {
    const due = [...this.#timers].filter(([, { atMs }]) => atMs <= endMs);
    return due.sort(([a, first], [b, second]) => first.atMs - second.atMs || a - b)[0];
  }
}

const SETTLED_TURNS = 100;

/** Lets microtasks run until, in all likelihood, none is left. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLED_TURNS; turn++) await Promise.resolve();
}
