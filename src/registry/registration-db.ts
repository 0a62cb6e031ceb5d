import { printError } from '../base/error-report.js';
import { checkOptions } from '../base/options.js';
import { SafeEmitter } from '../base/safe-emitter.js';
import { ChangeQueue } from './change-queue.js';
import type { Change } from './change.js';
import { DbState } from './db-state.js';
import type { PeerInfo } from './peer-info.js';
import type { PeerRecords } from './peer-records.js';
import {
  DB_CHECKS,
  DEFAULT_ORIGIN,
  type RegistrationDBEvents,
  type RegistrationDBOptions,
} from './registration-db-options.js';
import type { TopicSegment } from './registration-index.js';
import type { Category, Producer, Registration } from './registration.js';
import { applyChange, restoreSnapshot, takeSnapshot } from './replication.js';
import type { Snapshot } from './snapshot.js';

/**
 * Who carries what: registrations, and the peers that are producers of each. Pure: no I/O, no clock, no timer.
 *
 * Every read costs in proportion to its answer and every change to what it changes, however much else the
 * db holds; one about any key, a look at each. `*` as key or subkey of a find matches all; in a change it is a name like
 * any other. Names are taken as they are given.
 *
 * @example
 * ```js
 * import { RegistrationDB, topicRegistration } from 'nsqlookupd';
 *
 * const db = new RegistrationDB();
 * db.on('registrationAdded', ({ category, key }) => console.log(category, key)); // topic orders
 * db.addRegistration(topicRegistration('orders'));
 * console.log(db.addRegistration(topicRegistration('orders'))); // false
 * console.log(db.findRegistrations('topic', '*', '').length); // 1
 * ```
 */
export class RegistrationDB extends SafeEmitter<RegistrationDBEvents> {
  readonly #state: DbState;
  #epoch: string | undefined;

  /** Makes an empty db. Throws a TypeError for an option that it does not have. */
  constructor(options?: RegistrationDBOptions) {
    const checked = checkOptions('RegistrationDB', options, DB_CHECKS);
    const { onError = printError, origin = DEFAULT_ORIGIN } = checked;
    super(onError);
    this.#epoch = checked.epoch;
    this.#state = new DbState(origin, new ChangeQueue(this, onError));
  }

  /** Names this db: revisions of another do not compare with its own. */
  get epoch(): string {
    return (this.#epoch ??= globalThis.crypto.randomUUID()); // most are never asked, and loading crypto is a tenth of a start
  }

  /**
   * Calls the listener with every change from now on, in the order in which they are made: one that a listener makes itself is
   * told after those before it. Answers a function that ends it. What the listener throws goes to `onError`.
   */
  onChange(listener: (change: Change) => void): () => void {
    return this.#state.changes.listen(listener);
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

  /** Adds a registration without producers. False if it is there already. */
  addRegistration(registration: Registration): boolean {
    return this.#told(this.#state.add(registration, true));
  }

  /** What names a peer outside of this process: `origin/number`, the same until it leaves; undefined if it is not there. */
  keyOf(peer: PeerInfo): string | undefined {
    return this.#state.peers.get(peer)?.key;
  }

  /** The peers that came from there: whoever brought them takes them away. */
  peersOf(origin: string): PeerInfo[] {
    return this.peers().filter((peer) => this.keyOf(peer)!.startsWith(`${origin}/`));
  }

  /** All that it holds, as plain data; a peer that has left is not in it. In one piece: some 2 µs a registration. */
  snapshot(): Snapshot {
    return takeSnapshot(this, this.#state);
  }

  /**
   * Takes in what a snapshot holds, as changes that listeners are told of; its peers have no connection. Its revision is never
   * behind the snapshot's afterwards. Throws a TypeError when the db is not empty, or for another format.
   */
  restore(snapshot: Snapshot): void {
    restoreSnapshot(this, this.#state, snapshot);
  }

  /**
   * Makes a change that another db has told of, or that was told before. Made a second time it changes nothing but the revision, which is
   * never behind the change's afterwards. Throws a TypeError for what is no change.
   */
  apply(change: Change): void {
    applyChange(this, this.#state, change);
  }

  /** Removes a registration with its producers. False if it is not there. */
  removeRegistration(registration: Registration): boolean {
    const entry = this.#state.get(registration);
    if (entry) this.#state.remove(entry);
    return this.#told(entry);
  }

  /** The registration that has been without a producer for longest, of those that were left or those that were made so. */
  oldestIdle(kind: 'left' | 'made'): Registration | undefined {
    return this.#state.idle[kind].oldest;
  }

  /** A registration without a producer is wanted: it is the last of those to make room. Nothing happens if it has one. */
  renewIdle(registration: Registration): void {
    const entry = this.#state.get(registration);
    if (!entry || entry.size > 0) return;
    const waiting = this.#state.idle.of(entry);
    waiting.delete(entry);
    waiting.add(entry);
  }

  /** Makes `peer` a producer, adding the registration if need be. False if it was one; its tombstone stays. */
  addProducer(registration: Registration, peer: PeerInfo): boolean {
    const known = this.#state.get(registration);
    const old = known?.producer(peer);
    if (old?.records.isGone === false) return false;
    if (old) this.#state.unlink(old); // the peer has come back before that was swept
    this.#state.link(known, registration, peer);
    return this.#told(true);
  }

  /** Ends `peer`'s part as a producer; the registration stays. False if it was none. */
  removeProducer(registration: Registration, peer: PeerInfo): boolean {
    const record = this.#state.recordOf(registration, peer);
    if (record) this.#state.unlink(record);
    return this.#told(record);
  }

  /** Ends all of `peer`'s parts as a producer, and answers of which registrations. The registrations stay. */
  removePeer(peer: PeerInfo): Registration[] {
    const records = this.#state.peers.get(peer)?.all() ?? [];
    for (const record of records) this.#state.unlink(record);
    this.#told(records);
    return records.map(({ entry }) => entry);
  }

  /**
   * The same for a peer that is a producer of much: from now on it is in no answer, and each step of what this returns ends one
   * of its parts as a producer and answers of which registration. Until then they count in `size` and `countProducers`.
   */
  hidePeer(peer: PeerInfo): Generator<Registration, void, undefined> {
    const records = this.#state.peers.get(peer);
    if (records) this.#state.hide(records);
    this.#told(records);
    return this.#sweep(records);
  }

  /** Counts up the revisions of all that `peer` is a producer of, as what is known of the peer has changed. */
  touchPeer(peer: PeerInfo): void {
    const records = this.#state.peers.get(peer);
    if (records) this.#state.touch(records);
    this.#told(records);
  }

  /** Marks a producer as tombstoned at `atMs`, by the clock of the `Topology`. False if `peer` is no producer of the registration. */
  tombstone(registration: Registration, peer: PeerInfo, atMs: number): boolean {
    const record = this.#state.recordOf(registration, peer);
    if (record) {
      record.tombstonedAtMs = atMs;
      this.#state.changed('producerTombstoned', record);
    }
    return this.#told(record);
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

  /** Has the changes told that were made, if any, and answers whether there was something to change. */
  #told(what: unknown): boolean {
    this.#state.changes.tell();
    return what !== undefined;
  }

  *#sweep(records: PeerRecords | undefined): Generator<Registration, void, undefined> {
    for (const record of records?.drain() ?? []) {
      this.#state.unlink(record);
      this.#told(record);
      yield record.entry;
    }
  }
}
