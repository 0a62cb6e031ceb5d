import type { Change, PeerInfo, Registration, Topology } from '../registry/index.js';
import { linesOf, readHead, readLine, type ProducerMark, type TextHead, type TextLine } from './registry-text.js';
import { UnreadableError } from './registry-store.js';

/** To read a line is more work than most changes. */
const STEPS_A_LINE = 4;
const LINES_AT_ONCE = 500;

/**
 * Takes what `writeRegistry` wrote into a topology whose registry is empty, in slices, and gives the peers that it brought: they
 * have no connection. How old their last ping and their tombstones were then, they are now; a tombstone has aged since, by the
 * system's clock. Rejects with an UnreadableError, and an empty registry.
 */
export async function readRegistry(
  topology: Topology,
  chunks: AsyncIterable<string> | Iterable<string>,
): Promise<PeerInfo[]> {
  const { db, work } = topology;
  const reader = new Reader(topology);
  try {
    for await (const lines of linesOf(chunks)) {
      for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
        const some = lines.slice(at, at + LINES_AT_ONCE);
        for (const line of some) reader.take(line);
        await work.turn(some.length * STEPS_A_LINE);
      }
    }
    if (!reader.isWhole) throw new UnreadableError(reader.isEmpty ? 'foreign' : 'cut');
  } catch (error) {
    for (const [registration] of db.entries()) {
      db.removeRegistration(registration);
      await work.turn();
    }
    throw error;
  }
  return db.peers();
}

class Reader {
  readonly #topology: Topology;
  readonly #peers = new Map<number, { readonly peerKey: string; readonly peer: PeerInfo }>();
  #count = 0;
  /** What is added to times of the text. */
  #pingsBy = 0;
  #tombstonesBy = 0;
  isWhole = false;

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  take(text: string): void {
    if (this.isWhole) throw new UnreadableError('corrupt', 'more follows its end');
    if (this.#count++ === 0) return this.#begin(readHead(text));
    const line = readLine(text);
    if (!('end' in line)) return this.#apply(line);
    if (line.end !== this.#count - 1) throw new UnreadableError('corrupt', 'lines are missing');
    this.isWhole = true;
  }

  #begin({ clockMs, wallMs }: TextHead): void {
    const now = this.#topology.clock();
    this.#pingsBy = now - clockMs;
    // A system clock that was set back since says nothing of how long it was.
    this.#tombstonesBy = this.#pingsBy - Math.max(0, this.#topology.toWallMs(now) - wallMs);
  }

  #apply(line: TextLine): void {
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
    } else {
      const [, category, key, subkey, isMade, marks] = line;
      const registration = { category, key, subkey };
      this.#change({ type: 'registrationAdded', registration, isMade: isMade === 1, revision: 0 });
      for (const mark of marks) this.#addProducer(registration, mark);
    }
  }

  #addProducer(registration: Registration, mark: ProducerMark): void {
    const [number, tombstonedAtMs] = typeof mark === 'number' ? [mark] : mark;
    const named = this.#peerOf(number);
    const producer = { peer: named.peer, tombstonedAtMs: undefined };
    this.#change({ type: 'producerAdded', registration, producer, ...named, revision: 0 });
    if (tombstonedAtMs === undefined) return;
    const at = tombstonedAtMs + this.#tombstonesBy;
    this.#change({
      type: 'producerTombstoned',
      registration,
      producer: { ...producer, tombstonedAtMs: at },
      tombstonedAtMs: at,
      ...named,
      revision: 0,
    });
  }

  #change(change: Change): void {
    this.#topology.db.apply(change);
  }

  #peerOf(number: number): { readonly peerKey: string; readonly peer: PeerInfo } {
    const known = this.#peers.get(number);
    if (!known) throw new UnreadableError('corrupt', `it lacks peer ${number}`);
    return known;
  }
}
