import type { Timers } from 'nsqlookupd/tcp';

/** Timers that fire when a test says that time passes. */
export class ManualTimers implements Timers {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  get pending(): number {
    return this.#timers.length;
  }

  setTimeout(callback: () => void, ms: number): void {
    this.#timers.push({ at: this.#now + ms, callback });
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }
}
