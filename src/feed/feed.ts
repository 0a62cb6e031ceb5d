import { callGuarded, printError } from '../base/error-report.js';
import {
  aFunction,
  aSignal,
  checkOptions,
  clientTimers,
  number,
  text,
  withMethods,
  type Checks,
} from '../base/options.js';
import { DEFAULT_TIMERS, setTimer, type ClientTimers } from '../base/timers.js';
import type { Change, OnError, Topology } from '../registry/index.js';
import { ChangeRing } from './change-ring.js';
import { LastRevisions } from './last-revisions.js';
import { LatestChanges } from './latest-changes.js';
import { TimeChanges } from './time-changes.js';
import { Waiters } from './waiters.js';

/** The most changes that are kept to be replayed. */
export const DEFAULT_FEED_CAPACITY = 100_000;
/** 64 MiB: the most memory that they may take. */
export const DEFAULT_FEED_MAX_BYTES = 64 * 1024 * 1024;

/** What a feed is made of. */
export interface FeedOptions {
  /** The most changes that are kept to be replayed, from 0 on. Default 100,000. */
  readonly capacity?: number | undefined;
  /** The most bytes of memory that they may take, about, from 0 on. Default 67,108,864 (64 MiB). */
  readonly maxBytes?: number | undefined;
  /** For waiting, and for what time alone changes. Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /** Gets what a listener threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<FeedOptions> = {
  capacity: number(0),
  maxBytes: number(0),
  timers: clientTimers,
  onError: aFunction,
};

/** What any change is about, for who waits; others are about a topic, `TOPICS` or `NODES`. */
export const ALL = Symbol('all');

/**
 * The changes after an index, as plain data in which peers are copies; or that they are not to be had: it is of another epoch, from
 * the future, or too long ago.
 */
export type Replay = { readonly isGone: false; readonly changes: readonly Change[] } | { readonly isGone: true };

/** How long, and for what, `wait` waits. */
export interface WaitOptions {
  /** Only for changes of this topic. Default: for any change. */
  readonly topic?: string | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the wait: milliseconds from 0 on. Default: Infinity. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A registry's changes in order, the latest of them kept, so that who has missed some is told them, or that they are gone. An index
 * (`EPOCH.REVISION`, to be treated as an opaque text) says how far somebody has come; after a restart it is of another epoch. Nothing
 * is recorded before the first index is given away; while only `oldestIndex` has been asked for, the latest 1,000 changes are.
 */
export class Feed {
  /** Whose changes these are. */
  readonly topology: Topology;
  /** What it waits with. */
  readonly timers: ClientTimers;
  readonly #epoch: string;
  /** All changes since somebody began to follow, as plain data, with those of `#before` that he may ask for. */
  readonly #ring: ChangeRing;
  /** The changes until somebody follows. */
  #before: LatestChanges | undefined;
  readonly #time: TimeChanges;
  readonly #onError: OnError;
  readonly #last: LastRevisions;
  readonly #listeners = new Map<string | symbol, Set<() => void>>();
  readonly #waiters: Waiters;
  #revision = 0;
  /** Undefined before it is needed. */
  #stop: (() => void) | undefined;
  #isClosed = false;

  /** @internal */
  constructor(topology: Topology, options: FeedOptions) {
    const { capacity = DEFAULT_FEED_CAPACITY, maxBytes = DEFAULT_FEED_MAX_BYTES } = options;
    const { timers = DEFAULT_TIMERS, onError = printError } = options;
    this.topology = topology;
    this.timers = timers;
    this.#onError = onError;
    this.#epoch = Math.random().toString(16).slice(2, 10).padEnd(8, '0'); // a secret it is not, and loading crypto takes time
    this.#ring = new ChangeRing(capacity, maxBytes);
    this.#before = new LatestChanges(capacity, maxBytes);
    this.#last = new LastRevisions(topology.db);
    this.#time = new TimeChanges(topology, timers);
    this.#waiters = new Waiters(topology.work);
  }

  /** Where the feed is now. */
  get index(): string {
    this.#begin();
    return this.indexOf(this.#revision);
  }

  /** The oldest index that it can go on from. */
  get oldestIndex(): string {
    this.#record();
    return this.indexOf(this.#kept.since);
  }

  /** The index right after a change. */
  indexOf(revision: number): string {
    return `${this.#epoch}.${revision}`;
  }

  /** How many changes are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** The bytes of memory that they take, about. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /** Whether it is over. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Up to `most` (default: all) of the changes after an index, in order. */
  since(index: string, most = Infinity): Replay {
    const revision = this.#read(index);
    if (revision === undefined) return { isGone: true };
    return { isGone: false, changes: this.#ring.after(revision, most) };
  }

  /**
   * Resolves as soon as anything (or anything of a topic) has changed since an index: at once, if it has already, or if that is not
   * known. False when the time is over, the signal was aborted, or the feed is closed.
   */
  wait(index: string, options: WaitOptions = {}): Promise<boolean> {
    const { topic, signal, timeoutMs = Infinity } = checkOptions('wait', options, WAIT_CHECKS);
    return this.waitFor(topic ?? ALL, index, signal, timeoutMs);
  }

  /** The same for a topic, `TOPICS`, `NODES` or `ALL`. @internal */
  async waitFor(
    key: string | symbol,
    index: string,
    signal: AbortSignal | undefined,
    timeoutMs: number,
  ): Promise<boolean> {
    if (this.isNewSince(key, index)) return true;
    if (this.#isClosed || signal?.aborted === true) return false;
    return new Promise((resolve) => {
      const settle = (isNew: boolean) => {
        stop();
        if (timer !== undefined) this.timers.clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        resolve(isNew);
      };
      const giveUp = () => settle(false);
      const stop = this.#waiters.add(key, () => settle(!this.#isClosed));
      // It may have changed, and this not have been woken yet.
      const timer = setTimer(this.timers, () => settle(this.isNewSince(key, index)), timeoutMs);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Whether that has changed since an index, or it is not known whether it has. @internal */
  isNewSince(key: string | symbol, index: string): boolean {
    const revision = this.#read(index);
    if (revision === undefined) return true;
    return key === ALL ? this.#revision > revision : this.#last.isNewSince(key, revision);
  }

  /** Whether answers may tell already what time has changed, and nobody was told of yet. @internal */
  isBehind(): boolean {
    return this.#time.isBehind();
  }

  /** Calls back after each change of a topic, `TOPICS`, `NODES` or `ALL`, and when the feed is closed, until what it gives is called. @internal */
  listen(key: string | symbol, listener: () => void): () => void {
    this.#begin();
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** Ends all waits, and follows the registry no more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop?.();
    this.#time.close();
    for (const key of [...this.#listeners.keys()]) this.#tell(key);
    this.#waiters.wakeAll();
  }

  get #kept(): ChangeRing | LatestChanges {
    return this.#before ?? this.#ring;
  }

  /**
   * Before somebody follows, few changes are kept, as they were told, and what each is about is not looked at: that would cost as much
   * as to register.
   */
  #begin(): void {
    this.#record();
    const before = this.#before;
    if (!before) return;
    this.#before = undefined;
    this.#ring.begin(before.since);
    for (const change of before.all()) this.#ring.push(change);
    this.#last.begin(this.#revision);
  }

  /** Nothing is recorded before somebody has an index, or listens. */
  #record(): void {
    if (this.#stop || this.#isClosed) return;
    const { topology } = this;
    this.#revision = topology.db.revision;
    this.#before?.begin(this.#revision);
    this.#stop = topology.db.onChange((change) => this.#take(change));
    this.#time.begin();
  }

  #read(index: string): number | undefined {
    this.#begin();
    const [, epoch, digits] = /^([0-9a-f]{8})\.(\d{1,16})$/.exec(index) ?? [];
    const revision = Number(digits);
    return epoch === this.#epoch && revision >= this.#ring.since && revision <= this.#revision ? revision : undefined;
  }

  #take(change: Change): void {
    if (change.revision <= this.#revision) return; // made before this began, and told after
    this.#revision = change.revision;
    this.#time.heard(change);
    if (this.#before) return this.#before.push(change);
    this.#ring.push(change);
    this.#last.heard(change, (key) => this.#tell(key));
    this.#last.prune(this.#ring.since);
    this.#tell(ALL);
  }

  #tell(key: string | symbol): void {
    const listeners = this.#listeners.get(key);
    if (listeners) for (const listener of [...listeners]) callGuarded(this.#onError, 'a listener threw', listener);
    this.#waiters.wake(key);
  }
}

const WAIT_CHECKS: Checks<WaitOptions> = { topic: text, signal: aSignal, timeoutMs: number(0) };

/**
 * Makes the feed of a topology's registry. Throws a TypeError that names the option when one is unknown or of the wrong kind.
 *
 * @example
 * ```js
 * import { createFeed } from 'nsqlookupd/feed';
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const feed = createFeed(topology);
 * const { index } = feed;
 * topology.createTopic('orders');
 * console.log(await feed.wait(index, { topic: 'orders' })); // true
 * const replay = feed.since(index);
 * console.log(replay.isGone ? 'gone' : replay.changes.length); // 1
 * feed.close();
 * ```
 */
export function createFeed(topology: Topology, options: FeedOptions = {}): Feed {
  withMethods('a Topology', 'producers', 'leave')('topology', topology);
  return new Feed(topology, checkOptions('createFeed', options, CHECKS));
}
