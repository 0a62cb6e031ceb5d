import type { Api } from './api.js';
import { byId, fill, formatAge, h, plural } from './dom.js';
import { toItem, type FindingsJson } from './findings-view.js';
import type { ChangeJson, Model, Peer, Topic } from './model.js';
import { STATE_NAMES, type Judge, type State } from './state.js';
import type { Timeline } from './timeline.js';
import type { Writes } from './writes.js';

export interface DetailsOptions {
  readonly api: Api;
  readonly judge: Judge;
  readonly timeline: Timeline;
  readonly writes: Writes;
  readonly findings: () => FindingsJson | undefined;
  readonly openTopic: (topic: string) => void;
  readonly openPeer: (key: string) => void;
  readonly openSubject: (subject: string) => void;
}

/** The most rows of a list; the rest is counted. */
const MOST = 300;
const LATEST = 12;

/** A topic or an nsqd, opened. */
export class Details {
  readonly #options: DetailsOptions;
  #topic: string | undefined;
  #peerKey: string | undefined;
  #heard: Readonly<Record<string, number>> = {};
  /** What is shown, as text: what has not changed is not drawn again. */
  #drawn = '';

  constructor(options: DetailsOptions) {
    this.#options = options;
  }

  /** Whether what is shown may look otherwise after a change. */
  isAbout({ topic, peer_key: key }: ChangeJson, model: Model): boolean {
    if (topic === this.#topic || key === this.#peerKey) return true;
    const peer = model.peers.get(key ?? '');
    return peer !== undefined && model.topics.get(this.#topic ?? '')?.producers.has(peer) === true;
  }

  openTopic(model: Model, topic: string): void {
    [this.#topic, this.#peerKey, this.#heard] = [topic, undefined, {}];
    this.draw(model);
    void this.ask(model);
  }

  openPeer(model: Model, key: string): void {
    [this.#topic, this.#peerKey, this.#heard] = [undefined, key, {}];
    this.draw(model);
    void this.ask(model);
  }

  /** When those that are shown were last heard of, which is not told with the changes. */
  async ask(model: Model): Promise<void> {
    const { api } = this.#options;
    const peer = model.peers.get(this.#peerKey ?? '');
    if (byId('details').hidden || (this.#topic === undefined && !peer)) return;
    const arg = this.#topic !== undefined ? { topic: this.#topic } : { node: peer!.node };
    const route = this.#topic !== undefined ? 'ui/topic' : 'ui/node';
    const answer = await api.read<{ readonly last_update_ms?: Readonly<Record<string, number>> }>(
      `${route}?${new URLSearchParams(arg).toString()}`,
    );
    if (answer) this.#heard = answer.last_update_ms ?? {};
    this.draw(model);
  }

  draw(model: Model): void {
    const topic = model.topics.get(this.#topic ?? '');
    const peer = model.peers.get(this.#peerKey ?? '');
    const parts = topic
      ? this.#topicParts(topic)
      : peer
        ? this.#peerParts(peer)
        : [h('p', { class: 'soft' }, this.#hint())];
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

  #hint(): string {
    if (this.#topic !== undefined) return `There is no topic ${this.#topic} any more.`;
    if (this.#peerKey !== undefined) return 'This nsqd has gone.';
    return 'Choose a topic or an nsqd in the map.';
  }

  #topicParts({ name, producers, channels, isMade }: Topic): Node[] {
    const { judge, writes, openPeer, timeline } = this.#options;
    const tools = h(
      'div',
      { class: 'tools' },
      judge.may('channel/create') && h('button', { click: () => writes.createChannel(name) }, 'New channel…'),
      judge.may('topic/delete') &&
        h('button', { class: 'danger', click: () => writes.deleteTopic(name, producers.size) }, 'Delete topic…'),
    );
    const rows = first(producers, ([peer, at]) => {
      const state = judge.of(peer, at);
      return h(
        'li',
        {},
        h(
          'div',
          { class: 'line' },
          h('button', { class: 'link', click: () => openPeer(peer.key) }, peer.name),
          mark(state),
        ),
        h('div', { class: 'soft' }, this.#describe(peer, at, state)),
        this.#tombstoneButton(name, peer, state),
      );
    });
    const channelRows = first(channels, ([channel, peers]) =>
      h(
        'li',
        { class: 'line' },
        h('span', {}, channel),
        h(
          'span',
          {},
          h('span', { class: 'soft' }, `at ${plural(peers.size, 'nsqd')} `),
          judge.may('channel/delete') &&
            h(
              'button',
              {
                class: 'link',
                'aria-label': `Delete the channel ${channel}`,
                click: () => writes.deleteChannel(name, channel),
              },
              'Delete…',
            ),
        ),
      ),
    );
    return [
      h('h2', {}, name),
      h('p', { class: 'soft' }, isMade ? 'a topic, made by an operator' : 'a topic'),
      tools,
      ...list('Producers', rows),
      ...list('Channels', channelRows),
      ...list(
        'Changed lately',
        timeline.latest(({ topic }) => topic === name, LATEST).map((entry) => timeline.toItem(entry)),
      ),
    ];
  }

  #peerParts(peer: Peer): Node[] {
    const { judge, openTopic, openSubject, timeline } = this.#options;
    const { info, key, name } = peer;
    const heardMs = this.#heard[key];
    const facts: [string, string][] = [
      ['Announced as', `${info.broadcast_address}, TCP ${info.tcp_port}, HTTP ${info.http_port}`],
      ['Seen as', info.remote_address],
      ['Hostname', info.hostname || '–'],
      ['Version', info.version],
      ['Zone', info.topology_zone || '–'],
      ['Region', info.topology_region || '–'],
      ['Connection', judge.ofPeer(peer) === 'restored' ? 'none: it was here before a restart' : key],
      ['Last ping', heardMs === undefined ? '–' : `${formatAge(judge.now() - heardMs)} ago`],
    ];
    const found = this.#options.findings()?.findings.filter(({ subject }) => subject === name) ?? [];
    const rows = first(peer.topics, (topic) => {
      const state = judge.of(peer, topic.producers.get(peer)!);
      return h(
        'li',
        {},
        h(
          'div',
          { class: 'line' },
          h('button', { class: 'link', click: () => openTopic(topic.name) }, topic.name),
          mark(state),
        ),
        this.#tombstoneButton(topic.name, peer, state),
      );
    });
    return [
      h('h2', {}, name),
      h('p', { class: 'soft' }, 'an nsqd, ', mark(judge.ofPeer(peer))),
      h('dl', { class: 'facts' }, ...facts.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)])),
      ...(found.length > 0
        ? list(
            'Findings',
            found.map((finding) => toItem(finding, openSubject)),
          )
        : []),
      ...list('Topics', rows),
      ...list(
        'Changed lately',
        timeline.latest((change) => change.peer_key === key, LATEST).map((entry) => timeline.toItem(entry)),
      ),
    ];
  }

  #describe({ info, key }: Peer, tombstonedAtMs: number, state: State): string {
    const { judge } = this.#options;
    const heardMs = this.#heard[key];
    const parts = [`seen as ${info.remote_address}`, `version ${info.version}`];
    if (info.topology_zone !== '') parts.push(`zone ${info.topology_zone}`);
    if (heardMs !== undefined) parts.push(`last ping ${formatAge(judge.now() - heardMs)} ago`);
    if (state === 'tombstoned') {
      const leftMs = tombstonedAtMs + (judge.about?.tombstone_lifetime_ms ?? 0) - judge.now();
      parts.push(`tombstone ends in ${formatAge(leftMs)}`);
    }
    return parts.join(' · ');
  }

  #tombstoneButton(topic: string, { node }: Peer, state: State): HTMLElement | undefined {
    const { judge, writes } = this.#options;
    if (state === 'tombstoned')
      return judge.may('topic/untombstone')
        ? h(
            'button',
            {
              class: 'link',
              'aria-label': `End the tombstone of ${node} for ${topic}`,
              click: () => writes.untombstone(topic, node),
            },
            'End the tombstone…',
          )
        : undefined;
    const forText = formatAge(judge.about?.tombstone_lifetime_ms ?? 0);
    return judge.may('topic/tombstone')
      ? h(
          'button',
          {
            class: 'link',
            'aria-label': `Tombstone ${node} for ${topic}`,
            click: () => writes.tombstone(topic, node, forText),
          },
          'Tombstone…',
        )
      : undefined;
  }
}

/** The first of them, and how many more there are. */
function first<T>(items: Iterable<T>, toRow: (item: T) => HTMLElement): HTMLElement[] {
  const rows: HTMLElement[] = [];
  let more = 0;
  for (const item of items) {
    if (rows.length < MOST) rows.push(toRow(item));
    else more++;
  }
  if (more > 0) rows.push(h('li', { class: 'soft' }, `and ${plural(more, 'more', 'more')}`));
  return rows;
}

function list(title: string, rows: readonly HTMLElement[]): Node[] {
  const none = h('p', { class: 'soft' }, 'none');
  return [h('h3', {}, title), rows.length > 0 ? h('ul', { class: 'list' }, ...rows) : none];
}

export function mark(state: State): HTMLElement {
  return h('span', {}, h('span', { class: `mark ${state}`, 'aria-hidden': 'true' }), STATE_NAMES[state]);
}

function labelOf(element: Element | null): string {
  return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
}
