import { decodeText } from '../base/bytes.js';
import { report } from '../base/error-report.js';
import type { HttpHandler } from '../http/index.js';
import type { OnError } from '../registry/index.js';
import type { Feed } from './feed.js';
import { toEvent } from './sse.js';
import type { Watcher, WatcherGroup, Watchers } from './watchers.js';

/** To look up a topic is as much work as so many steps. */
const STEPS_A_LOOKUP = 10;

/** A topic that somebody watches: its latest event, which all of them share. */
export class WatchedTopic {
  readonly topic: string;
  readonly watchers: WatcherGroup;
  /** Where those are who watch it, for the query of a lookup; `''` where it makes no difference. */
  readonly place: string;
  /** Counts up with each event; 0 before the first. */
  version = 0;
  event: Uint8Array = new Uint8Array(0);
  /** From before it was looked up. */
  index = '';
  /** What `/lookup` answers; undefined for a topic that is not there. */
  text: string | undefined;
  /** Whether the registry has changed since the event was made, as far as it is about this topic. */
  isStale = true;
  isBusy = false;
  /** Whether some who watch it wait for it to be current, or for a change of it. */
  isAwaited = false;
  /** How many changes there were of it. */
  changes = 0;
  /** How many of them the event tells. */
  changesTold = 0;
  #bare: Uint8Array | undefined;
  stop = (): void => {};

  constructor(topic: string, place: string, watchers: WatcherGroup) {
    this.topic = topic;
    this.place = place;
    this.watchers = watchers;
  }

  /** The event without an id. */
  get bare(): Uint8Array {
    return (this.#bare ??= this.#toEvent(undefined));
  }

  /** Whether the event tells all that there is to tell. */
  get isCurrent(): boolean {
    return !this.isStale && !this.isBusy;
  }

  tell(text: string | undefined, index: string): void {
    this.text = text;
    this.index = index;
    this.event = this.#toEvent(index);
    this.#bare = undefined;
    this.version++;
    this.watchers.wake();
  }

  /** Wakes those who wait for it, who say so again if they wait for more. */
  wakeAwaiting(): void {
    const { isAwaited } = this;
    this.isAwaited = false;
    if (isAwaited) this.watchers.wake();
  }

  #toEvent(id: string | undefined): Uint8Array {
    const name = JSON.stringify(this.topic);
    if (this.text === undefined) return toEvent('gone', id, `{"topic":${name}}`);
    return toEvent('lookup', id, `{"topic":${name},${this.text.slice(1)}`);
  }
}

/** The topics that are watched. What changes is looked up and encoded once, for all that watch it. */
export class TopicEvents {
  readonly #topics = new Map<string, WatchedTopic>();
  readonly #feed: Feed;
  readonly #handler: HttpHandler;
  readonly #watchers: Watchers;
  readonly #onError: OnError;

  /** `handler` answers `/lookup`. */
  constructor(feed: Feed, handler: HttpHandler, watchers: Watchers, onError: OnError) {
    this.#feed = feed;
    this.#handler = handler;
    this.#watchers = watchers;
    this.#onError = onError;
  }

  get size(): number {
    return this.#topics.size;
  }

  get(topic: string, place: string): WatchedTopic {
    const known = this.#topics.get(topic + place);
    if (known) return known;
    const watched = new WatchedTopic(topic, place, this.#watchers.group());
    watched.stop = this.#feed.listen(topic, () => {
      watched.changes++;
      this.#changed(watched);
    });
    this.#topics.set(topic + place, watched);
    return watched;
  }

  add(watched: WatchedTopic, watcher: Watcher): void {
    watched.watchers.add(watcher);
    if (watched.version === 0) this.#changed(watched);
  }

  delete(watched: WatchedTopic, watcher: Watcher): void {
    watched.watchers.delete(watcher);
    if (watched.watchers.size > 0) return;
    watched.stop();
    const key = watched.topic + watched.place;
    if (this.#topics.get(key) === watched) this.#topics.delete(key);
  }

  #changed(watched: WatchedTopic): void {
    if (this.#feed.isClosed) return;
    watched.isStale = true;
    if (!watched.isBusy)
      void this.#refresh(watched).catch((error: unknown) =>
        report(this.#onError, error, 'a watched topic could not be told'),
      );
  }

  async #refresh(watched: WatchedTopic): Promise<void> {
    watched.isBusy = true;
    try {
      while (watched.isStale && watched.watchers.size > 0) {
        watched.isStale = false;
        await this.#feed.topology.work.turn(STEPS_A_LOOKUP);
        const { index } = this.#feed;
        const { changes } = watched;
        const text = await this.#lookup(watched);
        watched.changesTold = changes;
        if (text !== watched.text || watched.version === 0) watched.tell(text, index);
        else watched.wakeAwaiting();
      }
    } finally {
      watched.isBusy = false;
      watched.wakeAwaiting();
    }
  }

  /** What `/lookup` answers; undefined for a topic that is not there. */
  async #lookup({ topic, place }: WatchedTopic): Promise<string | undefined> {
    const query = `topic=${encodeURIComponent(topic)}${place}`;
    const result = await this.#handler({ method: 'GET', path: '/lookup', query, headers: {} });
    if (result?.status !== 200) return undefined;
    if (typeof result.body === 'string') return result.body;
    if (result.body instanceof Uint8Array) return decodeText(result.body);
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of result.body)
      text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    return text;
  }
}
