import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createHttpHandler, createRouter, toNodeHandler } from 'nsqlookupd/http';
import { discoveryRoutes } from 'nsqlookupd/operate';
import { RegistrationDB, Topology, WorkQueue } from 'nsqlookupd/registry';
import { createTopology, ManualClock } from 'nsqlookupd/testing';
import { ask } from './support/ask.js';
import { freePort } from './support/free-port.js';
import { peerOf } from './support/peers.js';
import { skipWithout } from './support/program.js';

interface Target {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

describe('/sd/nsqd', () => {
  test('has the HTTP port of every nsqd that was heard of in time, with what it told of itself', async () => {
    const clock = new ManualClock();
    const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, inactiveProducerTimeoutMs: 1000 });
    topology.join(peerOf('silent', { lastUpdateMs: clock.now() }));
    clock.advance(1001);
    const fields = { hostname: 'h', topologyZone: 'z', topologyRegion: 'r', lastUpdateMs: clock.now() };
    for (const broadcastAddress of ['a.test', '::1', '[fe80::1]', '10.0.0.1']) {
      topology.join(peerOf(broadcastAddress, { ...fields, broadcastAddress }));
    }
    const handler = createRouter(discoveryRoutes({ topology, settleMs: 0 }));
    const { status, headers, body } = await ask(handler, '/sd/nsqd');
    assert.deepEqual([status, headers['Content-Type']], [200, 'application/json']);
    const targets = JSON.parse(body) as Target[];
    assert.deepEqual(
      targets.flatMap((target) => target.targets),
      [...['a.test:4151', '[::1]:4151', '[fe80::1]:4151', '10.0.0.1:4151']],
    );
    assert.deepEqual(targets[0]?.labels, {
      __meta_nsqd_broadcast_address: 'a.test',
      __meta_nsqd_hostname: 'h',
      __meta_nsqd_version: '1.3.0',
      __meta_nsqd_zone: 'z',
      __meta_nsqd_region: 'r',
    });
  });

  test('is 503 until nsqds have had the time to come, while not ready, and rather than an empty list', async () => {
    const clock = new ManualClock();
    let reason: string | undefined;
    const topology = createTopology({ 'h1:4150': {} }, { clock: clock.now });
    const handler = createRouter(discoveryRoutes({ topology, clock: clock.now, conditions: [() => reason] }));
    const status = async () => (await ask(handler, '/sd/nsqd')).status;
    assert.equal(await status(), 503);
    clock.advance(29_999);
    assert.equal(await status(), 503);
    clock.advance(1);
    assert.equal(await status(), 200);
    reason = 'restoring';
    assert.equal(await status(), 503);
    reason = undefined;
    for (const peer of topology.db.peers()) topology.leave(peer);
    assert.equal(await status(), 503);
  });

  test('leaves out what would cost the other nsqds their place', async () => {
    const topology = createTopology({ 'h1:4150': {} });
    for (const broadcastAddress of ['a/b', 'a b', '', 'a"b', '\u2028', '\ud800', 'ü.test', 'x'.repeat(10) + '\n']) {
      topology.join(peerOf(`${broadcastAddress}!`, { broadcastAddress, lastUpdateMs: topology.clock() }));
    }
    const { body } = await ask(createRouter(discoveryRoutes({ topology, settleMs: 0 })), '/sd/nsqd');
    assert.deepEqual(
      (JSON.parse(body) as Target[]).flatMap(({ targets }) => targets),
      ['h1:4151'],
    );
  });

  test('is made in turns when there are many', async () => {
    const turns: (() => void)[] = [];
    const work = new WorkQueue({ stepsPerTurn: 1000, nextTurn: (turn) => turns.push(turn) });
    const clock = new ManualClock();
    const topology = new Topology({ db: new RegistrationDB(), work, clock: clock.now });
    for (let i = 0; i < 3000; i++) topology.join(peerOf(`h${i}`, { lastUpdateMs: clock.now() }));
    const answer = ask(createRouter(discoveryRoutes({ topology, settleMs: 0 })), '/sd/nsqd');
    let isOver = false;
    void answer.then(() => (isOver = true));
    let count = 0;
    for (; !isOver; count++) {
      turns.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(count >= 5, true, `${count} turns`);
    assert.equal((JSON.parse((await answer).body) as unknown[]).length, 3000);
  });

  test('finds nsqds for a real Prometheus', { skip: skipWithout('prometheus'), timeout: 90_000 }, async () => {
    const topology = createTopology({ 'h1:4150': {}, 'h2:4150': {} });
    for (const broadcastAddress of ['::1', 'evil/../x', 'evil\nx', '\ud800']) {
      topology.join(peerOf('p', { broadcastAddress, topologyZone: '\ud800"\\', lastUpdateMs: topology.clock() }));
    }
    const handler = createHttpHandler({ topology, routes: discoveryRoutes({ topology, settleMs: 0 }) });
    const server = createServer(toNodeHandler(handler)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-prometheus-'));
    const config = `scrape_configs:
- job_name: nsqd
  scrape_interval: 1h
  http_sd_configs: [{ url: "http://127.0.0.1:${port}/sd/nsqd", refresh_interval: 1s }]
  relabel_configs: [{ source_labels: [__meta_nsqd_hostname], target_label: host }]
`;
    writeFileSync(join(folder, 'prometheus.yml'), config);
    const own = await freePort();
    const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn('prometheus', [...args, `--web.listen-address=127.0.0.1:${own}`], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    try {
      let found: string[] = [];
      while (found.length < 3) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        const answer = await fetch(`http://127.0.0.1:${own}/api/v1/targets`).catch(() => undefined);
        if (answer?.ok !== true) continue;
        const { data } = (await answer.json()) as { data: { activeTargets: { labels: Record<string, string> }[] } };
        found = data.activeTargets.map(({ labels }) => `${labels['instance']} ${labels['host']}`);
      }
      assert.deepEqual(found.sort(), ['[::1]:4151 p', 'h1:4151 h1', 'h2:4151 h2']);
    } finally {
      child.kill('SIGKILL');
      await exited;
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
