const EMPTY = new Uint8Array(0);
const NEWLINE = 10;
const WORTH_SHRINKING_BYTES = 1024;

/**
 * Bytes in arrival order. While a chunk is all there is, it is read in place; what is left of it is copied by
 * `settle`, so that neither a large chunk nor its owner's next use of it matters afterwards.
 */
export class ByteQueue {
  #bytes = EMPTY;
  #start = 0;
  #end = 0;
  /** Bytes after `#start` known to hold no newline. */
  #searched = 0;
  #borrowed = false;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.#set(chunk, 0, chunk.length, true);
      this.#searched = 0;
      return;
    }
    const length = this.length + chunk.length;
    if (this.#borrowed || this.#end + chunk.length > this.#bytes.length) this.#move(Math.max(length, 2 * this.length));
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next `count` bytes, good until the next call of `push` or `settle`; undefined while there are fewer. */
  take(count: number): Uint8Array | undefined {
    if (this.length < count) return undefined;
    // A view costs about as much as the rest of this.
    const isAll = this.#start === 0 && count === this.#bytes.length;
    const taken = isAll ? this.#bytes : this.#bytes.subarray(this.#start, this.#start + count);
    this.#start += count;
    this.#searched = 0;
    return taken;
  }

  /** How long the first line is, its newline included; undefined while it has no end. */
  lineLength(): number | undefined {
    const bytes = this.#bytes;
    for (let at = this.#start + this.#searched; at < this.#end; at++) {
      if (bytes[at] === NEWLINE) return at + 1 - this.#start;
    }
    this.#searched = this.length;
    return undefined;
  }

  /** Takes the next bytes if they are these. */
  takeIf(expected: Uint8Array): boolean {
    if (this.length < expected.length) return false;
    for (let i = 0; i < expected.length; i++) if (this.#bytes[this.#start + i] !== expected[i]) return false;
    this.#start += expected.length;
    this.#searched = 0;
    return true;
  }

  /** To be called when what is there has been read as far as it goes. */
  settle(): void {
    if (this.length === 0) this.clear();
    else if (this.#borrowed || this.#bytes.length > Math.max(4 * this.length, WORTH_SHRINKING_BYTES)) {
      this.#move(this.length);
    }
  }

  clear(): void {
    this.#set(EMPTY, 0, 0, false);
  }

  #move(capacity: number): void {
    const { length } = this;
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(this.#start, this.#end));
    this.#set(bytes, 0, length, false);
  }

  #set(bytes: Uint8Array, start: number, end: number, borrowed: boolean): void {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    this.#start = start;
    this.#end = end;
    this.#borrowed = borrowed;
  }
}
