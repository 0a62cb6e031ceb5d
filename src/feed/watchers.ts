import { isThenable } from '../base/error-report.js';
import { setTimer, type ClientTimers } from '../base/timers.js';
import type { WorkQueue } from '../base/work-queue.js';
import type { Feed } from './feed.js';
import { COMMENT, FAREWELL } from './sse.js';
import { Wakeable } from './wakeable.js';

/** How often each gets a comment. */
const HEARTBEAT_MS = 15_000;
/** One that has taken nothing for so many of them, though there was something, reads no more. */
const MAX_MISSED_BEATS = 4;
/** To write to a socket is as much work as so many steps. */
const STEPS_A_WRITE = 10;

/** To send so many bytes is as much work as one step. */
const BYTES_PER_STEP = 1024;
/** One that watches more topics takes as many places as so many of them go into those. */
const TOPICS_A_PLACE = 10;

/** What a watcher sends: what is new since the last time, if anything is. */
export type TakeEvents = () => Uint8Array | undefined;

/** Tells whether somebody may watch still. */
export type MayStay = () => boolean | PromiseLike<boolean>;

/** All that watch, with one timer for their comments. They are woken in slices. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #work: WorkQueue;
  readonly #timers: ClientTimers;
  readonly #max: number;
  #places = 0;
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

  /** Whether there is room for one more, of so many topics. */
  hasRoomFor(topics: number): boolean {
    return !this.#isClosed && this.#places + placesOf(topics) <= this.#max;
  }

  /** Takes a place for somebody who waits in another way. Gives what gives it back; undefined if all are taken. */
  takePlace(): (() => void) | undefined {
    if (!this.hasRoomFor(1)) return undefined;
    let isTaken = true;
    this.#places++;
    return () => {
      if (isTaken) this.#places--;
      isTaken = false;
    };
  }

  /** The body of an endless answer, about so many topics, for as long as they may. `end` is called when the client has gone. */
  add(take: TakeEvents, topics: number, mayStay: MayStay | undefined, end: () => void): Watcher {
    const watcher = new Watcher(take, topics, mayStay, () => {
      if (this.#watchers.delete(watcher)) this.#places -= placesOf(topics);
      end();
    });
    this.#watchers.add(watcher);
    this.#places += placesOf(topics);
    if (this.#watchers.size === 1) this.#beatLater();
    return watcher;
  }

  /** A part of them, that watch the same. */
  group(): WatcherGroup {
    return new WatcherGroup(this.#work);
  }

  /** Ends those that may watch no longer. */
  recheck(): void {
    this.#each((watcher) => watcher.recheck());
  }

  /** Says farewell to all, and lets nobody in any more. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#each((watcher) => watcher.sayFarewell());
  }

  #beatLater(): void {
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#timer = setTimer(this.#timers, () => this.#beat(), HEARTBEAT_MS);
  }

  #beat(): void {
    this.#timer = undefined;
    if (this.#watchers.size === 0 || this.#isClosed) return;
    this.#each((watcher) => {
      watcher.beat();
      watcher.recheck();
    });
    this.#beatLater();
  }

  #each(tell: (watcher: Watcher) => void): void {
    this.#work.run(tellEach([...this.#watchers], tell));
  }
}

function* tellEach(watchers: readonly Watcher[], tell: (watcher: Watcher) => void): Generator<number, void, undefined> {
  for (const watcher of watchers) {
    tell(watcher);
    yield STEPS_A_WRITE;
  }
}

function placesOf(topics: number): number {
  return Math.max(1, Math.ceil(topics / TOPICS_A_PLACE));
}

/** Some that watch the same. They are woken in slices; what changes meanwhile makes one more round, and never a backlog of them. */
export class WatcherGroup {
  readonly #watchers = new Set<Watcher>();
  readonly #work: WorkQueue;
  #isWaking = false;
  #isDue = false;

  constructor(work: WorkQueue) {
    this.#work = work;
  }

  get size(): number {
    return this.#watchers.size;
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  delete(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  wake(): void {
    this.#isDue = true;
    if (!this.#isWaking) this.#work.run(this.#rounds());
  }

  *#rounds(): Generator<number, void, undefined> {
    this.#isWaking = true;
    while (this.#isDue) {
      this.#isDue = false;
      for (const watcher of this.#watchers) yield watcher.rouse();
    }
    this.#isWaking = false;
  }
}

/** One that watches: the body of its answer. */
export class Watcher extends Wakeable<Uint8Array> {
  #missed = 0;
  #isBeatDue = false;
  #isLeaving = false;
  #takenBytes = 0;
  readonly #takeEvents: TakeEvents;
  readonly #topics: number;
  readonly #mayStay: MayStay | undefined;

  constructor(takeEvents: TakeEvents, topics: number, mayStay: MayStay | undefined, end: () => void) {
    super(() => this.#take(), end);
    this.#takeEvents = takeEvents;
    this.#topics = topics;
    this.#mayStay = mayStay;
  }

  /** Ends it if it may watch no longer. */
  recheck(): void {
    const judge = (mayStay: boolean) => {
      if (!mayStay) this.finish();
    };
    const verdict = this.#mayStay?.() ?? true;
    if (isThenable(verdict)) void Promise.resolve(verdict).then(judge);
    else judge(verdict);
  }

  /** Wakes it, and tells about how many steps that is, with the sending. */
  rouse(): number {
    this.#takenBytes = 0;
    this.wake();
    return STEPS_A_WRITE + this.#topics / TOPICS_A_PLACE + this.#takenBytes / BYTES_PER_STEP;
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
    if (events) {
      this.#takenBytes = events.length;
      return { value: events };
    }
    if (!this.#isBeatDue) return undefined;
    this.#isBeatDue = false;
    return { value: COMMENT };
  }
}
