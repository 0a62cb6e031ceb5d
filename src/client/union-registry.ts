import type { Clock } from '../base/clock.js';
import type { OnError } from '../base/error-report.js';
import type { Steps } from '../base/work-queue.js';
import { CLIENT, RegistrationDB, Topology, type Change, type PeerInfo, type Registration } from '../registry/index.js';
import type { UnionSource } from './union-source.js';

const withoutBrackets = (host: string) => host.replace(/^\[(.*)\]$/, '$1');
const nodeOf = ({ broadcastAddress, httpPort }: PeerInfo) => `${withoutBrackets(broadcastAddress)}:${httpPort}`;
/** Producers are one that have the same broadcast address and ports. */
const keyOf = (peer: PeerInfo) => `${nodeOf(peer)} ${peer.tcpPort}`;
/** What else a peer tells of itself. */
const saysOf = (peer: PeerInfo) => [peer.hostname, peer.version, peer.topologyZone, peer.topologyRegion].join('\n');

/** A tombstone that ended long ago: the producer is shown. */
const ENDED_MS = 0;

/** What several lookupds hold, as one registry: made anew, for each change that one tells of, as far as it is about that. */
export class UnionRegistry {
  readonly topology: Topology;
  readonly #sources = new Map<UnionSource, () => void>();
  readonly #peers = new Map<string, PeerInfo>();

  constructor(clock: Clock, tombstoneLifetimeMs: number | undefined, onError: OnError) {
    const db = new RegistrationDB({ onError });
    // Who is silent is known from those who hear of it, not from the time.
    const forever = { inactiveProducerTimeoutMs: Infinity, maxRegistrations: Infinity, maxRegistryBytes: Infinity };
    this.topology = new Topology({ db, clock, ...forever, tombstoneLifetimeMs, onError });
  }

  add(source: UnionSource): void {
    this.#sources.set(source, this.#follow(source));
  }

  /** Of a source that holds nothing any more. */
  delete(source: UnionSource): void {
    this.#sources.get(source)?.();
    this.#sources.delete(source);
  }

  /** The source holds another registry than before. */
  async swapped(source: UnionSource, before: RegistrationDB): Promise<void> {
    if (!this.#sources.has(source)) return;
    this.#sources.get(source)!();
    this.#sources.set(source, this.#follow(source));
    await this.topology.work.result(this.#settlingAll(source.db));
    await this.topology.work.result(this.#settlingAll(before));
  }

  #follow(source: UnionSource): () => void {
    return source.db.onChange((change) => this.#changed(source, change));
  }

  #changed(source: UnionSource, change: Change): void {
    if (!('peer' in change)) return this.#settleRegistration(change.registration);
    const { peer } = change;
    if ('registration' in change) {
      const isNew = change.type === 'producerAdded' && change.registration.category === 'client';
      if (isNew && source.isWatched === true) source.looked(peer);
      this.#settle(change.registration, peer);
    } else if (change.type === 'peerTouched') {
      if (source.isWatched === true) source.looked(peer);
      this.topology.work.run(this.#settlingEach(source.db.registrationsOf(peer), peer));
    }
  }

  *#settlingEach(registrations: readonly Registration[], peer: PeerInfo): Steps {
    for (const registration of registrations) {
      this.#settle(registration, peer);
      yield;
    }
  }

  *#settlingAll(db: RegistrationDB): Steps {
    for (const [registration, producers] of db.entries()) {
      this.#settleRegistration(registration);
      for (const { peer } of [...producers]) {
        this.#settle(registration, peer);
        yield;
      }
      yield;
    }
  }

  /** Whether, and since when hidden, that peer is a producer of that. */
  #settle(registration: Registration, peer: PeerInfo): void {
    const { db } = this.topology;
    const key = keyOf(peer);
    const node = nodeOf(peer);
    let told: PeerInfo | undefined;
    let tombstonedAtMs = Infinity;
    for (const source of this.#sources.keys()) {
      for (const one of source.db.peersAt(node)) {
        const producer = keyOf(one) === key && source.hears(one) ? source.db.getProducer(registration, one) : undefined;
        if (!producer) continue;
        told ??= one;
        const since = producer.tombstonedAtMs === undefined ? ENDED_MS : producer.tombstonedAtMs - source.skewMs;
        tombstonedAtMs = Math.min(tombstonedAtMs, since);
      }
    }
    let own = this.#peers.get(key);
    if (!told) {
      if (!own) return;
      db.removeProducer(registration, own);
      if (db.countRegistrationsOf(own) === 0) this.#peers.delete(key);
      return this.#settleRegistration(registration);
    }
    if (own && registration.category === CLIENT.category && saysOf(own) !== saysOf(told)) own = this.#renew(own, told);
    if (!own) this.#peers.set(key, (own = this.#toOwn(told)));
    db.addProducer(registration, own);
    if ((db.getProducer(registration, own)?.tombstonedAtMs ?? ENDED_MS) !== tombstonedAtMs)
      db.tombstone(registration, own, tombstonedAtMs);
  }

  #toOwn(told: PeerInfo): PeerInfo {
    return { ...told, lastUpdateMs: this.topology.clock() };
  }

  /** The peer tells other things of itself than before. */
  #renew(own: PeerInfo, told: PeerInfo): PeerInfo {
    const { db } = this.topology;
    const renewed = this.#toOwn(told);
    for (const registration of db.registrationsOf(own)) {
      const tombstonedAtMs = db.getProducer(registration, own)?.tombstonedAtMs;
      db.addProducer(registration, renewed);
      if (tombstonedAtMs !== undefined) db.tombstone(registration, renewed, tombstonedAtMs);
      db.removeProducer(registration, own);
    }
    this.#peers.set(keyOf(own), renewed);
    return renewed;
  }

  #settleRegistration(registration: Registration): void {
    const { db } = this.topology;
    if (registration.category === CLIENT.category) return;
    const isThere = [...this.#sources.keys()].some((source) => source.db.hasRegistration(registration));
    if (isThere) db.addRegistration(registration);
    else if (db.countProducers(registration) === 0) db.removeRegistration(registration);
  }
}
