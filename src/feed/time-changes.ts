import { setTimer, type ClientTimers } from '../base/timers.js';
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
  /** The producers whose tombstones have not ended, and when each does, the first in front. */
  readonly #tombstones = new Map<Producer, number>();
  /** Whether peers that fall silent are told, too. */
  #isBegun = false;
  #timer: unknown;
  #wakesAtMs = Infinity;

  constructor(topology: Topology, timers: ClientTimers) {
    this.#topology = topology;
    this.#timers = timers;
    topology.db.on('producerTombstoned', this.#tombstoned);
  }

  /** Before, it tells only of tombstones: a look at those costs nothing while there are none. */
  begin(): void {
    this.#isBegun = true;
    this.#look();
  }

  /** What a change means for when to look again. */
  heard(change: Change): void {
    const isPeer =
      change.type === 'peerTouched' || (change.type === 'producerAdded' && change.registration.category === 'client');
    if (isPeer) this.#wakeAt(this.#silentAt(change.peer));
  }

  close(): void {
    this.#topology.db.off('producerTombstoned', this.#tombstoned);
    this.#tombstones.clear();
    this.#wakesAtMs = -Infinity; // nothing is earlier
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
  }

  readonly #tombstoned = (_: Registration, producer: Producer): void => {
    const endsAtMs = producer.tombstonedAtMs! + this.#topology.lifetimes.tombstoneLifetimeMs;
    this.#tombstones.delete(producer); // one that is tombstoned again goes to the end
    this.#tombstones.set(producer, endsAtMs);
    this.#wakeAt(endsAtMs);
  };

  #silentAt(peer: PeerInfo): number {
    return peer.lastUpdateMs + this.#topology.lifetimes.inactiveProducerTimeoutMs;
  }

  #wakeAt(atMs: number): void {
    const now = this.#topology.clock();
    if (atMs < now || atMs >= this.#wakesAtMs) return;
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#wakesAtMs = atMs;
    this.#timer = setTimer(this.#timers, () => this.#look(), atMs - now + AFTER_MS);
    (this.#timer as { unref?: () => void } | undefined)?.unref?.(); // it is no reason to stay
  }

  /** Tells what has changed since the last look, and sets the timer to the next moment at which something can. */
  #look(): void {
    const { db, clock } = this.#topology;
    const lastMs = this.#wakesAtMs;
    const now = clock();
    if (this.#timer !== undefined) this.#timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakesAtMs = Infinity;
    const changed = new Set<PeerInfo>();
    let nextMs = Infinity;
    for (const { peer } of this.#isBegun ? db.producersOf(CLIENT) : []) {
      const silentAtMs = this.#silentAt(peer);
      if (silentAtMs >= now) nextMs = Math.min(nextMs, silentAtMs);
      else if (silentAtMs >= lastMs) changed.add(peer);
    }
    for (const [producer, endsAtMs] of this.#tombstones) {
      if (endsAtMs > now) {
        nextMs = Math.min(nextMs, endsAtMs);
        break;
      }
      this.#tombstones.delete(producer);
      changed.add(producer.peer);
    }
    this.#wakeAt(nextMs);
    for (const peer of changed) db.touchPeer(peer);
  }
}
