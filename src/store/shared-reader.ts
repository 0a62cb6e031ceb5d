import type { Logger } from '../registry/index.js';
import type { NameRecord, SharedConnection } from './shared-registry.js';
import type { SharedState } from './shared-state.js';

/** What is read through. */
export interface Reading {
  /** The connection that there is. */
  readonly connection: () => SharedConnection | undefined;
  /** Gives up what is not answered in time. */
  readonly inTime: <T>(answer: Promise<T>) => Promise<T>;
  readonly log: Logger;
}

/** Reads what is kept of others: all at first, and of one where something was missed. */
export class SharedReader {
  /** How often what is kept of another was read. */
  readings = 0;
  readonly #origin: string;
  readonly #state: SharedState;
  readonly #reading: Reading;

  constructor(origin: string, state: SharedState, reading: Reading) {
    this.#origin = origin;
    this.#state = state;
    this.#reading = reading;
  }

  async readAll(connection: SharedConnection, isFirst: boolean): Promise<void> {
    const names = await this.readNames(connection);
    if (isFirst) await this.#state.beginTogether(names);
    await this.#state.compareNames(names);
    this.#state.renewLeases();
    for (const origin of await this.#reading.inTime(connection.origins())) {
      if (origin !== this.#origin) await this.#readOrigin(connection, origin);
    }
  }

  async readNames(connection: SharedConnection): Promise<NameRecord[]> {
    const records: NameRecord[] = [];
    for await (const some of this.#partsInTime(connection.readNames())) for (const each of some) records.push(each);
    return records;
  }

  /** Something of one was missed. */
  async read(origin: string): Promise<void> {
    const connection = this.#reading.connection();
    if (!connection) return;
    await this.#state.applyNames(await this.readNames(connection));
    await this.#readOrigin(connection, origin);
  }

  /** One has ended in order: of what it told last, and was missed, nothing would be heard any more. */
  async left(origin: string): Promise<void> {
    const connection = this.#reading.connection();
    if (!connection || origin === this.#origin) return;
    const { others } = this.#state;
    const kept = await this.#reading.inTime(connection.read(origin));
    if (kept && kept.number !== others.get(origin)?.number) await this.read(origin);
    const other = others.get(origin);
    if (other && !other.isGone) this.#state.gone(other);
  }

  async #readOrigin(connection: SharedConnection, origin: string): Promise<void> {
    const kept = await this.#reading.inTime(connection.read(origin));
    const known = this.#state.others.get(origin);
    if (!kept || (known && !known.isGone && known.number === kept.number)) return;
    this.readings++;
    if (!known) this.#reading.log.info?.(`SHARED: lookupd ${origin} is there`);
    await this.#state.applyOrigin(origin, { ...kept, fields: this.#partsInTime(kept.fields) });
    if (!known) this.#state.others.doubt(origin);
  }

  async *#partsInTime<T>(parts: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = parts[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#reading.inTime(iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  }
}
