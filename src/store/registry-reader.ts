import { isEphemeral, type PeerInfo, type Registration, type Topology } from '../registry/index.js';
import { bringRegistration } from './bringing.js';
import { linesOf, readHead, readLine, type ProducerMark, type TextHead, type TextLine } from './registry-text.js';
import { UnreadableError } from './registry-store.js';

/** To read a line is more work than most changes, and each of its producers is one. */
const STEPS_A_LINE = 4;
const STEPS_AT_ONCE = 500;

/** What came of reading. */
export interface ReadRegistry {
  /** The peers that were brought: they have no connection. */
  readonly peers: readonly PeerInfo[];
  /** How many registrations and producers had no room. */
  readonly lost: number;
}

/**
 * Takes what `writeRegistry` wrote into a topology whose registry is empty, in slices, as far as its limits go. How old the peers'
 * last pings and their tombstones were then, they are now; a tombstone has aged since, by the system's clock. Rejects with an
 * UnreadableError, and an empty registry.
 */
export async function readRegistry(
  topology: Topology,
  chunks: AsyncIterable<string> | Iterable<string>,
): Promise<ReadRegistry> {
  const { db, work } = topology;
  const reader = new Reader(topology);
  try {
    for await (const lines of linesOf(chunks)) {
      let steps = 0;
      for (const line of lines) {
        steps += STEPS_A_LINE + reader.take(line);
        if (steps < STEPS_AT_ONCE) continue;
        await work.turn(steps);
        steps = 0;
      }
      await work.turn(steps);
    }
    if (!reader.isWhole) throw new UnreadableError(reader.isEmpty ? 'foreign' : 'cut');
    await reader.end();
  } catch (error) {
    for (const peer of db.peers()) await work.result(db.hidePeer(peer)); // a registration goes with all of its producers at once
    for (const [registration] of db.entries()) {
      db.removeRegistration(registration);
      await work.turn();
    }
    throw error;
  }
  return { peers: db.peers(), lost: reader.lost };
}

class Reader {
  readonly #topology: Topology;
  readonly #peers = new Map<number, { readonly peerKey: string; readonly peer: PeerInfo }>();
  #count = 0;
  /** What is added to times of the text. */
  #pingsBy = 0;
  #tombstonesBy = 0;
  isWhole = false;
  lost = 0;
  /** Those that go with their last producer, which may have been on its way out when it was saved. */
  readonly #ephemeral = new Set<Registration>();

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Gives how many producers it names. */
  take(text: string): number {
    if (this.isWhole) throw new UnreadableError('corrupt', 'more follows its end');
    if (this.#count++ === 0) {
      this.#begin(readHead(text));
      return 0;
    }
    const line = readLine(text);
    if (!('end' in line)) return this.#apply(line);
    if (line.end !== this.#count - 1) throw new UnreadableError('corrupt', 'lines are missing');
    this.isWhole = true;
    return 0;
  }

  async end(): Promise<void> {
    const { db, work } = this.#topology;
    for (const registration of this.#ephemeral) {
      if (db.countProducers(registration) > 0) continue;
      const { category, key, subkey } = registration;
      if (category === 'topic') await work.result(this.#topology.deletingTopic(key));
      else await work.result(this.#topology.deletingChannel(key, subkey));
    }
  }

  #begin({ clockMs, wallMs }: TextHead): void {
    const now = this.#topology.clock();
    this.#pingsBy = now - clockMs;
    // A system clock that was set back since says nothing of how long it was.
    this.#tombstonesBy = this.#pingsBy - Math.max(0, this.#topology.toWallMs(now) - wallMs);
  }

  #apply(line: TextLine): number {
    const { db } = this.#topology;
    if (line[0] === 'peer') {
      const [, number, peerKey, peer] = line;
      const lastUpdateMs = Math.min(peer.lastUpdateMs + this.#pingsBy, this.#topology.clock());
      this.#peers.set(number, { peerKey, peer: { ...peer, lastUpdateMs } });
    } else if (line[0] === 'left') {
      const peer = db.broughtBy(this.#peerOf(line[1]).peerKey);
      if (peer) this.#topology.leave(peer);
    } else if (line[0] === 'remove') {
      const [, category, key, subkey, number] = line;
      const registration = { category, key, subkey };
      const peer = number === undefined ? undefined : db.broughtBy(this.#peerOf(number).peerKey);
      if (number === undefined) db.removeRegistration(registration);
      else if (peer) db.removeProducer(registration, peer);
      if (number !== undefined) this.#note(registration);
    } else return this.#add(line);
    return 0;
  }

  #add([, category, key, subkey, isMade, marks]: Extract<TextLine, readonly ['add', ...unknown[]]>): number {
    const registration = { category, key, subkey };
    if (marks.length === 0) {
      if (!bringRegistration(this.#topology, registration, isMade === 1)) this.lost++;
      if (isMade === 0) this.#note(registration);
    }
    for (const mark of marks) this.#addProducer(registration, isMade === 1, mark);
    return marks.length;
  }

  #addProducer(registration: Registration, isMade: boolean, mark: ProducerMark): void {
    const [number, tombstonedAtMs] = typeof mark === 'number' ? [mark] : mark;
    const named = this.#peerOf(number);
    if (!bringRegistration(this.#topology, registration, isMade, named)) this.lost++;
    const peer = tombstonedAtMs === undefined ? undefined : this.#topology.db.broughtBy(named.peerKey);
    if (tombstonedAtMs === undefined || !peer) return;
    const atMs = Math.min(tombstonedAtMs + this.#tombstonesBy, this.#topology.clock());
    this.#topology.db.tombstone(registration, peer, atMs);
  }

  #note(registration: Registration): void {
    const { category, key, subkey } = registration;
    if (isEphemeral(category === 'topic' ? key : subkey)) this.#ephemeral.add(registration);
  }

  #peerOf(number: number): { readonly peerKey: string; readonly peer: PeerInfo } {
    const known = this.#peers.get(number);
    if (!known) throw new UnreadableError('corrupt', `it lacks peer ${number}`);
    return known;
  }
}
