import { setTimer, type ClientTimers } from '../base/timers.js';
import { within } from '../base/within.js';
import type { Logger, Topology } from '../registry/index.js';
import { SharedReader } from './shared-reader.js';
import type { SharedBatch, SharedConnection, SharedRegistry } from './shared-registry.js';
import { SharedState } from './shared-state.js';
import type { SharedStatus } from './shared-status.js';
import { SharedTeller } from './shared-teller.js';

const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;

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
  readonly #teller: SharedTeller;
  readonly #reader: SharedReader;
  readonly #counts = { heard: 0, lost: 0 };
  readonly #stops: (() => void)[] = [];
  readonly #timers = new Map<() => void, unknown>();
  #connecting = new AbortController();
  #connection: SharedConnection | undefined;
  #isConnected = false;
  #isRead = false;
  #isClosed = false;
  #failure: string | undefined = 'it has not been reached yet';
  #isTold = false;
  #pauseMs = MIN_PAUSE_MS;
  #lookedAtMs = 0;
  /** What had been heard, and published, at the last look. */
  #before = { heard: 0, published: 0 };
  #ready: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { topology, graceMs, leaseMs, log } = parts;
    this.#state = new SharedState(this.#origin, topology, graceMs, {
      onNews: () => void this.#teller.tell(),
      onAsked: () => this.#after(leaseMs / 15, this.#lookAgain),
    });
    this.#reader = new SharedReader(this.#origin, this.#state, {
      connection: () => this.#connection,
      inTime: (answer) => this.#inTime(answer),
      log,
    });
    this.#teller = new SharedTeller(this.#origin, this.#state, {
      connection: () => (this.#isConnected ? this.#connection : undefined),
      inTime: (answer) => this.#inTime(answer),
      compare: async (connection) => this.#state.compareNames(await this.#reader.readNames(connection)),
      lost: (connection, error) => this.#connection === connection && this.#lost(error),
      leaseMs,
    });
  }

  get status(): SharedStatus {
    const others = this.#state.others.all;
    return {
      origin: this.#origin,
      isConnected: this.#isConnected,
      isRead: this.#isRead,
      failure: this.#failure,
      lookupds: others.map(({ origin, isGone, size }) => ({ origin, isGone, peers: size })),
      counts: { ...this.#counts, readings: this.#reader.readings, published: this.#teller.published },
      unreadable: others.reduce((sum, { unreadable }) => sum + unreadable, 0),
      refused: others.reduce((sum, { refused }) => sum + refused, 0),
    };
  }

  /** Resolves when it is connected for the first time. */
  start(): Promise<void> {
    const { topology } = this.#parts;
    this.#stops.push(
      topology.db.onChange((change) => this.#state.changed(change)),
      topology.onWrite((write) => this.#state.written(write)),
    );
    this.#lookedAtMs = topology.clock();
    this.#tick();
    const ready = new Promise<void>((resolve) => (this.#ready = resolve));
    void this.#state.begin().then(() => this.#connect());
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
    this.#isClosed = true;
    this.#isConnected = false;
    for (const timer of this.#timers.values()) this.#parts.timers.clearTimeout(timer);
    this.#connecting.abort();
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const giveUp = (this.#connecting = new AbortController());
    let isLost = false;
    let synced = (): void => undefined;
    const sync = new Promise<void>((resolve) => (synced = resolve));
    const lost = (error: Error) => {
      if (isLost) return;
      isLost = true;
      giveUp.abort(error);
      synced();
      this.#lost(error);
    };
    const heard = async (batch: SharedBatch) => {
      await sync;
      if (isLost || this.#isClosed) return;
      try {
        this.#counts.heard++;
        if (batch.number === Infinity) await this.#reader.left(batch.origin);
        else if (!(await this.#state.applyBatch(batch))) await this.#reader.read(batch.origin);
      } catch (error) {
        lost(error as Error);
      }
    };
    try {
      const connecting = this.#parts.registry.connect({ heard, lost }, giveUp.signal);
      connecting.then(
        (late) => (isLost || this.#isClosed) && late.close(),
        () => undefined,
      );
      const connection = await this.#inTime(connecting);
      if (this.#isClosed || isLost) return;
      this.#connection = connection;
      await this.#reader.readAll(connection, !this.#isRead);
      if (isLost || this.#isClosed) return;
      this.#connected();
      synced();
      await this.#teller.due();
    } catch (error) {
      lost(error as Error);
    }
  }

  #connected(): void {
    if (this.#isTold) this.#parts.log.info?.('SHARED: what carries the registry is back');
    this.#isConnected = true;
    this.#isRead = true;
    this.#isTold = false;
    this.#failure = undefined;
    this.#pauseMs = MIN_PAUSE_MS;
    this.#ready();
  }

  #lost(error: Error): void {
    const { log } = this.#parts;
    if (this.#isClosed || this.#timers.has(this.#reconnect)) return;
    this.#connection?.close();
    this.#connection = undefined;
    this.#isConnected = false;
    this.#counts.lost++;
    this.#failure = error.message;
    if (!this.#isTold && this.#pauseMs > MIN_PAUSE_MS) {
      this.#isTold = true;
      log.error?.(`SHARED: what carries the registry is away, going on with what is known - ${error.message}`);
    }
    this.#after(this.#pauseMs, this.#reconnect);
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
  }

  readonly #reconnect = (): void => void this.#connect();

  /** Renews the lease, and looks at those of others. */
  readonly #tick = (): void => {
    const { topology, leaseMs } = this.#parts;
    const now = topology.clock();
    const everyMs = leaseMs / 3;
    // Who could not look for so long, or was away, has heard of nobody, and that is nobody's fault.
    const isLate = Math.abs(now - this.#lookedAtMs) > 2 * everyMs;
    if (now < this.#lookedAtMs) this.#state.clockSetBack();
    this.#lookedAtMs = now;
    if (isLate || !this.#isConnected) this.#state.renewLeases();
    const { heard, published } = this.status.counts;
    if (this.#isConnected && !isLate && published > this.#before.published && heard === this.#before.heard)
      this.#lost(new Error('not even what this lookupd tells is heard'));
    this.#before = { heard, published };
    this.#look(this.#isConnected && !isLate);
    void this.#teller.due();
    this.#after(everyMs, this.#tick);
  };

  /** Whether those who were asked have said anything. */
  readonly #lookAgain = (): void => {
    this.#look(this.#isConnected);
    if (this.#state.others.areAsked) this.#after(this.#parts.leaseMs / 15, this.#lookAgain);
  };

  #look(areHeard: boolean): void {
    const { leaseMs, log } = this.#parts;
    const gone = () => this.#state.others.all.filter(({ isGone }) => isGone).map(({ origin }) => origin);
    const before = new Set(gone());
    this.#state.look(leaseMs, areHeard);
    const lost = gone().filter((origin) => !before.has(origin));
    for (const origin of lost) log.warn?.(`SHARED: lookupd ${origin} is gone`);
    if (lost.length > 0) void this.#readNamesAnew(this.#connection);
  }

  /** Nobody knows what one that is gone told last: the names that all share may be others. */
  async #readNamesAnew(connection: SharedConnection | undefined): Promise<void> {
    if (!connection || !this.#isConnected) return;
    try {
      await this.#state.applyNames(await this.#reader.readNames(connection));
    } catch (error) {
      if (this.#connection === connection) this.#lost(error as Error);
    }
  }

  #after(ms: number, callback: () => void): void {
    const { timers } = this.#parts;
    if (this.#isClosed || this.#timers.has(callback)) return;
    const timer = setTimer(
      timers,
      () => {
        this.#timers.delete(callback);
        callback();
      },
      ms,
    );
    this.#timers.set(callback, timer);
    if (callback !== this.#reconnect) (timer as { unref?: () => void } | undefined)?.unref?.();
  }

  /** What is not answered in time is as good as lost. */
  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timers, leaseMs } = this.#parts;
    return within(answer, { timers, ms: leaseMs / 3, late: () => new Error('no answer in time') });
  }
}
