import type { HttpLookupd } from './address.js';
import type { Json, LookupFailure, Said } from './found.js';

/** What several lookupds have said last, and who is told when that changes. */
export class Watched {
  readonly #said = new Map<string, Json>();
  readonly #failures = new Map<string, Error>();
  readonly #following = new Map<string, AbortController>();
  #wake = () => {};
  #isChanged = false;
  #end = () => {};
  /** Resolves when it has ended. */
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));
  /** Whether it has ended. */
  isOver = false;

  /** The last good answer of each, also of those that are down. */
  get said(): Said[] {
    return [...this.#said].map(([address, json]) => ({ address, json }));
  }

  /** Those that could not be asked of late. */
  get failures(): LookupFailure[] {
    return [...this.#failures].map(([address, error]) => ({ address, error }));
  }

  /** Follows those lookupds, and no others from now on. What one has said that is not among them any more counts no longer. */
  follow(lookupds: readonly HttpLookupd[], start: (lookupd: HttpLookupd, signal: AbortSignal) => void): void {
    if (this.isOver) return;
    const addresses = new Set(lookupds.map(({ address }) => address));
    for (const [address, controller] of this.#following) {
      if (addresses.has(address)) continue;
      controller.abort();
      this.#following.delete(address);
      this.#failures.delete(address);
      if (this.#said.delete(address)) this.#change();
    }
    for (const lookupd of lookupds) {
      if (this.#following.has(lookupd.address)) continue;
      const controller = new AbortController();
      this.#following.set(lookupd.address, controller);
      start(lookupd, controller.signal);
    }
  }

  answered(address: string, json: Json): void {
    this.#said.set(address, json);
    this.#failures.delete(address);
    this.#change();
  }

  failed(address: string, error: Error): void {
    this.#failures.set(address, error);
  }

  /** Resolves when something was said since the last time. */
  async changed(): Promise<void> {
    if (!this.#isChanged) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#isChanged = false;
  }

  /** Stops following, and waiting. */
  end(): void {
    this.isOver = true;
    this.#end();
    for (const controller of this.#following.values()) controller.abort();
    this.#following.clear();
    this.#change();
  }

  #change(): void {
    this.#isChanged = true;
    this.#wake();
  }
}
