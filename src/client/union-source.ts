import type { Clock } from '../base/clock.js';
import { setTimer, type ClientTimers } from '../base/timers.js';
import { createRegistryMirror } from '../feed/index.js';
import { RegistrationDB, type PeerInfo, type WorkQueue } from '../registry/index.js';
import type { HttpLookupd } from './address.js';
import { readEvents } from './event-stream.js';
import { LookupError, toSafeError } from './lookup-error.js';
import type { LookupdHttp } from './lookupd-http.js';
import { PolledRegistry } from './union-polled.js';
import { within } from '../base/within.js';

/** A lookupd's stream has a comment every 15 seconds: when nothing has come for so long, it is dead. */
const SILENCE_MS = 45_000;
/** After so many polls, a lookupd that could not be watched is tried again: it may have been replaced. */
const POLLS_BETWEEN_TRIES = 10;
const RECONNECT_MS = 100;
const MAX_BACKOFF_MS = 15_000;

/** What a source is read with, and who is told. */
export interface SourceOptions {
  readonly http: LookupdHttp;
  readonly timers: ClientTimers;
  readonly clock: Clock;
  /** What shares long work out over the turns of the event loop. */
  readonly work: WorkQueue;
  readonly random: () => number;
  readonly pollMs: number;
  readonly graceMs: number;
  readonly maxAnswerBytes: number;
  readonly inactiveProducerTimeoutMs: number;
  /** It holds another registry from now on. */
  readonly onSwap: (source: UnionSource, before: RegistrationDB) => void | Promise<void>;
  /** It has answered, failed, or is left out. */
  readonly onStatus: () => void;
}

/** One lookupd: what it holds, as far as it has told, and whether it answers. */
export class UnionSource {
  readonly lookupd: HttpLookupd;
  /** What it held when it last answered; empty before, and once it has been down for longer than the grace. */
  db = new RegistrationDB();
  /** How far its clock is before this one's: milliseconds. */
  skewMs = 0;
  /** Whether it tells of changes itself; undefined before it has answered. */
  isWatched: boolean | undefined;
  /** Why it does not answer now. */
  failure: Error | undefined;
  /** Whether what it held counts. */
  isIn = false;
  readonly #options: SourceOptions;
  readonly #silent = new WeakSet<PeerInfo>();
  #running: AbortController | undefined;
  #grace: unknown;
  #failures = 0;
  #polls = 0;
  #lastId: string | undefined;
  #registry: PolledRegistry | undefined;
  #waiting: (() => void)[] = [];
  #wake = () => {};

  constructor(lookupd: HttpLookupd, options: SourceOptions) {
    this.lookupd = lookupd;
    this.#options = options;
  }

  /** Whether the lookupd has heard of the peer in time. */
  hears(peer: PeerInfo): boolean {
    return !this.#silent.has(peer);
  }

  /** What is known of a peer has changed, or it has come. */
  looked(peer: PeerInfo): void {
    const now = this.#options.clock() + this.skewMs;
    if (now - peer.lastUpdateMs > this.#options.inactiveProducerTimeoutMs) this.#silent.add(peer);
    else this.#silent.delete(peer);
  }

  start(): void {
    if (this.#running) return;
    const { signal } = (this.#running = new AbortController());
    void this.#run(signal);
  }

  /** Reads no more; what it held counts for the grace, or no longer. */
  stop(isAtOnce = false): void {
    this.#running?.abort();
    this.#running = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (isAtOnce) this.#endGrace();
    else this.#beginGrace();
  }

  /** Resolves when what has been written there is known here, as far as it is asked for. */
  refresh(): Promise<void> {
    if (this.isWatched !== false || !this.#running) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wake();
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let pauseMs: number;
      const waiting = this.#waiting.splice(0);
      try {
        pauseMs = await this.#once(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.failure = toSafeError(error, this.lookupd.secrets);
        this.#beginGrace();
        this.#options.onStatus();
        pauseMs = Math.min(MAX_BACKOFF_MS, RECONNECT_MS * 2 ** this.#failures++) * (1 - this.#options.random() / 2);
      } finally {
        for (const resolve of waiting) resolve();
      }
      await this.#pause(this.#waiting.length > 0 ? 0 : pauseMs, signal);
    }
  }

  async #once(signal: AbortSignal): Promise<number> {
    if (this.#polls % POLLS_BETWEEN_TRIES === 0) {
      const pauseMs = await this.#watch(signal);
      if (pauseMs !== undefined) return pauseMs;
    }
    this.#polls++;
    await this.#poll(signal);
    return this.#options.pollMs;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { http, clock, work } = this.#options;
    const polled = this.isWatched === false && this.#registry ? this.#registry : new PolledRegistry();
    await polled.read(this.lookupd, { http, clock, work, signal });
    if (signal.aborted) return;
    this.isWatched = false;
    this.skewMs = 0;
    this.#lastId = undefined;
    this.#registry = polled;
    await this.#swap(polled.db);
    this.#answered();
  }

  /** Until the stream of all changes ends; gives when to come back, undefined where there is no stream. */
  async #watch(signal: AbortSignal): Promise<number | undefined> {
    const request = new AbortController();
    const abort = () => request.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const response = await this.#open(request.signal);
      return response && (await this.#read(response, signal));
    } finally {
      signal.removeEventListener('abort', abort);
      request.abort();
    }
  }

  /** The stream of all changes; undefined where there is none. */
  async #open(signal: AbortSignal): Promise<Response | undefined> {
    const { http, clock } = this.#options;
    const headers = {
      Accept: 'text/event-stream, application/json',
      'Cache-Control': 'no-store',
      ...(this.#lastId !== undefined && { 'Last-Event-ID': this.#lastId }),
    };
    const response = await http.open(this.lookupd.toUrl('watch'), { headers, signal });
    if (response.status === 200 && /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) {
      const dateMs = Date.parse(response.headers.get('date') ?? '');
      // In whole seconds, so that less is no difference.
      const skewMs = Number.isNaN(dateMs) ? 0 : dateMs + 500 - clock();
      this.skewMs = Math.abs(skewMs) < 2000 ? 0 : skewMs;
      return response;
    }
    await response.body?.cancel();
    return undefined;
  }

  /** Until the stream ends; gives when to come back. */
  async #read(response: Response, signal: AbortSignal): Promise<number> {
    const { timers, maxAnswerBytes } = this.#options;
    const events = readEvents((response.body ?? []) as AsyncIterable<Uint8Array>, maxAnswerBytes);
    const late = () => new LookupError(`nothing came for ${SILENCE_MS} ms`, 0);
    let coming: RegistrationDB | undefined;
    let mirror = createRegistryMirror(this.db);
    // One that goes on from where it was says nothing until something changes.
    if (this.#lastId !== undefined && this.isIn) this.#answered();
    try {
      for (;;) {
        const { done, value } = await within(events.next(), { timers, ms: SILENCE_MS, late, signal });
        if (done) throw new LookupError('the stream has ended', 0);
        const { event, data, id } = value;
        if (data === undefined || (event !== 'snapshot' && event !== 'change')) continue;
        if (event === 'snapshot' && (JSON.parse(data) as { part: number }).part === 1) {
          coming = new RegistrationDB();
          mirror = createRegistryMirror(coming);
        }
        mirror(event, data);
        // A snapshot has an index when it is whole.
        if (coming && id !== undefined) {
          this.isWatched = true;
          this.#registry = undefined;
          await this.#swap(coming);
          coming = undefined;
          this.#answered();
        }
        if (id !== undefined) this.#lastId = id;
      }
    } finally {
      void events.return().catch(() => undefined);
      void response.body?.cancel().catch(() => undefined);
    }
  }

  async #swap(db: RegistrationDB): Promise<void> {
    const before = this.db;
    if (before === db) return;
    this.db = db;
    if (this.isWatched === true) for (const peer of db.peers()) this.looked(peer);
    await this.#options.onSwap(this, before);
  }

  #answered(): void {
    this.failure = undefined;
    this.#failures = 0;
    this.isIn = true;
    if (this.#grace !== undefined) this.#options.timers.clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#options.onStatus();
  }

  #beginGrace(): void {
    const { timers, graceMs } = this.#options;
    if (!this.isIn || this.#grace !== undefined) return;
    this.#grace = setTimer(timers, () => this.#endGrace(), graceMs);
  }

  #endGrace(): void {
    if (this.#grace !== undefined) this.#options.timers.clearTimeout(this.#grace);
    this.#grace = undefined;
    this.isIn = false;
    this.#lastId = undefined;
    this.#registry = undefined;
    this.#polls = 0;
    void this.#swap(new RegistrationDB());
    this.#options.onStatus();
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { timers } = this.#options;
    return new Promise((resolve) => {
      const done = () => {
        if (timer !== undefined) timers.clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimer(timers, done, ms);
      this.#wake = () => this.isWatched === false && done();
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}
