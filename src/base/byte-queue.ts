const NEWLINE = 10;
const MAX_BLOCK_BYTES = 16 * 1024;
const WORTH_SHRINKING_BYTES = 1024;

/**
 * Bytes in arrival order. The chunk that came last is read in place; what is left of it is copied once, by `settle` or the next
 * `push`, so that neither a large chunk nor its owner's next use of it matters afterwards. Copies lie in blocks that stay
 * where they are, however much comes, and leave a fifth of them unused at most.
 */
export class ByteQueue {
  /** What is filled of each block. Only the last may be a chunk, and is then not ours. */
  readonly #blocks: Uint8Array[] = [];
  /** How much of the first block is read. */
  #start = 0;
  #length = 0;
  /** What is free after the last block. */
  #spareBytes = 0;
  /** Bytes known to hold no newline. */
  #searched = 0;
  #isBorrowed = false;

  get length(): number {
    return this.#length;
  }

  /** How much memory is kept for them. */
  get heldBytes(): number {
    return this.#start + this.#length + this.#spareBytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#isBorrowed) this.#own();
    this.#blocks.push(chunk);
    this.#length += chunk.length;
    this.#isBorrowed = true;
  }

  /** The next `count` bytes, good until the next call of `push` or `settle`; undefined while there are fewer. */
  take(count: number): Uint8Array | undefined {
    if (this.#length < count) return undefined;
    const taken = this.#peek(count);
    this.#skip(count);
    return taken;
  }

  /** How long the first line is, its newline included; undefined while it has no end. */
  lineLength(): number | undefined {
    let before = -this.#start;
    for (const block of this.#blocks) {
      const at =
        block.length + before > this.#searched ? block.indexOf(NEWLINE, Math.max(0, this.#searched - before)) : -1;
      if (at >= 0) return before + at + 1;
      before += block.length;
    }
    this.#searched = this.#length;
    return undefined;
  }

  /** Takes the next bytes if they are these. */
  takeIf(expected: Uint8Array): boolean {
    if (this.#length < expected.length) return false;
    const first = this.#blocks[0]!;
    const isWhole = first.length - this.#start >= expected.length;
    const [bytes, start] = isWhole ? [first, this.#start] : [this.#peek(expected.length), 0];
    for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
    this.#skip(expected.length);
    return true;
  }

  /** To be called when what is there has been read as far as it goes. */
  settle(): void {
    if (this.#length === 0) return;
    if (this.#isBorrowed) this.#own();
    if (this.heldBytes <= Math.max(4 * this.#length, WORTH_SHRINKING_BYTES)) return;
    const rest = new Uint8Array(this.#peek(this.#length));
    this.clear();
    this.push(rest);
    this.#isBorrowed = false;
  }

  clear(): void {
    while (this.#blocks.length > 0) this.#blocks.pop(); // which, unlike a length of 0, costs nothing when there is one
    this.#start = this.#length = this.#spareBytes = this.#searched = 0;
    this.#isBorrowed = false;
  }

  #peek(count: number): Uint8Array {
    const [first] = this.#blocks;
    const start = this.#start;
    if (first && first.length - start >= count) {
      // A view costs about as much as the rest of this.
      return start === 0 && count === first.length ? first : first.subarray(start, start + count);
    }
    const bytes = new Uint8Array(count);
    let at = -start;
    for (const block of this.#blocks) {
      bytes.set(block.subarray(Math.max(0, -at), count - at), Math.max(0, at));
      at += block.length;
      if (at >= count) break;
    }
    return bytes;
  }

  #skip(count: number): void {
    this.#searched = 0;
    this.#length -= count;
    if (this.#length === 0) return this.clear();
    this.#start += count;
    let read = 0;
    while (this.#start >= this.#blocks[read]!.length) this.#start -= this.#blocks[read++]!.length;
    if (read > 0) this.#blocks.splice(0, read);
    if (this.#isBorrowed && this.#blocks.length === 1) this.#spareBytes = 0;
  }

  /** Copies the chunk at the end into what is free, and what does not fit into a block of its own. */
  #own(): void {
    let chunk = this.#blocks.pop()!;
    if (this.#start > 0 && this.#blocks.length === 0) {
      chunk = chunk.subarray(this.#start);
      this.#start = 0;
    }
    const fitting = Math.min(this.#spareBytes, chunk.length);
    if (fitting > 0) {
      const { buffer, byteOffset, length } = this.#blocks.pop()!;
      const grown = new Uint8Array(buffer, byteOffset, length + fitting);
      grown.set(fitting < chunk.length ? chunk.subarray(0, fitting) : chunk, length);
      this.#blocks.push(grown);
      this.#spareBytes -= fitting;
    }
    const left = chunk.length - fitting;
    if (left > 0) {
      const block = new Uint8Array(Math.max(left, Math.min(this.#length >> 2, MAX_BLOCK_BYTES)));
      block.set(fitting > 0 ? chunk.subarray(fitting) : chunk);
      this.#blocks.push(left < block.length ? block.subarray(0, left) : block);
      this.#spareBytes = block.length - left;
    }
    this.#isBorrowed = false;
  }
}
