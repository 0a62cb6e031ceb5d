import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedError, LookupClient, PeerClient, RefusedError } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';
import { channelRegistration } from 'nsqlookupd/registry';
import {
  createMemoryLookupd,
  createPeer,
  createSocketTarget,
  DEFAULT_START_MS,
  FakeNsqd,
  loadScenarios,
  ManualClock,
  playScenario,
  ScenarioError,
  createTopology,
  type ScenarioTarget,
  type TopologyLiteral,
} from 'nsqlookupd/testing';

describe('a ManualClock', () => {
  test('stands until it is turned', () => {
    const clock = new ManualClock(5);
    assert.equal(clock.now(), 5);
    clock.advance(10);
    assert.equal(clock.now(), 15);
    clock.set(1);
    assert.equal(clock.now(), 1);
    assert.throws(() => clock.advance(-1), TypeError);
    assert.throws(() => clock.advance(Number.NaN), TypeError);
    assert.equal(new ManualClock().now(), DEFAULT_START_MS);
  });

  test('calls timers in order, each at its time, also those that one of them sets', () => {
    const clock = new ManualClock(0);
    const log: string[] = [];
    const say = (word: string) => () => log.push(`${word} at ${clock.now()}`);
    clock.setTimeout(say('late'), 30);
    clock.setTimeout(() => clock.setTimeout(say('nested'), 5), 10);
    clock.setTimeout(say('first'), 20);
    clock.setTimeout(say('second'), 20);
    clock.clearTimeout(clock.setTimeout(say('cleared'), 1));
    assert.equal(clock.pending, 4);
    clock.advance(20);
    assert.deepEqual(log, ['nested at 15', 'first at 20', 'second at 20']);
    clock.set(1000); // no time passes by that
    clock.advance(10);
    assert.deepEqual(log.at(-1), 'late at 1010');
    assert.equal(clock.pending, 0);
  });
});

test('a ManualClock that goes on asynchronously lets answers arrive in between', async () => {
  const lookupd = createMemoryLookupd();
  const { clock } = lookupd;
  const peer = new PeerClient({
    lookupds: ['a:1'],
    identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
    connect: () => lookupd.connect(),
    timers: clock,
  });
  const lost: string[] = [];
  peer.on('disconnected', (_, { message }) => lost.push(message));
  await peer.register('orders');
  await peer.start();
  const startMs = clock.now();
  await clock.advanceAsync(3_600_000);
  assert.equal(clock.now() - startMs, 3_600_000);
  assert.equal(lookupd.topology.lookup('orders')?.producers.length, 1);
  assert.deepEqual(lost, []);
  await assert.rejects(clock.advanceAsync(-1), TypeError);
  await peer.close();
});

describe('topology', () => {
  test('fills a registry as the literal says', () => {
    const fleet = createTopology({
      'host-1:4150': { orders: ['billing', 'audit'] },
      'host-2:5150': { orders: ['billing'], clicks: [] },
      '[::1]:4150': {},
    });
    assert.deepEqual(fleet.topics().sort(), ['clicks', 'orders']);
    assert.deepEqual([...fleet.channels('orders')].sort(), ['audit', 'billing']);
    assert.deepEqual(
      fleet
        .lookup('orders')
        ?.producers.map(({ broadcastAddress, tcpPort, httpPort }) => [broadcastAddress, tcpPort, httpPort]),
      [
        ['host-1', 4150, 4151],
        ['host-2', 5150, 5151],
      ],
    );
    assert.equal(fleet.nodes().length, 3);
    assert.deepEqual(createTopology({}).nodes(), []);
  });

  test('goes by a clock that is handed in', () => {
    const clock = new ManualClock();
    const fleet = createTopology(
      { 'host-1:4150': { orders: [] } },
      { clock: clock.now, inactiveProducerTimeoutMs: 1000 },
    );
    assert.equal(fleet.lookup('orders')?.producers.length, 1);
    clock.advance(1001);
    assert.equal(fleet.lookup('orders')?.producers.length, 0);
  });

  test('refuses what is no topic with a list of channels', () => {
    for (const topics of [{ 'a/b': [] }, { t: ['c', 'no channel'] }, { t: 'c' }, ['t']]) {
      assert.throws(() => createTopology({ 'host:1': topics } as TopologyLiteral), TypeError, JSON.stringify(topics));
    }
  });

  test('refuses a node that is not host:port', () => {
    for (const name of ['host', 'host:', ':4150', 'host:0', 'host:65536', '::1:4150', '']) {
      assert.throws(() => createTopology({ [name]: {} }), TypeError, name);
      assert.throws(() => createPeer(name), TypeError, name);
    }
  });
});

describe('a FakeNsqd', () => {
  test('is an nsqd to a lookupd in memory', async () => {
    const lookupd = createMemoryLookupd();
    const nsqd = new FakeNsqd('host-1:4150', lookupd.connect(), { version: '9.9' });
    const { broadcastAddress, tcpPort, httpPort } = await nsqd.identify();
    assert.deepEqual([broadcastAddress, tcpPort, httpPort], ['memory.test', 4160, 4161]);
    await Promise.all([nsqd.register('orders', 'billing'), nsqd.register('clicks'), nsqd.ping()]);
    assert.equal(lookupd.topology.lookup('orders')?.producers[0]?.version, '9.9');
    await nsqd.unregister('orders', 'billing');
    assert.equal(lookupd.db.countProducers(channelRegistration('orders', 'billing')), 0);
    nsqd.drop();
    assert.ok((await nsqd.closed) instanceof ClosedError);
    await assert.rejects(nsqd.ping(), ClosedError);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(lookupd.topology.nodes(), []);
  });

  test('is refused what is not legal', async () => {
    const lookupd = createMemoryLookupd();
    const nsqd = await lookupd.nsqd('host-1:4150');
    await assert.rejects(
      nsqd.register('no/topic'),
      (error) => error instanceof RefusedError && error.code === 'E_BAD_TOPIC',
    );
    const early = new FakeNsqd('host-2:4150', lookupd.connect());
    early.sendBytes(new TextEncoder().encode('  V1'));
    await assert.rejects(early.register('t'), { code: 'E_INVALID' });
  });

  test('pings until it goes silent, and is then left out', async () => {
    const lookupd = createMemoryLookupd();
    const { clock } = lookupd;
    const nsqd = await lookupd.nsqd('host-1:4150');
    await nsqd.register('orders');
    nsqd.pingEvery(15_000, clock);
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 15_000) {
        clock.advance(15_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await pass(900_000);
    assert.equal(lookupd.topology.lookup('orders')?.producers.length, 1);
    nsqd.goSilent();
    await pass(315_000);
    assert.equal(lookupd.topology.lookup('orders')?.producers.length, 0);
    assert.equal(lookupd.topology.nodes().length, 0);
  });

  test('speaks over a real socket, too', { timeout: 20_000 }, async () => {
    await using lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
    await lookupd.listen();
    const nsqd = await FakeNsqd.connect(lookupd.tcpAddress!, 'host-1:4150');
    await nsqd.identify();
    await nsqd.register('orders');
    const client = new LookupClient({ lookupds: [lookupd.httpAddress!] });
    assert.equal((await client.lookup('orders')).producers[0]?.broadcastAddress, 'host-1');
    nsqd.drop();
    await assert.rejects(FakeNsqd.connect('127.0.0.1:1', 'host-1:4150'), { code: 'ECONNREFUSED' });
  });
});

describe('a lookupd in memory', () => {
  test('answers fetch as one on a server would', async () => {
    const { fetch } = createMemoryLookupd();
    assert.equal((await fetch('http://x/topic/create?topic=t', { method: 'POST' })).status, 200);
    assert.deepEqual(await (await fetch(new URL('http://x/topics'))).json(), { topics: ['t'] });
    assert.equal((await fetch(new Request('http://x/none'))).status, 404);
    await assert.rejects(fetch('http://x/topics', { signal: AbortSignal.abort(new Error('no')) }), /no/);
  });

  test('can be down, and comes back without what it knew', async () => {
    const lookupd = createMemoryLookupd();
    const nsqd = await lookupd.nsqd('host-1:4150');
    await nsqd.register('orders', 'billing');
    lookupd.goDown();
    await nsqd.closed;
    await assert.rejects(lookupd.fetch('http://x/topics'), TypeError);
    assert.throws(() => lookupd.connect(), { code: 'ECONNREFUSED' });
    lookupd.comeUp();
    assert.deepEqual(await (await lookupd.fetch('http://x/topics')).json(), { topics: [] });
    assert.deepEqual(lookupd.db.indexSizes, { categories: 0, keys: 0, peers: 0 });
  });
});

describe('the recorded scenarios', () => {
  test('are 159, each with a name of its own', async () => {
    const scenarios = await loadScenarios();
    assert.equal(scenarios.length, 159);
    assert.equal(new Set(scenarios.map(({ name }) => name)).size, 159);
  });

  test('fail an implementation that does otherwise, and say where', async () => {
    const silent: ScenarioTarget = {
      facts: {},
      open: () =>
        Promise.resolve({
          address: 'x:1',
          send: () => Promise.resolve(),
          receive: () => Promise.resolve('timeout' as const),
          end: () => Promise.resolve(),
          close: () => Promise.resolve(),
        }),
      http: () => Promise.resolve({ status: 200, headers: {}, text: '{}' }),
      sleep: () => Promise.resolve(),
    };
    const results = await Promise.allSettled((await loadScenarios()).map((scenario) => playScenario(scenario, silent)));
    const passed = results.filter(({ status }) => status === 'fulfilled').length;
    assert.equal(passed, 0);
    for (const result of results) {
      assert.ok(result.status === 'rejected' && result.reason instanceof ScenarioError);
      assert.match(result.reason.message, /^step \d+: .*\nexpected: .*\nseen: /s);
    }
  });

  test('can be played against whatever listens', { timeout: 20_000 }, async () => {
    await using lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      broadcastAddress: 'lookupd.test',
    });
    await lookupd.listen();
    const { hostname } = await import('node:os');
    const target = createSocketTarget({
      tcpAddress: lookupd.tcpAddress!,
      httpAddress: lookupd.httpAddress!,
      hostname: hostname(),
      version: '1.3.0',
    });
    const [first] = await loadScenarios();
    await playScenario(first!, target);
  });
});
