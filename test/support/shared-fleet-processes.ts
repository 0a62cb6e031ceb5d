import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeNsqd } from 'nsqlookupd/testing';
import { startCommand, type Command } from './command-lookupd.js';
import type { RedisServer } from './redis-server.js';

const TOPICS = 12;
const PING_MS = 1000;

/** A fake nsqd that is connected to one lookupd of several, and goes to another when that ends. */
class Nsqd {
  readonly host: string;
  readonly topics = new Set<string>();
  #nsqd: FakeNsqd | undefined;
  #registered = new Set<string>();
  #telling: Promise<void> = Promise.resolve();
  #isClosed = false;
  readonly #lookupds: () => readonly Command[];
  #at: number;

  constructor(host: string, lookupds: () => readonly Command[], at: number) {
    this.host = host;
    this.#lookupds = lookupds;
    this.#at = at;
  }

  async connect(): Promise<void> {
    while (!this.#isClosed) {
      const lookupds = this.#lookupds();
      const { tcpPort } = lookupds[this.#at++ % lookupds.length]!;
      try {
        const nsqd = await FakeNsqd.connect(`127.0.0.1:${tcpPort}`, `${this.host}:4150`);
        await nsqd.identify();
        this.#registered = new Set();
        this.#nsqd = nsqd;
        await this.#told();
        await nsqd.ping();
        nsqd.pingEvery(PING_MS, globalThis);
        void nsqd.closed.then(() => this.connect());
        return;
      } catch {
        await pause(100);
      }
    }
  }

  /** Registers or unregisters; where the connection ends meanwhile, the next one registers what is there then. */
  async change(topic: string): Promise<void> {
    if (!this.topics.delete(topic)) this.topics.add(topic);
    await this.#told().catch(() => undefined);
  }

  /** Tells the lookupd what it does not know, one after the other. */
  #told(): Promise<void> {
    const telling = this.#telling.then(async () => {
      const [nsqd, registered] = [this.#nsqd!, this.#registered];
      for (const topic of [...this.topics]) {
        if (registered.has(topic)) continue;
        await nsqd.register(topic);
        registered.add(topic);
      }
      for (const topic of [...registered]) {
        if (this.topics.has(topic)) continue;
        await nsqd.unregister(topic);
        registered.delete(topic);
      }
    });
    this.#telling = telling.catch(() => undefined);
    return telling;
  }

  move(): void {
    this.#nsqd?.drop();
  }

  close(): void {
    this.#isClosed = true;
    this.#nsqd?.drop();
  }
}

/** Lookupds of one address, and nsqds that change what they carry. */
export class SharedProcesses {
  readonly lookupds: Command[];
  readonly #nsqds: Nsqd[] = [];
  readonly #redis: RedisServer;
  readonly #random: () => number;

  private constructor(redis: RedisServer, lookupds: Command[], random: () => number) {
    this.#redis = redis;
    this.lookupds = lookupds;
    this.#random = random;
  }

  static async start(redis: RedisServer, size: number, nsqds: number, seed: number): Promise<SharedProcesses> {
    const lookupds = await Promise.all(Array.from({ length: size }, () => startLookupd(redis)));
    let state = seed;
    const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
    const fleet = new SharedProcesses(redis, lookupds, random);
    for (let i = 0; i < nsqds; i++) fleet.#nsqds.push(new Nsqd(`host-${i}`, () => fleet.lookupds, i));
    await Promise.all(fleet.#nsqds.map((nsqd) => nsqd.connect()));
    return fleet;
  }

  /** Changes of what the nsqds carry, and moves of theirs, for so long. */
  async churn(ms: number): Promise<number> {
    let changes = 0;
    for (const endsAt = Date.now() + ms; Date.now() < endsAt; await pause(5)) {
      for (let i = 0; i < 5; i++) {
        const nsqd = this.#nsqds[Math.floor(this.#random() * this.#nsqds.length)]!;
        if (this.#random() < 0.01) nsqd.move();
        else await nsqd.change(`topic-${Math.floor(this.#random() * TOPICS)}`);
        changes++;
      }
    }
    return changes;
  }

  /** Waits until every lookupd answers as the model says, and gives how long that took. */
  async agree(what: string, withinMs: number): Promise<number> {
    const startedAt = Date.now();
    for (;;) {
      const wrong = await this.#wrong();
      if (wrong === undefined) return Date.now() - startedAt;
      assert.ok(Date.now() - startedAt < withinMs, `${what}: not within ${withinMs} ms: ${wrong}`);
      await pause(100);
    }
  }

  async replace(index: number): Promise<void> {
    this.lookupds[index] = await startLookupd(this.#redis);
  }

  async close(): Promise<void> {
    for (const nsqd of this.#nsqds) nsqd.close();
    await Promise.all(this.lookupds.map((lookupd) => lookupd.stop('SIGKILL')));
  }

  async #wrong(): Promise<string | undefined> {
    const expected = this.#nsqds.map(({ host, topics }) => `${host} ${[...topics].sort().join()}`).sort();
    for (const [i, { httpPort }] of this.lookupds.entries()) {
      const response = await fetch(`http://127.0.0.1:${httpPort}/nodes`);
      const { producers } = (await response.json()) as { producers: { broadcast_address: string; topics: string[] }[] };
      const found = producers
        .map(({ broadcast_address: host, topics }) => `${host} ${[...topics].sort().join()}`)
        .sort();
      const lacking = expected.filter((line) => !found.includes(line));
      const over = found.filter((line) => !expected.includes(line));
      if (lacking.length + over.length > 0)
        return `lookupd ${i} lacks ${lacking[0]} and has ${over[0]} (${lacking.length}, ${over.length})`;
    }
    return undefined;
  }
}

function startLookupd(redis: RedisServer): Promise<Command> {
  return startCommand([`-shared-redis=${redis.url}`, '-shared-grace=20s']);
}
