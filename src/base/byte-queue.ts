import { decodeText } from './bytes.js';

const NEWLINE = 10;
const MAX_BLOCK_BYTES = 16 * 1024;
const WORTH_SHRINKING_BYTES = 1024;
/** What most hold while they wait; nothing is added to it. */
const NO_BLOCKS: Uint8Array[] = [];
/** A chunk that is shorter has few lines. */
const WORTH_READING_BYTES = 256;

/**
 * Bytes in arrival order. The chunk that came last is read in place; what is left of it is copied once, by `settle` or the next
 * `push`, so that neither a large chunk nor its owner's next use of it matters afterwards. Copies lie in blocks that stay
 * where they are, however much comes, and leave a fifth of them unused at most.
 */
export class ByteQueue {
  /** Copies. The last one may have room at its end. */
  #blocks = NO_BLOCKS;
  /** How much of the first block is read. */
  #start = 0;
  /** How much of the blocks is to be read. */
  #copied = 0;
  /** What is free at the end of the last block. */
  #spareBytes = 0;
  /** What came last, which is not ours, and how much of it is read. */
  #chunk: Uint8Array | undefined = undefined;
  #at = 0;
  /** The chunk as text, if it was asked for; empty if it is short, or not ASCII. */
  #text: string | undefined = undefined;
  /** Bytes known to hold no newline. */
  #searched = 0;

  get length(): number {
    return this.#chunk ? this.#copied + this.#chunk.length - this.#at : this.#copied;
  }

  /** How much memory is kept for them. */
  get heldBytes(): number {
    return this.#start + this.#spareBytes + this.length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#chunk) this.#copy();
    this.#chunk = chunk;
  }

  /** The next `count` bytes, good until the next call of `push` or `settle`; undefined while there are fewer. */
  take(count: number): Uint8Array | undefined {
    if (this.length < count) return undefined;
    const taken = this.#peek(count);
    this.#skip(count);
    return taken;
  }

  /** How long the first line is, its newline included; undefined while it has no end. */
  lineLength(): number | undefined {
    let before = -this.#start;
    for (const block of this.#blocks) {
      const from = Math.max(0, this.#searched - before);
      const at = from < block.length ? block.indexOf(NEWLINE, from) : -1; // what is free holds none
      if (at >= 0) return before + at + 1;
      before += block.length;
    }
    if (this.#chunk) {
      const from = this.#at + Math.max(0, this.#searched - this.#copied);
      const text = this.#ascii();
      const at = text === '' ? this.#chunk.indexOf(NEWLINE, from) : text.indexOf('\n', from);
      if (at >= 0) return this.#copied + at - this.#at + 1;
    }
    this.#searched = this.length;
    return undefined;
  }

  /** Takes the next `count` bytes, which are there, as text. */
  takeText(count: number): string {
    const text = this.#copied === 0 ? this.#ascii() : '';
    if (text === '') return decodeText(this.take(count)!);
    const start = this.#at;
    this.#skip(count);
    return text.slice(start, start + count);
  }

  /** Takes the next bytes if they are these. */
  takeIf(expected: Uint8Array): boolean {
    const count = expected.length;
    if (this.length < count) return false;
    const [bytes, start] = this.#copied === 0 ? [this.#chunk!, this.#at] : [this.#peek(count), 0];
    for (let i = 0; i < count; i++) if (bytes[start + i] !== expected[i]) return false;
    this.#skip(count);
    return true;
  }

  /** To be called when what is there has been read as far as it goes. */
  settle(): void {
    if (this.#chunk) this.#copy();
    if (this.heldBytes <= Math.max(4 * this.#copied, WORTH_SHRINKING_BYTES)) return;
    const rest = new Uint8Array(this.#peek(this.#copied));
    this.clear();
    this.#blocks = [rest];
    this.#copied = rest.length;
  }

  clear(): void {
    this.#dropBlocks();
    this.#dropChunk();
    this.#searched = 0;
  }

  #dropBlocks(): void {
    this.#blocks = NO_BLOCKS;
    this.#start = this.#copied = this.#spareBytes = 0;
  }

  #dropChunk(): void {
    this.#chunk = this.#text = undefined;
    this.#at = 0;
  }

  /** Lines are many in a chunk: to read it once costs less than to make a view of each, and a text of that. */
  #ascii(): string {
    if (this.#text === undefined) {
      const { length } = this.#chunk!;
      const text = length < WORTH_READING_BYTES ? '' : decodeText(this.#chunk!);
      this.#text = text.length === length && !text.includes('\ufffd') ? text : '';
    }
    return this.#text;
  }

  #peek(count: number): Uint8Array {
    const [chunk, at] = [this.#chunk, this.#at];
    if (this.#copied === 0 && chunk) {
      // A view costs about as much as the rest of this.
      return at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count);
    }
    const copied = Math.min(count, this.#copied);
    let start = this.#start;
    if (copied === count && (this.#blocks[0]?.length ?? 0) >= start + count)
      return this.#blocks[0]?.subarray(start, start + count) ?? new Uint8Array(0);
    const bytes = new Uint8Array(count);
    let filled = 0;
    for (const block of this.#blocks) {
      const part = block.subarray(start, start + copied - filled);
      bytes.set(part, filled);
      filled += part.length;
      start = 0;
      if (filled === copied) break;
    }
    if (copied < count) bytes.set(chunk!.subarray(at, at + count - copied), copied);
    return bytes;
  }

  #skip(count: number): void {
    this.#searched = 0;
    const copied = Math.min(count, this.#copied);
    this.#at += count - copied;
    if (this.#chunk && this.#at === this.#chunk.length) this.#dropChunk();
    if (copied === 0) return;
    this.#copied -= copied;
    if (this.#copied === 0) return this.#dropBlocks();
    this.#start += copied;
    let read = 0;
    while (this.#start >= this.#blocks[read]!.length) this.#start -= this.#blocks[read++]!.length;
    if (read > 0) this.#blocks.splice(0, read);
  }

  /** Copies what is left of the chunk into what is free, and what does not fit into a block of its own. */
  #copy(): void {
    const chunk = this.#at > 0 ? this.#chunk!.subarray(this.#at) : this.#chunk!;
    this.#dropChunk();
    const fitting = Math.min(this.#spareBytes, chunk.length);
    if (fitting > 0) {
      const last = this.#blocks.at(-1)!;
      last.set(fitting < chunk.length ? chunk.subarray(0, fitting) : chunk, last.length - this.#spareBytes);
      this.#spareBytes -= fitting;
    }
    const left = chunk.length - fitting;
    this.#copied += chunk.length;
    if (left === 0) return;
    const block = new Uint8Array(Math.max(left, Math.min(this.#copied >> 2, MAX_BLOCK_BYTES)));
    block.set(fitting > 0 ? chunk.subarray(fitting) : chunk);
    if (this.#blocks.length > 0) this.#blocks.push(block);
    else this.#blocks = [block];
    this.#spareBytes = block.length - left;
  }
}
