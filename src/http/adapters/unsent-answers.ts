import type { ClientTimers } from '../../base/timers.js';
import type { NodeResponse } from './node-messages.js';

/** What is held of answers that clients do not read: a budget of bytes for all of them, and a deadline for each. */
export class UnsentAnswers {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #timers: ClientTimers;
  readonly #onLimit: ((name: 'maxUnsentBytes' | 'answerTimeoutMs') => void) | undefined;
  /** Those that wait, the longest first. */
  readonly #waiting = new Map<NodeResponse, number>();
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

  /** Something has been written to it. */
  written(response: NodeResponse): void {
    const bytes = response.writableLength ?? 0;
    if (bytes === 0) return this.sent(response);
    this.#bytes += bytes - (this.#waiting.get(response) ?? 0);
    this.#waiting.set(response, bytes);
    for (const [longest] of this.#waiting) {
      if (this.#bytes <= this.#maxBytes) return;
      this.sent(longest);
      longest.destroy();
      this.#onLimit?.('maxUnsentBytes');
    }
  }

  /** All that was written to it is out, or nothing more will be. */
  sent(response: NodeResponse): void {
    this.#bytes -= this.#waiting.get(response) ?? 0;
    this.#waiting.delete(response);
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
