import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { LookupClient, PeerClient } from 'nsqlookupd/client';
import { startCommand, type Command } from './support/command-lookupd.js';

const folder = mkdtempSync(join(tmpdir(), 'restart-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A lookupd that keeps its registry in that folder, on the ports of a former one. */
function start(name: string, former?: Command, ...flags: readonly string[]): Promise<Command> {
  const { tcpPort = 0, httpPort = 0 } = former ?? {};
  const addresses = [`-tcp-address=127.0.0.1:${tcpPort}`, `-http-address=127.0.0.1:${httpPort}`];
  return startCommand([...addresses, `-data-path=${join(folder, name)}`, ...flags]);
}

async function announce(command: Command, host: string, ...topics: readonly string[]): Promise<PeerClient> {
  const peer = new PeerClient({
    lookupds: [`127.0.0.1:${command.tcpPort}`],
    identity: { broadcastAddress: host, tcpPort: 4150, httpPort: 4151 },
    minBackoffMs: 100,
    maxBackoffMs: 300,
    pingIntervalMs: 200,
  });
  for (const topic of topics) await peer.register(topic, 'archive');
  await peer.start();
  return peer;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(20);
}

const fileOf = (name: string) => readFileSync(join(folder, name, 'registry.snapshot'), 'utf8');
const isSaved = (name: string, what: string) => () => {
  try {
    return fileOf(name).includes(what);
  } catch {
    return false;
  }
};
const lookupAt = (command: Command) => new LookupClient({ lookupds: [`127.0.0.1:${command.httpPort}`] });

describe('the command with a data path', { timeout: 60_000 }, () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    test(`answers as before after ${signal} and a start, without one answer that lacks a producer`, async () => {
      const name = signal.toLowerCase();
      const killed = await start(name);
      const hosts = ['alpha.test', 'beta.test', 'gamma.test'];
      const peers = await Promise.all(hosts.map((host) => announce(killed, host, 'orders')));
      const lookup = lookupAt(killed);
      await lookup.lookup('orders');
      if (signal === 'SIGKILL') await until(isSaved(name, 'gamma.test'));
      await killed.stop(signal);
      await peers.pop()!.close(); // which is not there any more when it is back

      await using again = await start(name, killed, '-restore-grace=3s');
      const seen: number[] = [];
      await until(async () => {
        const { producers, channels } = await lookup.lookup('orders');
        assert.deepEqual(channels, ['archive']);
        seen.push(producers.length);
        return producers.length === 2;
      });
      assert.deepEqual([...new Set(seen)], [3, 2], 'neither one too few, nor one twice');
      const { producers } = await lookup.lookup('orders');
      assert.deepEqual(producers.map(({ broadcastAddress }) => broadcastAddress).sort(), hosts.slice(0, 2));
      const response = await fetch(`http://127.0.0.1:${again.httpPort}/nodes`);
      const { producers: nodes } = (await response.json()) as { producers: { topics: string[] }[] };
      assert.deepEqual(
        nodes.map(({ topics }) => topics),
        [['orders'], ['orders']],
      );
      assert.match(again.log(), /RESTORE: peers that have not come back: 1/);
      for (const peer of peers) await peer.close();
    });
  }

  test('is the only one in its folder', async () => {
    await using first = await start('one');
    await assert.rejects(start('one'), /exit code 1: [^]*another process has the folder \S+one/);
    await first.stop();
    const next = await start('one');
    await next.stop();
  });

  test('sets aside what it cannot read, with one line, and starts empty', async () => {
    const first = await start('bad');
    await fetch(`http://127.0.0.1:${first.httpPort}/topic/create?topic=orders`, { method: 'POST' });
    await first.stop();
    const path = join(folder, 'bad', 'registry.snapshot');
    writeFileSync(path, readFileSync(path).subarray(0, -10));
    await using next = await start('bad');
    assert.equal(next.log().match(/ERROR: .*/g)?.length, 1);
    assert.match(next.log(), /ERROR: RESTORE: what was saved cannot be read, starting empty - it ends too early/);
    assert.equal(readdirSync(join(folder, 'bad')).filter((name) => /snapshot\.cut-/.test(name)).length, 1);
    assert.deepEqual((await lookupAt(next).topics()).topics, []);
  });
});
