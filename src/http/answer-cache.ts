import { toOwnText } from '../base/text.js';
import type { Clock } from '../registry/index.js';
import type { HttpResponse } from './http-message.js';
import { toBytes } from './responses.js';

/** An answer that was put together, and until when it holds if nothing happens. */
export interface TimedAnswer {
  readonly response: HttpResponse;
  readonly changesAtMs: number;
}

interface CachedAnswer extends TimedAnswer {
  readonly revision: number;
  readonly madeAtMs: number;
  readonly size: number;
}

/** What an entry costs beside its body, about. */
const ENTRY_BYTES = 300;

/**
 * Answers as bytes, kept for as long as they hold: until the revision that they were made at has passed, or the
 * time at which they change by themselves has come, or the clock has been set back. The oldest go first when
 * there is no room.
 */
export class AnswerCache {
  readonly #answers = new Map<string, CachedAnswer>();
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(clock: Clock, maxBytes: number) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  /** The answer kept under that key, or the one that `make` makes. */
  get(key: string, revision: number, make: () => TimedAnswer): HttpResponse {
    const now = this.#clock();
    const kept = this.#answers.get(key);
    if (kept?.revision === revision && now >= kept.madeAtMs && now < kept.changesAtMs) return kept.response;
    if (kept) this.#drop(key, kept);
    const { response, changesAtMs } = make();
    if (response.status !== 200 || typeof response.body !== 'string') return response;
    const inBytes = toBytes(response);
    const size = inBytes.body.length + ENTRY_BYTES;
    const answer = { revision, madeAtMs: now, changesAtMs, size, response: inBytes };
    this.#makeRoom(size);
    // Nothing is kept of what is not there: any name could be asked for.
    if (revision > 0 && this.#bytes + size <= this.#maxBytes) {
      this.#answers.set(toOwnText(key), answer);
      this.#bytes += size;
    }
    return answer.response;
  }

  #makeRoom(size: number): void {
    if (size > this.#maxBytes) return;
    for (const [key, answer] of this.#answers) {
      if (this.#bytes + size <= this.#maxBytes) return;
      this.#drop(key, answer);
    }
  }

  #drop(key: string, answer: CachedAnswer): void {
    this.#answers.delete(key);
    this.#bytes -= answer.size;
  }
}
