import { byId, fill, h, plural } from './dom.js';
import type { Layout } from './layout.js';
import type { Topic } from './model.js';
import { STATE_NAMES, STATES, type Judge, type State } from './state.js';

export interface TablesOptions {
  readonly judge: Judge;
  readonly openTopic: (topic: string) => void;
  readonly openPeer: (key: string) => void;
}

const STEP = 200;

/** The map as tables: what it shows, to be read. */
export class Tables {
  readonly #options: TablesOptions;
  #topics = STEP;
  #peers = STEP;

  constructor(options: TablesOptions) {
    this.#options = options;
  }

  draw(layout: Layout): void {
    const panel = byId('table');
    if (panel.hidden || (panel !== document.activeElement && panel.contains(document.activeElement))) return;
    const { judge, openTopic, openPeer } = this.#options;
    const topics = layout.rows
      .slice(0, this.#topics)
      .map((topic) => [
        link(topic.name, () => openTopic(topic.name)),
        topic.producers.size,
        topic.channels.size,
        this.#states(topic),
      ]);
    const peers = layout.columns
      .slice(0, this.#peers)
      .map((peer) => [
        link(peer.name, () => openPeer(peer.key)),
        peer.info.topology_zone || '–',
        peer.info.version,
        peer.topicCount,
        STATE_NAMES[judge.ofPeer(peer)],
      ]);
    fill(
      panel,
      toTable(`Topics (${layout.rows.length})`, ['Topic', 'nsqds', 'Channels', 'State'], topics),
      this.#more(layout.rows.length - topics.length, 'topic', () => (this.#topics += STEP), layout),
      toTable(`nsqds (${layout.columns.length})`, ['nsqd', 'Zone', 'Version', 'Topics', 'State'], peers),
      this.#more(layout.columns.length - peers.length, 'nsqd', () => (this.#peers += STEP), layout),
    );
  }

  #states({ producers }: Topic): string {
    const counts = new Map<State, number>();
    for (const [peer, at] of producers) {
      const state = this.#options.judge.of(peer, at);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    if (counts.size === 0) return 'no producer';
    return STATES.filter((state) => counts.has(state))
      .map((state) => `${counts.get(state)!} ${STATE_NAMES[state]}`)
      .join(', ');
  }

  #more(left: number, what: string, add: () => void, layout: Layout): HTMLElement | undefined {
    if (left <= 0) return undefined;
    const click = (event: Event) => {
      add();
      (event.target as HTMLElement).blur();
      this.draw(layout);
    };
    return h('button', { click }, `More: ${plural(left, what)}`);
  }
}

function link(text: string, click: () => void): HTMLElement {
  return h('button', { class: 'link', click }, text);
}

function toTable(
  title: string,
  heads: readonly string[],
  rows: readonly (readonly (HTMLElement | string | number)[])[],
): HTMLElement {
  return h(
    'table',
    {},
    h('caption', {}, title),
    h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
    h(
      'tbody',
      {},
      ...rows.map(([name, ...cells]) =>
        h('tr', {}, h('th', { scope: 'row' }, name), ...cells.map((cell) => h('td', {}, cell))),
      ),
    ),
  );
}
