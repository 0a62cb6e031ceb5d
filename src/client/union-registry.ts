import type { Clock } from '../base/clock.js';
import type { OnError } from '../base/error-report.js';
import type { Steps } from '../base/work-queue.js';
import { CLIENT, RegistrationDB, Topology, type Change, type PeerInfo, type Registration } from '../registry/index.js';
import type { UnionSource } from './union-source.js';

const withoutBrackets = (host: string) => host.replace(/^\[(.*)\]$/, '$1');
/** Producers are one that have the same broadcast address and ports. */
const keyOf = ({ broadcastAddress, httpPort, tcpPort }: PeerInfo) =>
  `${withoutBrackets(broadcastAddress)}:${httpPort} ${tcpPort}`;
/** What else a peer tells of itself. */
const saysOf = (peer: PeerInfo) => [peer.hostname, peer.version, peer.topologyZone, peer.topologyRegion].join('\n');

/** A tombstone that ended long ago: the producer is shown. */
const ENDED_MS = 0;

/** A source as it is followed. */
interface Followed {
  readonly stop: () => void;
  /** Its peers, by what makes them one producer. */
  readonly peers: Map<string, Set<PeerInfo>>;
}

/** What several lookupds hold, as one registry: made anew, for each change that one tells of, as far as it is about that. */
export class UnionRegistry {
  readonly topology: Topology;
  readonly #sources = new Map<UnionSource, Followed>();
  readonly #peers = new Map<string, PeerInfo>();

  constructor(clock: Clock, tombstoneLifetimeMs: number | undefined, onError: OnError) {
    const db = new RegistrationDB({ onError });
    // Who is silent is known from those who hear of it, not from the time.
    const forever = { inactiveProducerTimeoutMs: Infinity, maxRegistrations: Infinity, maxRegistryBytes: Infinity };
    this.topology = new Topology({ db, clock, ...forever, tombstoneLifetimeMs, onError });
  }

  add(source: UnionSource): void {
    this.#follow(source);
  }

  /** Of a source that holds nothing any more. */
  delete(source: UnionSource): void {
    this.#sources.get(source)?.stop();
    this.#sources.delete(source);
  }

  /** The source holds another registry than before. */
  async swapped(source: UnionSource, before: RegistrationDB): Promise<void> {
    if (!this.#sources.has(source)) return;
    this.#sources.get(source)!.stop();
    this.#follow(source);
    await this.topology.work.result(this.#settlingAll(source.db));
    await this.topology.work.result(this.#settlingAll(before));
  }

  #follow(source: UnionSource): void {
    const { db } = source;
    const peers: Followed['peers'] = new Map();
    for (const peer of db.peers()) addTo(peers, peer);
    this.#sources.set(source, { peers, stop: db.onChange((change) => this.#changed(source, peers, change)) });
  }

  #changed(source: UnionSource, peers: Followed['peers'], change: Change): void {
    if (!('peer' in change)) return this.#settleRegistration(change.registration);
    const { peer } = change;
    if (change.type === 'producerAdded') addTo(peers, peer);
    else if (source.db.countRegistrationsOf(peer) === 0) deleteFrom(peers, peer);
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
      const settled = new Set<string>();
      for (const { peer } of producers) {
        const key = keyOf(peer);
        if (!settled.has(key)) this.#settle(registration, peer);
        settled.add(key);
        yield;
      }
      yield;
    }
  }

  /** Whether, and since when hidden, that peer is a producer of that. */
  #settle(registration: Registration, peer: PeerInfo): void {
    const { db } = this.topology;
    const key = keyOf(peer);
    const { told, tombstonedAtMs } = this.#told(registration, key);
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

  /** Who is named first as that producer, and since when all that name it hide it. */
  #told(registration: Registration, key: string): { told: PeerInfo | undefined; tombstonedAtMs: number } {
    let told: PeerInfo | undefined;
    let tombstonedAtMs = Infinity;
    for (const [source, { peers }] of this.#sources) {
      for (const one of peers.get(key) ?? []) {
        const producer = source.hears(one) ? source.db.getProducer(registration, one) : undefined;
        if (!producer) continue;
        told ??= one;
        if (producer.tombstonedAtMs === undefined) return { told, tombstonedAtMs: ENDED_MS };
        tombstonedAtMs = Math.min(tombstonedAtMs, producer.tombstonedAtMs - source.skewMs);
      }
    }
    return { told, tombstonedAtMs };
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

function addTo(peers: Followed['peers'], peer: PeerInfo): void {
  const key = keyOf(peer);
  const known = peers.get(key);
  if (known) known.add(peer);
  else peers.set(key, new Set([peer]));
}

function deleteFrom(peers: Followed['peers'], peer: PeerInfo): void {
  const key = keyOf(peer);
  const known = peers.get(key);
  if (known?.delete(peer) === true && known.size === 0) peers.delete(key);
}
