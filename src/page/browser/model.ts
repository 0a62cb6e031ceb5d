import type { Slices } from './slices.js';
import type { ChangeJson, PartJson, PeerJson } from './watch-json.js';

export interface Peer {
  readonly key: string;
  /** `broadcast address:TCP port`. */
  readonly name: string;
  /** `broadcast address:HTTP port`. */
  readonly node: string;
  info: PeerJson;
  isClient: boolean;
  readonly topics: Set<Topic>;
  /** Where it stands in the map; -1 where it is not shown. */
  column: number;
}

export interface Topic {
  readonly name: string;
  /** What it is grouped by: the name up to the first dot, hyphen or underscore. */
  readonly prefix: string;
  isThere: boolean;
  isMade: boolean;
  /** With when each was tombstoned; 0 for never. */
  readonly producers: Map<Peer, number>;
  channels: Map<string, Set<Peer>>;
  isGone: boolean;
}

const PREFIX = /^[^._-]+/;
/** So many topics that went are kept for the map to take out one by one; with more it looks at all. */
const MAX_DEPARTURES = 64;
const MAX_PREFIXES = 10_000;
/** Of topics without any, which may be most. */
const NO_CHANNELS = new Map<string, Set<Peer>>();

/** What the registry holds, as far as it was told. */
export class Model {
  readonly peers = new Map<string, Peer>();
  readonly topics = new Map<string, Topic>();
  /** How many producers there are, of all topics. */
  size = 0;
  channelCount = 0;
  topicCount = 0;
  clientCount = 0;
  /** Counts up when peers come or go. */
  peerShape = 0;
  /** Counts up with the parts of a snapshot. */
  partCount = 0;
  /** Whether the last part of its snapshot has come. */
  isWhole = false;
  /** Whether it was polled: then it is not known at which nsqds channels are, nor of any channel until its topic is opened. */
  readonly isPolled: boolean;
  #arrivals: Topic[] = [];
  #departures: Topic[] = [];
  readonly #prefixes = new Map<string, string>();

  constructor({ isPolled = false } = {}) {
    this.isPolled = isPolled;
  }

  /** An nsqd by its name: the one that is connected, if there are several. */
  peerNamed(name: string): Peer | undefined {
    const named = [...this.peers.values()].filter((peer) => peer.name === name);
    return named.find(({ isClient }) => isClient) ?? named[0];
  }

  /** A topic has those channels and no others. */
  setChannels({ name, channels }: Topic, names: readonly string[]): void {
    for (const channel of channels.keys()) if (!names.includes(channel)) this.#remove('channel', name, channel);
    for (const channel of names) this.#add('channel', name, channel, false);
  }

  /** Whether topics came or went that nobody has taken yet. */
  get hasNews(): boolean {
    return this.#arrivals.length > 0 || this.#departures.length > 0;
  }

  get hasManyNews(): boolean {
    return Math.max(this.#arrivals.length, this.#departures.length) >= MAX_DEPARTURES;
  }

  /** The topics that came and went since the last call; of those that went perhaps not all, if they are many. */
  takeNews(): { readonly arrivals: readonly Topic[]; readonly departures: readonly Topic[] } {
    const [arrivals, departures] = [this.#arrivals, this.#departures];
    [this.#arrivals, this.#departures] = [[], []];
    return { arrivals, departures };
  }

  /** In slices. */
  async takePart(part: PartJson, slices: Slices): Promise<void> {
    for (const [key, info] of Object.entries(part.peers)) this.#peer(key, info);
    for (const { category, topic, channel, is_made, producers } of part.registrations) {
      this.#add(category, topic, channel, is_made);
      for (const { peer_key, tombstoned_at_ms } of producers) {
        const peer = this.peers.get(peer_key);
        if (peer) this.#link(category, topic, channel, peer, tombstoned_at_ms);
      }
      if (slices.isOver) await slices.next();
    }
    this.partCount++;
    this.isWhole ||= part.is_last;
  }

  apply(change: ChangeJson): void {
    const { type, category = '', topic = '', channel = '', peer_key: key = '', peer: info } = change;
    if (type === 'registrationAdded') return this.#add(category, topic, channel, change.is_made ?? false);
    if (type === 'registrationRemoved') return this.#remove(category, topic, channel);
    const peer = info ? this.#peer(key, info) : this.peers.get(key);
    if (!peer) return;
    if (type === 'producerAdded' || type === 'producerTombstoned')
      this.#link(category, topic, channel, peer, change.tombstoned_at_ms);
    else if (type === 'producerRemoved') this.#unlink(category, topic, channel, peer);
    else if (type === 'peerLeft') {
      this.#setClient(peer, false);
      this.#dropIfIdle(peer);
    }
  }

  #peer(key: string, info: PeerJson): Peer {
    const known = this.peers.get(key);
    if (known) {
      // Changes that are not about pings name the last one that was told, which may be from long ago.
      known.info = { ...info, last_update_ms: Math.max(info.last_update_ms, known.info.last_update_ms) };
      return known;
    }
    const name = `${info.broadcast_address}:${info.tcp_port}`;
    const node = `${info.broadcast_address}:${info.http_port}`;
    const peer = { key, name, node, info, isClient: false, topics: new Set<Topic>(), column: -1 };
    this.peers.set(key, peer);
    this.peerShape++;
    return peer;
  }

  #topic(name: string): Topic {
    const known = this.topics.get(name);
    if (known) return known;
    const flags = { isThere: false, isMade: false, isGone: false };
    const topic: Topic = { name, prefix: this.#prefixOf(name), producers: new Map(), channels: NO_CHANNELS, ...flags };
    this.topics.set(name, topic);
    this.#arrivals.push(topic);
    // While nobody looks, as in a hidden tab, those that came and went are not gathered without end.
    if (this.#arrivals.length > 2 * this.topics.size + 1000) this.#arrivals = this.#arrivals.filter(isThere);
    return topic;
  }

  /** The very same text for all topics that have it: that is small, and compared at once. */
  #prefixOf(name: string): string {
    const prefix = PREFIX.exec(name)?.[0] ?? name;
    if (this.#prefixes.size > MAX_PREFIXES) this.#prefixes.clear();
    if (!this.#prefixes.has(prefix)) this.#prefixes.set(prefix, prefix);
    return this.#prefixes.get(prefix)!;
  }

  #add(category: string, name: string, channel: string, isMade: boolean): void {
    if (category === 'client') return;
    const topic = this.#topic(name);
    if (category === 'topic') {
      if (!topic.isThere) this.topicCount++;
      topic.isThere = true;
      topic.isMade = isMade;
    } else if (!topic.channels.has(channel)) {
      if (topic.channels === NO_CHANNELS) topic.channels = new Map();
      topic.channels.set(channel, new Set());
      this.channelCount++;
    }
  }

  #remove(category: string, name: string, channel: string): void {
    const topic = this.topics.get(name);
    if (category === 'client' || !topic) return;
    if (category === 'topic') {
      if (topic.isThere) this.topicCount--;
      topic.isThere = false;
      for (const peer of [...topic.producers.keys()]) this.#unlink('topic', name, '', peer);
    } else if (topic.channels.delete(channel)) this.channelCount--;
    if (topic.isThere || topic.channels.size > 0) return;
    topic.isGone = true;
    this.topics.delete(name);
    if (this.#departures.length < MAX_DEPARTURES) this.#departures.push(topic);
  }

  #link(category: string, name: string, channel: string, peer: Peer, tombstonedAtMs = 0): void {
    if (category === 'client') return this.#setClient(peer, true);
    this.#add(category, name, channel, this.topics.get(name)?.isMade ?? false);
    const topic = this.#topic(name);
    if (category === 'channel') topic.channels.get(channel)?.add(peer);
    else {
      if (!topic.producers.has(peer)) this.size++;
      peer.topics.add(topic);
      topic.producers.set(peer, tombstonedAtMs);
    }
  }

  #unlink(category: string, name: string, channel: string, peer: Peer): void {
    const topic = this.topics.get(name);
    if (category === 'client') this.#setClient(peer, false);
    else if (category === 'channel') topic?.channels.get(channel)?.delete(peer);
    else if (topic?.producers.delete(peer) === true) {
      peer.topics.delete(topic);
      this.size--;
    }
    this.#dropIfIdle(peer);
  }

  #setClient(peer: Peer, isClient: boolean): void {
    if (peer.isClient !== isClient) this.clientCount += isClient ? 1 : -1;
    peer.isClient = isClient;
  }

  #dropIfIdle(peer: Peer): void {
    if (peer.isClient || peer.topics.size > 0) return;
    if (this.peers.delete(peer.key)) this.peerShape++;
  }
}

function isThere({ isGone }: Topic): boolean {
  return !isGone;
}
