import type { Model, Peer, Topic } from './model.js';
import { Slices } from './slices.js';
import { byText, each, merge, placeOf, sort } from './sorting.js';

/** So many neighbours in the map belong together. */
export interface Group {
  readonly label: string;
  count: number;
}

/** After everything was looked at and painted, that waits for so many times as long as it took. */
const REST = 4;

/** What `update` has found: all may stand elsewhere, or topics came and went at those few rows. */
export type Move = 'none' | 'all' | readonly number[];

/** What stands where in the map: topics by prefix, then by name; nsqds by zone, then by name. */
export class Layout {
  /** What is searched for. */
  query = '';
  rows: Topic[] = [];
  columns: readonly Peer[] = [];
  rowGroups: Group[] = [];
  columnGroups: readonly Group[] = [];
  /** So many characters at the end of the nsqds' names are the same for all, and can be left out. */
  columnEnd = 0;
  #model: Model | undefined;
  #query = '';
  #peerShape = -1;
  #partCount = 0;
  #isWhole = false;
  /** All of them; the very rows if nothing is searched for. */
  #topics: Topic[] = [];
  #restsUntilMs = 0;
  #startMs = 0;

  /** Whether `update` would find something else. */
  isBehind(model: Model): boolean {
    const isSame = model === this.#model && this.query === this.#query;
    return !isSame || model.peerShape !== this.#peerShape || model.partCount !== this.#partCount || model.hasNews;
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

  /** What was looked at has been painted as well. */
  rest(): void {
    this.#restsUntilMs = performance.now() + REST * (performance.now() - this.#startMs);
  }

  /** A few topics that came or went are a small matter; all else is done in slices, and not all the time. */
  async update(model: Model): Promise<Move> {
    if (!this.isBehind(model)) return 'none';
    const { query } = this;
    const isSame = model === this.#model && query === this.#query;
    const isGrown = !isSame || model.peerShape !== this.#peerShape || model.partCount !== this.#partCount;
    const isFew = isSame && query === '' && !model.hasManyNews;
    const isResting = isSame && this.restMs > 0 && model.isWhole === this.#isWhole;
    if (isResting && !isFew) return 'none';
    const { arrivals, departures } = model.takeNews();
    if (isFew) {
      const left = departures.map((topic) => this.#take(topic));
      const came = arrivals.map((topic) => (topic.isGone ? -1 : this.#put(topic)));
      if (isResting || !isGrown) return [...left, ...came];
    }
    this.#startMs = performance.now();
    const slices = new Slices();
    if (model !== this.#model) this.#topics = [];
    [this.#model, this.#query, this.#isWhole] = [model, query, model.isWhole];
    [this.#peerShape, this.#partCount] = [model.peerShape, model.partCount];
    const peers = await sort([...model.peers.values()], byZone, slices);
    const found = query === '' ? peers : peers.filter(toSearch(query, searchText));
    if (!isFew) await this.#lookAtAll(arrivals, found.length === 0, slices);
    for (const peer of this.columns) peer.column = -1;
    this.columns = found.length > 0 || this.rows.length === 0 ? found : peers;
    this.columns.forEach((peer, i) => (peer.column = i));
    this.columnEnd = commonEnd(this.columns.map(({ name }) => name));
    this.columnGroups = await toGroups(this.columns, ({ info }) => info.topology_zone, slices);
    return 'all';
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

  #put(topic: Topic): number {
    const row = placeOf(this.rows, topic, byPrefix);
    this.rows.splice(row, 0, topic);
    const group = { label: topic.prefix, count: 1 };
    const at = placeOf(this.rowGroups, group, byLabel);
    if (this.rowGroups[at]?.label === topic.prefix) this.rowGroups[at].count++;
    else this.rowGroups.splice(at, 0, group);
    return row;
  }

  #take(topic: Topic): number {
    const row = this.rowOf(topic);
    if (row < 0) return row;
    this.rows.splice(row, 1);
    const at = placeOf(this.rowGroups, { label: topic.prefix, count: 0 }, byLabel);
    if (--this.rowGroups[at]!.count === 0) this.rowGroups.splice(at, 1);
    return row;
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

/** Of names, from a dot or a colon on: as `.example.com:4150`. */
function commonEnd([one = '', ...others]: readonly string[]): number {
  let end = others.length > 0 ? one.length : 0;
  for (const other of others) while (!other.endsWith(one.slice(one.length - end)) && end > 0) end--;
  const from = one.slice(one.length - end).search(/[.:]/);
  return from < 0 ? 0 : end - from;
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
