/** Things by a rank that each has, the least in front: a heap, so that a change costs the logarithm of how many there are. */
export class Ranked<T> {
  /** None has a lower rank than the one at half its index. Index 0 is not used. */
  readonly #heap: T[] = [];
  /** The rank of each, at the same index. */
  readonly #ranks: number[] = [];
  readonly #indexes = new Map<T, number>();

  get size(): number {
    return this.#indexes.size;
  }

  /** The one of the lowest rank. */
  get first(): T | undefined {
    return this.#heap[1];
  }

  /** Infinity if there is none. */
  get firstRank(): number {
    return this.#ranks[1] ?? Infinity;
  }

  rankOf(item: T): number | undefined {
    const index = this.#indexes.get(item);
    return index === undefined ? undefined : this.#ranks[index];
  }

  /** Adds it, or moves it. */
  set(item: T, rank: number): void {
    this.#place(item, rank, this.#indexes.get(item) ?? this.size + 1);
  }

  delete(item: T): void {
    const index = this.#indexes.get(item);
    if (index === undefined) return;
    this.#indexes.delete(item);
    const [last, rank] = [this.#heap.pop()!, this.#ranks.pop()!];
    if (last !== item) this.#place(last, rank, index);
  }

  clear(): void {
    this.#heap.length = this.#ranks.length = 0;
    this.#indexes.clear();
  }

  /** Puts it at that index, or where it belongs above or below. */
  #place(item: T, rank: number, index: number): void {
    const [heap, ranks] = [this.#heap, this.#ranks];
    let at = index;
    for (let up = at >> 1; up > 0 && ranks[up]! > rank; up = at >> 1) {
      this.#put(heap[up]!, ranks[up]!, at);
      at = up;
    }
    for (;;) {
      const left = 2 * at;
      const lesser = ranks[left + 1]! < ranks[left]! ? left + 1 : left;
      if (lesser >= heap.length || ranks[lesser]! >= rank) break;
      this.#put(heap[lesser]!, ranks[lesser]!, at);
      at = lesser;
    }
    this.#put(item, rank, at);
  }

  #put(item: T, rank: number, index: number): void {
    this.#heap[index] = item;
    this.#ranks[index] = rank;
    this.#indexes.set(item, index);
  }
}
