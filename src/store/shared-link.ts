import { setTimer, type ClientTimers } from '../base/timers.js';
import type { Logger, Topology } from '../registry/index.js';
import type { NameRecord, SharedBatch, SharedConnection, SharedRegistry } from './shared-registry.js';
import { SharedState } from './shared-state.js';

const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;

/** How it stands with what is shared. */
export interface SharedStatus {
  /** What names this lookupd among those that share; another one after each start. */
  readonly origin: string;
  /** Whether what carries it is there, and all is read that was kept. */
  readonly isConnected: boolean;
  /** Whether all that others know has been read at least once. */
  readonly isRead: boolean;
  /** Why it is not connected; undefined if it is. */
  readonly failure: string | undefined;
  /** The other lookupds, with their peers that are answered for here. */
  readonly lookupds: readonly { readonly origin: string; readonly isGone: boolean; readonly peers: number }[];
  /** Since the start: batches that were published and heard, readings of all that is kept of a lookupd, connections that were lost. */
  readonly counts: Readonly<Record<'published' | 'heard' | 'readings' | 'lost', number>>;
  /** What others have told that was not readable, and what was past a limit of this one. */
  readonly unreadable: number;
  /** See `unreadable`. */
  readonly refused: number;
}

interface Parts {
  readonly topology: Topology;
  readonly registry: SharedRegistry;
  readonly graceMs: number;
  readonly leaseMs: number;
  readonly timers: ClientTimers;
  readonly log: Logger;
}

/** Keeps a state in step with what carries it: connects, reads, tells, and begins again when anything fails. */
export class SharedLink {
  readonly #parts: Parts;
  readonly #origin = globalThis.crypto.randomUUID();
  readonly #state: SharedState;
  readonly #counts = { published: 0, heard: 0, readings: 0, lost: 0 };
  readonly #stops: (() => void)[] = [];
  #connection: SharedConnection | undefined;
  #isConnected = false;
  #isRead = false;
  #isClosed = false;
  #isFlushing = false;
  #isFirst = true;
  #mustTell = false;
  #number = 0;
  #failure: string | undefined = 'it has not been reached yet';
  #isTold = false;
  #pauseMs = MIN_PAUSE_MS;
  #lookedAtMs = 0;
  #timer: unknown;
  #retry: unknown;
  #ready: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#state = new SharedState(this.#origin, parts.topology, parts.graceMs, () => this.#wake());
  }

  get status(): SharedStatus {
    const others = [...this.#state.others.values()];
    return {
      origin: this.#origin,
      isConnected: this.#isConnected,
      isRead: this.#isRead,
      failure: this.#failure,
      lookupds: others.map(({ origin, isGone, size }) => ({ origin, isGone, peers: size })),
      counts: { ...this.#counts },
      unreadable: others.reduce((sum, { unreadable }) => sum + unreadable, 0),
      refused: others.reduce((sum, { refused }) => sum + refused, 0),
    };
  }

  /** Resolves when it is connected for the first time. */
  start(): Promise<void> {
    const { topology } = this.#parts;
    this.#state.begin();
    this.#stops.push(
      topology.db.onChange((change) => this.#state.changed(change)),
      topology.onWrite((write) => this.#state.written(write)),
    );
    this.#lookedAtMs = topology.clock();
    this.#tick();
    const ready = new Promise<void>((resolve) => (this.#ready = resolve));
    void this.#connect();
    return ready;
  }

  /** Has others know at once that it ends. */
  async leave(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    this.#isClosed = true;
    if (!this.#isConnected || !this.#connection) return;
    await this.#connection.leave(this.#origin, this.#parts.graceMs).catch(() => undefined);
  }

  close(): void {
    const { timers } = this.#parts;
    this.#isClosed = true;
    this.#isConnected = false;
    for (const timer of [this.#timer, this.#retry]) if (timer !== undefined) timers.clearTimeout(timer);
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #connect(): Promise<void> {
    let isLost = false;
    let synced = (): void => undefined;
    const sync = new Promise<void>((resolve) => (synced = resolve));
    const lost = (error: Error) => {
      if (isLost) return;
      isLost = true;
      synced();
      this.#lost(error);
    };
    const heard = async (batch: SharedBatch) => {
      await sync;
      if (isLost || this.#isClosed) return;
      try {
        this.#counts.heard++;
        if (!(await this.#state.applyBatch(batch))) await this.#read(batch.origin);
      } catch (error) {
        lost(error as Error);
      }
    };
    try {
      const connecting = this.#parts.registry.connect({ heard, lost });
      connecting.then(
        (late) => (isLost || this.#isClosed) && late.close(),
        () => undefined,
      );
      const connection = await this.#inTime(connecting);
      if (this.#isClosed || isLost) return;
      this.#connection = connection;
      await this.#readAll(connection);
      if (isLost || this.#isClosed) return;
      if (this.#isTold) this.#parts.log.info?.('SHARED: what carries the registry is back');
      this.#isConnected = true;
      this.#isRead = true;
      this.#isTold = false;
      this.#failure = undefined;
      this.#pauseMs = MIN_PAUSE_MS;
      this.#mustTell = true;
      synced();
      this.#ready();
      await this.#flush();
    } catch (error) {
      lost(error as Error);
    }
  }

  async #readAll(connection: SharedConnection): Promise<void> {
    const names = await this.#readNames(connection);
    if (!this.#isRead) this.#state.beginTogether(names);
    await this.#state.compareNames(names);
    this.#state.renewLeases();
    for (const origin of await this.#inTime(connection.origins())) {
      if (origin !== this.#origin) await this.#readOrigin(connection, origin);
    }
  }

  /** Something was missed. */
  async #read(origin: string): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    await this.#state.applyNames(await this.#readNames(connection));
    await this.#readOrigin(connection, origin);
  }

  async #readOrigin(connection: SharedConnection, origin: string): Promise<void> {
    const kept = await this.#inTime(connection.read(origin));
    const known = this.#state.others.get(origin);
    if (!kept || (known && !known.isGone && known.number === kept.number)) return;
    this.#counts.readings++;
    if (!known) this.#parts.log.info?.(`SHARED: lookupd ${origin} is there`);
    await this.#state.applyOrigin(origin, kept);
  }

  async #readNames(connection: SharedConnection): Promise<NameRecord[]> {
    const records: NameRecord[] = [];
    for await (const some of connection.readNames()) records.push(...some);
    return records;
  }

  #wake(): void {
    if (this.#isConnected && !this.#isFlushing) void Promise.resolve().then(() => this.#flush());
  }

  /** Tells what there is to tell, a batch at a time: what comes meanwhile goes with the next one. */
  async #flush(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      while (this.#isConnected && !this.#isClosed && (this.#mustTell || this.#state.hasNews)) await this.#tell();
    } finally {
      this.#isFlushing = false;
    }
  }

  async #tell(): Promise<void> {
    const connection = this.#connection!;
    if (this.#isFirst && this.#state.own.isWhole) this.#state.own.writeAnew();
    this.#mustTell = false;
    const wasWhole = this.#state.own.isWhole;
    const told = this.#state.take();
    const batch = { ...told, origin: this.#origin, number: this.#number + 1, isFirst: this.#isFirst };
    try {
      if (await this.#inTime(connection.publish(batch, this.#parts.leaseMs))) {
        this.#number++;
        this.#counts.published++;
        this.#isFirst = false;
        return;
      }
      // What is kept is not what was told last: a server that has lost some, or an answer that was lost.
      this.#state.giveBack(told);
      this.#number++;
      this.#isFirst = true;
      this.#state.own.writeAnew();
      this.#mustTell = true;
      await this.#state.compareNames(await this.#readNames(connection));
    } catch (error) {
      this.#state.giveBack(told);
      if (!wasWhole) {
        this.#number++;
        this.#isFirst = true;
        this.#state.own.writeAnew();
      }
      this.#lostBy(connection, error as Error);
    }
  }

  #lostBy(connection: SharedConnection, error: Error): void {
    if (this.#connection === connection) this.#lost(error);
  }

  #lost(error: Error): void {
    const { timers, log } = this.#parts;
    if (this.#isClosed || this.#retry !== undefined) return;
    this.#connection?.close();
    this.#connection = undefined;
    this.#isConnected = false;
    this.#counts.lost++;
    this.#failure = error.message;
    if (!this.#isTold && this.#pauseMs > MIN_PAUSE_MS) {
      this.#isTold = true;
      log.error?.(`SHARED: what carries the registry is away, going on with what is known - ${error.message}`);
    }
    this.#retry = setTimer(
      timers,
      () => {
        this.#retry = undefined;
        void this.#connect();
      },
      this.#pauseMs,
    );
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
  }

  /** Renews the lease, and looks at those of others. */
  #tick(): void {
    const { topology, leaseMs, timers, log } = this.#parts;
    const now = topology.clock();
    const everyMs = leaseMs / 3;
    // Who could not look for so long, or was away, has heard of nobody, and that is nobody's fault.
    const isLate = Math.abs(now - this.#lookedAtMs) > 2 * everyMs;
    this.#lookedAtMs = now;
    if (isLate || !this.#isConnected) this.#state.renewLeases();
    const gone = (): Set<string> =>
      new Set([...this.#state.others.values()].filter(({ isGone }) => isGone).map(({ origin }) => origin));
    const before = gone();
    this.#state.look(leaseMs, this.#isConnected && !isLate);
    for (const origin of gone()) if (!before.has(origin)) log.warn?.(`SHARED: lookupd ${origin} is gone`);
    this.#mustTell = true;
    this.#wake();
    this.#timer = setTimer(timers, () => this.#tick(), everyMs);
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }

  /** What is not answered in time is as good as lost. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timers, leaseMs } = this.#parts;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimer(timers, () => reject(new Error('no answer in time')), leaseMs / 3);
      answer.then(
        (value) => {
          timers.clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          timers.clearTimeout(timer);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }
}
