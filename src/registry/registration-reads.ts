import type { OnError } from '../base/error-report.js';
import { SafeEmitter } from '../base/safe-emitter.js';
import type { DbState } from './db-state.js';
import type { PeerInfo } from './peer-info.js';
import type { RegistrationDBEvents } from './registration-db-options.js';
import type { TopicSegment } from './registration-index.js';
import type { Category, Producer, Registration } from './registration.js';

/** What is read of a `RegistrationDB`: nothing here changes it. */
export class RegistrationReads extends SafeEmitter<RegistrationDBEvents> {
  readonly #state: DbState;

  /** Takes the state, which whoever extends this changes. */
  constructor(state: object, onError: OnError) {
    super(onError);
    this.#state = state as DbState; // which nobody outside can make, or name
  }

  /** Counts up with every change that an answer could show, except a peer's `lastUpdateMs`. */
  get revision(): number {
    return this.#state.revision;
  }

  /**
   * The db's `revision` when a registration with that key (topic), or a producer of one, last changed; 0 while there is none.
   * An answer about one topic is stale when this differs.
   */
  revisionOf(key: string): number {
    const scope = this.#state.index.scopeOf(key);
    return scope ? Math.max(scope.revision, this.#state.leftRevision) : 0;
  }

  /** The db's `revision` when a topic was last added or removed. A list of topics is stale when this differs. */
  get topicsRevision(): number {
    return this.#state.topicsRevision;
  }

  /**
   * The db's `revision` when a peer came, left or changed, or a topic's producers did. A list of nodes is stale when this
   * differs; channels do not move it.
   */
  get nodesRevision(): number {
    return this.#state.nodesRevision;
  }

  /** The db's `revision` when that peer, or what topics it is a producer of, last changed; 0 if it is of nothing. */
  revisionOfPeer(peer: PeerInfo): number {
    return this.#state.peers.get(peer)?.revision ?? 0;
  }

  /** What names a peer outside of this process: `origin/number`, the same until it leaves; undefined if it is not there. */
  keyOf(peer: PeerInfo): string | undefined {
    return this.#state.peers.get(peer)?.key;
  }

  /** The peers that came from there: whoever brought them takes them away. */
  peersOf(origin: string): PeerInfo[] {
    return this.peers().filter((peer) => this.keyOf(peer)!.startsWith(`${origin}/`));
  }

  /** The registration that has been without a producer for longest, of those that were left or those that were made so. */
  oldestIdle(kind: 'left' | 'made'): Registration | undefined {
    return this.#state.idle[kind].oldest;
  }

  /** Whether exactly that registration is there, with producers or without. */
  hasRegistration(registration: Registration): boolean {
    return this.#state.get(registration) !== undefined;
  }

  /** Whether that registration is there and was made without a producer, as an operator does. */
  isMade(registration: Registration): boolean {
    return this.#state.get(registration)?.isMade === true;
  }

  /** The registrations of a category with that key and subkey, each of which may be `*` for any. */
  findRegistrations(category: Category, key: string, subkey: string): Registration[] {
    return [...this.#state.index.find(category, key, subkey)];
  }

  /**
   * The same, one at a time, for where there may be many: the db may change before the next one is asked for. Those that were
   * there when the first was asked for are given, but for what has been removed meanwhile.
   */
  *eachRegistration(category: Category, key: string, subkey: string): Generator<Registration, void, undefined> {
    const last = this.revision;
    for (const entry of this.#state.index.find(category, key, subkey)) if (entry.isSince(last)) yield entry;
  }

  /** All topics, in segments of at most 2,048, as they are now. */
  topicSegments(): TopicSegment[] {
    return [...this.#state.index.segments()];
  }

  /** How many registrations of a category have that key. */
  countRegistrations(category: Category, key: string): number {
    return this.#state.index.count(category, key);
  }

  /** The producers of the registrations that `findRegistrations` names, each peer once. */
  findProducers(category: Category, key: string, subkey: string): Producer[] {
    const byPeer = new Map<PeerInfo, Producer>();
    for (const entry of this.#state.index.find(category, key, subkey)) {
      for (const record of entry.producers()) {
        if (!record.records.isGone && !byPeer.has(record.peer)) byPeer.set(record.peer, record);
      }
    }
    return [...byPeer.values()];
  }

  /** `peer` as a producer of exactly that registration. */
  getProducer(registration: Registration, peer: PeerInfo): Producer | undefined {
    return this.#state.recordOf(registration, peer);
  }

  /** The producers of exactly that registration, read live: one pass, before the next change. */
  *producersOf(registration: Registration): Generator<Producer, void, undefined> {
    for (const record of this.#state.get(registration)?.producers() ?? []) if (!record.records.isGone) yield record;
  }

  /** How many producers exactly that registration has. */
  countProducers(registration: Registration): number {
    return this.#state.get(registration)?.size ?? 0;
  }

  /** How many registrations `peer` is a producer of. */
  countRegistrationsOf(peer: PeerInfo): number {
    return this.#state.peers.get(peer)?.size ?? 0;
  }

  /** The registrations that `peer` is a producer of; with a key, those of that topic alone. */
  registrationsOf(peer: PeerInfo, key?: string): Registration[] {
    const records = this.#state.peers.get(peer);
    if (!records) return [];
    const scope = key !== undefined && this.#state.index.scopeOf(key);
    const found = scope ? records.of(scope) : key === undefined ? records.all() : [];
    return found.map(({ entry }) => entry);
  }

  /** The topics that `peer` is a producer of, with the producer that it is of each, read live: one pass, before the next change. */
  *topicsOf(peer: PeerInfo): Generator<{ readonly topic: string; readonly producer: Producer }, void, undefined> {
    for (const producer of this.#state.peers.get(peer)?.firsts() ?? []) {
      if (producer.entry.category === 'topic') yield { topic: producer.entry.key, producer };
    }
  }

  /** The peers that are a producer of anything, in the order in which they came. */
  peers(): PeerInfo[] {
    return this.#state.peers.all();
  }

  /** How many peers there are that came by `restore` or `apply`. */
  get broughtCount(): number {
    return this.#state.peers.broughtCount;
  }

  /** Whether it came by `restore` or `apply`, and so has no connection here. */
  isBrought(peer: PeerInfo): boolean {
    return this.#state.peers.isBrought(peer);
  }

  /** The peer of that key, if it came by `restore` or `apply` and has not gone. */
  broughtBy(peerKey: string): PeerInfo | undefined {
    return this.#state.peers.broughtBy(peerKey);
  }

  /** Those of them at a node: `broadcast address:http port`, an IPv6 address without brackets. */
  peersAt(node: string): PeerInfo[] {
    return this.#state.peers.at(node);
  }

  /** Every registration with its producers, one at a time: the db may change before the next one is asked for. */
  *entries(): Generator<readonly [Registration & { readonly isMade: boolean }, Iterable<Producer>], void, undefined> {
    const last = this.revision;
    for (const entry of this.#state.index) if (entry.isSince(last)) yield [entry, this.producersOf(entry)];
  }

  /** How many registrations there are, and producers of them, together. */
  get size(): number {
    return this.#state.size;
  }

  /** How many bytes of memory all that takes, about. */
  get bytes(): number {
    return this.#state.bytes;
  }

  /** How many registrations have no producer, and the bytes of memory that they take: what can go to make room. */
  get idle(): Readonly<Record<'left' | 'made', { readonly size: number; readonly bytes: number }>> {
    return this.#state.idle;
  }

  /** How much each index holds, for tests and metrics; all 0 when everything has been removed. */
  get indexSizes(): { readonly categories: number; readonly keys: number; readonly peers: number } {
    const { index, peers } = this.#state;
    return { categories: index.categories, keys: index.keys, peers: peers.size };
  }
}
