import type { Entry } from './entry.js';

/** Registrations without a producer, linked from the longest idle to the last. */
class Waiting {
  size = 0;
  bytes = 0;
  /** The one that has been idle for longest. */
  oldest: Entry | undefined;
  #newest: Entry | undefined;

  add(entry: Entry): void {
    entry.older = this.#newest;
    if (this.#newest) this.#newest.newer = entry;
    else this.oldest = entry;
    this.#newest = entry;
    this.size++;
    this.bytes += entry.bytes;
  }

  delete(entry: Entry): void {
    const { older, newer } = entry;
    if (older) older.newer = newer;
    else this.oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    entry.older = entry.newer = undefined;
    this.size--;
    this.bytes -= entry.bytes;
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
