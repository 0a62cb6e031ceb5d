import type { Api } from './api.js';
import type { ServerEvent } from './events.js';
import { Model } from './model.js';
import { pollChanges } from './poll.js';
import { Slices } from './slices.js';
import type { Judge } from './state.js';
import { readEvents } from './stream.js';
import type { ChangeJson, PartJson } from './watch-json.js';

/** How the page hears of changes. */
export type Way = 'connecting' | 'live' | 'polling' | 'away' | 'refused' | 'unclear' | 'asleep';

export interface SourceOptions {
  readonly api: Api;
  readonly judge: Judge;
  readonly onWay: (way: Way) => void;
  /** Another model is shown from now on; `isNew`: what was known before was forgotten. */
  readonly onModel: (model: Model, isNew: boolean) => void;
  readonly onChange: (change: ChangeJson) => void;
  /** More of the first snapshot is there. */
  readonly onPart: () => void;
}

const PATIENCE_MS = 5000;
const POLL_MS = 3000;
/** Polling takes at most so great a part of the time, or the server had little else to do. */
const POLL_REST = 10;
/** For how long it polls before it tries to be told again. */
const POLLING_MS = 60_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;
/** A connection that has lasted so long was a good one. */
const GOOD_MS = 10_000;

/** Keeps a model up to date: told by `/watch`, or by polling where something holds events back. */
export class Source {
  readonly #options: SourceOptions;
  #model = new Model();
  #next: Model | undefined;
  /** After what the model knows; `''` while it does not know all. */
  #lastId = '';
  #hasShown = false;
  /** Whether all that was told has been understood. */
  #isPlain = true;
  readonly #slices = new Slices();
  #stop = new AbortController();
  #isAsleep = false;
  #wake: () => void = () => undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
    options.onModel(this.#model, false);
  }

  /** After which index all that the server has told is known; `''` while it is not. */
  get lastId(): string {
    return this.#lastId;
  }

  /** Tries again at once, as there is a token now, or the page is seen again. */
  retry(): void {
    this.#isAsleep = false;
    this.#wake();
  }

  /** Lets the connection go, until `retry`. */
  sleep(): void {
    this.#isAsleep = true;
    this.#stop.abort();
  }

  /** For as long as the page is open. */
  async run(): Promise<void> {
    const { api, onWay } = this.#options;
    for (let pauseMs = FIRST_PAUSE_MS; ;) {
      const startMs = Date.now();
      let isOpen = false;
      this.#isPlain = true;
      this.#stop = new AbortController();
      const ending = await readEvents({
        ...{ api, route: 'watch', lastId: this.#lastId, patienceMs: PATIENCE_MS },
        signal: this.#stop.signal,
        isCaughtUp: () => this.#lastId !== '',
        onOpen: () => {
          isOpen = true;
          onWay('live');
        },
        onEvent: (event) => this.#take(event),
      }).catch((error: unknown) => {
        if (error instanceof RangeError) this.#isPlain = false; // too long to be anything
      });
      if (this.#isAsleep) {
        onWay('asleep');
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      if (ending === 'held back' || (typeof ending === 'object' && [404, 503].includes(ending.status))) {
        await this.#poll();
        continue;
      }
      const isRefused = typeof ending === 'object' && ending.status < 500;
      if (!this.#isPlain) this.#lastId = ''; // what is known may be wrong
      onWay(isRefused ? 'refused' : this.#isPlain ? (isOpen ? 'connecting' : 'away') : 'unclear');
      if (Date.now() - startMs > GOOD_MS) pauseMs = FIRST_PAUSE_MS;
      await this.#pause(isRefused ? MAX_PAUSE_MS : pauseMs);
      pauseMs = Math.min(pauseMs * 1.6, MAX_PAUSE_MS);
    }
  }

  async #take({ name, id, data }: ServerEvent): Promise<boolean> {
    this.#isPlain = false; // until it is understood
    if (name === 'snapshot') await this.#takePart(JSON.parse(data) as PartJson);
    else if (name === 'change') this.#apply(JSON.parse(data) as ChangeJson);
    if (id !== undefined && this.#next === undefined) this.#lastId = id;
    this.#isPlain = true;
    return true;
  }

  async #takePart(part: PartJson): Promise<void> {
    const { judge, onModel, onPart } = this.#options;
    if (part.part === 1) {
      this.#next = new Model();
      this.#lastId = '';
      // The first is shown as it comes; one that follows, when it is whole.
      if (!this.#hasShown) onModel((this.#model = this.#next), false);
    }
    const next = this.#next ?? this.#model;
    await next.takePart(part, this.#slices);
    for (const key of Object.keys(part.peers)) judge.told(next.peers.get(key)!);
    if (next === this.#model) onPart();
    if (!part.is_last) return;
    if (next !== this.#model) onModel((this.#model = next), true);
    this.#hasShown = true;
    this.#next = undefined;
  }

  #apply(change: ChangeJson): void {
    const { judge, onChange } = this.#options;
    this.#model.apply(change);
    const peer = change.peer_key === undefined ? undefined : this.#model.peers.get(change.peer_key);
    if (peer && change.type === 'peerTouched') judge.told(peer);
    onChange(change);
  }

  async #poll(): Promise<void> {
    const { api, judge, onWay, onModel, onPart } = this.#options;
    this.#lastId = '';
    this.#hasShown = true;
    const endsAtMs = Date.now() + POLLING_MS;
    let isFirst = !this.#model.isPolled;
    const model = isFirst ? new Model({ isPolled: true }) : this.#model;
    while (Date.now() < endsAtMs) {
      const startMs = Date.now();
      const changes = await pollChanges(api, model, judge.now()).catch(() => undefined);
      onWay(changes ? 'polling' : 'away');
      if (!changes) return this.#pause(POLL_MS);
      if (isFirst) {
        for (const change of changes) model.apply(change);
        onModel((this.#model = model), true);
        onPart();
        isFirst = false;
      } else for (const change of changes) this.#apply(change);
      await this.#pause(Math.max(POLL_MS, POLL_REST * (Date.now() - startMs)));
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
