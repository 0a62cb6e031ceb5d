import { channelRegistration, topicRegistration, type Registration } from '../registry/index.js';
import type { NameRecord } from './shared-registry.js';

interface Times {
  madeAt: number;
  deletedAt: number;
  droppedAt: number;
}

/** `topic`, or `topic channel`: no name has a space. */
export function toName({ key, subkey }: Registration): string {
  return subkey === '' ? key : `${key} ${subkey}`;
}

export function toRegistration(name: string): Registration {
  const [topic = '', channel] = name.split(' ');
  return channel === undefined ? topicRegistration(topic) : channelRegistration(topic, channel);
}

/**
 * When each topic and channel was made, deleted and dropped, in logical time: one that is later than all that was known when it was
 * made. The last one wins, whoever hears of them in whichever order. A deletion ends what producers registered before it; one that is
 * dropped was without a producer where that was done, and stays where somebody has one.
 */
export class SharedNames {
  readonly #times = new Map<string, Times>();
  /** Those with a deletion or drop to remember, and since when. */
  readonly #ended = new Map<string, number>();
  #now = 0;

  /** The next logical time. */
  next(): number {
    return ++this.#now;
  }

  /** Another knows of that time. */
  seen(time: number): void {
    this.#now = Math.max(this.#now, time);
  }

  record(name: string): NameRecord {
    const { madeAt = 0, deletedAt = 0, droppedAt = 0 } = this.#times.get(name) ?? {};
    return [name, madeAt, deletedAt, droppedAt];
  }

  *records(): Generator<NameRecord, void, undefined> {
    for (const [name, { madeAt, deletedAt, droppedAt }] of this.#times) yield [name, madeAt, deletedAt, droppedAt];
  }

  /** Before that, what was registered does not count. A topic's deletion is one of its channels. */
  deletedAt(name: string): number {
    const own = this.#times.get(name)?.deletedAt ?? 0;
    const at = name.indexOf(' ');
    return at < 0 ? own : Math.max(own, this.#times.get(name.slice(0, at))?.deletedAt ?? 0);
  }

  endedAt(name: string): number {
    return Math.max(this.deletedAt(name), this.#times.get(name)?.droppedAt ?? 0);
  }

  /** Whether its own record says that it is there. */
  isMade(name: string): boolean {
    const { madeAt = 0, deletedAt = 0, droppedAt = 0 } = this.#times.get(name) ?? {};
    return madeAt > Math.max(deletedAt, droppedAt);
  }

  /** Whether it is there without a producer. */
  isThere(name: string): boolean {
    return (this.#times.get(name)?.madeAt ?? 0) > this.endedAt(name);
  }

  /** Takes what is later. Answers whether anything was. */
  merge([name, madeAt, deletedAt, droppedAt]: NameRecord, atMs: number): boolean {
    this.seen(Math.max(madeAt, deletedAt, droppedAt));
    const times = this.#times.get(name) ?? { madeAt: 0, deletedAt: 0, droppedAt: 0 };
    const isNews = madeAt > times.madeAt || deletedAt > times.deletedAt || droppedAt > times.droppedAt;
    if (!isNews) return false;
    if (deletedAt > times.deletedAt || droppedAt > times.droppedAt) {
      this.#ended.delete(name);
      this.#ended.set(name, atMs);
    }
    times.madeAt = Math.max(times.madeAt, madeAt);
    times.deletedAt = Math.max(times.deletedAt, deletedAt);
    times.droppedAt = Math.max(times.droppedAt, droppedAt);
    this.#times.set(name, times);
    return true;
  }

  /** What has ended later than now has ended now. */
  clockSetBack(now: number): void {
    for (const [name, atMs] of this.#ended) this.#ended.set(name, Math.min(atMs, now));
  }

  /** Forgets the ends of before that time, and gives their names, one at a time. */
  *forget(beforeMs: number): Generator<string, void, undefined> {
    for (const [name, atMs] of this.#ended) {
      if (atMs >= beforeMs) return;
      this.#ended.delete(name);
      if (this.isMade(name)) Object.assign(this.#times.get(name)!, { deletedAt: 0, droppedAt: 0 });
      else this.#times.delete(name);
      yield name;
    }
  }
}
