import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LookupClient, PeerClient, PeerConnection } from 'nsqlookupd/client';
import { createHttpHandler, decorate, underPrefix } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createTcpHandler, createStreamPair } from 'nsqlookupd/tcp';
import { createMemoryLookupd, FakeNsqd, ManualClock } from 'nsqlookupd/testing';

const identity = { broadcastAddress: 's', tcpPort: 1, httpPort: 1 };
const T = { timeout: 10_000 };
const settle = async () => {
  for (let i = 0; i < 10; i++) await turn();
};

// node --expose-gc; on Node 20, whose AbortSignal.any forgets no dependant
for (const [what, run] of Object.entries({
  'questions of a LookupClient': async (signal: AbortSignal) => {
    const client = new LookupClient({ lookupds: ['a:1'], fetch: async () => new Response('{"topics":[]}') });
    for (let i = 0; i < 5000; i++) await client.topics({ signal });
  },
})) {
  test(`${what} leave nothing on a signal that lives on`, T, async () => {
    const { signal } = new AbortController();
    await run(signal);
    for (let i = 0; i < 5; i++) {
      globalThis.gc!();
      await turn();
    }
    const symbol = Object.getOwnPropertySymbols(signal).find((s) => /ependantSignals/.test(String(s)))!;
    const kept = (signal as unknown as Record<symbol, Set<unknown> | undefined>)[symbol]?.size ?? 0;
    assert.ok(kept < 100, `${kept} signals are noted on it`);
  });
}

test('attempts in vain leave nothing behind', T, async () => {
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
  while (attempts < 5000) await turn();
  const [before, at] = [await heap(), attempts];
  while (attempts < at + 50_000) await turn();
  const each = ((await heap()) - before) / (attempts - at);
  await client.close();
  assert.ok(each < 20, `${each.toFixed(0)} bytes are kept of each`);
});

test('prefix tricks that hold', T, async () => {
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
  const handler = decorate(createHttpHandler({ topology }), underPrefix('/nsq'));
  const ask = async (path: string) => {
    const answer = await handler({ method: 'GET', path, query: '', headers: {} });
    return `${answer?.status} ${answer?.headers['Location'] ?? ''}`.trim();
  };
  assert.equal(await ask('/nsq//topics'), '200');
  assert.equal(await ask('/nsq%2ftopics'), 'undefined');
  assert.equal(await ask('/nsq/%2ftopics'), '200');
  assert.equal(await ask('/NSQ/topics'), 'undefined');
  assert.equal(await ask('/nsq/Topics'), '301 /nsq/topics');
  assert.equal(await ask('//nsq/topics'), 'undefined');
  assert.equal(await ask('/nsqx/topics'), 'undefined');
  assert.equal(await ask('/nsq//evil.example/TOPICS'), 'undefined');
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
  try {
    connection.destroy();
  } catch {
    // perhaps
  }
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

for (const [what, program] of Object.entries({
  'a PeerClient that is closed while connecting, identifying and up': `
    import { createServer } from 'node:net';
    import { PeerClient } from 'nsqlookupd/client';
    const identity = { broadcastAddress: 's', tcpPort: 1, httpPort: 1 };
    const mute = createServer((s) => s.on('error', () => {}).resume().unref()).listen(0, '127.0.0.1', async () => {
      const c = new PeerClient({ lookupds: ['127.0.0.1:' + mute.address().port, '127.0.0.1:1', '192.0.2.1:9'], identity });
      const started = c.start();
      setTimeout(async () => { await c.close(); await started; mute.close(); console.log('over'); }, 100);
    });`,
})) {
  test(`the process ends after ${what}`, T, () => {
    const start = Date.now();
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 8000,
    });
    assert.equal(`${status} ${stdout.trim()}`, '0 over', stderr);
    assert.ok(Date.now() - start < 3000);
  });
}
