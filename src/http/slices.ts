import { concat, encodeText } from '../base/bytes.js';
import { finish, type Steps, type WorkQueue } from '../base/work-queue.js';

/** An answer in short parts, each made when it is asked for. */
export type Parts = Iterator<string | Uint8Array, void, undefined>;

/** Some parts as bytes, and whether that was all. */
interface Slice {
  readonly pieces: readonly Uint8Array[];
  /** About how many steps of work it is to make and to send it. */
  readonly steps: number;
  readonly isLast: boolean;
}

/** So much text is a slice. */
const TEXT_BYTES = 64 * 1024;
/** A slice of parts that are bytes may be longer, as they only have to be sent. */
const SLICE_BYTES = 128 * 1024;
/** A slice has no more parts, however short they are. */
const MAX_PARTS = 2000;
/** What an empty part counts for: it was work alone. */
const PARTS_OF_WORK = 5;
/** So many are made until others may have their share of the turn. */
const PARTS_AT_ONCE = 20;
/** To encode and to send so much is as much work as one short part. */
const TEXT_BYTES_PER_STEP = 1024;
/** To send, or to copy, so much. */
export const BYTES_PER_STEP = 4096;

/** A long answer in slices of 64 to 256 KiB: each is made when it is to be sent, in more turns than one if it is much work. */
export class Slices implements AsyncIterable<Uint8Array> {
  /** Each slice as the pieces that it is made of, for who can send them as they are. To be read once, this or that. */
  readonly pieces: AsyncGenerator<readonly Uint8Array[], void, undefined>;

  constructor(first: Slice, parts: Parts, work: WorkQueue) {
    this.pieces = sliced(first, parts, work);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const pieces of this.pieces) yield concat(pieces);
  }
}

/** The answer as bytes if it is short, or else in slices. */
export function toBody(parts: Parts, work: WorkQueue): Uint8Array | Slices {
  const first = finish(takeSlice(parts));
  work.spend(first.steps);
  return first.isLast ? concat(first.pieces) : new Slices(first, parts, work);
}

async function* sliced(
  first: Slice,
  parts: Parts,
  work: WorkQueue,
): AsyncGenerator<readonly Uint8Array[], void, undefined> {
  yield first.pieces;
  for (let slice = first; !slice.isLast;) {
    slice = await work.result(takeSlice(parts));
    if (slice.pieces.length > 0) yield slice.pieces; // else it was work alone
  }
}

function* takeSlice(parts: Parts): Steps<Slice> {
  const pieces: Uint8Array[] = [];
  let [text, textBytes, bytes, count, told, isLast] = ['', 0, 0, 0, 0, false];
  const cut = () => {
    if (text !== '') pieces.push(encodeText(text));
    text = '';
  };
  while (!isLast && textBytes < TEXT_BYTES && bytes < SLICE_BYTES && count < MAX_PARTS) {
    const { done, value } = parts.next();
    count += value === '' ? PARTS_OF_WORK : 1;
    if (done === true) isLast = true;
    else {
      bytes += value.length;
      if (typeof value === 'string') {
        text += value;
        textBytes += value.length;
      } else {
        cut();
        pieces.push(value);
      }
    }
    if (count - told < PARTS_AT_ONCE) continue;
    yield count - told;
    told = count;
  }
  cut();
  const steps = count + textBytes / TEXT_BYTES_PER_STEP + (bytes - textBytes) / BYTES_PER_STEP;
  yield steps - told;
  return { pieces, steps, isLast };
}
