import type { WorkQueue } from '../registry/index.js';
import type { HttpBody } from './http-message.js';

/** Text that is put together piece by piece; when it changes though nothing happens comes at its end. */
export type Pieces = Generator<string, number | undefined, undefined>;

/** How long a slice is, about, in characters. */
export const SLICE_LENGTH = 64 * 1024;
/** How many pieces are looked at for one slice at the most, as many may be empty. */
const MAX_PIECES = 4096;
/** How much text counts as one step of work. */
const STEP_LENGTH = 64;

/** A body, and when it changes; `text` only if it is short enough to be whole. */
export interface Sliced {
  readonly body: HttpBody;
  readonly text: string | undefined;
  readonly changesAtMs: number;
}

/**
 * A body of pieces: whole if they make one slice, else slices that are each made when the socket wants them, with a turn of the
 * event loop for others in between. Nothing more is made when nobody waits for it.
 */
export function toSliced(pieces: Pieces, work: WorkQueue): Sliced {
  const first = takeSlice(pieces);
  work.spend(first.steps);
  if (first.isLast) return { body: first.text, text: first.text, changesAtMs: first.changesAtMs };
  return { body: { [Symbol.asyncIterator]: () => iterate(first, pieces, work) }, text: undefined, changesAtMs: 0 };
}

interface Slice {
  readonly text: string;
  readonly steps: number;
  readonly isLast: boolean;
  readonly changesAtMs: number;
}

function takeSlice(pieces: Pieces): Slice {
  let text = '';
  let count = 0;
  for (; text.length < SLICE_LENGTH && count < MAX_PIECES; count++) {
    const next = pieces.next();
    if (next.done === true)
      return { text, steps: stepsOf(text, count), isLast: true, changesAtMs: next.value ?? Infinity };
    text += next.value;
  }
  return { text, steps: stepsOf(text, count), isLast: false, changesAtMs: 0 };
}

function stepsOf(text: string, pieces: number): number {
  return pieces + Math.ceil(text.length / STEP_LENGTH);
}

function iterate(first: Slice, pieces: Pieces, work: WorkQueue): AsyncIterator<string, undefined> {
  const over = { done: true, value: undefined } as const;
  let made: Slice | undefined = first;
  let isOver = false;
  let lastSteps = 1;
  return {
    next: async () => {
      let slice = made;
      made = undefined;
      if (!slice) {
        await work.turn(lastSteps);
        if (isOver) return over; // all is told, or the client has left meanwhile
        slice = takeSlice(pieces);
      }
      lastSteps = slice.steps;
      isOver = slice.isLast;
      return { done: false, value: slice.text };
    },
    return: () => {
      isOver = true;
      made = undefined;
      pieces.return(undefined);
      return Promise.resolve(over);
    },
  };
}
