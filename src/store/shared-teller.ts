import type { SharedBatch, SharedConnection } from './shared-registry.js';
import type { SharedState } from './shared-state.js';

/** What the batches of a lookupd go out through. */
export interface Telling {
  /** The connection that there is, if it is up. */
  readonly connection: () => SharedConnection | undefined;
  /** Gives up what is not answered in time. */
  readonly inTime: <T>(answer: Promise<T>) => Promise<T>;
  /** All names are to be compared with those that are kept there. */
  readonly compare: (connection: SharedConnection) => Promise<void>;
  /** It is of no use any more. */
  readonly lost: (connection: SharedConnection, error: Error) => void;
  readonly leaseMs: number;
}

/** Tells what there is to tell, a batch at a time: what comes meanwhile goes with the next one. */
export class SharedTeller {
  /** How many batches have been. */
  published = 0;
  readonly #origin: string;
  readonly #state: SharedState;
  readonly #telling: Telling;
  #number = 0;
  #isFirst = true;
  #isDue = false;
  #isTelling = false;

  constructor(origin: string, state: SharedState, telling: Telling) {
    this.#origin = origin;
    this.#state = state;
    this.#telling = telling;
  }

  /** That it is there is to be told, and what else there is. */
  due(): Promise<void> {
    this.#isDue = true;
    return this.tell();
  }

  async tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (;;) {
        await Promise.resolve(); // changes of one turn go together
        const connection = this.#telling.connection();
        if (!connection || !(this.#isDue || this.#state.hasNews)) return;
        await this.#tell(connection);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  async #tell(connection: SharedConnection): Promise<void> {
    const { inTime, compare, lost, leaseMs } = this.#telling;
    const { own } = this.#state;
    if (this.#isFirst && own.isWhole) own.writeAnew();
    this.#isDue = false;
    const wasWhole = own.isWhole;
    const told = this.#state.take();
    const batch: SharedBatch = { ...told, origin: this.#origin, number: this.#number + 1, isFirst: this.#isFirst };
    try {
      if (await inTime(connection.publish(batch, leaseMs))) {
        this.#number++;
        this.published++;
        this.#isFirst = false;
        return;
      }
      // What is kept is not what was told last: a server that has lost some, or an answer that was lost.
      this.#state.giveBack(told);
      this.#beginAnew();
      await compare(connection);
    } catch (error) {
      this.#state.giveBack(told);
      if (!wasWhole) this.#beginAnew();
      lost(connection, error as Error);
    }
  }

  #beginAnew(): void {
    this.#number++;
    this.#isFirst = true;
    this.#isDue = true;
    this.#state.own.writeAnew();
  }
}
