import { byId, fill, formatNumber, h, plural, setText } from './dom.js';
import type { Layout } from './layout.js';
import type { Peer, Topic } from './model.js';
import { STATE_NAMES, STATES, type Judge, type State } from './state.js';

export interface TablesOptions {
  readonly judge: Judge;
  readonly openTopic: (topic: string) => void;
  readonly openPeer: (peer: Peer) => void;
}

const STEP = 200;
/** The most rows that are shown; who looks for one of more searches. */
const MOST = 2000;

/** The map as tables: what it shows, to be read. */
export class Tables {
  readonly #options: TablesOptions;
  readonly #topics: Table<Topic>;
  readonly #peers: Table<Peer>;

  constructor(options: TablesOptions) {
    this.#options = options;
    const { judge, openTopic, openPeer } = options;
    this.#topics = new Table('Topics', 'topic', ['Topic', 'nsqds', 'Channels', 'State'], {
      nameOf: ({ name }) => name,
      open: ({ name }) => openTopic(name),
      cellsOf: (topic) => [topic.producers.size, topic.channels.size, this.#states(topic)],
    });
    this.#peers = new Table('nsqds', 'nsqd', ['nsqd', 'Zone', 'Version', 'Topics', 'State'], {
      nameOf: ({ name }) => name,
      open: openPeer,
      cellsOf: (peer) => {
        const { topology_zone: zone, version } = peer.info;
        return [zone || '–', version, peer.topics.size, STATE_NAMES[judge.ofPeer(peer)]];
      },
    });
    fill(byId('table'), ...this.#topics.elements, ...this.#peers.elements);
  }

  draw({ rows, columns }: Layout): void {
    if (byId('table').hidden) return;
    this.#topics.draw(rows);
    this.#peers.draw(columns);
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
}

interface Rows<T> {
  readonly nameOf: (item: T) => string;
  readonly open: (item: T) => void;
  /** What stands beside its name. */
  readonly cellsOf: (item: T) => readonly (string | number)[];
}

/** A table whose rows stay while what they are about stays, and with them the focus. */
class Table<T extends object> {
  readonly elements: readonly HTMLElement[];
  readonly #title: string;
  readonly #what: string;
  readonly #rows: Rows<T>;
  readonly #known = new WeakMap<T, { readonly row: HTMLElement; readonly cells: readonly HTMLElement[] }>();
  readonly #caption = h('caption');
  readonly #body = h('tbody');
  readonly #more = h('button', {
    click: () => {
      this.#shown += STEP;
      this.draw(this.#items);
    },
  });
  #items: readonly T[] = [];
  #shown = STEP;

  constructor(title: string, what: string, heads: readonly string[], rows: Rows<T>) {
    this.#title = title;
    this.#what = what;
    this.#rows = rows;
    const head = h('tr', {}, ...heads.map((each) => h('th', { scope: 'col' }, each)));
    this.elements = [h('table', {}, this.#caption, h('thead', {}, head), this.#body), this.#more];
  }

  draw(items: readonly T[]): void {
    this.#items = items;
    setText(this.#caption, `${this.#title} (${formatNumber(items.length)})`);
    const shown = items.slice(0, Math.min(MOST, this.#shown));
    fill(this.#body, ...shown.map((item) => this.#rowOf(item)));
    const left = items.length - shown.length;
    this.#more.hidden = left === 0 || this.#shown >= MOST;
    setText(this.#more, `More: ${plural(left, this.#what)}`);
  }

  #rowOf(item: T): HTMLElement {
    const values = this.#rows.cellsOf(item);
    let known = this.#known.get(item);
    if (!known) {
      const open = h('button', { class: 'link', click: () => this.#rows.open(item) }, this.#rows.nameOf(item));
      const cells = values.map(() => h('td'));
      known = { row: h('tr', {}, h('th', { scope: 'row' }, open), ...cells), cells };
      this.#known.set(item, known);
    }
    known.cells.forEach((cell, i) => setText(cell, String(values[i])));
    return known.row;
  }
}
