import type { Steps } from '../base/work-queue.js';
import type { Change, OperatorWrite, PeerInfo, Producer, Registration, Topology } from '../registry/index.js';
import { SharedDeletions } from './shared-deletions.js';
import type { ClaimJudge, OtherLookupd } from './shared-other.js';
import { OtherLookupds } from './shared-others.js';
import { OwnPeers } from './shared-own.js';
import type { NameRecord, OwnWrite, SharedBatch, SharedOrigin } from './shared-registry.js';
import { SharedTombstones } from './shared-tombstones.js';

/** Of each kind, in one batch. */
const MOST_AT_ONCE = 1000;
/** So many writes of another are taken in at once. */
const AT_ONCE = 100;
/** What such a write costs, in steps of work. */
const STEPS = 4;

/** Who is told of what becomes of a state. */
export interface StateListener {
  /** There is something to tell. */
  readonly onNews: () => void;
  /** Another is asked whether it is there: that is to be looked at until it is known. */
  readonly onAsked: () => void;
}

type Batch = Omit<SharedBatch, 'origin' | 'number' | 'isFirst'>;

/** What a lookupd shares with others, without what carries it: its changes become batches, and batches of others changes. */
export class SharedState {
  readonly own: OwnPeers;
  readonly others: OtherLookupds;
  readonly #deletions: SharedDeletions;
  readonly #tombstones: SharedTombstones;
  readonly #origin: string;
  readonly #topology: Topology;
  readonly #graceMs: number;
  readonly #onNews: () => void;
  #awayAtMs = -Infinity;
  #isApplying = false;
  #isAsked = false;

  constructor(origin: string, topology: Topology, graceMs: number, { onNews, onAsked }: StateListener) {
    this.#origin = origin;
    this.#topology = topology;
    this.#graceMs = graceMs;
    this.#onNews = onNews;
    this.own = new OwnPeers(topology.db);
    this.#tombstones = new SharedTombstones(topology);
    this.#deletions = new SharedDeletions(topology, (peer, registration) =>
      topology.db.isBrought(peer) ? this.others.claimAt(peer, registration) : this.own.claimAt(peer, registration),
    );
    const judge: ClaimJudge = (registration, { at }) => this.#deletions.judge(registration, at);
    this.others = new OtherLookupds(topology, this.own, graceMs, judge, onAsked);
  }

  get hasNews(): boolean {
    const { own, others } = this;
    return this.#isAsked || own.isDirty || others.hasNews || this.#deletions.hasNews || this.#tombstones.hasNews;
  }

  /** Takes in what is there, as made before all that others know; what changes meanwhile is told by `changed`. */
  async begin(): Promise<void> {
    await this.#eachEntry((registration, { peer, tombstonedAtMs } = {}) => {
      if (!peer) this.#deletions.found(registration);
      else if (!this.own.holds(peer, registration)) this.own.hold(peer, registration, 1, tombstonedAtMs);
    });
  }

  /** Before this lookupd knew of any other, its times meant nothing: what its own peers carry is newer than what others know. */
  async beginTogether(records: readonly NameRecord[]): Promise<void> {
    await this.#deletions.seen(records);
    const at = this.#deletions.next();
    await this.#eachEntry((registration, { peer, tombstonedAtMs } = {}) => {
      if (peer && this.own.claimAt(peer, registration) < at) this.own.hold(peer, registration, at, tombstonedAtMs);
    });
  }

  /** A change of the registry, whoever made it. */
  changed(change: Change): void {
    const { db } = this.#topology;
    if ('peer' in change && db.isBrought(change.peer)) return;
    if (change.type === 'registrationAdded') {
      if (!this.#isApplying) this.#deletions.added(change.registration);
    } else if (change.type === 'registrationRemoved') this.#deletions.removed(change.registration, this.#isApplying);
    else if (change.type === 'producerAdded') this.#held(change.peer, change.registration);
    else if (change.type === 'producerRemoved') this.own.release(change.peer, change.registration);
    else if (change.type === 'producerTombstoned') {
      const at = this.own.claimAt(change.peer, change.registration);
      this.own.hold(change.peer, change.registration, at, change.tombstonedAtMs);
    } else if (change.type === 'peerLeft') this.own.left(change.peer);
    else this.own.lookAt(change.peer, this.#topology.clock());
    if (this.hasNews) this.#onNews();
  }

  /** An operator's write, which comes before the changes that it makes. */
  written(write: OperatorWrite): void {
    if (this.#isApplying) return;
    if ('node' in write) this.#tombstones.write(write.topic, write.node, write.type === 'untombstone');
    else this.#deletions.written(write);
    if (this.hasNews) this.#onNews();
  }

  /** Some of what is to be told. */
  take(): Batch {
    const own = this.own.take(MOST_AT_ONCE);
    this.#isAsked = false;
    return {
      atMs: this.#topology.clock(),
      isWhole: this.own.isWhole,
      own,
      ...this.#deletions.take(MOST_AT_ONCE),
      tombstones: this.#tombstones.take(),
      asked: this.others.takeAsked(),
    };
  }

  /** It could not be told. */
  giveBack({ own, names, forgotten, tombstones, asked }: Batch): void {
    this.own.giveBack(own);
    this.#deletions.giveBack(names, forgotten);
    this.#tombstones.giveBack(tombstones);
    this.others.giveBack(asked);
  }

  /** Of all names that are known here, those that are later than what is kept are to be told; and the other way round. */
  async compareNames(records: readonly NameRecord[]): Promise<void> {
    await this.#deletions.compare(records);
    await this.applyNames(records);
  }

  async applyNames(records: readonly NameRecord[]): Promise<void> {
    await this.#topology.work.result(this.#applying(this.#deletions.apply(records)));
  }

  /** Takes in what another tells, but not that it ends. False if something was missed: what is kept of it is to be read. */
  async applyBatch(batch: SharedBatch): Promise<boolean> {
    if (batch.origin === this.#origin) return true;
    const { number } = batch;
    const other = this.others.get(batch.origin);
    await this.applyNames(batch.names);
    await this.#topology.work.result(this.#applying(this.#tombstones.apply(batch)));
    this.#takeAsked(batch.asked);
    if (other && number <= other.number && !other.isGone) return true;
    if (!batch.isFirst && (!other || other.isGone || number !== other.number + 1)) return false;
    const known = this.others.heard(batch.origin);
    known.number = number;
    if (batch.isFirst) await this.#topology.work.result(known.beginAnew());
    const byMs = this.#topology.clock() - batch.atMs;
    await this.#applyOwn(known, batch.own, byMs);
    if (batch.isWhole) await this.#applyOwn(known, known.endAnew(), byMs);
    return true;
  }

  /** Takes in all that is kept of another. */
  async applyOrigin(origin: string, { number, atMs, isWhole, hasLeft, fields }: SharedOrigin): Promise<void> {
    const other = this.others.heard(origin);
    const byMs = this.#topology.clock() - atMs;
    await this.#topology.work.result(other.beginAnew());
    for await (const some of fields) await this.#applyOwn(other, some, byMs);
    other.number = number;
    if (isWhole) await this.#applyOwn(other, other.endAnew(), byMs);
    if (hasLeft) this.gone(other);
  }

  /** Looks at what time has changed. `areHeard`: whether others would have been heard of, had they said anything. */
  look(leaseMs: number, areHeard: boolean): void {
    const now = this.#topology.clock();
    const steps = [this.own.look(now), ...this.others.look(now, leaseMs, areHeard)];
    if (now - this.#awayAtMs >= this.#graceMs) steps.push(this.#deletions.forget(now - this.#graceMs));
    this.#tombstones.look(now);
    for (const each of steps) this.#topology.work.run(this.#applying(each));
  }

  /** Nothing could be told or heard until now: who is silent is so from now on, and what was deleted may be news. */
  renewLeases(): void {
    this.#awayAtMs = this.#topology.clock();
    this.others.renewLeases(this.#awayAtMs);
  }

  /** The clock was set back: nothing has happened later than now. */
  clockSetBack(): void {
    const now = this.#topology.clock();
    this.#awayAtMs = Math.min(this.#awayAtMs, now);
    this.others.clockSetBack(now);
    this.#deletions.clockSetBack(now);
    this.#tombstones.clockSetBack(now);
  }

  gone(other: OtherLookupd): void {
    this.#topology.work.run(this.#applying(this.others.gone(other)));
  }

  /** Others want to know who is there. */
  #takeAsked(asked: readonly string[]): void {
    for (const origin of asked) {
      if (origin !== this.#origin) this.others.ask(origin);
      else {
        this.#isAsked = true;
        this.#onNews();
      }
    }
  }

  async #applyOwn(other: OtherLookupd, writes: Iterable<OwnWrite>, byMs: number): Promise<void> {
    const writing = function* (): Steps {
      for (const write of writes) {
        other.write(write, byMs);
        yield STEPS;
      }
    };
    await this.#topology.work.result(this.#applying(writing()));
  }

  /** Each topic and channel, and each of its own peers that carries one or is just there; so many in one turn. */
  async #eachEntry(visit: (registration: Registration, producer?: Partial<Producer>) => void): Promise<void> {
    const { db, work } = this.#topology;
    let count = 0;
    for (const [registration, producers] of db.entries()) {
      if (registration.category !== 'client') visit(registration);
      for (const producer of producers) {
        const isThere = db.getProducer(registration, producer.peer) === producer; // it may have gone meanwhile
        if (isThere && !db.isBrought(producer.peer)) visit(registration, producer);
        if (++count % AT_ONCE === 0) await work.turn(AT_ONCE * STEPS);
      }
      if (++count % AT_ONCE === 0) await work.turn(AT_ONCE * STEPS);
    }
  }

  /** One of its own peers carries that. One that has come from another lookupd brings its tombstone. */
  #held(peer: PeerInfo, registration: Registration): void {
    this.own.hold(peer, registration, this.#deletions.next());
    if (registration.category === 'client') this.others.arrived(peer);
    if (registration.category !== 'topic' || this.own.hasPinged(peer)) return;
    const at = this.#tombstones.at(registration.key, peer);
    if (at !== undefined) this.#topology.db.tombstone(registration, peer, at);
  }

  /** What the registry tells meanwhile is no news of this lookupd's own. */
  *#applying(steps: Steps): Steps {
    for (;;) {
      this.#isApplying = true;
      let next;
      try {
        next = steps.next();
      } finally {
        this.#isApplying = false;
      }
      if (this.hasNews) this.#onNews();
      if (next.done === true) return;
      yield next.value;
    }
  }
}
