import type { Change } from '../registry/index.js';
import { KeptChange } from './kept-change.js';
import { KeptPeers } from './kept-peers.js';

/** The latest changes of a registry, as many as there is room for, by count and by bytes. */
export class ChangeRing {
  readonly #capacity: number;
  readonly #maxBytes: number;
  readonly #peers = new KeptPeers();
  /** Those before `#start` are dropped. */
  #changes: (KeptChange | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  /** The revision after which all changes are here. */
  #since = 0;

  constructor(capacity: number, maxBytes: number) {
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
  }

  /** All changes after that revision are pushed from now on. */
  begin(revision: number): void {
    this.#since = revision;
  }

  get since(): number {
    return this.#since;
  }

  get size(): number {
    return this.#changes.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes + this.#peers.bytes;
  }

  push(change: Change): void {
    if (this.#capacity === 0 || this.#maxBytes === 0) {
      this.#since = change.revision;
      return;
    }
    const kept = new KeptChange(change, this.#peers);
    this.#changes.push(kept);
    this.#bytes += kept.bytes;
    while (this.size > this.#capacity || this.bytes > this.#maxBytes) this.#drop();
  }

  /** Up to so many of those after a revision, in order. */
  after(revision: number, most: number): Change[] {
    let low = this.#start;
    for (let high = this.#changes.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#changes[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low, low + most).map((kept) => kept!.toChange());
  }

  #drop(): void {
    const kept = this.#changes[this.#start]!;
    this.#changes[this.#start++] = undefined;
    this.#bytes -= kept.bytes;
    this.#since = kept.revision;
    if (kept.peer) this.#peers.release(kept.peer);
    if (this.#start > 1000 && this.#start > this.#changes.length / 2) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
  }
}
