import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { createUnionHandler, type UnionHandler } from 'nsqlookupd/client';
import { createHttpHandler, toNodeHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createPeer, ManualClock } from 'nsqlookupd/testing';
import { UnionMember, UnionWorld, until, untilBy } from './support/union-world.js';

const ask = (union: UnionHandler, path: string, query = '', method = 'GET') =>
  Promise.resolve(union({ method, path, query, headers: {} })).then((answer) => answer!);

const never = () => new Promise<never>(() => undefined);

async function serve(listener: RequestListener, host = '127.0.0.1') {
  const server = createServer(listener);
  await once(server.listen(0, host), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe('a lookupd of a union', () => {
  const answers: Readonly<Record<string, () => Promise<Response>>> = {
    'does not answer': never,
    'begins an answer': () => Promise.resolve(new Response(new ReadableStream())),
    'begins a stream': () =>
      Promise.resolve(new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })),
  };
  for (const [what, answer] of Object.entries(answers)) {
    test(`that ${what}, and says nothing, keeps a first read waiting for the timeout alone`, async () => {
      const clock = new ManualClock();
      const a = new UnionMember(true);
      a.topology.createTopic('orders');
      const fetch = (url: string, init: RequestInit) => (new URL(url).hostname === 'a' ? a.fetch(url, init) : answer());
      const union = createUnionHandler({ lookupds: ['a:1', 'b:1'], fetch, timers: clock, clock: clock.now });
      let status: number | undefined;
      void ask(union, '/topics').then((answered) => (status = answered.status));
      await untilBy(clock, () => union.topology.topics().length === 1);
      assert.equal(status, undefined);
      await clock.advanceAsync(5000);
      assert.equal(status, 200);
      union.close();
      await clock.advanceAsync(0);
      assert.equal(clock.pending, 0);
    });
  }

  test('that names forty thousand topics and channels is taken in over many turns', async () => {
    const names = (start: string) => Array.from({ length: 20_000 }, (_, i) => `${start}${i}`);
    let start = 'topic';
    const pad = ' '.repeat(10_000_000);
    const lists: Readonly<Record<string, () => string>> = {
      '/topics': () => JSON.stringify({ topics: names(start) }) + pad,
      '/nodes': () => '{"producers":[]}',
      '/channels': () => '{"channels":[]}',
    };
    const channels = JSON.stringify({ channels: names('channel') });
    const fetch = (href: string) => {
      const url = new URL(href);
      const isWide = url.pathname === '/channels' && url.searchParams.get('topic') === 'topic0';
      const body = isWide ? channels : lists[url.pathname]?.();
      return Promise.resolve(new Response(body ?? '404', { status: body === undefined ? 404 : 200 }));
    };
    const union = createUnionHandler({ lookupds: ['a:1'], fetch, pollMs: 1 });
    let [inTurn, most] = [0, 0];
    union.topology.db.onChange(() => (most = Math.max(most, ++inTurn)));
    const turnsUntil = async (isSo: () => boolean) => {
      for (let turns = 0; turns < 100_000 && !isSo(); turns++) {
        inTurn = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await turnsUntil(() => union.lookupds[0]?.state === 'up');
    assert.equal(union.topology.topics().length, 20_000);
    assert.equal(union.topology.channels('topic0').length, 20_000);
    start = 'other'; // what it tells from now on is taken over in the registry that is answered from
    await turnsUntil(() => union.topology.lookup('other19999') !== undefined);
    assert.equal(union.topology.lookup('topic0'), undefined);
    assert.ok(most < 5000, `${most} changes in one turn`);
    union.close();
  });

  for (const [what, more] of Object.entries({
    'at one address': () => ({}),
    'on the ports of one host': (i: number) => ({ tcpPort: 10_000 + i }),
  }))
    test(`that names very many nsqds ${what} costs what one does that names as many elsewhere`, async (t) => {
      const NSQDS = 1000;
      const member = new UnionMember(false);
      for (let i = 0; i < NSQDS; i++)
        member.topology.register(member.peer(`n${i}`, { broadcastAddress: 'one', ...more(i) }), 'orders');
      const looks = t.mock.method(RegistrationDB.prototype, 'getProducer');
      const walks = t.mock.method(RegistrationDB.prototype, 'peersAt');
      const union = createUnionHandler({ lookupds: ['a:1'], fetch: member.fetch });
      await union.ready();
      member.topology.register(member.peer('last', { broadcastAddress: 'one', tcpPort: 1 }), 'orders');
      const isLast = () => union.topology.producers('orders')!.producers.some(({ tcpPort }) => tcpPort === 1);
      await until(isLast, 'the last is there');
      for (let i = 0; i < NSQDS; i++) member.leave(`n${i}`);
      await until(() => union.topology.producers('orders')!.producers.length === 1, 'they have gone');
      const walked = walks.mock.calls.reduce((sum, { result = [] }) => sum + result.length, 0);
      const steps = looks.mock.callCount() + walked;
      assert.ok(steps < 100 * NSQDS, `${steps} steps`);
      union.close();
      member.goDown();
    });

  test('that ends its stream over and over, or is asked for much at once, leaves no listeners behind', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    const clock = new ManualClock();
    using world = new UnionWorld(1, 1, {}, clock);
    const [own, original] = world.members;
    for (let i = 0; i < 20; i++) original!.topology.createTopic(`t${i}`);
    await untilBy(clock, () => world.union.topology.topics().length === 20);
    for (let i = 0; i < 15; i++) {
      own!.goDown();
      await untilBy(clock, () => world.union.lookupds[0]!.state === 'grace');
      own!.restart();
      await untilBy(clock, () => world.union.lookupds[0]!.state === 'up');
    }
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  test('whose answer is longer than may be counts as down', async () => {
    const fetch = () => Promise.resolve(new Response(`{"topics":[]}${' '.repeat(1000)}`));
    const union = createUnionHandler({ lookupds: ['a:1'], fetch, maxAnswerBytes: 1000 });
    assert.equal(await union.ready(), false);
    assert.match(union.lookupds[0]!.reason!, /longer than 1000 bytes/);
    union.close();
  });

  test('that sends elsewhere is not followed, for reads or writes', async () => {
    let asked = 0;
    using elsewhere = await serve((_, response) => {
      asked++;
      response.end('{"topics":[],"producers":[]}');
    });
    for (const status of [301, 302, 307, 308]) {
      using redirecting = await serve(({ url }, response) => {
        response.writeHead(status, { Location: `http://127.0.0.1:${elsewhere.port}${url}` }).end();
      });
      const lookupd = `127.0.0.1:${redirecting.port}`;
      const union = createUnionHandler({ lookupds: [lookupd], token: 'a-token-of-the-lookupds' });
      assert.equal(await union.ready(), false);
      assert.match(union.lookupds[0]!.reason!, new RegExp(`status ${status}`));
      const { body } = await ask(union, '/topic/create', 'topic=orders', 'POST');
      assert.equal(body, JSON.stringify({ failures: [{ lookupd, message: `status ${status}` }] }));
      union.close();
    }
    assert.equal(asked, 0);
  });

  test('is asked for over IPv6, and an nsqd there is one however its address is written', async (t) => {
    const topology = new Topology({ db: new RegistrationDB() });
    const listening = serve(toNodeHandler(createHttpHandler({ topology })), '::1');
    using server = await listening.catch(() => undefined);
    if (!server) return t.skip('no IPv6 here');
    const own = new UnionMember(true);
    own.topology.register(own.peer('n1', { broadcastAddress: 'fd00::1' }), 'orders');
    const peer = createPeer('h:4150', { broadcastAddress: '[fd00::1]', lastUpdateMs: topology.clock() });
    topology.join(peer);
    topology.register(peer, 'orders');
    const fetch = (url: string, init: RequestInit) =>
      new URL(url).hostname === 'a' ? own.fetch(url, init) : globalThis.fetch(url, init);
    const union = createUnionHandler({ lookupds: [`[::1]:${server.port}`, 'a:1'], fetch, pollMs: 5 });
    assert.equal(await union.ready(), true);
    assert.equal(union.topology.lookup('orders')!.producers.length, 1);
    const { status } = await ask(union, '/topic/tombstone', 'topic=orders&node=[fd00::1]:4151', 'POST');
    assert.equal(status, 200);
    await until(() => union.topology.lookup('orders')!.producers.length === 0);
    union.close();
  });
});

describe('the addresses of a union', () => {
  test('that are not told in time are asked for again, and reads do not wait', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const lookupds = () => (asked++ === 0 ? never() : ['a:1']);
    using world = new UnionWorld(1, 0, { lookupds, onError: () => undefined }, clock);
    world.members[0]!.topology.createTopic('orders');
    const first = world.ask('/topics');
    await clock.advanceAsync(5000);
    assert.equal((await first).status, 502);
    await untilBy(clock, async () => (await world.ask('/topics')).text === '{"topics":["orders"]}');
    assert.equal(asked, 2);
  });

  test('that go and come again, or cannot be told, change nothing within the grace', async () => {
    const clock = new ManualClock();
    const answers = [['a:1', 'b:1'], ['a:1'], new Error('SERVFAIL'), ['b:1', 'a:1', 'b:1']];
    let round = -1;
    const lookupds = () => {
      const answer = answers[Math.min(++round, answers.length - 1)]!;
      if (answer instanceof Error) throw answer;
      return answer;
    };
    using world = new UnionWorld(1, 1, { lookupds, onError: () => undefined }, clock);
    for (const [i, member] of world.members.entries()) member.topology.register(member.peer(`n${i}`), 'orders');
    await untilBy(clock, async () => (await world.producers('orders')) === 'n0 n1');
    const seen = new Set<string>();
    await untilBy(clock, async () => {
      seen.add(await world.producers('orders'));
      return round > answers.length;
    });
    assert.deepEqual([...seen], ['n0 n1']);
    assert.deepEqual(
      world.union.lookupds.map(({ address, state }) => `${address} ${state}`),
      ['a:1 up', 'b:1 up'],
    );
  });
});
