import { decodeText, encodeText } from './bytes.js';

const NEWLINE = 10;
const MAX_BLOCK_BYTES = 16 * 1024;
const WORTH_SHRINKING_BYTES = 1024;
/** What most hold while they wait; nothing is added to it. */
const NO_BLOCKS: Uint8Array[] = [];
/** What is shorter has few lines. */
const WORTH_READING_BYTES = 256;

/**
 * Bytes in arrival order. The chunk that came last is read in place; what is left of it is copied once, by `settle` or the next
 * `push`, so that neither a large chunk nor its owner's next use of it matters afterwards. Copies lie in blocks that stay
 * where they are, however much comes, and leave a fifth of them unused at most.
 *
 * What comes first is kept as text instead, if lines are taken of it, and it is long and ASCII: there are many in it, and each costs less
 * to cut out of a text than out of bytes.
 */
export class ByteQueue {
  /** What comes first, if it is kept as text, and how much of it is read. */
  #text = '';
  #textAt = 0;
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
  /** What came first when it was found not to be ASCII. */
  #notAscii: Uint8Array | undefined = undefined;
  /** Bytes known to hold no newline. */
  #searched = 0;

  get length(): number {
    const ours = this.#textLeft + this.#copied;
    return this.#chunk ? ours + this.#chunk.length - this.#at : ours;
  }

  /** How much memory is kept for them. */
  get heldBytes(): number {
    return this.#textAt + this.#start + this.#spareBytes + this.length;
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
    let before = this.#textLeft;
    if (this.#searched < before) {
      const at = this.#text.indexOf('\n', this.#textAt + this.#searched);
      if (at >= 0) return at + 1 - this.#textAt;
    }
    before -= this.#start;
    for (const block of this.#blocks) {
      const from = Math.max(0, this.#searched - before);
      const at = from < block.length ? block.indexOf(NEWLINE, from) : -1; // what is free holds none
      if (at >= 0) return before + at + 1;
      before += block.length;
    }
    if (this.#chunk) {
      before = this.#textLeft + this.#copied - this.#at;
      const at = this.#chunk.indexOf(NEWLINE, Math.max(this.#at, this.#searched - before));
      if (at >= 0) return before + at + 1;
    }
    this.#searched = this.length;
    return undefined;
  }

  /** Takes the next `count` bytes, which are there, as text. */
  takeText(count: number): string {
    if (this.#text === '') this.#toText();
    if (count > this.#textLeft) return decodeText(this.take(count)!);
    const [text, start] = [this.#text, this.#textAt];
    this.#skip(count);
    return text.slice(start, start + count);
  }

  /** Takes the next bytes if they are these. */
  takeIf(expected: Uint8Array): boolean {
    const count = expected.length;
    if (this.length < count) return false;
    if (this.#textLeft >= count) {
      for (let i = 0; i < count; i++) if (this.#text.charCodeAt(this.#textAt + i) !== expected[i]) return false;
    } else {
      const isInChunk = this.#textLeft + this.#copied === 0;
      const [bytes, start] = isInChunk ? [this.#chunk!, this.#at] : [this.#peek(count), 0];
      for (let i = 0; i < count; i++) if (bytes[start + i] !== expected[i]) return false;
    }
    this.#skip(count);
    return true;
  }

  /** To be called when what is there has been read as far as it goes. */
  settle(): void {
    if (this.#chunk) this.#copy();
    const { length } = this;
    if (this.heldBytes <= Math.max(4 * length, WORTH_SHRINKING_BYTES)) return;
    const rest = new Uint8Array(this.#peek(length));
    this.clear();
    this.#blocks = [rest];
    this.#copied = length;
  }

  clear(): void {
    this.#dropText();
    this.#dropBlocks();
    this.#dropChunk();
    this.#searched = 0;
  }

  get #textLeft(): number {
    return this.#text.length - this.#textAt;
  }

  #dropText(): void {
    this.#text = '';
    this.#textAt = 0;
  }

  #dropBlocks(): void {
    this.#blocks = NO_BLOCKS;
    this.#start = this.#copied = this.#spareBytes = 0;
    this.#notAscii = undefined;
  }

  #dropChunk(): void {
    this.#chunk = this.#notAscii = undefined;
    this.#at = 0;
  }

  /** Keeps what comes first as text, if that is worth it. Nothing is kept so yet, and there is something. */
  #toText(): void {
    const first = this.#blocks[0] ?? this.#chunk!;
    const start = this.#copied > 0 ? this.#start : this.#at;
    const end = first.length - (this.#blocks.length === 1 ? this.#spareBytes : 0);
    if (end - start < WORTH_READING_BYTES || first === this.#notAscii) return;
    const text = decodeText(first.subarray(start, end));
    if (text.length === end - start && !text.includes('\ufffd')) {
      this.#skip(text.length);
      this.#text = text;
    } else this.#notAscii = first;
  }

  #peek(count: number): Uint8Array {
    const [chunk, at, left] = [this.#chunk, this.#at, this.#textLeft];
    if (left + this.#copied === 0 && chunk) {
      // A view costs about as much as the rest of this.
      return at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count);
    }
    if (count <= left) return encodeText(this.#text.slice(this.#textAt, this.#textAt + count));
    const ours = Math.min(count, left + this.#copied);
    let start = this.#start;
    const [first] = this.#blocks;
    if (left === 0 && ours === count && first && first.length >= start + count)
      return first.subarray(start, start + count);
    const bytes = new Uint8Array(count);
    bytes.set(encodeText(this.#text.slice(this.#textAt)));
    let filled = left;
    for (const block of this.#blocks) {
      if (filled === ours) break;
      const part = block.subarray(start, start + ours - filled);
      bytes.set(part, filled);
      filled += part.length;
      start = 0;
    }
    if (ours < count) bytes.set(chunk!.subarray(at, at + count - ours), ours);
    return bytes;
  }

  #skip(count: number): void {
    this.#searched = 0;
    const left = this.#textLeft;
    if (count < left) {
      this.#textAt += count;
      return;
    }
    if (left > 0) this.#dropText();
    const others = count - left;
    const copied = Math.min(others, this.#copied);
    this.#at += others - copied;
    if (this.#chunk && this.#at === this.#chunk.length) this.#dropChunk();
    if (copied === 0) return;
    this.#copied -= copied;
    if (this.#copied === 0) return this.#dropBlocks();
    this.#start += copied;
    let read = 0;
    while (this.#start >= this.#blocks[read]!.length) this.#start -= this.#blocks[read++]!.length;
    if (read === 0) return;
    this.#blocks.splice(0, read);
    this.#notAscii = undefined;
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
