import type {
  NameRecord,
  SharedBatch,
  SharedConnection,
  SharedListener,
  SharedOrigin,
  SharedRegistry,
} from './shared-registry.js';

interface KeptOrigin {
  number: number;
  atMs: number;
  isWhole: boolean;
  hasLeft: boolean;
  endsAtMs: number;
  readonly fields: Map<string, string>;
}

/** A hub in memory, with what a test does to it. */
export interface SharedMemory {
  /** One for each lookupd. */
  registry(): SharedRegistry;
  /** Forgets all, as a server without a disk does when it starts again. */
  clear(): void;
  /** Ends all connections. Until `restore`, none can be made. */
  cut(): void;
  /** The opposite of `cut`. */
  restore(): void;
  /** The next batches, so many, are kept, and not told to anybody: as if they had been trimmed. */
  lose(count: number): void;
}

/**
 * Makes what lookupds of one process share a registry over, for tests; `clock` says when leases end, in milliseconds.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 * import { createSharedMemory, createSharedTopology } from 'nsqlookupd/store';
 *
 * const memory = createSharedMemory(Date.now);
 * const one = new Topology({ db: new RegistrationDB() });
 * const other = new Topology({ db: new RegistrationDB() });
 * const shares = [one, other].map((topology) => createSharedTopology({ topology, registry: memory.registry() }));
 * for (const share of shares) await share.start();
 * one.createTopic('orders');
 * while (other.topics().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
 * console.log(other.topics()); // [ 'orders' ]
 * for (const share of shares) await share.close();
 * ```
 */
export function createSharedMemory(clock: () => number): SharedMemory {
  const origins = new Map<string, KeptOrigin>();
  const names = new Map<string, NameRecord>();
  const connections = new Set<MemoryConnection>();
  let isCut = false;
  let losing = 0;

  const kept = (origin: string) => {
    const known = origins.get(origin);
    if (known && known.endsAtMs < clock()) origins.delete(origin);
    return origins.get(origin);
  };
  const tell = (batch: SharedBatch) => {
    if (losing > 0) losing--;
    else for (const connection of connections) connection.tell(batch);
  };

  class MemoryConnection implements SharedConnection {
    readonly #listener: SharedListener;
    #telling = Promise.resolve();

    constructor(listener: SharedListener) {
      this.#listener = listener;
    }

    tell(batch: SharedBatch): void {
      this.#telling = this.#telling.then(async () => {
        if (connections.has(this)) await this.#listener.heard(structuredClone(batch));
      });
    }

    end(): void {
      connections.delete(this);
      this.#listener.lost(new Error('the connection was cut'));
    }

    async publish(batch: SharedBatch, leaseMs: number): Promise<boolean> {
      await this.#mustBeThere();
      const known = kept(batch.origin);
      if (!batch.isFirst && known?.number !== batch.number - 1) return false;
      const fields = batch.isFirst || !known ? new Map<string, string>() : known.fields;
      for (const [field, value] of batch.own) {
        if (value === null) fields.delete(field);
        else fields.set(field, value);
      }
      const { number, atMs, isWhole } = batch;
      origins.set(batch.origin, { number, atMs, isWhole, hasLeft: false, fields, endsAtMs: clock() + leaseMs });
      for (const [name, ...times] of batch.names) {
        const [, ...old] = names.get(name) ?? [name, 0, 0, 0];
        const [madeAt, deletedAt, droppedAt] = times.map((time, i) => Math.max(time, old[i]!));
        names.set(name, [name, madeAt!, deletedAt!, droppedAt!]);
      }
      for (const name of batch.forgotten) {
        const [, madeAt, deletedAt, droppedAt] = names.get(name) ?? [name, 0, 0, 0];
        if (madeAt > Math.max(deletedAt, droppedAt)) names.set(name, [name, madeAt, 0, 0]);
        else names.delete(name);
      }
      tell(batch);
      return true;
    }

    async origins(): Promise<readonly string[]> {
      await this.#mustBeThere();
      return [...origins.keys()].filter(kept);
    }

    async read(origin: string): Promise<SharedOrigin | undefined> {
      await this.#mustBeThere();
      const known = kept(origin);
      return known && { ...known, fields: inParts([...known.fields]) };
    }

    async *readNames(): AsyncGenerator<readonly NameRecord[], void, undefined> {
      await this.#mustBeThere();
      yield* inParts([...names.values()]);
    }

    async leave(origin: string, keptMs: number): Promise<void> {
      await this.#mustBeThere();
      const known = kept(origin);
      if (known) Object.assign(known, { hasLeft: true, endsAtMs: clock() + keptMs });
      tell(toLeaving(origin));
    }

    close(): void {
      connections.delete(this);
    }

    async #mustBeThere(): Promise<void> {
      await Promise.resolve();
      if (!connections.has(this)) throw new Error('the connection was cut');
    }
  }

  const connect = async (listener: SharedListener): Promise<SharedConnection> => {
    await Promise.resolve();
    if (isCut) throw new Error('the connection was cut');
    const connection = new MemoryConnection(listener);
    connections.add(connection);
    return connection;
  };
  return {
    registry: () => ({ connect }),
    clear: () => {
      origins.clear();
      names.clear();
    },
    cut: () => {
      isCut = true;
      for (const connection of [...connections]) connection.end();
    },
    restore: () => (isCut = false),
    lose: (count) => (losing = count),
  };
}

/** The last batch of an origin that ends in order. */
export function toLeaving(origin: string): SharedBatch {
  const nothing = { own: [], names: [], forgotten: [], tombstones: [], asked: [] };
  return { origin, number: Infinity, atMs: 0, isFirst: false, isWhole: false, ...nothing };
}

async function* inParts<T>(all: readonly T[]): AsyncGenerator<readonly T[], void, undefined> {
  for (let at = 0; at < all.length; at += 100) {
    await Promise.resolve();
    yield all.slice(at, at + 100);
  }
}
