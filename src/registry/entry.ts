import type { NameTree } from './name-tree.js';
import type { PeerInfo } from './peer-info.js';
import type { ProducerRecord } from './producer-record.js';
import type { Category, Registration } from './registration.js';

/** All that is of one key, by category and subkey. */
export class Scope {
  readonly key: string;
  revision = 0;
  /** How many registrations there are. */
  size = 0;
  /** Whether there is one of the topic itself. */
  isTopic = false;
  client: NameTree<Entry> | undefined = undefined;
  topic: NameTree<Entry> | undefined = undefined;
  channel: NameTree<Entry> | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/** What a registration weighs, about, beside the texts of its names; measured with a million. */
const ENTRY_BYTES = 600;

/** A registration with its producers, as the db keeps it. */
export class Entry implements Registration {
  readonly category: Category;
  readonly key: string;
  readonly subkey: string;
  readonly scope: Scope;
  /** The revision at which it came; `Infinity` when it has gone. */
  since: number;
  /** Whether it was made without a producer, as an operator does. */
  readonly isMade: boolean;
  readonly producers = new Map<PeerInfo, ProducerRecord>();
  /** Its neighbours among those without a producer, while it has none. */
  older: Entry | undefined = undefined;
  newer: Entry | undefined = undefined;

  constructor(category: Category, scope: Scope, subkey: string, since: number, isMade: boolean) {
    this.category = category;
    this.key = scope.key;
    this.scope = scope;
    this.subkey = subkey;
    this.since = since;
    this.isMade = isMade;
  }

  /** What it weighs in bytes of memory, about, without its producers. */
  get bytes(): number {
    return ENTRY_BYTES + this.key.length + this.subkey.length;
  }

  /** What is told of it elsewhere. */
  toJSON(): Registration {
    const { category, key, subkey } = this;
    return { category, key, subkey };
  }
}
