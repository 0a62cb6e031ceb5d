import { toNodeAddress, type PeerInfo } from './peer-info.js';
import { changesAt, isHeardOf, isTombstoned, type Lifetimes, type Producer } from './registration.js';
import type { RegistrationDB } from './registration-db.js';
import type { ActiveProducers } from './topology-answers.js';

/** All peers at the address and ports of one: an nsqd that several lookupds hold is one producer. */
export function copiesOf(db: RegistrationDB, peer: PeerInfo): readonly PeerInfo[] {
  return db.peersAt(toNodeAddress(peer)).filter(({ tcpPort }) => tcpPort === peer.tcpPort);
}

/** One of each, the same one wherever the same are known. */
export function toOnes(peers: readonly PeerInfo[]): PeerInfo[] {
  const ones = new Map<string, PeerInfo>();
  for (const peer of peers) {
    const key = toKey(peer);
    ones.set(key, theOne(ones.get(key), peer));
  }
  return [...ones.values()];
}

/** The producers of a topic, each nsqd once: heard of by any lookupd, and tombstoned at none. */
export class OneProducer {
  readonly #ones = new Map<string, { peer: PeerInfo; isHeard: boolean; isHidden: boolean }>();
  readonly #now: number;
  readonly #lifetimes: Lifetimes;
  #changesAtMs = Infinity;

  constructor(now: number, lifetimes: Lifetimes) {
    this.#now = now;
    this.#lifetimes = lifetimes;
  }

  add(producer: Producer): void {
    const { peer } = producer;
    const key = toKey(peer);
    const known = this.#ones.get(key);
    this.#changesAtMs = Math.min(this.#changesAtMs, changesAt(producer, this.#now, this.#lifetimes));
    const isHeard = isHeardOf(peer, this.#now, this.#lifetimes.inactiveProducerTimeoutMs);
    const isHidden = isTombstoned(producer, this.#now, this.#lifetimes.tombstoneLifetimeMs);
    this.#ones.set(key, {
      peer: theOne(known?.peer, peer),
      isHeard: isHeard || known?.isHeard === true,
      isHidden: isHidden || known?.isHidden === true,
    });
  }

  answer(): ActiveProducers {
    const active = [...this.#ones.values()].filter(({ isHeard, isHidden }) => isHeard && !isHidden);
    return { producers: active.map(({ peer }) => peer), changesAtMs: this.#changesAtMs };
  }
}

function toKey(peer: PeerInfo): string {
  return `${toNodeAddress(peer)} ${peer.tcpPort}`;
}

function theOne(known: PeerInfo | undefined, peer: PeerInfo): PeerInfo {
  return known && known.remoteAddress <= peer.remoteAddress ? known : peer;
}
