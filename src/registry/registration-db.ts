import { printError } from '../base/error-report.js';
import { checkOptions } from '../base/options.js';
import { toOwnText } from '../base/text.js';
import { ChangeQueue } from './change-queue.js';
import type { Change, PeerChanged, ProducerChanged, ProducerTombstoned } from './change.js';
import { IdleRegistrations } from './idle-registrations.js';
import type { PeerInfo } from './peer-info.js';
import { PeerDirectory } from './peer-directory.js';
import type { PeerRecords } from './peer-records.js';
import { Entry, type Scope } from './entry.js';
import type { ProducerRecord } from './producer-record.js';
import {
  DB_CHECKS,
  DEFAULT_ORIGIN,
  type RegistrationDBEvents,
  type RegistrationDBOptions,
} from './registration-db-options.js';
import { RegistrationIndex } from './registration-index.js';
import { assertSnapshot, type Snapshot } from './snapshot.js';
import type { Category, Producer, Registration } from './registration.js';
import { TopicSegments, type TopicSegment } from './topic-segments.js';
import { SafeEmitter } from '../base/safe-emitter.js';

/**
 * Who carries what: registrations, and the peers that are producers of each. Pure: no I/O, no clock, no timer.
 *
 * Every question costs in proportion to its answer and every change to what it changes, however much else the
 * db holds. `*` as key or subkey of a find matches all; in a change it is a name like any other. Names are taken as
 * they are given.
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
  readonly #index = new RegistrationIndex<Entry>();
  readonly #peers: PeerDirectory;
  readonly #scopes = new Map<string, Scope>();
  readonly #idle = new IdleRegistrations();
  readonly #segments = new TopicSegments();
  readonly #changes: ChangeQueue;
  #epoch: string | undefined;
  #revision = 0;
  #topicsRevision = 0;
  #nodesRevision = 0;
  /** When a peer last left whose records are, or were, swept later. */
  #leftRevision = 0;
  #size = 0;
  #bytes = 0;

  /** Makes an empty db. Throws a TypeError for an option that it does not have. */
  constructor(options?: RegistrationDBOptions) {
    const checked = checkOptions('RegistrationDB', options, DB_CHECKS);
    const { onError = printError, origin = DEFAULT_ORIGIN } = checked;
    super(onError);
    this.#peers = new PeerDirectory(origin);
    this.#epoch = checked.epoch;
    this.#changes = new ChangeQueue(onError);
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
    return this.#changes.listen(listener);
  }

  /** Counts up with every change that an answer could show, except a peer's `lastUpdateMs`. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * The db's `revision` when a registration with that key (topic), or a producer of one, last changed; 0 while there is none.
   * An answer about one topic is stale when this differs.
   */
  revisionOf(key: string): number {
    const scope = this.#scopes.get(key);
    return scope ? Math.max(scope.revision, this.#leftRevision) : 0;
  }

  /** The db's `revision` when a topic was last added or removed. A list of topics is stale when this differs. */
  get topicsRevision(): number {
    return this.#topicsRevision;
  }

  /**
   * The db's `revision` when a peer came, left or changed, or a topic's producers did. A list of nodes is stale when this
   * differs; channels do not move it.
   */
  get nodesRevision(): number {
    return this.#nodesRevision;
  }

  /** The db's `revision` when that peer, or what topics it is a producer of, last changed; 0 if it is of nothing. */
  revisionOfPeer(peer: PeerInfo): number {
    return this.#peers.get(peer)?.revision ?? 0;
  }

  /** Adds a registration without producers. False if it is there already. */
  addRegistration(registration: Registration): boolean {
    return this.#add(registration, true);
  }

  /** What names a peer outside of this process: `origin/number`, the same until it leaves; undefined if it is not there. */
  keyOf(peer: PeerInfo): string | undefined {
    return this.#peers.get(peer)?.key;
  }

  /** The peers that came from there: whoever brought them takes them away. */
  peersOf(origin: string): PeerInfo[] {
    return this.peers().filter((peer) => this.keyOf(peer)!.startsWith(`${origin}/`));
  }

  /** All that it holds, as plain data; a peer that has left is not in it. In one piece: some 2 µs a registration. */
  snapshot(): Snapshot {
    const peers = Object.fromEntries(this.peers().map((peer) => [this.keyOf(peer)!, { ...peer }]));
    const registrations = [...this.#index].map((entry) => {
      const { category, key, subkey, isMade } = entry;
      const producers = [...this.producersOf(entry)].map(({ peer, tombstonedAtMs }) => ({
        peer: this.keyOf(peer)!,
        ...(tombstonedAtMs !== undefined && { tombstonedAtMs }),
      }));
      return { category, key, subkey, isMade, producers };
    });
    return { format: 1, epoch: this.epoch, revision: this.#revision, peers, registrations };
  }

  /**
   * Takes in what a snapshot holds, as changes that listeners are told of; its peers have no connection. Its revision is never
   * behind the snapshot's afterwards. Throws a TypeError when the db is not empty, or for another format.
   */
  restore(snapshot: Snapshot): void {
    assertSnapshot(snapshot);
    if (this.#size > 0) throw new TypeError('a snapshot is restored into an empty db');
    for (const { isMade, producers, ...registration } of snapshot.registrations) {
      this.#add(registration, isMade);
      for (const { peer: key, tombstonedAtMs } of producers) {
        const peer = this.#peers.bring(key, snapshot.peers[key]!);
        this.addProducer(registration, peer);
        if (tombstonedAtMs !== undefined) this.tombstone(registration, peer, tombstonedAtMs);
      }
    }
    this.#revision = Math.max(this.#revision, snapshot.revision);
  }

  /**
   * Makes a change that another db has told of, or that was told before. Made a second time it changes nothing but the revision, which is
   * never behind the change's afterwards.
   */
  apply(change: Change): void {
    switch (change.type) {
      case 'registrationAdded':
        this.#add(change.registration, change.isMade);
        break;
      case 'registrationRemoved':
        this.removeRegistration(change.registration);
        break;
      case 'producerAdded':
        this.addProducer(change.registration, this.#peers.bring(change.peerKey, change.peer));
        break;
      case 'producerRemoved':
      case 'producerTombstoned':
      case 'peerTouched':
      case 'peerLeft':
        this.#applyTo(this.#peers.broughtBy(change.peerKey), change);
    }
    if (change.revision > this.#revision) this.#revision = change.revision;
  }

  /** Removes a registration with its producers. False if it is not there. */
  removeRegistration(registration: Registration): boolean {
    const entry = this.#get(registration);
    if (!entry) return false;
    this.#remove(entry);
    this.#tell();
    return true;
  }

  /** The registration that has been without a producer for longest, of those that were left or those that were made so. */
  oldestIdle(kind: 'left' | 'made'): Registration | undefined {
    return this.#idle[kind].oldest;
  }

  /** A registration without a producer is wanted: it is the last of those to make room. Nothing happens if it has one. */
  renewIdle(registration: Registration): void {
    const entry = this.#get(registration);
    if (!entry || entry.producers.size > 0) return;
    const waiting = this.#idle.of(entry);
    waiting.delete(entry, bytesOf(entry));
    waiting.add(entry, bytesOf(entry));
  }

  /** Makes `peer` a producer, adding the registration if need be. False if it was one; its tombstone stays. */
  addProducer(registration: Registration, peer: PeerInfo): boolean {
    const known = this.#get(registration);
    const old = known?.producers.get(peer);
    if (old?.records.isGone === false) return false;
    if (old) this.#unlink(old); // the peer has come back before that was swept
    const records = this.#recordsOf(peer); // which throws for what is no peer, before anything is changed
    const entry = known ?? this.#create(registration, false);
    if (known?.producers.size === 0) this.#idle.of(entry).delete(entry, bytesOf(entry));
    const record = records.add(entry);
    entry.producers.set(peer, record);
    this.#size++;
    this.#bytes += PRODUCER_BYTES;
    this.#producerChanged('producerAdded', record);
    this.#tell();
    return true;
  }

  /** Ends `peer`'s part as a producer; the registration stays. False if it was none. */
  removeProducer(registration: Registration, peer: PeerInfo): boolean {
    const record = this.#getRecord(registration, peer);
    if (!record) return false;
    this.#unlink(record);
    this.#tell();
    return true;
  }

  /** Ends all of `peer`'s parts as a producer, and answers of which registrations. The registrations stay. */
  removePeer(peer: PeerInfo): Registration[] {
    const records = this.#peers.get(peer)?.all() ?? [];
    for (const record of records) this.#unlink(record);
    this.#tell();
    return records.map(({ entry }) => entry);
  }

  /**
   * The same for a peer that is a producer of much: from now on it is in no answer, and each step of what this returns ends one
   * of its parts as a producer and answers of which registration. Until then they count in `size` and `countProducers`.
   */
  hidePeer(peer: PeerInfo): Iterator<Registration, void, undefined> {
    const records = this.#peers.get(peer);
    if (!records) return ([] as Registration[]).values();
    this.#forget(records);
    records.isGone = true;
    this.#leftRevision = this.#nodesRevision = ++this.#revision;
    this.#changes.push({ revision: this.#revision, type: 'peerLeft', peer, peerKey: records.key });
    this.#tell();
    return this.#sweep(records);
  }

  /** Counts up the revisions of all that `peer` is a producer of, as what is known of the peer has changed. */
  touchPeer(peer: PeerInfo): void {
    const records = this.#peers.get(peer);
    if (!records) return;
    records.revision = this.#nodesRevision = ++this.#revision;
    for (const { entry } of records.firsts()) entry.scope.revision = this.#revision;
    this.#changes.push({ revision: this.#revision, type: 'peerTouched', peer, peerKey: records.key });
    this.#tell();
  }

  /** Marks a producer as tombstoned at `atMs`, by the clock of the `Topology`. False if `peer` is no producer of the registration. */
  tombstone(registration: Registration, peer: PeerInfo, atMs: number): boolean {
    const record = this.#getRecord(registration, peer);
    if (!record) return false;
    record.tombstonedAtMs = atMs;
    this.#producerChanged('producerTombstoned', record);
    this.#tell();
    return true;
  }

  /** Whether exactly that registration is there, with producers or without. */
  hasRegistration(registration: Registration): boolean {
    return this.#get(registration) !== undefined;
  }

  /** The registrations of a category with that key and subkey, each of which may be `*` for any. */
  findRegistrations(category: Category, key: string, subkey: string): Registration[] {
    return [...this.#index.find(category, key, subkey)];
  }

  /**
   * The same, one at a time, for where there may be many: the db may change before the next one is asked for. Those that were
   * there when the first was asked for are given, but for what has been removed meanwhile.
   */
  *eachRegistration(category: Category, key: string, subkey: string): Generator<Registration, void, undefined> {
    const last = this.#revision;
    for (const entry of this.#index.find(category, key, subkey)) if (entry.since <= last) yield entry;
  }

  /** All topics in the order in which they came, in segments of at most 2,048, as they are now. */
  topicSegments(): TopicSegment[] {
    return [...this.#segments];
  }

  /** How many registrations of a category have that key. */
  countRegistrations(category: Category, key: string): number {
    return this.#index.count(category, key);
  }

  /** The producers of the registrations that `findRegistrations` names, each peer once. */
  findProducers(category: Category, key: string, subkey: string): Producer[] {
    const byPeer = new Map<PeerInfo, Producer>();
    for (const { producers } of this.#index.find(category, key, subkey)) {
      for (const [peer, record] of producers) if (!record.records.isGone && !byPeer.has(peer)) byPeer.set(peer, record);
    }
    return [...byPeer.values()];
  }

  /** `peer` as a producer of exactly that registration. */
  getProducer(registration: Registration, peer: PeerInfo): Producer | undefined {
    return this.#getRecord(registration, peer);
  }

  /** The producers of exactly that registration, read live: one pass, before the next change. */
  *producersOf(registration: Registration): Generator<Producer, void, undefined> {
    for (const record of this.#get(registration)?.producers.values() ?? []) if (!record.records.isGone) yield record;
  }

  /** How many producers exactly that registration has. */
  countProducers(registration: Registration): number {
    return this.#get(registration)?.producers.size ?? 0;
  }

  /** How many registrations `peer` is a producer of. */
  countRegistrationsOf(peer: PeerInfo): number {
    return this.#peers.get(peer)?.size ?? 0;
  }

  /** The registrations that `peer` is a producer of; with a key, those of that topic alone. */
  registrationsOf(peer: PeerInfo, key?: string): Registration[] {
    const records = this.#peers.get(peer);
    if (!records) return [];
    return (key === undefined ? records.all() : records.of(key)).map(({ entry }) => entry);
  }

  /** The topics that `peer` is a producer of, with the producer that it is of each, read live: one pass, before the next change. */
  *topicsOf(peer: PeerInfo): Generator<{ readonly topic: string; readonly producer: Producer }, void, undefined> {
    for (const producer of this.#peers.get(peer)?.firsts() ?? []) {
      if (producer.entry.category === 'topic') yield { topic: producer.entry.key, producer };
    }
  }

  /** The peers that are a producer of anything, in the order in which they came. */
  peers(): PeerInfo[] {
    return this.#peers.all();
  }

  /** How many peers there are that came by `restore` or `apply`. */
  get broughtCount(): number {
    return this.#peers.broughtCount;
  }

  /** Whether it came by `restore` or `apply`, and so has no connection here. */
  isBrought(peer: PeerInfo): boolean {
    return this.#peers.isBrought(peer);
  }

  /** The peer of that key, if it came by `restore` or `apply` and has not gone. */
  broughtBy(peerKey: string): PeerInfo | undefined {
    return this.#peers.broughtBy(peerKey);
  }

  /** Those of them at a node: `broadcast address:http port`, an IPv6 address without brackets. */
  peersAt(node: string): PeerInfo[] {
    return this.#peers.at(node);
  }

  /** Every registration with its producers, one at a time: the db may change before the next one is asked for. */
  *entries(): Generator<readonly [Registration & { readonly isMade: boolean }, Iterable<Producer>], void, undefined> {
    const last = this.#revision;
    for (const entry of this.#index) if (entry.since <= last) yield [entry, this.producersOf(entry)];
  }

  /** How many registrations there are, and producers of them, together. */
  get size(): number {
    return this.#size;
  }

  /** How many bytes of memory all that takes, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many registrations have no producer, and the bytes of memory that they take: what can go to make room. */
  get idle(): Readonly<Record<'left' | 'made', { readonly size: number; readonly bytes: number }>> {
    return this.#idle;
  }

  /** How much each index holds, for tests and metrics; all 0 when everything has been removed. */
  get indexSizes(): { readonly categories: number; readonly keys: number; readonly peers: number } {
    const [byKey, bySubkey] = this.#index.categories;
    return { categories: byKey + bySubkey, keys: this.#scopes.size, peers: this.#peers.size };
  }

  #add(registration: Registration, isMade: boolean): boolean {
    if (this.#get(registration)) return false;
    const entry = this.#create(registration, isMade);
    this.#idle.of(entry).add(entry, bytesOf(entry));
    this.#tell();
    return true;
  }

  #applyTo(peer: PeerInfo | undefined, change: ProducerChanged | ProducerTombstoned | PeerChanged): void {
    if (!peer) return;
    if (change.type === 'peerLeft') this.hidePeer(peer);
    else if (change.type === 'peerTouched') {
      peer.lastUpdateMs = change.peer.lastUpdateMs;
      this.touchPeer(peer);
    } else if (change.type === 'producerTombstoned') {
      this.tombstone(change.registration, peer, change.tombstonedAtMs);
    } else if ('registration' in change) {
      const record = this.#get(change.registration)?.producers.get(peer); // also of one that has left
      if (record) this.#unlink(record);
      this.#tell();
    }
  }

  #get({ category, key, subkey }: Registration): Entry | undefined {
    return this.#index.get(category, key, subkey);
  }

  #getRecord(registration: Registration, peer: PeerInfo): ProducerRecord | undefined {
    const record = this.#get(registration)?.producers.get(peer);
    return record?.records.isGone === true ? undefined : record;
  }

  #create(registration: Registration, isMade: boolean): Entry {
    const { category } = registration;
    const [key, subkey] = [toOwnText(registration.key), toOwnText(registration.subkey)];
    let scope = this.#scopes.get(key);
    if (!scope) this.#scopes.set(key, (scope = { revision: 0, registrations: 0 }));
    scope.registrations++;
    const since = (scope.revision = ++this.#revision);
    const entry = new Entry({ category, key, subkey }, scope, since, isMade);
    this.#index.add(entry);
    this.#size++;
    this.#bytes += bytesOf(entry);
    if (category === 'topic') this.#topicsRevision = since;
    if (category === 'topic' && subkey === '') this.#segments.add(key, since);
    if (this.#isHeard('registrationAdded')) {
      this.#changes.push({ revision: since, type: 'registrationAdded', registration: entry, isMade });
    }
    return entry;
  }

  #remove(entry: Entry): void {
    if (entry.producers.size === 0) this.#idle.of(entry).delete(entry, bytesOf(entry));
    // They stay in the entry, which goes as a whole: to empty a map makes a new one.
    for (const record of entry.producers.values()) this.#ended(record);
    this.#index.delete(entry);
    this.#size--;
    this.#bytes -= bytesOf(entry);
    const revision = (entry.scope.revision = ++this.#revision);
    if (entry.category === 'topic') this.#topicsRevision = revision;
    if (entry.category === 'topic' && entry.subkey === '') this.#segments.delete(entry.key, revision);
    if (--entry.scope.registrations === 0) this.#scopes.delete(entry.key);
    if (this.#isHeard('registrationRemoved')) {
      this.#changes.push({ revision, type: 'registrationRemoved', registration: entry });
    }
  }

  #recordsOf(peer: PeerInfo): PeerRecords {
    const known = this.#peers.get(peer);
    if (known) return known;
    const records = this.#peers.add(peer);
    this.#bytes += records.bytes;
    return records;
  }

  #forget(records: PeerRecords): void {
    if (records.isGone) return;
    this.#peers.delete(records);
    this.#bytes -= records.bytes;
  }

  #unlink(record: ProducerRecord): void {
    const { entry, peer } = record;
    entry.producers.delete(peer);
    if (entry.producers.size === 0) this.#idle.of(entry).add(entry, bytesOf(entry));
    this.#ended(record);
  }

  #ended(record: ProducerRecord): void {
    const { records } = record;
    records.delete(record);
    this.#size--;
    this.#bytes -= PRODUCER_BYTES;
    if (records.size === 0) {
      this.#forget(records);
      this.#peers.release(records);
    }
    this.#producerChanged('producerRemoved', record);
  }

  *#sweep(records: PeerRecords): Generator<Registration, void, undefined> {
    for (const record of records.drain()) {
      this.#unlink(record);
      this.#tell();
      yield record.entry;
    }
  }

  #producerChanged(type: 'producerAdded' | 'producerRemoved' | 'producerTombstoned', producer: ProducerRecord): void {
    const { entry, records, peer } = producer;
    const revision = (entry.scope.revision = ++this.#revision);
    if (entry.category !== 'channel') records.revision = this.#nodesRevision = revision;
    if (!this.#isHeard(type)) return;
    const change = { revision, registration: entry, peer, peerKey: records.key, producer };
    if (type !== 'producerTombstoned') this.#changes.push({ ...change, type });
    else this.#changes.push({ ...change, type, tombstonedAtMs: producer.tombstonedAtMs! });
  }

  #isHeard(type: keyof RegistrationDBEvents): boolean {
    return !this.#changes.isIdle || this.listenerCount(type) > 0;
  }

  #tell(): void {
    this.#changes.tell(this.#emit);
  }

  readonly #emit = (change: Change): void => {
    if ('producer' in change) this.emit(change.type, change.registration, change.producer);
    else if ('registration' in change) this.emit(change.type, change.registration);
  };
}

/** What a registration and a producer weigh, about, beside the texts of their names; measured with a million. */
const ENTRY_BYTES = 600;
const PRODUCER_BYTES = 150;

function bytesOf({ key, subkey }: Entry): number {
  return ENTRY_BYTES + key.length + subkey.length;
}
