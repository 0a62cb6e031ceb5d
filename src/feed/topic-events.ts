import { decodeText } from '../base/bytes.js';
import { report } from '../base/error-report.js';
import { setTimer } from '../base/timers.js';
import type { HttpHandler } from '../http/index.js';
import type { OnError } from '../registry/index.js';
import type { Feed } from './feed.js';
import { toEvent } from './sse.js';
import type { Watcher, WatcherGroup, Watchers } from './watchers.js';

/** To look up a topic is as much work as so many steps. */
const STEPS_A_LOOKUP = 10;
/** When a topic that could not be looked up is looked up again, if it has not changed before. */
const RETRY_MS = 5000;

/** What watchers are told of a topic. */
class TopicEvent {
  readonly topic: string;
  /** What `/lookup` answers; undefined for a topic that is not there. */
  readonly text: string | undefined;
  /** From before it was looked up. */
  readonly index: string;
  readonly withId: Uint8Array;
  /** How many watched topics have it. */
  uses = 0;
  #withoutId: Uint8Array | undefined;

  constructor(topic: string, text: string | undefined, index: string) {
    this.topic = topic;
    this.text = text;
    this.index = index;
    this.withId = this.#encode(index);
  }

  get withoutId(): Uint8Array {
    return (this.#withoutId ??= this.#encode(undefined));
  }

  #encode(id: string | undefined): Uint8Array {
    const name = JSON.stringify(this.topic);
    if (this.text === undefined) return toEvent('gone', id, `{"topic":${name}}`);
    return toEvent('lookup', id, `{"topic":${name},${this.text.slice(1)}`);
  }
}

/** A topic that somebody watches, from somewhere: its latest event, which all of them share. */
export class WatchedTopic {
  readonly topic: string;
  readonly watchers: WatcherGroup;
  /** Where those are who watch it, for the query of a lookup; `''` where it makes no difference. */
  readonly place: string;
  /** Counts up with each event; 0 before the first. */
  version = 0;
  /** The latest event; undefined before the first. */
  latest: TopicEvent | undefined;
  /** How many changes there were of it. */
  changes = 0;
  /** How many of them the event tells; -1 before the first. */
  changesTold = -1;
  /** Whether it is being looked up. */
  isBusy = false;
  /** Whether some who watch it wait for it to be current, or for a change of it. */
  isAwaited = false;
  /** The timer for looking it up again. */
  retry: unknown;
  stop = (): void => {};

  constructor(topic: string, place: string, watchers: WatcherGroup) {
    this.topic = topic;
    this.place = place;
    this.watchers = watchers;
  }

  /** Whether the event tells all that there is to tell. */
  get isCurrent(): boolean {
    return this.changesTold === this.changes && !this.isBusy;
  }

  tell(latest: TopicEvent): void {
    this.latest = latest;
    this.version++;
    this.watchers.wake();
  }

  /** Wakes those who wait for it, who say so again if they wait for more. */
  wakeAwaiting(): void {
    const { isAwaited } = this;
    this.isAwaited = false;
    if (isAwaited) this.watchers.wake();
  }
}

/** The topics that are watched. What changes is looked up and encoded once, for all that watch it. */
export class TopicEvents {
  /** By place, which may be long, and topic. */
  readonly #topics = new Map<string, Map<string, WatchedTopic>>();
  /** By topic and text: many may say that they are elsewhere and yet be told the same, which is held once for all of them. */
  readonly #events = new Map<string, Map<string | undefined, TopicEvent>>();
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

  get(topic: string, place: string): WatchedTopic {
    const topics = this.#topics.get(place) ?? new Map<string, WatchedTopic>();
    const known = topics.get(topic);
    if (known) return known;
    const watched = new WatchedTopic(topic, place, this.#watchers.group());
    watched.stop = this.#feed.listen(topic, () => {
      if (this.#feed.isClosed) return;
      watched.changes++;
      this.#refresh(watched);
    });
    this.#topics.set(place, topics.set(topic, watched));
    return watched;
  }

  add(watched: WatchedTopic, watcher: Watcher): void {
    watched.watchers.add(watcher);
    if (watched.changesTold < watched.changes) this.#refresh(watched);
  }

  delete(watched: WatchedTopic, watcher: Watcher): void {
    watched.watchers.delete(watcher);
    if (watched.watchers.size > 0) return;
    watched.stop();
    if (watched.retry !== undefined) this.#feed.timers.clearTimeout(watched.retry);
    this.#release(watched.latest);
    const topics = this.#topics.get(watched.place);
    if (topics?.get(watched.topic) !== watched) return;
    topics.delete(watched.topic);
    if (topics.size === 0) this.#topics.delete(watched.place);
  }

  #refresh(watched: WatchedTopic): void {
    if (this.#feed.isClosed || watched.isBusy) return;
    void this.#tellChanges(watched).catch((error: unknown) => {
      report(this.#onError, error, 'a watched topic could not be told');
      this.#retryLater(watched);
    });
  }

  #retryLater(watched: WatchedTopic): void {
    if (watched.retry !== undefined || watched.watchers.size === 0) return;
    const retry = () => {
      watched.retry = undefined;
      this.#refresh(watched);
    };
    watched.retry = setTimer(this.#feed.timers, retry, RETRY_MS);
  }

  async #tellChanges(watched: WatchedTopic): Promise<void> {
    watched.isBusy = true;
    try {
      while (watched.changesTold < watched.changes && watched.watchers.size > 0) {
        await this.#feed.topology.work.turn(STEPS_A_LOOKUP);
        const { index } = this.#feed;
        const { changes } = watched;
        const text = await this.#lookup(watched);
        if (watched.watchers.size === 0) return;
        watched.changesTold = changes;
        if (watched.latest && watched.latest.text === text) watched.wakeAwaiting();
        else {
          this.#release(watched.latest);
          watched.tell(this.#toEvent(watched.topic, text, index));
        }
      }
    } finally {
      watched.isBusy = false;
      watched.wakeAwaiting();
    }
  }

  #toEvent(topic: string, text: string | undefined, index: string): TopicEvent {
    const events = this.#events.get(topic) ?? new Map<string | undefined, TopicEvent>();
    const event = events.get(text) ?? new TopicEvent(topic, text, index);
    event.uses++;
    this.#events.set(topic, events.set(text, event));
    return event;
  }

  #release(event: TopicEvent | undefined): void {
    if (!event || --event.uses > 0) return;
    const events = this.#events.get(event.topic)!;
    events.delete(event.text);
    if (events.size === 0) this.#events.delete(event.topic);
  }

  /** What `/lookup` answers; undefined for a topic that is not there. */
  async #lookup({ topic, place }: WatchedTopic): Promise<string | undefined> {
    const query = `topic=${encodeURIComponent(topic)}${place}`;
    const result = await this.#handler({ method: 'GET', path: '/lookup', query, headers: {} });
    if (result?.status === 404) return undefined;
    if (result?.status !== 200) throw new Error(`/lookup answered ${result?.status}`);
    if (typeof result.body === 'string') return result.body;
    if (result.body instanceof Uint8Array) return decodeText(result.body);
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of result.body)
      text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    return text;
  }
}
