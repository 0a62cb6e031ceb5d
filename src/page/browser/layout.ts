import type { Model, Peer, Topic } from './model.js';
import { Slices } from './slices.js';
import { byText, each, merge, placeOf, sort } from './sorting.js';

/** So many neighbours in the map belong together. */
export interface Group {
  readonly label: string;
  count: number;
}

/** After a look at everything, the next one waits for so many times as long as that took. */
const REST = 2;

/** What stands where in the map: topics by prefix, then by name; nsqds by zone, then by name. */
export class Layout {
  /** What is searched for. */
  query = '';
  rows: Topic[] = [];
  columns: readonly Peer[] = [];
  rowGroups: Group[] = [];
  columnGroups: readonly Group[] = [];
  #model: Model | undefined;
  #query = '';
  #peerShape = -1;
  /** All of them; the very rows if nothing is searched for. */
  #topics: Topic[] = [];
  #restsUntilMs = 0;

  /** Whether `update` would find something else. */
  isBehind(model: Model): boolean {
    const isSame = model === this.#model && this.query === this.#query && model.peerShape === this.#peerShape;
    return !isSame || model.hasNews;
  }

  /** In how many milliseconds it has rested. */
  get restMs(): number {
    return Math.max(0, this.#restsUntilMs - performance.now());
  }

  /** Where a topic stands; -1 for nowhere. */
  rowOf(topic: Topic | undefined): number {
    if (!topic) return -1;
    const row = placeOf(this.rows, topic, byPrefix);
    return this.rows[row] === topic ? row : -1;
  }

  /** Whether anything stands elsewhere than before. A few topics that came or went are a small matter; all else is done in slices. */
  async update(model: Model): Promise<boolean> {
    if (!this.isBehind(model)) return false;
    const isOther = model !== this.#model;
    if (!isOther && this.query === this.#query && this.restMs > 0) return false;
    const startMs = performance.now();
    const slices = new Slices();
    if (isOther) this.#topics = [];
    const { arrivals, departures, isMany } = model.takeNews();
    const { query } = this;
    const isFew = !isOther && !isMany && query === '' && this.#query === '';
    const hasOtherPeers = isOther || model.peerShape !== this.#peerShape;
    [this.#model, this.#query, this.#peerShape] = [model, query, model.peerShape];
    if (isFew) {
      for (const topic of departures) this.#take(topic);
      for (const topic of arrivals) if (!topic.isGone) this.#put(topic);
      if (!hasOtherPeers) return true;
    }
    const peers = await sort([...model.peers.values()], byZone, slices);
    const found = query === '' ? peers : peers.filter(toSearch(query, searchText));
    if (!isFew) await this.#lookAtAll(arrivals, found.length === 0, slices);
    for (const peer of this.columns) peer.column = -1;
    this.columns = found.length > 0 || this.rows.length === 0 ? found : peers;
    this.columns.forEach((peer, i) => (peer.column = i));
    this.columnGroups = await toGroups(this.columns, ({ info }) => info.topology_zone, slices);
    this.#restsUntilMs = performance.now() + REST * (performance.now() - startMs);
    return true;
  }

  async #lookAtAll(arrivals: readonly Topic[], isNoPeer: boolean, slices: Slices): Promise<void> {
    const merged = await merge(this.#topics, await sort(arrivals, byPrefix, slices), byPrefix, slices);
    const topics: Topic[] = [];
    await each(merged, slices, (topic) => {
      if (!topic.isGone) topics.push(topic);
    });
    const found: Topic[] = [];
    const isFound = toSearch(this.#query, ({ name }: Topic) => name);
    if (this.#query !== '')
      await each(topics, slices, (topic) => {
        if (isFound(topic)) found.push(topic);
      });
    const rows = this.#query !== '' && (found.length > 0 || isNoPeer) ? found : topics;
    const rowGroups = await toGroups(rows, ({ prefix }) => prefix, slices);
    [this.#topics, this.rows, this.rowGroups] = [topics, rows, rowGroups];
  }

  #put(topic: Topic): void {
    this.rows.splice(placeOf(this.rows, topic, byPrefix), 0, topic);
    const group = { label: topic.prefix, count: 1 };
    const at = placeOf(this.rowGroups, group, byLabel);
    if (this.rowGroups[at]?.label === topic.prefix) this.rowGroups[at].count++;
    else this.rowGroups.splice(at, 0, group);
  }

  #take(topic: Topic): void {
    const row = this.rowOf(topic);
    if (row < 0) return;
    this.rows.splice(row, 1);
    const at = placeOf(this.rowGroups, { label: topic.prefix, count: 0 }, byLabel);
    if (--this.rowGroups[at]!.count === 0) this.rowGroups.splice(at, 1);
  }
}

/** By name, where prefixes are the same: a prefix's topics are neighbours, whatever follows it. */
function byPrefix(a: Topic, b: Topic): number {
  return byText(a.prefix, b.prefix) || byText(a.name, b.name);
}

function byLabel(a: Group, b: Group): number {
  return byText(a.label, b.label);
}

function byZone(a: Peer, b: Peer): number {
  return byText(a.info.topology_zone, b.info.topology_zone) || byText(a.name, b.name);
}

function toSearch<T>(query: string, textOf: (item: T) => string): (item: T) => boolean {
  const wanted = query.toLowerCase();
  return (item) => textOf(item).toLowerCase().includes(wanted);
}

function searchText({ name, info }: Peer): string {
  return [name, info.hostname, info.remote_address, info.version, info.topology_zone, info.topology_region].join('\n');
}

async function toGroups<T>(items: readonly T[], labelOf: (item: T) => string, slices: Slices): Promise<Group[]> {
  const groups: Group[] = [];
  await each(items, slices, (item) => {
    const label = labelOf(item);
    const last = groups.at(-1);
    if (last?.label === label) last.count++;
    else groups.push({ label, count: 1 });
  });
  return groups;
}
