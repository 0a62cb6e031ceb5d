import { printError } from '../base/error-report.js';
import { checkOptions } from '../base/options.js';
import { ChangeQueue } from './change-queue.js';
import type { Change } from './change.js';
import { DbState } from './db-state.js';
import type { PeerInfo } from './peer-info.js';
import type { PeerRecords } from './peer-records.js';
import { DB_CHECKS, DEFAULT_ORIGIN, type RegistrationDBOptions } from './registration-db-options.js';
import { RegistrationReads } from './registration-reads.js';
import type { Registration } from './registration.js';
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
export class RegistrationDB extends RegistrationReads {
  readonly #state: DbState;
  #epoch: string | undefined;

  /** Makes an empty db. Throws a TypeError for an option that it does not have. */
  constructor(options?: RegistrationDBOptions) {
    const checked = checkOptions('RegistrationDB', options, DB_CHECKS);
    const { onError = printError, origin = DEFAULT_ORIGIN } = checked;
    const state = new DbState(origin, new ChangeQueue(onError));
    super(state, onError);
    state.changes.feed(this);
    this.#state = state;
    this.#epoch = checked.epoch;
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

  /** Adds a registration without producers. False if it is there already. */
  addRegistration(registration: Registration): boolean {
    return this.#told(this.#state.add(registration, true));
  }

  /** All that it holds, as plain data; a peer that has left is not in it. In one piece: some 2 µs a registration. */
  snapshot(): Snapshot {
    return takeSnapshot(this);
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
