import type { Category, Change, ChangeType, Registration } from '../registry/index.js';
import type { KeptPeer, KeptPeers } from './kept-peers.js';
import { textBytes } from './text-bytes.js';

/** What a change weighs beside its names: the object, and that it was the last of its topic; measured. */
const CHANGE_BYTES = 178;

/** A change as plain data that stands by itself, so that what keeps it keeps nothing of the registry. */
export class KeptChange {
  readonly revision: number;
  readonly #type: ChangeType;
  readonly #category: Category | undefined;
  readonly #key: string;
  readonly #subkey: string;
  readonly peer: KeptPeer | undefined;
  /** Of a registration whether it was made; of a producer since when it has its tombstone. */
  readonly #detail: boolean | number | undefined;
  /** What it takes in memory, about, without its peer. */
  readonly bytes: number;

  constructor(change: Change, peers: KeptPeers) {
    this.revision = change.revision;
    this.#type = change.type;
    const { category, key, subkey }: Partial<Registration> = 'registration' in change ? change.registration : {};
    this.#category = category;
    this.#key = key ?? '';
    this.#subkey = subkey ?? '';
    this.peer = 'peer' in change ? peers.retain(change.peerKey, change.peer, change.type === 'peerTouched') : undefined;
    this.#detail = detailOf(change);
    this.bytes = CHANGE_BYTES + textBytes(this.#key) + textBytes(this.#subkey);
  }

  /** The change anew. */
  toChange(): Change {
    const { revision } = this;
    const type = this.#type;
    const registration = { category: this.#category!, key: this.#key, subkey: this.#subkey };
    if (type === 'registrationAdded') return { revision, type, registration, isMade: this.#detail === true };
    if (type === 'registrationRemoved') return { revision, type, registration };
    const { peer, key: peerKey } = this.peer!;
    if (type === 'peerTouched' || type === 'peerLeft') return { revision, type, peer, peerKey };
    const tombstonedAtMs = this.#detail as number | undefined;
    const base = { revision, registration, peer, peerKey, producer: { peer, tombstonedAtMs } };
    return type === 'producerTombstoned' ? { type, tombstonedAtMs: tombstonedAtMs!, ...base } : { type, ...base };
  }
}

function detailOf(change: Change): boolean | number | undefined {
  if (change.type === 'registrationAdded') return change.isMade;
  if (change.type === 'producerTombstoned') return change.tombstonedAtMs;
  return change.type === 'producerRemoved' ? change.producer.tombstonedAtMs : undefined; // it may have got one since it was added
}
