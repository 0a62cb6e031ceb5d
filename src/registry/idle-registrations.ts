import type { Entry } from './producer-record.js';

/** Registrations without a producer, the longest idle first. */
class Waiting {
  readonly #entries = new Set<Entry>();
  #bytes = 0;
  // Kept, as one that begins anew would pass all that were taken out before it.
  #next = this.#entries.values();

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entry: Entry, bytes: number): void {
    this.#entries.add(entry);
    this.#bytes += bytes;
  }

  delete(entry: Entry, bytes: number): void {
    if (this.#entries.delete(entry)) this.#bytes -= bytes;
  }

  /** The oldest one, which is to be deleted before the next one is asked for. */
  oldest(): Entry | undefined {
    if (this.#entries.size === 0) return undefined;
    const { value } = this.#next.next();
    if (value) return value;
    this.#next = this.#entries.values();
    return this.oldest();
  }
}

/** The registrations without a producer: what can go when there is no room. */
export class IdleRegistrations {
  /** Those that their producers have left. */
  readonly left = new Waiting();
  /** Those that were made without one. */
  readonly made = new Waiting();

  of({ isMade }: Entry): Waiting {
    return isMade ? this.made : this.left;
  }
}
