import { setTimer, type ClientTimers } from '../base/timers.js';
import type { HttpLookupd } from './address.js';
import { readEvents } from './event-stream.js';
import type { Json } from './found.js';
import { LookupError, toSafeError } from './lookup-error.js';
import type { LookupdHttp } from './lookupd-http.js';
import { within } from '../base/within.js';

/** A lookupd's stream has a comment every 15 seconds: when nothing has come for so long, it is dead. */
const SILENCE_MS = 45_000;
/** How long a lookupd is asked to wait for a change. */
const WAIT_MS = 30_000;
/** After so many polls, a lookupd that could not be watched is tried again: it may have been replaced. */
const POLLS_BETWEEN_TRIES = 10;
/** How long until a stream that has ended is opened again, if the server does not say; and the least between two answers. */
const RECONNECT_MS = 100;
/** The longest pause that a server may ask for. */
const MAX_RETRY_MS = 60_000;
/** What an index may be: it goes back in a header or a query. */
const INDEX = /^[!-~]{1,256}$/;
const MAX_BACKOFF_MS = 15_000;
/** Of the interval between polls, so much is left to chance, so that not all consumers ask at once. */
const JITTER = 0.3;

/** What a watch is done with, and who is told. */
export interface WatchOptions {
  readonly http: LookupdHttp;
  readonly timers: ClientTimers;
  readonly random: () => number;
  readonly intervalMs: number;
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
  readonly onAnswer: (json: Json) => void;
  readonly onFailure: (error: Error) => void;
}

/** Follows what one lookupd says, until the signal: as it changes where the lookupd tells, and by asking where it does not. */
export class LookupdWatch {
  readonly #lookupd: HttpLookupd;
  readonly #options: WatchOptions;
  #failures = 0;

  constructor(lookupd: HttpLookupd, options: WatchOptions) {
    this.#lookupd = lookupd;
    this.#options = options;
  }

  /** What `/lookup` says of a topic. Resolves when the signal is aborted. */
  async followTopic(topic: string): Promise<void> {
    let lastId: string | undefined;
    let polls = 0;
    await this.#repeat(async () => {
      if (polls % POLLS_BETWEEN_TRIES === 0) {
        const response = await this.#open(topic, lastId);
        if (response) return this.#read(response, (id) => (lastId = id));
      }
      polls++;
      await this.#poll('lookup', topic, '');
      return this.#jittered();
    });
  }

  /** What `/nodes` says. Resolves when the signal is aborted. */
  async followNodes(): Promise<void> {
    let index: string | null = null;
    await this.#repeat(async () => {
      const query = index === null ? 'index=' : `index=${encodeURIComponent(index)}&wait=${WAIT_MS}ms`;
      index = await this.#poll('nodes', undefined, query, index === null ? 0 : WAIT_MS);
      return index === null ? this.#jittered() : RECONNECT_MS;
    });
  }

  /** Does it again and again, each time after as many milliseconds as it gives; after a pause that grows when it rejects. */
  async #repeat(once: () => Promise<number>): Promise<void> {
    const { signal, onFailure } = this.#options;
    while (!signal.aborted) {
      let pauseMs: number;
      try {
        pauseMs = await once();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        onFailure(toSafeError(error, this.#lookupd.secrets));
        pauseMs = Math.min(MAX_BACKOFF_MS, RECONNECT_MS * 2 ** this.#failures++) * (1 - this.#options.random() / 2);
      }
      await this.#pause(pauseMs);
    }
  }

  /** The stream of a topic; undefined where there is none: an nsqlookupd in Go, or one that has all the watchers that it takes. */
  async #open(topic: string, lastId: string | undefined): Promise<Response | undefined> {
    const { http, signal } = this.#options;
    const headers = {
      Accept: 'text/event-stream, application/json',
      'Cache-Control': 'no-store',
      ...(lastId !== undefined && { 'Last-Event-ID': lastId }),
    };
    const response = await http.open(this.#lookupd.toUrl('watch', topic), { headers, signal });
    if (response.status === 200 && /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? ''))
      return response;
    await response.body?.cancel();
    return undefined;
  }

  /** Until the stream ends; gives when to come back. */
  async #read(response: Response, onId: (id: string) => void): Promise<number> {
    const { timers, signal, onAnswer, maxAnswerBytes } = this.#options;
    const events = readEvents((response.body ?? []) as AsyncIterable<Uint8Array>, maxAnswerBytes);
    const late = () => new LookupError(`nothing came for ${SILENCE_MS} ms`, 0);
    let retryMs = RECONNECT_MS;
    let hasTold = false;
    try {
      for (;;) {
        const { done, value } = await within(events.next(), { timers, ms: SILENCE_MS, late, signal });
        if (done && hasTold) return retryMs;
        if (done) throw new LookupError('the stream ended before it told anything', 0);
        retryMs = Math.min(MAX_RETRY_MS, Math.max(RECONNECT_MS, value.retryMs ?? retryMs));
        if (value.event === 'lookup' || value.event === 'gone') {
          onAnswer(value.event === 'gone' ? {} : toJson(value.data));
          hasTold = true;
          this.#failures = 0;
        }
        if (value.id !== undefined && INDEX.test(value.id)) onId(value.id);
      }
    } finally {
      // Of a stream that is stuck, this ends when the connection does.
      void events.return().catch(() => undefined);
      void response.body?.cancel().catch(() => undefined);
    }
  }

  async #poll(route: 'lookup' | 'nodes', topic: string | undefined, query: string, waitMs = 0): Promise<string | null> {
    const { http, signal, onAnswer } = this.#options;
    const url = this.#lookupd.toUrl(route, topic);
    const asked = query === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${query}`;
    const { json, index } = await http.list(asked, 'producers', { signal, waitMs: waitMs * 1.1 });
    onAnswer(json);
    return index !== null && INDEX.test(index) ? index : null;
  }

  #jittered(): number {
    const { intervalMs, random } = this.#options;
    return intervalMs * (1 + JITTER * (2 * random() - 1));
  }

  #pause(ms: number): Promise<void> {
    const { timers, signal } = this.#options;
    return new Promise((resolve) => {
      const done = () => {
        timers.clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimer(timers, done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}

function toJson(data: string | undefined): Json {
  try {
    const json = JSON.parse(data ?? '') as Json | null;
    if (json && (json['producers'] === null || Array.isArray(json['producers']))) return json;
  } catch {
    // As below.
  }
  throw new LookupError('an event is no answer of a lookupd', 0);
}
