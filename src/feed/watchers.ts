import { setTimer, type ClientTimers } from '../base/timers.js';
import type { WorkQueue } from '../base/work-queue.js';
import { concat } from '../base/bytes.js';
import type { Feed } from './feed.js';
import { COMMENT, FAREWELL } from './sse.js';
import { Wakeable } from './wakeable.js';

/** How often each gets a comment. */
const HEARTBEAT_MS = 15_000;
/** One that has taken nothing for so many of them, though there was something, reads no more. */
const MAX_MISSED_BEATS = 4;
/** To write to a socket is as much work as so many steps. */
const STEPS_A_WRITE = 10;

/** What a watcher sends: what is new since the last time, if anything is. */
export type TakeEvents = () => Uint8Array | undefined;

/** All that watch, with one timer for their comments. They are woken in slices. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #work: WorkQueue;
  readonly #timers: ClientTimers;
  readonly #max: number;
  #timer: unknown;
  #isClosed = false;

  constructor(feed: Feed, max: number) {
    this.#work = feed.topology.work;
    this.#timers = feed.timers;
    this.#max = max;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#watchers.size < this.#max;
  }

  /** The body of an endless answer. `end` is called when the client has gone. */
  add(take: TakeEvents, end: () => void): Watcher {
    const watcher = new Watcher(take, () => {
      this.#watchers.delete(watcher);
      end();
    });
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#beatLater();
    return watcher;
  }

  /** Wakes those, some in each turn of the event loop. */
  wake(watchers: Iterable<Watcher>): void {
    this.#work.run(wakeEach([...watchers]));
  }

  /** Says farewell to all, and lets nobody in any more. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    for (const watcher of [...this.#watchers]) watcher.sayFarewell();
  }

  #beatLater(): void {
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#timer = setTimer(this.#timers, () => this.#beat(), HEARTBEAT_MS);
  }

  #beat(): void {
    this.#timer = undefined;
    if (this.#watchers.size === 0 || this.#isClosed) return;
    this.#work.run(beatEach([...this.#watchers]));
    this.#beatLater();
  }
}

function* wakeEach(watchers: readonly Watcher[]): Generator<number, void, undefined> {
  for (const watcher of watchers) {
    watcher.wake();
    yield STEPS_A_WRITE;
  }
}

function* beatEach(watchers: readonly Watcher[]): Generator<number, void, undefined> {
  for (const watcher of watchers) {
    watcher.beat();
    yield STEPS_A_WRITE;
  }
}

/** One that watches: the body of its answer. */
export class Watcher extends Wakeable<Uint8Array> {
  #missed = 0;
  #isBeatDue = false;
  #isLeaving = false;
  readonly #takeEvents: TakeEvents;

  constructor(takeEvents: TakeEvents, end: () => void) {
    super(() => this.#take(), end);
    this.#takeEvents = takeEvents;
  }

  beat(): void {
    if (this.isWaiting) {
      this.#missed = 0;
      this.#isBeatDue = true;
      this.wake();
    } else if (++this.#missed > MAX_MISSED_BEATS) this.finish();
  }

  sayFarewell(): void {
    this.#isLeaving = true;
    this.wake();
  }

  #take(): { readonly value: Uint8Array } | undefined {
    if (this.#isLeaving) {
      // The next call finds it finished.
      queueMicrotask(this.finish);
      this.#isLeaving = false;
      return { value: FAREWELL };
    }
    const events = this.#takeEvents();
    if (events) return { value: events };
    if (!this.#isBeatDue) return undefined;
    this.#isBeatDue = false;
    return { value: COMMENT };
  }
}

/** Some events as one piece. */
export function joinEvents(events: readonly Uint8Array[]): Uint8Array | undefined {
  return events.length > 1 ? concat(events) : events[0];
}
