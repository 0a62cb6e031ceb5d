/** What became of a name, as a topic or `topic channel`: logical times, the greatest of each that anybody has written. 0 is never. */
export type NameRecord = readonly [name: string, madeAt: number, deletedAt: number, droppedAt: number];

/** A field of what a lookupd says of its own peers, and its text; null to take it away. */
export type OwnWrite = readonly [field: string, value: string | null];

/**
 * A tombstone that an operator has set, or ended: a topic, a node, when, by the clock of the lookupd that tells of it, which, and
 * when in logical time: of all that is written of that topic and node the greatest counts.
 */
export type SharedTombstone = readonly [topic: string, node: string, atMs: number, isEnded?: boolean, at?: number];

/** Some changes of one lookupd. */
export interface SharedBatch {
  /** Whose. */
  readonly origin: string;
  /** Counts up by one with each of its batches: a reader that misses one reads all that is kept of this origin. */
  readonly number: number;
  /** The clock of that lookupd, which times in the texts are by: milliseconds. Not to be compared with any other. */
  readonly atMs: number;
  /** Whether what was kept of the origin before is to go. */
  readonly isFirst: boolean;
  /** Whether all that it has to say is kept with this one: not so while it is written in parts. */
  readonly isWhole: boolean;
  /** Written into what is kept of the origin, in this order. */
  readonly own: readonly OwnWrite[];
  /** Written into the names that all share, where later than what is there. */
  readonly names: readonly NameRecord[];
  /** Names to forget, where they are not there: their deletion is long ago. */
  readonly forgotten: readonly string[];
  /** Tombstones that an operator has set or ended, by `atMs`'s clock. */
  readonly tombstones: readonly SharedTombstone[];
  /** Lookupds that are to tell something at once, if they are there: an nsqd of theirs has come to another. */
  readonly asked: readonly string[];
}

/** All that is kept of an origin. */
export interface SharedOrigin {
  /** Of the last batch that is in it. */
  readonly number: number;
  /** Of that batch, too. */
  readonly atMs: number;
  /** Of that batch, too. */
  readonly isWhole: boolean;
  /** Whether it has ended in order: its peers are on their way to others. */
  readonly hasLeft: boolean;
  /** Its fields, some at a time. What is changed meanwhile may be in it or not. */
  readonly fields: AsyncIterable<readonly (readonly [field: string, value: string])[]>;
}

/** What hears of others. */
export interface SharedListener {
  /** Gets the batches of all origins, each origin's in order, one's own too; the next one when what it gave has resolved. */
  readonly heard: (batch: SharedBatch) => Promise<void> | void;
  /** Told once, when the connection is of no use any more. */
  readonly lost: (error: Error) => void;
}

/** A connection to what carries a shared registry. What it cannot do now rejects at once, and nothing is queued. */
export interface SharedConnection {
  /**
   * Keeps the batch, tells all connections of it, and lets what is kept of its origin live for so many milliseconds more: all of it or
   * nothing. False, with nothing changed, unless it is the first or follows the one that is kept: then all is to be written anew.
   */
  publish(batch: SharedBatch, leaseMs: number): Promise<boolean>;
  /** Those of whom something is kept. */
  origins(): Promise<readonly string[]>;
  /** What is kept of one; undefined if it is none, or its lease has ended. */
  read(origin: string): Promise<SharedOrigin | undefined>;
  /** All names, some at a time. */
  readNames(): AsyncIterable<readonly NameRecord[]>;
  /** An origin ends: what is kept of it stays for so many milliseconds, and all are told with a batch whose `number` is Infinity. */
  leave(origin: string, keptMs: number): Promise<void>;
  /** Ends it. */
  close(): void;
}

/** What carries a registry that several lookupds share: `createRedisRegistry`, or a store of your own. */
export interface SharedRegistry {
  /**
   * Connects, and hears what is published from then on; after a connection was lost, from where that one was, if that is still there.
   * When the signal is aborted nobody waits for it any more: nothing of it is to be left.
   */
  connect(listener: SharedListener, signal: AbortSignal): Promise<SharedConnection>;
}
