import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  LookupClient,
  LookupError,
  type LookupClientOptions,
  PeerClient,
  RefusedError,
  type PeerClientOptions,
} from 'nsqlookupd/client';
import { createMemoryLookupd, ManualClock, type MemoryLookupd } from 'nsqlookupd/testing';
import { NEEDS_SHAPES, toShapeTest } from './support/shapes.js';

/** Lets all that can happen without time passing happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
const producer = (host: string, more = {}) => ({ broadcast_address: host, tcp_port: 4150, http_port: 4151, ...more });

/** A `fetch` that answers by host. */
function fetchFrom(answers: Readonly<Record<string, (request: Request) => Response | Promise<Response>>>) {
  const asked: Request[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    asked.push(request);
    return answers[new URL(url).host]!(request);
  };
  return { fetch, asked };
}

const refuse = () => {
  throw new TypeError('fetch failed');
};

describe('a LookupClient', () => {
  test('gives what all lookupds say together', async () => {
    const [a, b] = [createMemoryLookupd(), createMemoryLookupd()];
    const both = await Promise.all([a, b].map((lookupd) => lookupd.nsqd('both:4150')));
    for (const nsqd of both) await nsqd.register('orders', 'billing');
    const onlyB = await b.nsqd('b:4150');
    await onlyB.register('orders', 'audit');
    await onlyB.register('clicks');
    const { fetch } = fetchFrom({ 'a:4161': a.fetch, 'b:4161': b.fetch });
    const client = new LookupClient({ lookupds: ['a:4161', 'http://b:4161'], fetch });

    const { channels, producers, failures } = await client.lookup('orders');
    assert.deepEqual(channels, ['audit', 'billing']);
    assert.deepEqual(
      producers.map(({ broadcastAddress, tcpPort, lookupds }) => ({ broadcastAddress, tcpPort, lookupds })),
      [
        { broadcastAddress: 'both', tcpPort: 4150, lookupds: ['a:4161', 'http://b:4161'] },
        { broadcastAddress: 'b', tcpPort: 4150, lookupds: ['http://b:4161'] },
      ],
    );
    assert.deepEqual(failures, []);
    assert.deepEqual((await client.topics()).topics, ['clicks', 'orders']);
    assert.deepEqual((await client.channels('orders')).channels, ['audit', 'billing']);
    const { nodes } = await client.nodes();
    assert.deepEqual(
      nodes.map(({ broadcastAddress, topics }) => [broadcastAddress, topics.map(({ topic }) => topic)]),
      [
        ['both', ['orders']],
        ['b', ['clicks', 'orders']],
      ],
    );
  });

  test('gives all producers one shape, and all nodes, as V8 is slow to read those that have one each', async (t) => {
    const isOfOneShape = toShapeTest();
    if (!isOfOneShape) return t.skip(NEEDS_SHAPES);
    const producers = Array.from({ length: 100 }, (_, i) => producer(`h${i}`, { topics: ['t'], tombstones: [false] }));
    const { fetch } = fetchFrom({ 'a:1': () => json({ channels: [], producers }) });
    const client = new LookupClient({ lookupds: ['a:1'], fetch });
    for (const found of [(await client.lookup('t')).producers, (await client.nodes()).nodes]) {
      const [last, ...others] = found.slice(20).reverse(); // the first ones may have another
      assert.equal(others.length, 79);
      assert.ok(others.every((one) => isOfOneShape(one, last)));
    }
  });

  test('tells producers apart by broadcast address and TCP port', async () => {
    const producers = [
      producer('x'),
      producer('x', { tcp_port: 5150 }),
      producer('y'),
      producer('x', { http_port: 1 }),
    ];
    const { fetch } = fetchFrom({ 'a:1': () => json({ channels: [], producers }) });
    const found = await new LookupClient({ lookupds: ['a:1'], fetch }).lookup('t');
    assert.deepEqual(
      found.producers.map(({ broadcastAddress, tcpPort }) => `${broadcastAddress}:${tcpPort}`),
      ['x:4150', 'x:5150', 'y:4150'],
    );
  });

  test('a topic of a node is tombstoned when all that name it say so', async () => {
    const { fetch } = fetchFrom({
      'a:1': () => json({ producers: [producer('x', { topics: ['one', 'two'], tombstones: [true, true] })] }),
      'b:1': () => json({ producers: [producer('x', { topics: ['two', 'three'], tombstones: [false, false] })] }),
    });
    const { nodes } = await new LookupClient({ lookupds: ['a:1', 'b:1'], fetch }).nodes();
    assert.deepEqual(nodes[0]?.topics, [
      { topic: 'one', isTombstoned: true },
      { topic: 'three', isTombstoned: false },
      { topic: 'two', isTombstoned: false },
    ]);
  });

  const BAD: Readonly<Record<string, () => Response | Promise<Response>>> = {
    'is down': refuse,
    'answers 500': () => json({ message: 'INTERNAL_ERROR' }, 500),
    'answers 404 for another reason': () => json({ message: 'NOT_FOUND' }, 404),
    'answers no JSON': () => new Response('<html>'),
    'answers JSON that is no object': () => json(null),
    'answers too much': () => new Response('x'.repeat(1001)),
  };

  for (const [what, answer] of Object.entries(BAD)) {
    test(`names a lookupd that ${what}, and gives what the others say`, async () => {
      const { fetch } = fetchFrom({
        'bad:1': answer,
        'good:1': () => json({ channels: ['c'], producers: [producer('x')] }),
      });
      const client = new LookupClient({ lookupds: ['bad:1', 'good:1'], fetch, maxAnswerBytes: 1000 });
      const { producers, failures } = await client.lookup('t');
      assert.equal(producers.length, 1);
      assert.deepEqual(
        failures.map(({ address }) => address),
        ['bad:1'],
      );
      assert.ok(failures[0]?.error instanceof Error);
    });

    test(`rejects when each one ${what}`, async () => {
      const { fetch } = fetchFrom({ 'bad:1': answer, 'worse:1': answer });
      const client = new LookupClient({ lookupds: ['bad:1', 'worse:1'], fetch, maxAnswerBytes: 1000 });
      await assert.rejects(client.topics(), (error: AggregateError) => {
        assert.equal(error.errors.length, 2);
        return /bad:1: .*worse:1: /.test(error.message);
      });
    });
  }

  test('says with which status a lookupd answered', async () => {
    const { fetch } = fetchFrom({ 'bad:1': BAD['answers 500']!, 'good:1': () => json({ topics: [] }) });
    const { failures } = await new LookupClient({ lookupds: ['bad:1', 'good:1'], fetch }).topics();
    const [{ error } = assert.fail()] = failures;
    assert.ok(error instanceof LookupError);
    assert.equal(error.status, 500);
    assert.match(error.message, /500 INTERNAL_ERROR/);
  });

  test('a topic that nobody has heard of has no producers', async () => {
    const lookupd = createMemoryLookupd();
    const client = new LookupClient({ lookupds: ['a:1'], fetch: lookupd.fetch });
    assert.deepEqual(await client.lookup('none'), { channels: [], producers: [], failures: [] });
  });

  test('sends a bearer token, asked for anew each time', async () => {
    let count = 0;
    const { fetch, asked } = fetchFrom({ 'a:1': () => json({ topics: [] }) });
    const client = new LookupClient({ lookupds: ['a:1'], fetch, token: () => `secret-${++count}` });
    await client.topics();
    await client.topics();
    assert.deepEqual(
      asked.map(({ headers }) => headers.get('authorization')),
      ['Bearer secret-1', 'Bearer secret-2'],
    );
    const open = new LookupClient({ lookupds: ['a:1'], fetch });
    await open.topics();
    assert.equal(asked[2]?.headers.get('authorization'), null);
  });

  test('gives up a lookupd that takes too long', async () => {
    const clock = new ManualClock();
    const signals: AbortSignal[] = [];
    const { fetch } = fetchFrom({
      'slow:1': ({ signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
      'good:1': () => json({ topics: ['t'] }),
    });
    const client = new LookupClient({ lookupds: ['slow:1', 'good:1'], fetch, timeoutMs: 2000, timers: clock });
    const asked = client.topics();
    await settle();
    clock.advance(2000);
    const { topics, failures } = await asked;
    assert.deepEqual(topics, ['t']);
    assert.match(String(failures[0]?.error), /no answer within 2000 ms/);
    assert.equal(signals[0]?.aborted, true);
    assert.equal(clock.pending, 0);
  });

  test('is ended by a signal, before and while it asks', async () => {
    const reason = new Error('not wanted');
    const controller = new AbortController();
    const { fetch, asked } = fetchFrom({
      'a:1': ({ signal }) =>
        new Promise((_, reject) => {
          controller.abort(reason);
          if (signal.aborted) reject(signal.reason as Error);
        }),
    });
    const client = new LookupClient({ lookupds: ['a:1'], fetch });
    await assert.rejects(client.topics({ signal: controller.signal }), reason);
    await assert.rejects(client.topics({ signal: AbortSignal.abort(reason) }), reason);
    assert.equal(asked.length, 1);
  });

  test('asks under a path of the URL', async () => {
    const { fetch, asked } = fetchFrom({ 'a.test': () => json({ channels: [] }) });
    await new LookupClient({ lookupds: ['https://a.test/nsq/'], fetch }).channels('t.x');
    assert.equal(asked[0]?.url, 'https://a.test/nsq/channels?topic=t.x');
  });

  test('takes misuse for misuse', async () => {
    for (const lookupds of [[], ['a'], ['http://'], ['a b:1'], ['ftp://a'], ['http://u:p@a:1'], 'a:1']) {
      const options = { lookupds } as LookupClientOptions;
      assert.throws(() => new LookupClient(options), TypeError, JSON.stringify(lookupds));
    }
    assert.throws(() => new LookupClient({ lookupds: ['a:1'], timeoutMs: 0 }), TypeError);
    const client = new LookupClient({ lookupds: ['a:1'], fetch: refuse });
    await assert.rejects(client.lookup('no topic'), TypeError);
    await assert.rejects(client.channels(''), TypeError);
  });
});

interface Announced {
  readonly client: PeerClient;
  readonly clock: ManualClock;
  readonly lookupds: Readonly<Record<string, MemoryLookupd>>;
  readonly log: string[];
}

/** A client of two lookupds, `a:1` and `b:1`, in memory. */
function announce(options: Partial<PeerClientOptions> = {}): Announced {
  const clock = new ManualClock();
  const lookupds = { 'a:1': createMemoryLookupd({ clock }), 'b:1': createMemoryLookupd({ clock }) };
  const client = new PeerClient({
    lookupds: Object.keys(lookupds),
    identity: { broadcastAddress: 'service.test', tcpPort: 9000, httpPort: 9001, version: '2.0' },
    connect: (address) => lookupds[address as keyof typeof lookupds].connect(),
    timers: clock,
    random: () => 0,
    ...options,
  });
  const log: string[] = [];
  client.on('connected', (address) => log.push(`${address} connected`));
  client.on('disconnected', (address, { message }) => log.push(`${address} ${message}`));
  return { client, clock, lookupds, log };
}

const topicsOf = ({ topology }: MemoryLookupd) =>
  topology.nodes().flatMap(({ topics }) => topics.map((topic) => (typeof topic === 'string' ? topic : topic.topic)));

describe('a PeerClient', () => {
  test('announces itself to each lookupd, with what was registered before and after', async () => {
    const { client, lookupds, log } = announce();
    await client.register('before', 'c');
    await client.start();
    await client.register('after');
    for (const { topology } of Object.values(lookupds)) {
      const { producers, channels } = topology.lookup('before') ?? assert.fail();
      assert.deepEqual(channels, ['c']);
      const { broadcastAddress, tcpPort, httpPort, hostname, version } = producers[0]!;
      assert.deepEqual(
        { broadcastAddress, tcpPort, httpPort, hostname, version },
        { broadcastAddress: 'service.test', tcpPort: 9000, httpPort: 9001, hostname: 'service.test', version: '2.0' },
      );
      assert.equal(topology.lookup('after')?.producers.length, 1);
    }
    assert.deepEqual(log, ['a:1 connected', 'b:1 connected']);
    await client.unregister('before');
    for (const { topology } of Object.values(lookupds)) assert.equal(topology.lookup('before')?.producers.length, 0);
    await client.close();
    for (const { topology } of Object.values(lookupds)) assert.deepEqual(topology.nodes(), []);
  });

  test('begins without the lookupds that are down, and tells those when they are back', async () => {
    const { client, clock, lookupds, log } = announce();
    lookupds['b:1']!.goDown();
    await client.register('t');
    await client.start();
    assert.deepEqual(log, ['b:1 the lookupd is down', 'a:1 connected']);
    assert.deepEqual(
      client.status.map(({ address, isConnected, lastError }) => [address, isConnected, lastError?.message]),
      [
        ['a:1', true, undefined],
        ['b:1', false, 'the lookupd is down'],
      ],
    );
    lookupds['b:1']!.comeUp();
    await settle();
    clock.advance(100);
    await settle();
    assert.equal(lookupds['b:1']!.topology.lookup('t')?.producers.length, 1);
    assert.equal(log.at(-1), 'b:1 connected');
    await client.close();
  });

  test('registers everything anew after a lookupd was killed and came back', async () => {
    const { client, clock, lookupds, log } = announce();
    await client.start();
    await client.register('t', 'c');
    await client.register('gone', 'c');
    await client.unregister('t', 'c');
    await client.unregister('gone');
    const a = lookupds['a:1']!;
    a.goDown();
    await settle();
    await client.register('meanwhile');
    a.comeUp();
    clock.advance(100);
    await settle();
    assert.deepEqual(a.topology.topics().sort(), ['meanwhile', 't']);
    assert.deepEqual(a.topology.channels('t'), []);
    assert.equal(a.topology.lookup('meanwhile')?.producers.length, 1);
    assert.deepEqual(log.slice(2), ['a:1 connection closed', 'a:1 connected']);
    await client.close();
  });

  test('waits twice as long after each failure, up to a limit, and from the start after a success', async () => {
    const { client, clock, lookupds, log } = announce({ minBackoffMs: 100, maxBackoffMs: 1000, lookupds: ['a:1'] });
    const a = lookupds['a:1']!;
    a.goDown();
    await client.start();
    for (const pauseMs of [100, 200, 400, 800, 1000, 1000]) {
      await settle();
      const before = log.length;
      clock.advance(pauseMs - 1);
      await settle();
      assert.equal(log.length, before, `before ${pauseMs} ms`);
      clock.advance(1);
      await settle();
      assert.equal(log.length, before + 1, `after ${pauseMs} ms`);
    }
    a.comeUp();
    clock.advance(1000);
    await settle();
    assert.equal(log.at(-1), 'a:1 connected');
    a.goDown();
    await settle();
    a.comeUp();
    clock.advance(100);
    await settle();
    assert.equal(log.at(-1), 'a:1 connected');
    await client.close();
  });

  test('pings, so that it stays named', async () => {
    const { client, clock, lookupds } = announce();
    await client.register('t');
    await client.start();
    for (let i = 0; i < 40; i++) {
      clock.advance(15_000);
      await settle();
    }
    for (const { topology } of Object.values(lookupds)) assert.equal(topology.lookup('t')?.producers.length, 1);
    await client.close();
    assert.equal(clock.pending, 2, 'only the lookupds’ own timers are left');
  });

  test('drops a lookupd that does not answer a ping, and connects anew', async () => {
    const { client, clock, lookupds, log } = announce({ lookupds: ['a:1'] });
    let isDeaf = false;
    const { client: other } = announce();
    await other.close();
    const deaf = new PeerClient({
      lookupds: ['a:1'],
      identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
      timers: clock,
      random: () => 0,
      connect: () => {
        const stream = lookupds['a:1']!.connect();
        const write = stream.write.bind(stream);
        stream.write = (bytes) => isDeaf || write(bytes);
        return stream;
      },
    });
    deaf.on('disconnected', (_, { message }) => log.push(message));
    await deaf.register('t');
    await deaf.start();
    isDeaf = true;
    clock.advance(15_000);
    await settle();
    clock.advance(5000);
    await settle();
    assert.deepEqual(log, ['a:1 did not answer within 5000 ms']);
    isDeaf = false;
    clock.advance(100);
    await settle();
    assert.deepEqual(topicsOf(lookupds['a:1']!), ['t']);
    await deaf.close();
    await client.close();
  });

  test('gives up a connection that does not come up in time', async () => {
    const clock = new ManualClock();
    let opened = 0;
    const signals: AbortSignal[] = [];
    const client = new PeerClient({
      lookupds: ['a:1'],
      identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
      timers: clock,
      timeoutMs: 1000,
      connect: (_, signal) => {
        opened++;
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    const started = client.start();
    clock.advance(1000);
    await started;
    assert.equal(client.status[0]?.isConnected, false);
    assert.match(String(client.status[0]?.lastError), /did not answer within 1000 ms/);
    assert.equal(signals[0]?.aborted, true);
    await settle();
    clock.advance(100);
    await settle();
    assert.equal(opened, 2);
    await client.close();
    assert.equal(signals[1]?.aborted, true);
  });

  test('says why a lookupd refuses it', async () => {
    const clock = new ManualClock();
    const lookupd = createMemoryLookupd({ clock, maxRegistrationsPerPeer: 2 });
    const client = new PeerClient({
      lookupds: ['a:1'],
      identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
      timers: clock,
      connect: () => lookupd.connect(),
    });
    await client.start();
    await client.register('one');
    await client.register('two');
    await settle();
    const error = client.status[0]?.lastError;
    assert.ok(error instanceof RefusedError);
    assert.equal(error.code, 'E_INVALID');
    await client.close();
  });

  test('a listener that throws disturbs nothing', async () => {
    const errors: unknown[] = [];
    const { client } = announce({ onError: (error) => errors.push(error) });
    client.on('connected', () => {
      throw new Error('mine');
    });
    await client.start();
    assert.deepEqual(
      client.status.map(({ isConnected }) => isConnected),
      [true, true],
    );
    assert.equal(errors.length, 2);
    await client.close();
  });

  test('takes misuse for misuse', async () => {
    const identity = { broadcastAddress: 's', tcpPort: 1, httpPort: 1 };
    const bad: Partial<PeerClientOptions>[] = [
      { lookupds: [] },
      { lookupds: ['a'] },
      { lookupds: ['a:0'] },
      { identity: { ...identity, broadcastAddress: '' } },
      { identity: { ...identity, tcpPort: 0 } },
      { identity: { ...identity, httpPort: 65_536 } },
      { pingIntervalMs: 0 },
      { timeoutMs: Number.NaN },
      { minBackoffMs: 2, maxBackoffMs: 1 },
    ];
    for (const options of bad) {
      assert.throws(
        () => new PeerClient({ lookupds: ['a:1'], identity, ...options }),
        TypeError,
        JSON.stringify(options),
      );
    }
    const { client } = announce();
    await assert.rejects(client.register('no topic'), TypeError);
    await assert.rejects(client.register('t', 'no channel'), TypeError);
    await client.start();
    await assert.rejects(client.start(), TypeError);
    await client.close();
    await assert.rejects(client.register('t'), TypeError);
    await assert.rejects(client.start(), TypeError);
  });
});
