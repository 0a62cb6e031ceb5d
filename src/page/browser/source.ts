import type { Api } from './api.js';
import { Model, type ChangeJson, type PartJson } from './model.js';
import { pollChanges } from './poll.js';
import type { Judge } from './state.js';
import { readEvents, type ServerEvent } from './stream.js';

/** How the page hears of changes. */
export type Way = 'connecting' | 'live' | 'polling' | 'away' | 'refused';

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

const FIRST_BYTE_MS = 5000;
const POLL_MS = 3000;
/** For how long it polls before it tries to be told again. */
const POLLING_MS = 60_000;
const MAX_PAUSE_MS = 10_000;

/** Keeps a model up to date: told by `/watch`, or by polling where something holds events back. */
export class Source {
  readonly #options: SourceOptions;
  #model = new Model();
  #next: Model | undefined;
  #lastId = '';
  /** From where on all changes were told. */
  seenFrom = '';
  #hasShown = false;
  #wake: () => void = () => undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
    options.onModel(this.#model, false);
  }

  /** Tries again at once, as there is a token now. */
  retry(): void {
    this.#wake();
  }

  /** For as long as the page is open. */
  async run(): Promise<void> {
    const { api, onWay } = this.#options;
    for (let pauseMs = 500; ;) {
      let isLive = false;
      const onOpen = () => {
        isLive = true;
        pauseMs = 500;
        onWay('live');
      };
      const onEvent = (event: ServerEvent) => this.#take(event);
      const stream = { api, route: 'watch', lastId: this.#lastId, firstByteMs: FIRST_BYTE_MS, onOpen, onEvent };
      const ending = await readEvents(stream).catch(() => undefined);
      if (ending === 'held back' || (typeof ending === 'object' && [404, 503].includes(ending.status))) {
        await this.#poll();
        continue;
      }
      if (typeof ending === 'object' && ending.status < 500) onWay('refused');
      else onWay(isLive ? 'connecting' : 'away');
      await this.#pause(typeof ending === 'object' ? MAX_PAUSE_MS : pauseMs);
      pauseMs = Math.min(pauseMs * 1.6, MAX_PAUSE_MS);
    }
  }

  #take({ name, id, data }: ServerEvent): undefined {
    const { judge, onModel, onChange, onPart } = this.#options;
    if (name === 'snapshot') {
      const part = JSON.parse(data) as PartJson;
      if (part.part === 1) {
        this.#next = new Model();
        // The first is shown as it comes; one that follows, when it is whole.
        if (!this.#hasShown) onModel((this.#model = this.#next), false);
      }
      const next = this.#next ?? this.#model;
      next.takePart(part);
      for (const key of Object.keys(part.peers)) judge.told(next.peers.get(key)!);
      if (next === this.#model) onPart();
      if (part.is_last) {
        if (next !== this.#model) onModel((this.#model = next), true);
        this.#hasShown = true;
        this.#next = undefined;
        this.seenFrom = id ?? '';
      }
    } else if (name === 'change') {
      this.#apply(JSON.parse(data) as ChangeJson, onChange);
    }
    if (id !== undefined) this.#lastId = id;
    return undefined;
  }

  #apply(change: ChangeJson, onChange: (change: ChangeJson) => void): void {
    this.#model.apply(change);
    const peer = change.peer_key === undefined ? undefined : this.#model.peers.get(change.peer_key);
    if (peer) this.#options.judge.told(peer);
    onChange(change);
  }

  async #poll(): Promise<void> {
    const { api, judge, onWay, onModel, onChange, onPart } = this.#options;
    this.#lastId = '';
    this.#hasShown = true;
    const model = new Model();
    const endsAtMs = Date.now() + POLLING_MS;
    let isFirst = true;
    while (Date.now() < endsAtMs) {
      const changes = await pollChanges(api, model, judge.now());
      onWay(changes ? 'polling' : 'away');
      if (!changes) return this.#pause(POLL_MS);
      if (isFirst) {
        for (const change of changes) model.apply(change);
        onModel((this.#model = model), true);
        onPart();
        isFirst = false;
      } else for (const change of changes) this.#apply(change, onChange);
      await this.#pause(POLL_MS);
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
