import type { Clock } from '../base/clock.js';
import { toOwnText } from '../base/text.js';
import type { RegistrationDB } from '../registry/index.js';

/** What was made, and until when it holds if nothing happens. */
export interface Made {
  readonly value: unknown;
  readonly bytes: number;
  readonly changesAtMs: number;
}

export interface Kept extends Made {
  readonly revision: number;
  readonly madeAtMs: number;
}

/**
 * What an answer about producers is kept at, of the revision that it is made at: another one while other lookupds' peers are known,
 * as an nsqd that several hold is told of once then, and one that is connected twice as well.
 */
export function sharedRevision({ broughtCount }: RegistrationDB, revision: number): number {
  return broughtCount > 0 ? -revision : revision;
}

/** What an entry costs beside its value, about: its key, and what adapters make ready of it, a head and a short body as text. */
const ENTRY_BYTES = 1200;

/**
 * What was made of the registry, kept for as long as it holds: until the revision that it was made at has passed, or the
 * time at which it changes by itself has come, or the clock has been set back. The oldest go first when there is no room.
 */
export class KeptCache {
  readonly #kept = new Map<unknown, Kept>();
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  /** What is kept under that key, which is for one kind of value alone. */
  get(key: unknown, revision: number): unknown {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    if (kept.revision === revision && this.isInTime(kept)) return kept.value;
    this.#drop(key, kept);
    return undefined;
  }

  /** Whether time alone has not changed it. */
  isInTime({ madeAtMs, changesAtMs }: Kept): boolean {
    const now = this.#clock();
    return now >= madeAtMs && now < changesAtMs;
  }

  /** Whether so much could be kept beside what it is made of and much else: an eighth of all. */
  hasRoomFor(bytes: number): boolean {
    return bytes <= this.#maxBytes / 8;
  }

  /** Keeps what was made at that revision, if there is room for it; else gives undefined. */
  set(key: unknown, revision: number, made: Made): Kept | undefined {
    const bytes = made.bytes + ENTRY_BYTES;
    // Nothing is kept of what is not there: any name could be asked for.
    if (revision === 0 || bytes > this.#maxBytes) return undefined;
    for (const [other, kept] of this.#kept) {
      if (this.#bytes + bytes <= this.#maxBytes) break;
      this.#drop(other, kept);
    }
    const known = this.#kept.get(key);
    if (known) this.#drop(key, known);
    const { value, changesAtMs } = made;
    const kept = { value, bytes, changesAtMs, revision, madeAtMs: this.#clock() };
    this.#kept.set(typeof key === 'string' ? toOwnText(key) : key, kept);
    this.#bytes += bytes;
    return kept;
  }

  #drop(key: unknown, { bytes }: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= bytes;
  }
}
