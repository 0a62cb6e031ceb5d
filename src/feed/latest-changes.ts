import type { Change } from '../registry/index.js';

/** The most that are kept. */
const MOST = 1000;
/** What one weighs at the most, about, with what it keeps of the registry. */
const CHANGE_BYTES = 1024;

/**
 * The latest changes of a registry as they were told, for who may ask for them later: to keep each as plain data before anybody has costs as
 * much as to register.
 */
export class LatestChanges {
  /** The oldest stands where the next one will. */
  readonly #changes: Change[] = [];
  readonly #capacity: number;
  #next = 0;
  /** The revision after which all changes are here. */
  #since = 0;

  constructor(capacity: number, maxBytes: number) {
    this.#capacity = Math.floor(Math.min(MOST, capacity, maxBytes / CHANGE_BYTES));
  }

  /** All changes after that revision are pushed from now on. */
  begin(revision: number): void {
    this.#since = revision;
  }

  get since(): number {
    return this.#since;
  }

  get size(): number {
    return this.#changes.length;
  }

  get bytes(): number {
    return this.size * CHANGE_BYTES;
  }

  push(change: Change): void {
    if (this.#capacity === 0) return this.begin(change.revision);
    const oldest = this.#changes[this.#next];
    if (oldest) this.#since = oldest.revision;
    this.#changes[this.#next] = change;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** All that are kept, in order, which are kept no longer. */
  takeAll(): Change[] {
    const newest = this.#changes.splice(0, this.#next);
    return [...this.#changes.splice(0), ...newest];
  }
}
