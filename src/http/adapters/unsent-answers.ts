import type { ClientTimers } from '../../base/timers.js';
import type { NodeResponse } from './node-messages.js';

interface Held {
  readonly bytes: number;
  readonly shared: Uint8Array | undefined;
}

/** What is held of answers that clients do not read: a budget of bytes for all of them, and a deadline for each. */
export class UnsentAnswers {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #timers: ClientTimers;
  readonly #onLimit: ((name: 'maxUnsentBytes' | 'answerTimeoutMs') => void) | undefined;
  /** Those that wait, the longest first. */
  readonly #waiting = new Map<NodeResponse, Held>();
  /** How many wait for the same bytes, which are held once. */
  readonly #readers = new Map<Uint8Array, number>();
  #bytes = 0;

  constructor(
    maxBytes: number,
    timeoutMs: number,
    timers: ClientTimers,
    onLimit?: (name: 'maxUnsentBytes' | 'answerTimeoutMs') => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
    this.#timers = timers;
    this.#onLimit = onLimit;
  }

  /** Something has been written to it; `shared` of that is held for all who wait for the same. */
  written(response: NodeResponse, shared?: Uint8Array): void {
    const length = response.writableLength ?? 0;
    if (length === 0) return this.sent(response);
    const bytes = Math.max(0, length - (shared?.length ?? 0));
    this.#count(this.#waiting.get(response), -1);
    const held = { bytes, shared };
    this.#count(held, 1);
    this.#waiting.set(response, held);
    for (const [longest] of this.#waiting) {
      if (this.#bytes <= this.#maxBytes) return;
      this.sent(longest);
      longest.destroy();
      this.#onLimit?.('maxUnsentBytes');
    }
  }

  /** All that was written to it is out, or nothing more will be. */
  sent(response: NodeResponse): void {
    this.#count(this.#waiting.get(response), -1);
    this.#waiting.delete(response);
  }

  #count(held: Held | undefined, by: 1 | -1): void {
    if (!held) return;
    const { bytes, shared } = held;
    this.#bytes += by * bytes;
    if (!shared) return;
    const before = this.#readers.get(shared) ?? 0;
    if (before + by === 0) this.#readers.delete(shared);
    else this.#readers.set(shared, before + by);
    if (before === 0 || before + by === 0) this.#bytes += by * shared.length;
  }

  /** Cuts the answer off after the deadline, unless what is given back is called before. */
  limit(response: NodeResponse): () => void {
    const handle = this.#timers.setTimeout(() => {
      response.destroy();
      this.#onLimit?.('answerTimeoutMs');
    }, this.#timeoutMs);
    (handle as { unref?(): void } | undefined)?.unref?.();
    return () => this.#timers.clearTimeout(handle);
  }
}
