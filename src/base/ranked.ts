/** Things by a rank that each has, the least in front: a heap, so that a change costs the logarithm of how many there are. */
export class Ranked<T> {
  /** None has a lower rank than the one at half its index. Index 0 is not used. */
  readonly #heap: T[] = [];
  readonly #entries = new Map<T, { index: number; rank: number }>();

  get size(): number {
    return this.#entries.size;
  }

  /** The one of the lowest rank. */
  get first(): T | undefined {
    return this.#heap[1];
  }

  /** Infinity if there is none. */
  get firstRank(): number {
    return this.first === undefined ? Infinity : this.#rankAt(this.first);
  }

  rankOf(item: T): number | undefined {
    return this.#entries.get(item)?.rank;
  }

  /** Adds it, or moves it. */
  set(item: T, rank: number): void {
    let entry = this.#entries.get(item);
    if (!entry) this.#entries.set(item, (entry = { index: this.size + 1, rank }));
    entry.rank = rank;
    this.#place(item, entry.index);
  }

  delete(item: T): void {
    const entry = this.#entries.get(item);
    if (!entry) return;
    this.#entries.delete(item);
    const last = this.#heap.pop()!;
    if (last !== item) this.#place(last, entry.index);
  }

  clear(): void {
    this.#heap.length = 0;
    this.#entries.clear();
  }

  /** Puts it at that index, or where it belongs above or below. */
  #place(item: T, index: number): void {
    const rank = this.#rankAt(item);
    let at = index;
    for (let up = at >> 1; up > 0 && this.#rankAt(this.#heap[up]!) > rank; up = at >> 1) {
      this.#put(this.#heap[up]!, at);
      at = up;
    }
    for (;;) {
      const [left, right] = [this.#heap[2 * at], this.#heap[2 * at + 1]];
      const lesser = right !== undefined && this.#rankAt(right) < this.#rankAt(left!) ? 2 * at + 1 : 2 * at;
      const below = this.#heap[lesser];
      if (below === undefined || this.#rankAt(below) >= rank) break;
      this.#put(below, at);
      at = lesser;
    }
    this.#put(item, at);
  }

  #put(item: T, index: number): void {
    this.#heap[index] = item;
    this.#entries.get(item)!.index = index;
  }

  #rankAt(item: T): number {
    return this.#entries.get(item)!.rank;
  }
}
