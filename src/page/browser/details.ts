import type { Api } from './api.js';
import { byId, fill, h } from './dom.js';
import type { FindingsJson } from './findings-view.js';
import type { Model, Peer, Topic } from './model.js';
import { peerParts } from './peer-details.js';
import type { Judge } from './state.js';
import type { Timeline } from './timeline.js';
import { topicParts } from './topic-details.js';
import type { Writes } from './writes.js';
import type { ChangeJson } from './watch-json.js';

export interface DetailsOptions {
  readonly api: Api;
  readonly judge: Judge;
  readonly timeline: Timeline;
  readonly writes: Writes;
  readonly findings: () => FindingsJson | undefined;
  readonly openTopic: (topic: string) => void;
  readonly openPeer: (peer: Peer) => void;
  readonly openSubject: (subject: string) => void;
}

/** What is shown of a topic or an nsqd. */
export interface Shown extends DetailsOptions {
  /** When it was last heard of, in the server's time; undefined if that was not told. */
  readonly heardMs: (peer: Peer) => number | undefined;
  readonly isPolled: boolean;
}

/** A topic or an nsqd, opened. */
export class Details {
  readonly #options: DetailsOptions;
  #topicName = '';
  #peerName = '';
  #heard: Readonly<Record<string, number>> = {};
  /** What is shown, as text: what has not changed is not drawn again. */
  #drawn = '';

  constructor(options: DetailsOptions) {
    this.#options = options;
  }

  /** Whether what is shown may look otherwise after a change. */
  isAbout({ topic, peer_key: key }: ChangeJson, model: Model): boolean {
    if (topic !== undefined && topic === this.#topicName) return true;
    const peer = model.peers.get(key ?? '');
    if (peer === undefined) return this.#peerName !== '';
    return peer.name === this.#peerName || model.topics.get(this.#topicName)?.producers.has(peer) === true;
  }

  /** Opens a topic, or an nsqd by its name, whatever connection it has by then. */
  open(model: Model, topicName: string, peerName: string): void {
    [this.#topicName, this.#peerName, this.#heard] = [topicName, peerName, {}];
    this.draw(model);
    void this.ask(model);
  }

  /** What is not told with the changes: when those that are shown were last heard of, and channels where it is polled. */
  async ask(model: Model): Promise<void> {
    const { api } = this.#options;
    const [topic, peer] = [this.#topicOf(model), this.#peerOf(model)];
    if (byId('details').hidden || (!topic && !peer)) return;
    const args = new URLSearchParams(topic ? { topic: topic.name } : { node: peer!.node });
    if (model.isPolled) args.set('by', 'address');
    const [heard, told] = await Promise.all([
      api.read<{ readonly last_update_ms?: Readonly<Record<string, number>> }>(
        `ui/${topic ? 'topic' : 'node'}?${args.toString()}`,
      ),
      topic && model.isPolled
        ? api.read<{ readonly channels?: readonly string[] }>(`channels?${args.toString()}`)
        : undefined,
    ]);
    if (topic !== this.#topicOf(model) || peer !== this.#peerOf(model)) return; // something else was opened
    if (heard) this.#heard = heard.last_update_ms ?? {};
    if (topic && told?.channels) model.setChannels(topic, told.channels);
    this.draw(model);
  }

  draw(model: Model): void {
    const [topic, peer] = [this.#topicOf(model), this.#peerOf(model)];
    const { isPolled } = model;
    const heardMs = ({ key, info }: Peer) => this.#heard[isPolled ? info.remote_address : key];
    const shown = { ...this.#options, heardMs, isPolled };
    const parts = topic
      ? topicParts(topic, shown)
      : peer
        ? peerParts(peer, shown)
        : [h('p', { class: 'empty' }, this.#hint())];
    const draft = h('div', {}, ...parts);
    const html = draft.innerHTML; // to be compared only
    if (html === this.#drawn) return;
    const panel = byId('details');
    const focused = panel.contains(document.activeElement) ? labelOf(document.activeElement) : '';
    this.#drawn = html;
    const { scrollTop } = panel;
    fill(panel, ...draft.childNodes);
    panel.scrollTop = scrollTop;
    // Who is in it with the keyboard stays where they are.
    if (focused !== '') [...panel.querySelectorAll('button')].find((button) => labelOf(button) === focused)?.focus();
  }

  #topicOf(model: Model): Topic | undefined {
    return model.topics.get(this.#topicName);
  }

  #peerOf(model: Model): Peer | undefined {
    return this.#peerName === '' ? undefined : model.peerNamed(this.#peerName);
  }

  #hint(): string {
    if (this.#topicName !== '') return `There is no topic ${this.#topicName}.`;
    if (this.#peerName !== '') return `${this.#peerName} is not here. It is shown as soon as it comes.`;
    return 'Choose a topic or an nsqd in the map.';
  }
}

function labelOf(element: Element | null): string {
  return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
}
