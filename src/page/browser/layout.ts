import type { Model, Peer, Topic } from './model.js';

/** Neighbours in the map that belong together. */
export interface Group {
  readonly label: string;
  readonly start: number;
  readonly end: number;
}

const PREFIX = /^[^._-]+/;

/** What stands where in the map: topics by name, and so by prefix; nsqds by zone, then by name. */
export class Layout {
  rows: readonly Topic[] = [];
  columns: readonly Peer[] = [];
  rowGroups: readonly Group[] = [];
  columnGroups: readonly Group[] = [];
  #model: Model | undefined;
  #shape = -1;
  #query = '';
  #topics: Topic[] = [];

  isBehind(model: Model): boolean {
    return model !== this.#model || model.shape !== this.#shape;
  }

  /** Whether anything stands elsewhere than before. */
  update(model: Model, query: string): boolean {
    if (!this.isBehind(model) && query === this.#query) return false;
    if (model !== this.#model) this.#topics = [];
    this.#model = model;
    this.#shape = model.shape;
    this.#query = query;
    this.#topics = merge(this.#topics, model.arrivals.sort(byName));
    model.arrivals = [];
    const peers = [...model.peers.values()].sort(byZone);
    const wanted = query.toLowerCase();
    const isFound = (text: string) => text.toLowerCase().includes(wanted);
    const topics = wanted === '' ? this.#topics : this.#topics.filter(({ name }) => isFound(name));
    const found = wanted === '' ? peers : peers.filter((peer) => isFound(searchText(peer)));
    const isNone = topics.length === 0 && found.length === 0;
    for (const topic of this.rows) topic.row = -1;
    for (const peer of this.columns) peer.column = -1;
    this.rows = topics.length > 0 || isNone ? topics : this.#topics;
    this.columns = found.length > 0 || isNone ? found : peers;
    this.rows.forEach((topic, i) => (topic.row = i));
    this.columns.forEach((peer, i) => (peer.column = i));
    this.rowGroups = toGroups(this.rows, ({ name }) => PREFIX.exec(name)?.[0] ?? name);
    this.columnGroups = toGroups(this.columns, ({ info }) => info.topology_zone);
    return true;
  }
}

function byName(a: Topic, b: Topic): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function byZone(a: Peer, b: Peer): number {
  const one = a.info.topology_zone;
  const other = b.info.topology_zone;
  if (one !== other) return one < other ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function searchText({ name, info }: Peer): string {
  return [name, info.hostname, info.remote_address, info.version, info.topology_zone, info.topology_region].join('\n');
}

/** Those that have not gone, with those that came: in order, in one pass. */
function merge(sorted: readonly Topic[], added: readonly Topic[]): Topic[] {
  const merged: Topic[] = [];
  let next = 0;
  for (const topic of sorted) {
    while (next < added.length && byName(added[next]!, topic) < 0) merged.push(added[next++]!);
    merged.push(topic);
  }
  while (next < added.length) merged.push(added[next++]!);
  return merged.filter(({ isGone }) => !isGone);
}

function toGroups<T>(items: readonly T[], labelOf: (item: T) => string): Group[] {
  const groups: Group[] = [];
  for (let start = 0, end: number; start < items.length; start = end) {
    const label = labelOf(items[start]!);
    for (end = start + 1; end < items.length && labelOf(items[end]!) === label;) end++;
    groups.push({ label, start, end });
  }
  return groups;
}
