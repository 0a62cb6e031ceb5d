/** The latest of what comes in the order of its revisions: as many as there is room for, by count and by bytes. */
export class Ring<T extends { readonly revision: number }> {
  readonly #capacity: number;
  readonly #maxBytes: number;
  /** Those before `#start` are dropped. */
  #items: (T | undefined)[] = [];
  #weights: number[] = [];
  #start = 0;
  #bytes = 0;
  /** The revision after which all are here. */
  #since = 0;

  constructor(capacity: number, maxBytes: number) {
    this.#capacity = capacity;
    this.#maxBytes = maxBytes;
  }

  /** All after that revision come from now on. */
  begin(revision: number): void {
    this.#since = revision;
  }

  get since(): number {
    return this.#since;
  }

  get size(): number {
    return this.#items.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes;
  }

  protected keep(item: T, bytes: number): void {
    this.#items.push(item);
    this.#weights.push(bytes);
    this.#bytes += bytes;
    while (this.size > this.#capacity || (this.size > 0 && this.bytes > this.#maxBytes)) this.#drop();
  }

  /** Up to so many of those after a revision, in order. */
  protected itemsAfter(revision: number, most: number): T[] {
    let low = this.#start;
    for (let high = this.#items.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#items[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#items.slice(low, low + most) as T[];
  }

  /** Told of each that is kept no longer. */
  protected dropped?(item: T): void;

  #drop(): void {
    const item = this.#items[this.#start]!;
    this.#bytes -= this.#weights[this.#start]!;
    this.#items[this.#start++] = undefined;
    this.#since = item.revision;
    this.dropped?.(item);
    if (this.#start > 1000 && this.#start > this.#items.length / 2) {
      this.#items = this.#items.slice(this.#start);
      this.#weights = this.#weights.slice(this.#start);
      this.#start = 0;
    }
  }
}
