import type { Entries, Entry, Scope } from './entry.js';
import { NameTree, type NamePart } from './name-tree.js';
import { ANY, type Category } from './registration.js';

/** Some topics, and when one of them last came or went. */
export interface TopicSegment {
  /** The db's, when a topic of these was last added or removed. */
  readonly revision: number;
  /** Their names. */
  readonly topics: Iterable<string>;
}

function toSegment(part: NamePart<Scope>): TopicSegment {
  return {
    get revision() {
      return part.revision;
    },
    get topics() {
      return [...part.values.values()].filter(({ topic }) => entryOf(topic, '')).map(({ key }) => key);
    },
  };
}

function entryOf(entries: Entries, subkey: string): Entry | undefined {
  if (entries instanceof NameTree) return entries.get(subkey);
  return entries?.subkey === subkey ? entries : undefined;
}

function isEmpty({ client, topic, channel }: Scope): boolean {
  return !client && !topic && !channel;
}

function valuesOf(entries: Entries): Iterable<Entry> {
  if (entries instanceof NameTree) return entries.values();
  return entries ? [entries] : [];
}

/** Finds entries by key, then category, then subkey. */
export class RegistrationIndex {
  readonly #scopes = new NameTree<Scope>();
  readonly #sizes = { client: 0, topic: 0, channel: 0 };
  /** What was found last, as it will be asked for again. */
  #last: Scope | undefined;
  readonly #segments = new WeakMap<NamePart<Scope>, TopicSegment>();

  /** How many keys there are. */
  get keys(): number {
    return this.#scopes.size;
  }

  /** How many categories there is something of. */
  get categories(): number {
    return Object.values(this.#sizes).filter(Boolean).length;
  }

  get(category: Category, key: string, subkey: string): Entry | undefined {
    return entryOf(this.scopeOf(key)?.[category], subkey);
  }

  /** All that is of a key, if there is anything. */
  scopeOf(key: string): Scope | undefined {
    return this.#last?.key === key ? this.#last : (this.#last = this.#scopes.get(key));
  }

  /** How many there are of a category with that key. */
  count(category: Category, key: string): number {
    const entries = this.scopeOf(key)?.[category];
    return entries instanceof NameTree ? entries.size : entries ? 1 : 0;
  }

  add(entry: Entry): void {
    const { category, key, subkey, scope } = entry;
    if (isEmpty(scope)) this.#scopes.set(key, (this.#last = scope));
    const entries = scope[category];
    if (!entries) scope[category] = entry;
    else if (entries instanceof NameTree) entries.set(subkey, entry);
    else {
      const tree = (scope[category] = new NameTree<Entry>());
      for (const each of [entries, entry]) tree.set(each.subkey, each);
    }
    this.#sizes[category]++;
    this.#renew(entry);
  }

  delete(entry: Entry): void {
    const { category, key, subkey, scope } = entry;
    const entries = scope[category];
    // One that would fall empty is dropped as it is: to empty a map makes a new one.
    if (entries instanceof NameTree && entries.size > 1) entries.delete(subkey);
    else scope[category] = undefined;
    this.#sizes[category]--;
    this.#renew(entry);
    if (!isEmpty(scope)) return;
    this.#scopes.delete(key);
    this.#last = undefined;
  }

  /** The matching entries, live: one pass. Of any key, at the cost of a look at each. */
  *find(category: Category, key: string, subkey: string): Generator<Entry, void, undefined> {
    for (const scope of key === ANY ? this.#scopes.values() : [this.scopeOf(key)]) {
      const entries = scope?.[category];
      if (subkey === ANY) yield* valuesOf(entries);
      else {
        const entry = entryOf(entries, subkey);
        if (entry) yield entry;
      }
    }
  }

  *[Symbol.iterator](): Generator<Entry, void, undefined> {
    for (const { client, topic, channel } of this.#scopes.values()) {
      for (const entries of [client, topic, channel]) yield* valuesOf(entries);
    }
  }

  /** All topics, in segments. */
  *segments(): Generator<TopicSegment, void, undefined> {
    for (const part of this.#scopes.parts()) {
      let segment = this.#segments.get(part);
      if (!segment) this.#segments.set(part, (segment = toSegment(part)));
      yield segment;
    }
  }

  /** Of a topic that comes or goes. */
  #renew({ category, key, subkey, scope }: Entry): void {
    if (category === 'topic' && subkey === '') this.#scopes.partOf(key).revision = scope.revision;
  }
}
