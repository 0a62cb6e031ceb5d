import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LookupClient, PeerClient, PeerConnection } from 'nsqlookupd/client';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createTcpHandler, createStreamPair } from 'nsqlookupd/tcp';
import { createMemoryLookupd, FakeNsqd, ManualClock } from 'nsqlookupd/testing';

const identity = { broadcastAddress: 's', tcpPort: 1, httpPort: 1 };
const T = { timeout: 10_000 };
const settle = async () => {
  for (let i = 0; i < 10; i++) await turn();
};

// node --expose-gc
test('questions of a LookupClient leave nothing on a signal that lives on', T, async () => {
  const { signal } = new AbortController();
  const fetch = () => Promise.resolve(new Response('{"topics":[]}'));
  const client = new LookupClient({ lookupds: ['a:1'], fetch });
  const any = AbortSignal.any.bind(AbortSignal);
  let dependants = 0;
  AbortSignal.any = (signals) => {
    dependants++; // Node 20 forgets none of them
    return any(signals);
  };
  try {
    for (let i = 0; i < 100; i++) await client.topics({ signal });
  } finally {
    AbortSignal.any = any;
  }
  assert.deepEqual([getEventListeners(signal, 'abort').length, dependants], [0, 0]);
});

test('attempts in vain leave nothing behind', T, async (t) => {
  let attempts = 0;
  const client = new PeerClient({
    lookupds: ['a:1'],
    identity,
    timers: {
      setTimeout: (callback, ms) => (ms < 100 ? setImmediate(callback) : undefined),
      clearTimeout: () => undefined,
    },
    minBackoffMs: 0,
    maxBackoffMs: 0,
    connect: () => {
      attempts++;
      throw new Error('down');
    },
  });
  await client.start();
  const heap = async () => {
    for (let i = 0; i < 5; i++) {
      globalThis.gc!();
      await turn();
    }
    return process.memoryUsage().heapUsed;
  };
  while (attempts < 5000) await turn(undefined, { signal: t.signal });
  const [before, at] = [await heap(), attempts];
  while (attempts < at + 50_000) await turn(undefined, { signal: t.signal });
  const each = ((await heap()) - before) / (attempts - at);
  await client.close();
  assert.ok(each < 20, `${each.toFixed(0)} bytes are kept of each`);
});

test('a connection whose stream throws at destroy has ended all the same', T, async () => {
  const [ours] = duplexPair();
  ours.destroy = () => {
    throw new Error('destroy');
  };
  const connection = new PeerConnection(ours);
  const ping = connection.send({ type: 'ping' }).then(
    () => 'resolved',
    () => 'rejected',
  );
  connection.destroy();
  assert.equal(await Promise.race([ping, settle().then(() => 'pending')]), 'rejected');
});

test('a FakeNsqd that was refused is off the lookupd', T, async () => {
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
  const handler = createTcpHandler({
    topology,
    announce: { broadcastAddress: 'a', tcpPort: 1, httpPort: 2 },
    timers: new ManualClock(),
  });
  const [ours, theirs] = createStreamPair();
  handler(ours);
  const nsqd = new FakeNsqd('h:1', theirs);
  await nsqd.identify();
  await nsqd.register('no/topic').catch(() => undefined);
  await nsqd.closed;
  await settle();
  assert.equal(handler.connections, 0);
});

test('listeners that close, register and unregister from within', T, async () => {
  const lookupd = createMemoryLookupd();
  const client = new PeerClient({
    lookupds: ['a:1'],
    identity,
    timers: lookupd.clock,
    random: () => 0,
    connect: () => lookupd.connect(),
  });
  let connected = 0;
  client.on('connected', () => {
    connected++;
    void client.register('more');
    void client.unregister('less');
  });
  client.on('disconnected', () => void client.close());
  await client.register('less');
  await client.start();
  await settle();
  assert.deepEqual(
    lookupd.topology.nodes()[0]?.topics.map(({ topic }) => topic),
    ['more'],
  );
  lookupd.goDown();
  lookupd.comeUp();
  await settle();
  lookupd.clock.advance(60_000);
  await settle();
  assert.equal(connected, 1);
  assert.equal(lookupd.topology.nodes().length, 0);
});

const PROGRAM = `
import { createServer } from 'node:net';
import { PeerClient } from 'nsqlookupd/client';
const identity = { broadcastAddress: 's', tcpPort: 1, httpPort: 1 };
let connected;
const isAsked = new Promise((resolve) => (connected = resolve));
const mute = createServer((s) => connected(s.on('error', () => {}).resume().unref())).listen(0, '127.0.0.1', async () => {
  const lookupds = ['127.0.0.1:' + mute.address().port, '127.0.0.1:1'];
  const client = new PeerClient({ lookupds, identity, timeoutMs: 60_000 });
  const started = client.start();
  await isAsked;
  await client.close();
  await started;
  mute.close();
  console.log('over');
});`;

test('the process ends when a PeerClient is closed that waits for a mute lookupd, and one that refuses', T, () => {
  // Were a timer of the client left, it would last a minute.
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    encoding: 'utf8',
    timeout: 8000,
  });
  assert.equal(`${status} ${stdout.trim()}`, '0 over', stderr);
});
