/** One of those whose unfinished input is counted. */
interface Holder {
  readonly heldBytes: number;
}

/**
 * How much is kept of what peers have not sent whole, and who has most of it: a heap, so that a change costs the logarithm of
 * how many have any.
 */
export class UnfinishedInput<H extends Holder> {
  #bytes = 0;
  /** Who has any; none has more than the one at half its index. Index 0 is not used. */
  readonly #heap: H[] = [];
  readonly #entries = new Map<H, { index: number; bytes: number }>();

  get bytes(): number {
    return this.#bytes;
  }

  get most(): H | undefined {
    return this.#heap[1];
  }

  /** To be called when what that one has may have changed. */
  weigh(holder: H): void {
    const bytes = holder.heldBytes;
    let entry = this.#entries.get(holder);
    if (bytes === (entry?.bytes ?? 0)) return;
    this.#bytes += bytes - (entry?.bytes ?? 0);
    if (!entry) this.#entries.set(holder, (entry = { index: Math.max(1, this.#heap.length), bytes }));
    entry.bytes = bytes;
    if (bytes > 0) return this.#place(holder, entry.index);
    this.#entries.delete(holder);
    const last = this.#heap.pop()!;
    if (last !== holder) this.#place(last, entry.index);
  }

  /** Puts it at that index, or where it belongs above or below. */
  #place(holder: H, index: number): void {
    const bytes = this.#bytesOf(holder);
    let at = index;
    for (let up = at >> 1; up > 0 && this.#bytesOf(this.#heap[up]!) < bytes; up = at >> 1) {
      this.#put(this.#heap[up]!, at);
      at = up;
    }
    for (;;) {
      const [left, right] = [this.#heap[2 * at], this.#heap[2 * at + 1]];
      const larger = right && this.#bytesOf(right) > this.#bytesOf(left!) ? 2 * at + 1 : 2 * at;
      const below = this.#heap[larger];
      if (!below || this.#bytesOf(below) <= bytes) break;
      this.#put(below, at);
      at = larger;
    }
    this.#put(holder, at);
  }

  #put(holder: H, index: number): void {
    this.#heap[index] = holder;
    this.#entries.get(holder)!.index = index;
  }

  #bytesOf(holder: H): number {
    return this.#entries.get(holder)!.bytes;
  }
}
