import type { PeerInfo } from './peer-info.js';
import type { ProducerRecord } from './producer-record.js';
import type { Category, Registration } from './registration.js';

/** What the registrations of one key share. */
export interface Scope {
  revision: number;
  registrations: number;
}

/** A registration with its producers, as the db keeps it. */
export class Entry implements Registration {
  readonly category: Category;
  readonly key: string;
  readonly subkey: string;
  readonly scope: Scope;
  /** The revision at which it came. */
  readonly since: number;
  /** Whether it was made without a producer, as an operator does. */
  readonly isMade: boolean;
  readonly producers = new Map<PeerInfo, ProducerRecord>();
  /** Its neighbours among those without a producer, while it has none. */
  older: Entry | undefined = undefined;
  newer: Entry | undefined = undefined;

  constructor({ category, key, subkey }: Registration, scope: Scope, since: number, isMade: boolean) {
    this.category = category;
    this.key = key;
    this.subkey = subkey;
    this.scope = scope;
    this.since = since;
    this.isMade = isMade;
  }

  /** What is told of it elsewhere. */
  toJSON(): Registration {
    const { category, key, subkey } = this;
    return { category, key, subkey };
  }
}
