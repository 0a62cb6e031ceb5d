import { toOwnText } from '../base/text.js';
import type { Clock, WorkQueue } from '../registry/index.js';
import type { HttpResponse } from './http-message.js';
import { json, toBytes } from './responses.js';
import { toSliced, type Pieces } from './slices.js';

interface Kept<V> {
  readonly value: V;
  readonly revision: number;
  readonly madeAtMs: number;
  readonly changesAtMs: number;
  readonly bytes: number;
}

/** What an entry costs beside its text, about. */
const ENTRY_BYTES = 300;

/** What several shelves may hold together, in bytes. */
export class Budget {
  readonly #maxBytes: number;
  readonly #shelves: Shelf<unknown, unknown>[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add<K, V>(shelf: Shelf<K, V>): void {
    this.#shelves.push(shelf);
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Whether there is room, for which the oldest of the fullest shelf go. */
  take(bytes: number): boolean {
    if (bytes > this.#maxBytes) return false;
    while (this.#bytes + bytes > this.#maxBytes) {
      this.#shelves.reduce((fullest, shelf) => (shelf.bytes > fullest.bytes ? shelf : fullest)).dropOldest();
    }
    this.#bytes += bytes;
    return true;
  }
}

/**
 * What is kept for as long as it holds: until the revision that it was made at has passed, or the time at which it changes by
 * itself has come, or the clock has been set back.
 */
export class Shelf<K, V> {
  readonly #kept = new Map<K, Kept<V>>();
  readonly #budget: Budget;
  #bytes = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
    budget.add(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept under that key, if it holds still. */
  get(key: K, revision: number, now: number): Kept<V> | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    if (kept.revision === revision && now >= kept.madeAtMs && now < kept.changesAtMs) return kept;
    this.#drop(key, kept);
    return undefined;
  }

  /** Keeps it if there is room. */
  set(key: K, kept: Omit<Kept<V>, 'bytes'>, length: number): void {
    const bytes = length + ENTRY_BYTES;
    if (!this.#budget.take(bytes)) return;
    this.#kept.set(key, { ...kept, bytes });
    this.#bytes += bytes;
  }

  dropOldest(): void {
    for (const [key, kept] of this.#kept) return this.#drop(key, kept);
  }

  #drop(key: K, { bytes }: Kept<V>): void {
    this.#kept.delete(key);
    this.#bytes -= bytes;
    this.#budget.give(bytes);
  }
}

/** Answers of one slice, kept as bytes. Longer ones are made anew, of pieces that may be kept. */
export class AnswerCache {
  readonly #answers: Shelf<string, HttpResponse>;
  readonly #clock: Clock;
  readonly #work: WorkQueue;

  constructor(clock: Clock, work: WorkQueue, budget: Budget) {
    this.#answers = new Shelf(budget);
    this.#clock = clock;
    this.#work = work;
  }

  /** The answer kept under that key, or the one that is made of the pieces. */
  get(key: string, revision: number, pieces: () => Pieces): HttpResponse {
    return this.find(key, revision) ?? this.make(key, revision, pieces());
  }

  /** The answer kept under that key. */
  find(key: string, revision: number): HttpResponse | undefined {
    return this.#answers.get(key, revision, this.#clock())?.value;
  }

  /** The answer that is made of the pieces, which is kept if it is whole. */
  make(key: string, revision: number, pieces: Pieces): HttpResponse {
    const madeAtMs = this.#clock();
    const { body, text, changesAtMs } = toSliced(pieces, this.#work);
    // Nothing is kept of what is not there: any name could be asked for.
    if (text === undefined || revision === 0) return json(body);
    const response = toBytes(json(text));
    this.#answers.set(toOwnText(key), { value: response, revision, madeAtMs, changesAtMs }, response.body.length);
    return response;
  }
}
