import type { Change, PeerInfo, Producer, Registration, RegistrationDB, Topology } from '../registry/index.js';
import { TEXT_FORMAT, type ProducerMark, type TextEnd, type TextHead, type TextLine } from './registry-text.js';

/** What is put together before it is given away, in characters. */
const CHUNK_LENGTH = 16 * 1024;
/** The most that waits to be given away while the store is busy. */
const MAX_WAITING_LENGTH = 64 * 1024 * 1024;
/** What is done before others have their turn: a line is more work than most changes, and each of its producers is one. */
const STEPS_AT_ONCE = 500;
const STEPS_A_LINE = 3;

/**
 * All that a topology's registry holds, as lines of text: as it is when the last one is given, since what changes meanwhile
 * follows in its order. Made in slices, as it is asked for. Throws when changes come faster than they are taken.
 */
export async function* writeRegistry(topology: Topology): AsyncGenerator<string, void, undefined> {
  const { db, work } = topology;
  const lines = new Lines(db);
  const clockMs = topology.clock();
  lines.add({ nsqlookupd: 'registry', format: TEXT_FORMAT, clockMs, wallMs: topology.toWallMs(clockMs) });
  const stop = db.onChange((change) => lines.addChange(change));
  try {
    for (const [registration, producers] of db.entries()) {
      for (const steps of lines.addEntry(registration, producers)) {
        await work.turn(steps);
        if (lines.length >= CHUNK_LENGTH) yield lines.take();
      }
    }
    lines.add({ end: lines.total });
    yield lines.take();
  } finally {
    stop();
  }
}

type Written = Registration & { readonly isMade: boolean };

class Lines {
  readonly #db: RegistrationDB;
  /** By key: a peer that has left and come back is another. */
  readonly #numbers = new Map<string, number>();
  #text: string[] = [];
  #error: Error | undefined;
  /** Since the last turn. */
  #steps = 0;
  length = 0;
  total = 0;

  constructor(db: RegistrationDB) {
    this.#db = db;
  }

  add(line: TextHead | TextLine | TextEnd): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#text.push(text);
    this.length += text.length;
    this.#steps += STEPS_A_LINE;
    this.total++;
    if (this.length <= MAX_WAITING_LENGTH) return;
    this.#error = new Error('the registry changes faster than it can be saved');
    this.#text = [];
    this.length = 0;
  }

  /** In parts: gives how many steps each was, for others to have their turn. */
  *addEntry(registration: Written, producers: Iterable<Producer>): Generator<number, void, undefined> {
    let marks: ProducerMark[] = [];
    let isBegun = false;
    const addPart = () => {
      this.#addProducers(registration, registration.isMade, marks);
      marks = [];
      isBegun = true;
    };
    for (const producer of producers) {
      this.#steps++;
      // It may have gone since the last part, as may all of the registration.
      const isThere = this.#db.getProducer(registration, producer.peer) === producer;
      if (isThere) marks.push(this.#mark(producer.peer, producer.tombstonedAtMs));
      if (!this.#isDue) continue;
      if (marks.length > 0) addPart();
      yield this.#takeSteps();
    }
    if (marks.length > 0 || !isBegun) addPart();
    if (this.#isDue) yield this.#takeSteps();
  }

  addChange(change: Change): void {
    if (this.#error) return;
    if (!('registration' in change)) {
      if (change.type === 'peerLeft') this.add(['left', this.#numberOf(change.peer, change.peerKey)]);
      return;
    }
    const { category, key, subkey } = change.registration;
    if (change.type === 'registrationAdded') return this.#addProducers(change.registration, change.isMade, []);
    if (change.type === 'registrationRemoved') return this.add(['remove', category, key, subkey]);
    const number = this.#numberOf(change.peer, change.peerKey);
    if (change.type === 'producerRemoved') return this.add(['remove', category, key, subkey, number]);
    const at = change.type === 'producerTombstoned' ? change.tombstonedAtMs : undefined;
    const isMade = this.#db.isMade(change.registration); // it may not have been written yet
    this.#addProducers(change.registration, isMade, [this.#mark(change.peer, at, change.peerKey)]);
  }

  take(): string {
    if (this.#error) throw this.#error;
    const text = this.#text.join('');
    this.#text = [];
    this.length = 0;
    return text;
  }

  get #isDue(): boolean {
    return this.length >= CHUNK_LENGTH || this.#steps >= STEPS_AT_ONCE;
  }

  #takeSteps(): number {
    const steps = this.#steps;
    this.#steps = 0;
    return steps;
  }

  #addProducers({ category, key, subkey }: Registration, isMade: boolean, marks: readonly ProducerMark[]): void {
    this.add(['add', category, key, subkey, isMade ? 1 : 0, marks]);
  }

  #mark(peer: PeerInfo, tombstonedAtMs: number | undefined, key = this.#db.keyOf(peer)!): ProducerMark {
    const number = this.#numberOf(peer, key);
    return tombstonedAtMs === undefined ? number : [number, tombstonedAtMs];
  }

  #numberOf(peer: PeerInfo, key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    this.add(['peer', number, key, { ...peer }]);
    return number;
  }
}
