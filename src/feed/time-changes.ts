import { Ranked } from '../base/ranked.js';
import { setTimer, type ClientTimers } from '../base/timers.js';
import type { Steps } from '../base/work-queue.js';
import {
  CLIENT,
  type Change,
  type PeerInfo,
  type Producer,
  type Registration,
  type Topology,
} from '../registry/index.js';

/** A little later than the moment itself, at which a producer still counts as heard of. */
const AFTER_MS = 1;

/**
 * What time alone changes in answers, told as changes: a peer falls silent for too long, or a tombstone ends. With one timer: `touchPeer`
 * tells when it is so.
 */
export class TimeChanges {
  readonly #topology: Topology;
  readonly #timers: ClientTimers;
  /** The peers that count as heard of, by when each falls silent; one that has pinged since does so later. */
  readonly #heard = new Ranked<PeerInfo>();
  /** The producers whose tombstones have not ended, by when each does. */
  readonly #tombstones = new Ranked<Producer>();
  #timer: unknown;
  #wakesAtMs = Infinity;
  #isClosed = false;

  constructor(topology: Topology, timers: ClientTimers) {
    this.#topology = topology;
    this.#timers = timers;
    topology.db.on('producerTombstoned', this.#tombstoned);
  }

  /** Before, it tells only of tombstones: a look at those costs nothing while there are none. */
  begin(): void {
    if (this.#topology.db.hasRegistration(CLIENT)) this.#topology.work.run(this.#beginning(this.#topology.clock()));
  }

  /** What a change means for when to look again. */
  heard(change: Change): void {
    if (!('registration' in change)) {
      if (change.type === 'peerLeft') this.#heard.delete(change.peer);
      else this.#expect(change.peer, this.#topology.clock());
    } else if (change.registration.category === CLIENT.category) {
      if (change.type === 'producerAdded') this.#expect(change.peer, this.#topology.clock());
      else if (change.type === 'producerRemoved') this.#heard.delete(change.peer);
    }
  }

  /** Whether what time has changed is being told; it is from now on if the clock is further than the timer. */
  isBehind(): boolean {
    if (this.#wakesAtMs <= this.#topology.clock() && this.#timer !== undefined) {
      this.#timers.clearTimeout(this.#timer);
      this.#look();
    }
    return this.#wakesAtMs === -Infinity;
  }

  close(): void {
    this.#topology.db.off('producerTombstoned', this.#tombstoned);
    this.#tombstones.clear();
    this.#heard.clear();
    this.#isClosed = true;
    this.#wakesAtMs = -Infinity; // nothing is earlier
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
  }

  readonly #tombstoned = (_: Registration, producer: Producer): void => {
    const endsAtMs = producer.tombstonedAtMs! + this.#topology.lifetimes.tombstoneLifetimeMs;
    if (endsAtMs <= this.#topology.clock()) return this.#tombstones.delete(producer);
    this.#tombstones.set(producer, endsAtMs);
    this.#wakeAt(endsAtMs);
  };

  #silentAt(peer: PeerInfo): number {
    return peer.lastUpdateMs + this.#topology.lifetimes.inactiveProducerTimeoutMs;
  }

  *#beginning(sinceMs: number): Steps {
    const { db } = this.#topology;
    for (const producer of db.producersOf(CLIENT)) {
      if (this.#isClosed) return;
      // It may have left since the last turn.
      if (db.getProducer(CLIENT, producer.peer) === producer) this.#expect(producer.peer, sinceMs);
      yield;
    }
  }

  /** It is to be told when the peer falls silent, unless it was before then. */
  #expect(peer: PeerInfo, sinceMs: number): void {
    const silentAtMs = this.#silentAt(peer);
    if (silentAtMs < sinceMs) return this.#heard.delete(peer);
    this.#heard.set(peer, silentAtMs);
    this.#wakeAt(silentAtMs);
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#wakesAtMs) return;
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#wakesAtMs = atMs;
    const waitMs = Math.max(0, atMs - this.#topology.clock() + AFTER_MS);
    this.#timer = setTimer(this.#timers, () => this.#look(), waitMs);
    (this.#timer as { unref?: () => void } | undefined)?.unref?.(); // it is no reason to stay
  }

  /** Tells what has changed since the last look, in slices, and sets the timer to the next moment at which something can. */
  #look(): void {
    this.#timer = undefined;
    this.#wakesAtMs = -Infinity; // until it is over
    this.#topology.work.run(this.#looking(), () => {
      if (this.#isClosed) return;
      this.#wakesAtMs = Infinity;
      this.#wakeAt(Math.min(this.#tombstones.firstRank, this.#heard.firstRank));
    });
  }

  *#looking(): Steps {
    const { db, clock } = this.#topology;
    const now = clock();
    const changed = new Set<PeerInfo>();
    while (this.#tombstones.firstRank <= now) {
      const producer = this.#tombstones.first!;
      this.#tombstones.delete(producer);
      changed.add(producer.peer);
      yield;
    }
    for (let peer = this.#heard.first; peer; peer = this.#heard.first) {
      const silentAtMs = this.#silentAt(peer);
      if (silentAtMs !== this.#heard.firstRank) this.#heard.set(peer, silentAtMs);
      else if (silentAtMs >= now) break;
      else {
        this.#heard.delete(peer);
        changed.add(peer);
      }
      yield;
    }
    for (const peer of changed) {
      yield db.countRegistrationsOf(peer);
      db.touchPeer(peer);
    }
  }
}
