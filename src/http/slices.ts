import { concat, encodeText } from '../base/bytes.js';
import type { WorkQueue } from '../base/work-queue.js';
import type { HttpBody } from './http-message.js';

/** An answer in short parts, each made when it is asked for. */
export type Parts = Iterator<string | Uint8Array, void, undefined>;

/** Some parts as bytes, and whether that was all. */
interface Slice {
  readonly bytes: Uint8Array;
  /** About how many steps of work it was. */
  readonly steps: number;
  readonly isLast: boolean;
}

const SLICE_BYTES = 64 * 1024;
/** A slice has no more parts, however short they are. */
const MAX_PARTS = 2000;
/** To encode and to send so much is as much work as one short part. */
const BYTES_PER_STEP = 1024;

/** The answer as bytes if it is short, or else as slices of about 64 KiB: each is made, in a turn of its own, when it is to be sent. */
export function toBody(parts: Parts, work: WorkQueue): Uint8Array | Exclude<HttpBody, string | Uint8Array> {
  const first = takeSlice(parts);
  work.spend(first.steps);
  return first.isLast ? first.bytes : sendSlices(first, parts, work);
}

async function* sendSlices(first: Slice, parts: Parts, work: WorkQueue): AsyncGenerator<Uint8Array, void, undefined> {
  yield first.bytes;
  for (let slice = first, steps = first.steps; !slice.isLast; steps = slice.steps) {
    await work.turn(steps);
    slice = takeSlice(parts);
    yield slice.bytes;
  }
}

function takeSlice(parts: Parts): Slice {
  const chunks: Uint8Array[] = [];
  let text = '';
  let length = 0;
  let steps = 0;
  let isLast = false;
  while (!isLast && length < SLICE_BYTES && steps < MAX_PARTS) {
    const next = parts.next();
    steps++;
    if (next.done === true) isLast = true;
    else {
      length += next.value.length;
      if (typeof next.value === 'string') text += next.value;
      else {
        if (text !== '') chunks.push(encodeText(text));
        chunks.push(next.value);
        text = '';
      }
    }
  }
  const bytes = concat(text === '' ? chunks : [...chunks, encodeText(text)]);
  return { bytes, steps: steps + bytes.length / BYTES_PER_STEP, isLast };
}
