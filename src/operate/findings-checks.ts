import type { Steps } from '../base/work-queue.js';
import {
  ANY,
  channelRegistration,
  CLIENT,
  isActive,
  isEphemeral,
  isHeardOf,
  isTombstoned,
  topicRegistration,
  type PeerInfo,
  type Topology,
} from '../registry/index.js';
import type { ZonePolicy } from '../http/index.js';
import { checkZones, noteZone, type Zones } from './findings-zones.js';
import { isContainerId, localKind, remoteIp, toIp } from './findings-address.js';
import { addressOf, MANY_ARRIVALS, type Arrivals } from './findings-arrivals.js';
import type { FindingList } from './findings.js';

/** A limit, and how much of it is used. */
export interface FindingsLimit {
  /** Names it. */
  readonly name: string;
  /** `Infinity` for none. */
  readonly most: number;
  /** How much is used now. */
  readonly used: () => number;
}

/** What the checks look at. */
export interface FindingsView {
  readonly topology: Topology;
  readonly limits: readonly FindingsLimit[];
  readonly maxRegistrationsPerPeer: number;
  readonly pingIntervalMs: number;
  readonly zonePolicy?: ZonePolicy | undefined;
  readonly arrivals?: Arrivals | undefined;
}

/** A limit is near when less than so much of it is left. */
const NEAR = 0.1;
/** To read its addresses is more work than most steps. */
const STEPS_OF_A_PEER = 4;
/** What is listed within a finding. */
const MAX_NAMED = 3;
const MAX_VERSIONS = 10;

/** The peers, and those that announce a name, by that name. */
export interface CheckedPeers {
  readonly peers: readonly PeerInfo[];
  readonly named: ReadonlyMap<string, readonly PeerInfo[]>;
}

/** Everything that can be told without asking anybody else, in steps; answers the peers. */
export function* checkTopology(view: FindingsView, list: FindingList): Steps<CheckedPeers> {
  const zones: Zones = new Map();
  const peers = yield* checkPeers(view, zones, list);
  yield* checkTopics(view, zones, list);
  for (const { address, withinMs } of view.arrivals?.often() ?? []) {
    const seconds = Math.ceil(withinMs / 1000);
    list.add('reconnecting', address, () => `connected ${MANY_ARRIVALS} times within ${seconds} seconds`);
  }
  for (const limit of view.limits) checkLimit(limit, limit.name, list);
  return peers;
}

function checkLimit({ most, used, name }: FindingsLimit, subject: string, list: FindingList): void {
  const now = used();
  if (most === Infinity || now < most * (1 - NEAR)) return;
  list.add('limit-near', subject, () => `${now} of ${most} are used (${name})`);
}

function* checkPeers(view: FindingsView, zones: Zones, list: FindingList): Steps<CheckedPeers> {
  const { topology, maxRegistrationsPerPeer, pingIntervalMs } = view;
  const { db } = topology;
  const peers: PeerInfo[] = [];
  const named = new Map<string, PeerInfo[]>();
  const versions = new Map<string, number>();
  const taken = new Map<string, PeerInfo>();
  for (const { peer } of db.producersOf(CLIENT)) {
    peers.push(peer);
    if (view.zonePolicy === 'prefer') noteZone(zones, peer);
    versions.set(peer.version, (versions.get(peer.version) ?? 0) + 1);
    if (isNamed(peer, list)) {
      const same = named.get(peer.broadcastAddress);
      if (same) same.push(peer);
      else named.set(peer.broadcastAddress, [peer]);
    }
    if (topology.copiesOf(peer).every((copy) => copy === peer || !(db.isBrought(copy) || db.isBrought(peer))))
      checkShared(peer, taken, list);
    const silentMs = topology.clock() - peer.lastUpdateMs;
    if (silentMs > 2 * pingIntervalMs)
      list.add('silent', addressOf(peer), () => `silent for ${Math.floor(silentMs / 1000)} seconds`);
    const used = () => db.countRegistrationsOf(peer);
    checkLimit({ name: 'maxRegistrationsPerPeer', most: maxRegistrationsPerPeer, used }, addressOf(peer), list);
    yield STEPS_OF_A_PEER;
  }
  if (versions.size > 1) {
    const counted = [...versions].sort(([, a], [, b]) => b - a).slice(0, MAX_VERSIONS);
    const shown = counted.map(([version, count]) => `${version || 'none'} (${count})`).join(', ');
    list.add('version-skew', 'versions', () => (versions.size > MAX_VERSIONS ? `${shown}, …` : shown));
  }
  return { peers, named };
}

/** Looks at the address by itself, and answers whether it is a name to be asked for. */
function isNamed(peer: PeerInfo, list: FindingList): boolean {
  const { broadcastAddress: address, remoteAddress } = peer;
  const remote = remoteIp(remoteAddress);
  const local = localKind(address);
  const says = () => `announces ${JSON.stringify(address)}, and connects from ${remoteAddress}`;
  if (local !== undefined) {
    // Of its own machine a peer may speak as it does.
    if (local === 'unspecified' || (remote !== undefined && remote !== toIp(address)))
      list.add('address-local', addressOf(peer), () => `${says()}: ${local}`);
  } else if (isContainerId(address)) {
    if (remote !== undefined) list.add('address-container', addressOf(peer), says);
  } else {
    const ip = toIp(address);
    if (ip === undefined) return true;
    if (remote !== undefined && ip !== remote) list.add('address-elsewhere', addressOf(peer), says);
  }
  return false;
}

function checkShared(peer: PeerInfo, taken: Map<string, PeerInfo>, list: FindingList): void {
  for (const port of new Set([peer.tcpPort, peer.httpPort])) {
    const address = addressOf({ ...peer, tcpPort: port });
    const other = taken.get(address);
    if (!other) taken.set(address, peer);
    else if (other !== peer) {
      const seen = () => `${show(other)} and ${show(peer)} announce it both`;
      return list.add('address-shared', address, seen);
    }
  }
}

function show({ hostname, remoteAddress }: PeerInfo): string {
  return `${hostname || 'a peer'} at ${remoteAddress}`;
}

function* checkTopics(view: FindingsView, zones: Zones, list: FindingList): Steps {
  const { topology } = view;
  const { db, lifetimes } = topology;
  for (const { key: topic } of db.eachRegistration('topic', ANY, '')) {
    const now = topology.clock();
    let hasActive = false;
    for (const producer of db.producersOf(topicRegistration(topic))) {
      hasActive ||= isActive(producer, now, lifetimes);
      const { peer, tombstonedAtMs = 0 } = producer;
      const isHeard = isHeardOf(peer, now, lifetimes.inactiveProducerTimeoutMs);
      if (isHeard && isTombstoned(producer, now, lifetimes.tombstoneLifetimeMs)) {
        const left = Math.ceil((tombstonedAtMs + lifetimes.tombstoneLifetimeMs - now) / 1000);
        list.add(
          'tombstone-ending',
          topic,
          () => `${addressOf(peer)} carries it still, and is named again in ${left} s`,
        );
      }
      yield;
    }
    const channels = db.countRegistrations('channel', topic);
    if (channels > 0 && !hasActive)
      list.add(
        'topic-without-producer',
        topic,
        () => `${channels} channel${channels === 1 ? '' : 's'}, and no active producer`,
      );
    if (view.zonePolicy === 'prefer') yield* checkZones(topology, zones, topic, list);
    yield* checkChannels(topology, topic, list);
    yield;
  }
}

function* checkChannels({ db }: Topology, topic: string, list: FindingList): Steps {
  const registration = topicRegistration(topic);
  for (const { subkey } of db.eachRegistration('channel', topic, ANY)) {
    yield;
    const channel = channelRegistration(topic, subkey);
    const [have, all] = [db.countProducers(channel), db.countProducers(registration)];
    if (have >= all || isEphemeral(subkey)) continue;
    const lacking: string[] = [];
    for (const { peer } of list.takes('channel-not-everywhere') ? db.producersOf(registration) : []) {
      if (!db.getProducer(channel, peer)) lacking.push(addressOf(peer));
      if (lacking.length >= Math.min(MAX_NAMED, all - have)) break;
      yield;
    }
    const more = all - have > lacking.length ? ' and others' : '';
    const seen = () => `${have} of ${all} producers have it; ${lacking.join(', ')}${more} lack it`;
    list.add('channel-not-everywhere', `${topic}/${subkey}`, seen);
  }
}
