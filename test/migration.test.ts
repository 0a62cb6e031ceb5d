import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { PeerClient } from 'nsqlookupd/client';
import { COMMAND, startCommand, type Command } from './support/command-lookupd.js';
import { freePort } from './support/free-port.js';
import { skipWithoutRedis, startRedis } from './support/redis-server.js';
import { until } from './support/union-world.js';

const NSQDS = ['n1', 'n2'];
const POLL_MS = 100;

/** As NSQ's consumers do: asks each of its lookupds, and leaves out those that do not answer. */
async function lookUp(ports: readonly number[]): Promise<string> {
  const answers = ports.map(async (port) => {
    const response = await fetch(`http://127.0.0.1:${port}/lookup?topic=orders`);
    const { producers = [] } = (await response.json()) as { producers?: { broadcast_address: string }[] };
    return producers.map(({ broadcast_address: host }) => host);
  });
  const all = await Promise.all(answers.map((answer) => answer.catch(() => [])));
  return [...new Set(all.flat())].sort().join();
}

/** Two lookupds that may be started again at their ports, nsqds that are told some of them, and a consumer that asks all the time. */
class Site implements AsyncDisposable {
  readonly lookupds: Command[] = [];
  asked: readonly number[] = [];
  polls = 0;
  readonly lacking: string[] = [];
  #step = 'the start';
  #nsqds: PeerClient[] = [];
  #isOver = false;
  #polling: Promise<void> = Promise.resolve();

  get httpPorts(): readonly number[] {
    return this.lookupds.map(({ httpPort }) => httpPort);
  }

  poll(): void {
    this.#polling = (async () => {
      for (; !this.#isOver; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
        const [step, found] = [this.#step, await lookUp(this.asked)];
        this.polls++;
        if (found !== NSQDS.join()) this.lacking.push(`${step}: ${found || 'nothing'}`);
      }
    })();
  }

  async step(what: string, work: () => unknown): Promise<void> {
    this.#step = what;
    await work();
    const { polls } = this;
    await until(() => this.polls > polls + 3, 'a few polls');
    assert.deepEqual(this.lacking, []);
  }

  /** nsqds are told other lookupds: started again, as each new one is there before the former ends. */
  async tell(indexes: readonly number[]): Promise<void> {
    const former = this.#nsqds;
    this.#nsqds = NSQDS.map((name) => {
      const identity = { broadcastAddress: name, hostname: name, tcpPort: 4150, httpPort: 4151, version: '1.3.0' };
      const lookupds = indexes.map((i) => `127.0.0.1:${this.lookupds[i]!.tcpPort}`);
      return new PeerClient({ lookupds, identity, random: () => 0 });
    });
    for (const nsqd of this.#nsqds) {
      await nsqd.register('orders');
      await nsqd.start();
    }
    for (const i of indexes) await this.isKnownAt(i);
    for (const nsqd of former) await nsqd.close();
  }

  isKnownAt(index: number): Promise<void> {
    return until(async () => (await lookUp([this.httpPorts[index]!])) === NSQDS.join(), `lookupd ${index} has all`);
  }

  /** Starts a lookupd again at its ports, and waits until its nsqds are there again. */
  async again(index: number, ...flags: readonly string[]): Promise<void> {
    const { tcpPort, httpPort } = this.lookupds[index]!;
    await this.lookupds[index]!.stop();
    const at = [`-tcp-address=127.0.0.1:${tcpPort}`, `-http-address=127.0.0.1:${httpPort}`];
    this.lookupds[index] = await startCommand([...at, ...flags]);
    await this.isKnownAt(index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#polling;
    for (const nsqd of this.#nsqds) await nsqd.close();
    for (const lookupd of this.lookupds) await lookupd.stop();
  }
}

async function plainSite(): Promise<Site> {
  const site = new Site();
  site.lookupds.push(await startCommand(), await startCommand());
  await site.tell([0, 1]);
  site.asked = site.httpPorts;
  site.poll();
  return site;
}

describe('a consumer finds all nsqds at each step', { timeout: 120_000 }, () => {
  test('from plain to the union and back', async () => {
    await using site = await plainSite();
    const port = await freePort();
    const at = site.httpPorts.map((each) => `-lookupd-http-address=127.0.0.1:${each}`);
    await using union = await startUnion(port, at);
    await site.step('consumers are told the union', () => (site.asked = [port]));
    await site.step('a lookupd is started again, under the union', () => site.again(0));
    await site.step('consumers are told the list again', () => (site.asked = site.httpPorts));
    await site.step('the union ends', () => union.stop());
  });

  test('from plain to shared and back', { skip: skipWithoutRedis() }, async () => {
    await using redis = await startRedis();
    await using site = await plainSite();
    const shared = [`-shared-redis=${redis.url}`];
    await site.step('the first is started again, shared', () => site.again(0, ...shared));
    await site.step('the second is, too', () => site.again(1, ...shared));
    await site.step('nsqds are told one', () => site.tell([0]));
    await site.step('consumers are told the other', () => (site.asked = [site.httpPorts[1]!]));
    await site.step('nsqds are told all', () => site.tell([0, 1]));
    await site.step('consumers are told all', () => (site.asked = site.httpPorts));
    await site.step('the first is started again, plain', () => site.again(0));
    await site.step('the second is, too', () => site.again(1));
  });
});

/** The command as a union; it has no port for peers. */
async function startUnion(port: number, flags: readonly string[]) {
  const child = spawn(process.execPath, [COMMAND, `-http-address=127.0.0.1:${port}`, ...flags], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  await until(async () => (await lookUp([port])) === NSQDS.join(), 'the union answers');
  const stop = async () => {
    child.kill();
    await exited;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}
