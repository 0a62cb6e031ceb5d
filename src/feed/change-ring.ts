import type { Change } from '../registry/index.js';

/** What a change weighs, about, beside its names: the object itself, and what it alone holds on to. */
const CHANGE_BYTES = 300;

/** The latest changes of a registry, as many as there is room for, by count and by bytes. */
export class ChangeRing {
  readonly #capacity: number;
  readonly #maxBytes: number;
  readonly #onDrop: (change: Change) => void;
  /** Those before `#start` are dropped. */
  #changes: (Change | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  /** The revision after which all changes are here. */
  #since: number;

  constructor(since: number, capacity: number, maxBytes: number, onDrop: (change: Change) => void) {
    this.#since = since;
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
    this.#onDrop = onDrop;
  }

  get since(): number {
    return this.#since;
  }

  get size(): number {
    return this.#changes.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(change: Change): void {
    this.#changes.push(change);
    this.#bytes += bytesOf(change);
    while (this.size > this.#capacity || this.#bytes > this.#maxBytes) this.#drop();
  }

  /** Up to so many of those after a revision, in order. */
  after(revision: number, most: number): Change[] {
    let low = this.#start;
    for (let high = this.#changes.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#changes[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low, low + most) as Change[];
  }

  #drop(): void {
    const change = this.#changes[this.#start]!;
    this.#changes[this.#start++] = undefined;
    this.#bytes -= bytesOf(change);
    this.#since = change.revision;
    if (this.#start > 1000 && this.#start > this.#changes.length / 2) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
    this.#onDrop(change);
  }
}

function bytesOf(change: Change): number {
  if (!('registration' in change)) return CHANGE_BYTES;
  return CHANGE_BYTES + change.registration.key.length + change.registration.subkey.length;
}
