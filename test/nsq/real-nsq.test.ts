import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createLookupd, type Lookupd } from 'nsqlookupd/daemon';

const folder = process.env['NSQ_BIN'];
const skip =
  folder === undefined && 'NOT RUN: set NSQ_BIN to the folder of nsqd and nsqadmin (see docs/compatibility.md)';
const WAIT_MS = 15_000;
const PORTS = /(TCP|HTTP): listening on \S+:(\d+)/g;

interface Program {
  readonly process: ChildProcess;
  readonly ports: Readonly<Record<string, number>>;
}

/** Starts one of nsq's programs and waits until it says where it listens. */
async function start(name: string, listeners: number, args: readonly string[]): Promise<Program> {
  const child = spawn(join(folder!, name), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  const ports = await new Promise<Record<string, number>>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${name} ended with ${code}: ${log}`)));
    setTimeout(() => reject(new Error(`${name} does not listen: ${log}`)), WAIT_MS).unref();
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
      const found = [...log.matchAll(PORTS)].map(([, kind = '', port]) => [kind, Number(port)] as const);
      if (found.length >= listeners) resolve(Object.fromEntries(found));
    });
  });
  return { process: child, ports };
}

async function stop({ process: child }: Program, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function call(port: number, method: string, target: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${target}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${target}: ${response.status} ${text}`);
  return /^[[{]/.test(text) ? JSON.parse(text) : text;
}

describe('real programs from the nsq release', { skip, timeout: 120_000 }, () => {
  let lookupd: Lookupd;
  let nsqd: Program;
  let nsqadmin: Program;
  let data: string;
  let httpPort: number;

  /** Waits until the registry answers so; whatever nsqd does with it is an event of the registry. */
  const until = async (holds: () => boolean, what: string) => {
    await new Promise<void>((resolve, reject) => {
      const events = [
        'registrationAdded',
        'registrationRemoved',
        'producerAdded',
        'producerRemoved',
        'producerTombstoned',
      ] as const;
      const look = () => {
        if (!holds()) return;
        clearTimeout(giveUp);
        for (const event of events) lookupd.db.off(event, look);
        resolve();
      };
      const giveUp = setTimeout(() => reject(new Error(`not within ${WAIT_MS} ms: ${what}`)), WAIT_MS);
      for (const event of events) lookupd.db.on(event, look);
      look();
    });
  };
  const producers = (topic: string) => lookupd.topology.lookup(topic)?.producers ?? [];

  before(async () => {
    lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      broadcastAddress: '127.0.0.1',
    });
    await lookupd.listen();
    httpPort = Number(lookupd.httpAddress!.split(':')[1]);
    data = mkdtempSync(join(tmpdir(), 'nsqd-'));
    nsqd = await start('nsqd', 2, [
      `-lookupd-tcp-address=${lookupd.tcpAddress}`,
      '-tcp-address=127.0.0.1:0',
      '-http-address=127.0.0.1:0',
      '-broadcast-address=127.0.0.1',
      `-data-path=${data}`,
    ]);
    nsqadmin = await start('nsqadmin', 1, [
      `-lookupd-http-address=${lookupd.httpAddress}`,
      '-http-address=127.0.0.1:0',
    ]);
  });

  after(async () => {
    if (nsqadmin?.process.exitCode === null) await stop(nsqadmin, 'SIGKILL');
    if (nsqd?.process.exitCode === null && nsqd.process.signalCode === null) await stop(nsqd, 'SIGKILL');
    await lookupd?.close();
    if (data) rmSync(data, { recursive: true, force: true });
  });

  test('nsqd joins, and registers what it carries', async () => {
    await until(() => lookupd.topology.nodes().length === 1, 'nsqd identifies itself');
    await call(nsqd.ports['HTTP']!, 'POST', '/topic/create?topic=orders');
    await call(nsqd.ports['HTTP']!, 'POST', '/channel/create?topic=orders&channel=billing');
    await until(() => lookupd.topology.channels('orders').includes('billing'), 'orders billing is registered');
    const [producer] = producers('orders');
    assert.equal(producer?.tcpPort, nsqd.ports['TCP']);
    assert.equal(producer?.httpPort, nsqd.ports['HTTP']);
  });

  test('nsqd asks for the channels of a new topic, where IDENTIFY told it to', async () => {
    await call(httpPort, 'POST', '/channel/create?topic=made&channel=waiting');
    await call(nsqd.ports['HTTP']!, 'POST', '/topic/create?topic=made');
    await until(() => producers('made').length === 1, 'made is registered');
    const registered = { category: 'channel', key: 'made', subkey: 'waiting' } as const;
    await until(() => lookupd.db.countProducers(registered) === 1, 'nsqd creates the channel that waited for it');
  });

  test('nsqd unregisters what is deleted', async () => {
    await call(nsqd.ports['HTTP']!, 'POST', '/channel/create?topic=orders&channel=tail%23ephemeral');
    await until(() => lookupd.topology.channels('orders').includes('tail#ephemeral'), 'the channel is registered');
    await call(nsqd.ports['HTTP']!, 'POST', '/channel/delete?topic=orders&channel=tail%23ephemeral');
    await until(() => !lookupd.topology.channels('orders').includes('tail#ephemeral'), 'the channel is gone');
    await call(nsqd.ports['HTTP']!, 'POST', '/topic/delete?topic=made');
    await until(() => producers('made').length === 0, 'made is unregistered');
  });

  test('nsqadmin sees the topics and the node', async () => {
    const port = nsqadmin.ports['HTTP']!;
    const { topics } = (await call(port, 'GET', '/api/topics')) as { topics: string[] };
    assert.ok(topics.includes('orders'));
    const { nodes } = (await call(port, 'GET', '/api/nodes')) as { nodes: { tcp_port: number }[] };
    assert.deepEqual(
      nodes.map(({ tcp_port }) => tcp_port),
      [nsqd.ports['TCP']],
    );
  });

  test('nsqadmin creates, deletes and tombstones', async () => {
    const port = nsqadmin.ports['HTTP']!;
    await call(port, 'POST', '/api/topics', { topic: 'admin', channel: 'ch' });
    await until(() => lookupd.topology.channels('admin').includes('ch'), 'admin ch is there');
    await call(port, 'DELETE', '/api/topics/admin/ch');
    await until(() => !lookupd.topology.channels('admin').includes('ch'), 'ch is gone');
    await call(port, 'DELETE', '/api/topics/admin');
    await until(() => !lookupd.topology.topics().includes('admin'), 'admin is gone');
    await call(port, 'DELETE', `/api/nodes/127.0.0.1:${nsqd.ports['HTTP']}`, { topic: 'orders' });
    await until(() => producers('orders').length === 0, 'the node is tombstoned for orders');
  });

  test('an nsqd that dies is gone at once', async () => {
    assert.equal(lookupd.topology.nodes().length, 1);
    await stop(nsqd, 'SIGKILL');
    await until(() => lookupd.topology.nodes().length === 0, 'the node is gone');
  });
});
