import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createUnionHandler, type UnionHandler } from 'nsqlookupd/client';
import { toFetchHandler } from 'nsqlookupd/http';
import { ManualClock } from 'nsqlookupd/testing';
import { UnionWorld, untilBy } from './support/union-world.js';

const KINDS = { 'one of ours': [2, 0], 'the original': [0, 2], both: [1, 1] } as const;

describe('a union', () => {
  for (const [name, [ours, originals]] of Object.entries(KINDS)) {
    describe(`of ${name}`, () => {
      test('answers for all as one, and follows what changes', async () => {
        const clock = new ManualClock();
        using world = new UnionWorld(ours, originals, {}, clock);
        const [a, b] = world.members.map((member) => member);
        a!.topology.createChannel('made', 'c');
        a!.topology.register(a!.peer('n1'), 'orders', 'billing');
        b!.topology.register(b!.peer('n1'), 'orders', 'mail');
        b!.topology.register(b!.peer('n2'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1 n2');
        await untilBy(
          clock,
          async () => (await world.json<{ channels: string[] }>('/channels', 'topic=orders')).channels.length === 2,
        );
        const { topics } = await world.json<{ topics: string[] }>('/topics');
        assert.deepEqual([...topics].sort(), ['made', 'orders']);
        assert.deepEqual(await world.json('/channels', 'topic=made'), { channels: ['c'] });
        const { producers } = await world.json<{ producers: { topics: string[] }[] }>('/nodes');
        assert.equal(producers.length, 2);
        assert.equal((await world.ask('/lookup', 'topic=none')).status, 404);
        assert.equal((await world.ask('/lookup')).text, '{"message":"MISSING_ARG_TOPIC"}');

        a!.leave('n1');
        b!.topology.register(b!.peer('n3'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1 n2 n3');
        b!.leave('n1');
        b!.leave('n2');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n3');
        a!.topology.deleteTopic('made');
        await untilBy(clock, async () => !(await world.ask('/topics')).text.includes('made'));
      });

      test('hides a producer only when all that name it do', async () => {
        const clock = new ManualClock();
        using world = new UnionWorld(ours, originals, {}, clock);
        const [a, b] = world.members;
        for (const member of world.members) member.topology.register(member.peer('n1'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1');
        a!.topology.tombstone('orders', 'n1:4151');
        a!.topology.register(a!.peer('marker'), 'seen');
        await untilBy(clock, async () => (await world.producers('seen')) === 'marker');
        assert.equal(await world.producers('orders'), 'n1');
        b!.topology.tombstone('orders', 'n1:4151');
        await untilBy(clock, async () => (await world.producers('orders')) === '');
        const nodes = await world.json<{ producers: { broadcast_address: string; tombstones: boolean[] }[] }>('/nodes');
        const node = nodes.producers.find(({ broadcast_address: host }) => host === 'n1');
        assert.deepEqual(node?.tombstones, [true]);
        a!.leave('n1');
        a!.topology.register(a!.peer('n1'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1');
      });

      test('names a producer for as long as one of them hears of it', async () => {
        const clock = new ManualClock();
        using world = new UnionWorld(ours, originals, {}, clock);
        const [a, b] = world.members;
        for (const member of world.members) member.topology.register(member.peer('n1'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1');
        const fallSilent = (member: (typeof world.members)[number]) => {
          const peer = member.peer('n1');
          peer.lastUpdateMs -= 400_000;
          member.topology.db.touchPeer(peer); // as a feed tells it when the time has come
        };
        fallSilent(a!);
        a!.topology.createTopic('marker');
        await untilBy(clock, async () => (await world.ask('/topics')).text.includes('marker'));
        assert.equal(await world.producers('orders'), 'n1');
        fallSilent(b!);
        await untilBy(clock, async () => (await world.producers('orders')) === '');
        assert.equal((await world.ask('/lookup', 'topic=orders')).status, 200);
        b!.topology.ping(b!.peer('n1'));
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1');
      });

      test('writes at all of them, and says where it could not', async () => {
        const clock = new ManualClock();
        using world = new UnionWorld(ours, originals, {}, clock);
        const [a, b] = world.members;
        assert.deepEqual(await write(world, '/channel/create', 'topic=orders&channel=billing'), [200, '']);
        for (const { topology } of world.members) assert.deepEqual(topology.channels('orders'), ['billing']);
        await untilBy(clock, async () => (await world.ask('/topics')).text === '{"topics":["orders"]}');
        a!.topology.createChannel('orders', 'alone');
        assert.deepEqual(await write(world, '/channel/delete', 'topic=orders&channel=alone'), [200, '']);
        const missing = [404, '{"message":"CHANNEL_NOT_FOUND"}'];
        assert.deepEqual(await write(world, '/channel/delete', 'topic=orders&channel=none'), missing);
        assert.deepEqual(await write(world, '/topic/create', 'topic='), [400, '{"message":"INVALID_ARG_TOPIC"}']);
        b!.goDown();
        const failures = [{ lookupd: 'b:1', message: 'fetch failed' }];
        assert.deepEqual(await write(world, '/topic/create', 'topic=t'), [200, JSON.stringify({ failures })]);
        assert.deepEqual(a!.topology.topics(), ['orders', 't']);
        a!.goDown();
        const both = JSON.stringify({ failures: [{ lookupd: 'a:1', message: 'fetch failed' }, ...failures] });
        assert.deepEqual(await write(world, '/topic/delete', 'topic=orders'), [502, both]);
        assert.equal((await world.ask('/topic/create', 'topic=x')).status, 405);
      });

      test('goes on with the last answer of one that is down, for a grace, and names it', async () => {
        const clock = new ManualClock();
        using world = new UnionWorld(ours, originals, { graceMs: 20_000 }, clock);
        const [a, b] = world.members;
        a!.topology.register(a!.peer('n1'), 'orders');
        b!.topology.register(b!.peer('n2'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1 n2');
        assert.equal((await world.ask('/readyz')).text, '{"ready":true,"reasons":[],"down":[]}');
        b!.goDown();
        await untilBy(clock, async () => (await world.ask('/topics')).headers['X-Nsqlookupd-Down'] === 'b:1');
        assert.equal(await world.producers('orders'), 'n1 n2');
        assert.equal((await world.ask('/readyz')).text, '{"ready":true,"reasons":[],"down":["b:1"]}');
        assert.equal(world.union.lookupds[1]!.state, 'grace');
        await clock.advanceAsync(18_000);
        assert.equal(await world.producers('orders'), 'n1 n2');
        await clock.advanceAsync(2000);
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1');
        const { lookupds } = await world.json<{ lookupds: { state: string; reason?: string }[] }>('/stats');
        assert.deepEqual(
          lookupds.map(({ state }) => state),
          ['up', 'down'],
        );
        b!.restart();
        b!.topology.register(b!.peer('n3'), 'orders');
        await untilBy(clock, async () => (await world.producers('orders')) === 'n1 n3');
        assert.equal((await world.ask('/topics')).headers['X-Nsqlookupd-Down'], undefined);
        a!.goDown();
        b!.goDown();
        await untilBy(clock, async () => (await world.ask('/topics')).status === 502);
        assert.equal((await world.ask('/readyz')).status, 503);
        assert.equal((await world.ask('/ping')).text, 'OK');
      });

      test('agrees with a model after whatever has happened', async () => {
        const clock = new ManualClock();
        using world = new UnionWorld(ours, originals, {}, clock);
        let seed = 7;
        const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
        for (let round = 0; round < 5; round++) {
          for (let i = 0; i < 60; i++) {
            const member = world.members[random(2)]!;
            const [name, topic] = [`n${random(4)}`, `t${random(3)}`];
            const what = random(8);
            if (what < 4) member.topology.register(member.peer(name), topic, what < 2 ? `c${random(3)}` : '');
            else if (what === 4) member.topology.unregister(member.peer(name), topic);
            else if (what === 5) member.leave(name);
            else if (what === 6) member.topology.deleteTopic(topic);
            else if (i % 30 === 0) member.restart();
            if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
          }
          const all = (of: (topology: (typeof world.members)[number]['topology']) => readonly string[]) =>
            [...new Set(world.members.flatMap(({ topology }) => of(topology)))].sort().join();
          const model = () => [
            all((topology) => topology.topics()),
            ...[0, 1, 2].flatMap((t) => [
              all((topology) => topology.channels(`t${t}`)),
              all((topology) => topology.lookup(`t${t}`)?.producers.map(({ hostname }) => hostname) ?? []),
            ]),
            all((topology) => topology.nodes().map(({ peer }) => peer.hostname)),
          ];
          const { topology } = world.union;
          const seen = () => [
            topology.topics().sort().join(),
            ...[0, 1, 2].flatMap((t) => [
              topology.channels(`t${t}`).sort().join(),
              (topology.lookup(`t${t}`)?.producers.map(({ hostname }) => hostname) ?? []).sort().join(),
            ]),
            topology
              .nodes()
              .map(({ peer }) => peer.hostname)
              .sort()
              .join(),
          ];
          await untilBy(clock, () => JSON.stringify(seen()) === JSON.stringify(model()), `round ${round}`).catch(() =>
            assert.deepEqual(seen(), model()),
          );
        }
      });
    });
  }

  test('lets reads wait, and tells who watches, in whichever way its lookupds tell it', async () => {
    for (const [ours, originals] of Object.values(KINDS)) {
      using world = new UnionWorld(ours, originals);
      const { headers } = await world.ask('/lookup', 'topic=orders&index=');
      const waiting = world.ask('/lookup', `topic=orders&wait=10s&index=${headers['X-Nsq-Index']}`);
      const stream = await world.union({ method: 'GET', path: '/watch', query: 'topic=orders', headers: {} });
      const events = (stream!.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      const next = async () => Buffer.from((await events.next()).value as Uint8Array).toString();
      assert.match(await next(), /event: gone/);
      const member = world.members[1]!;
      member.topology.register(member.peer('n1'), 'orders');
      assert.match((await waiting).text, /"n1"|"producers":\[\]/);
      let text = '';
      while (!text.includes('"n1"')) text = await next();
      await events.return?.();
    }
  });

  test('looks again which lookupds there are, and lets what one said serve on for the grace', async () => {
    let names = ['a:1'];
    const clock = new ManualClock();
    using world = new UnionWorld(2, 0, { lookupds: () => names, graceMs: 20_000 }, clock);
    const [a, b] = world.members;
    a!.topology.register(a!.peer('n1'), 'orders');
    b!.topology.register(b!.peer('n2'), 'orders');
    await untilBy(clock, async () => (await world.producers('orders')) === 'n1');
    names = ['b:1'];
    await untilBy(clock, async () => (await world.producers('orders')) === 'n1 n2');
    await untilBy(clock, async () => (await world.producers('orders')) === 'n2');
    assert.deepEqual(
      world.union.lookupds.map(({ address }) => address),
      ['b:1'],
    );
  });

  test('answers no union, as it would keep alive what is no more', async () => {
    const clock = new ManualClock();
    using world = new UnionWorld(1, 0, {}, clock);
    const [a] = world.members;
    const union: UnionHandler = createUnionHandler({
      lookupds: ['self:1', 'a:1'],
      fetch: (url, init) => {
        if (new URL(url).hostname === 'a') return a!.fetch(url, init);
        return Promise.resolve(toFetchHandler(union)(new Request(url, init))).then((answer) => answer);
      },
      random: () => 1,
      clock: clock.now,
      timers: clock,
    });
    a!.topology.register(a!.peer('n1'), 'orders');
    await untilBy(clock, () => union.topology.nodes().length === 1);
    const ask = (method: string, path: string, query: string) => union({ method, path, query, headers: {} });
    const body = (await ask('POST', '/topic/create', 'topic=t'))!.body as string;
    const failures = [{ lookupd: 'self:1', message: 'UNION_ASKS_UNION' }];
    assert.equal(body, JSON.stringify({ failures }));
    assert.match(union.lookupds[0]!.reason!, /status 508 UNION_ASKS_UNION/);
    a!.leave('n1');
    await untilBy(clock, () => union.topology.nodes().length === 0);
    union.close();
  });

  test('takes over what a peer says anew, and zones are heeded', async () => {
    const clock = new ManualClock();
    using world = new UnionWorld(2, 0, { zonePolicy: 'prefer' }, clock);
    const [a, b] = world.members;
    a!.topology.register(a!.peer('n1', { topologyZone: 'old' }), 'orders');
    b!.topology.register(b!.peer('n2', { topologyZone: 'b' }), 'orders');
    await untilBy(clock, async () => (await world.producers('orders')) === 'n1 n2');
    a!.leave('n1');
    a!.topology.register(a!.peer('n1', { topologyZone: 'a', version: '1.4.0' }), 'orders');
    await untilBy(clock, async () => (await world.producers('orders&zone=a')) === 'n1');
    assert.equal(await world.producers('orders&zone=b'), 'n2');
  });

  test('is not ended by a lookupd that answers garbage, and refuses what a host does wrong', async () => {
    const garbage = [
      '',
      'null',
      '{"topics":7}',
      'event: change\ndata: {}\n\n',
      'event: snapshot\nid: 1\ndata: {"part":1}\n\n',
    ];
    for (const body of garbage) {
      for (const type of ['text/event-stream', 'application/json']) {
        const fetch = () => Promise.resolve(new Response(body, { headers: { 'content-type': type } }));
        const union = createUnionHandler({ lookupds: ['a:1'], fetch, pollMs: 1 });
        assert.equal(await union.ready(), false, body);
        assert.equal((await union({ method: 'GET', path: '/topics', query: '', headers: {} }))?.status, 502);
        union.close();
      }
    }
    assert.throws(() => createUnionHandler({ lookupds: [] }), TypeError);
    assert.throws(() => createUnionHandler({ lookupds: ['a:1'], grace: 1 } as never), /no option "grace"/);
    assert.throws(() => createUnionHandler({ lookupds: ['a:1'], tls: {}, fetch }), /not both/);
  });
});

async function write(world: UnionWorld, path: string, query: string) {
  const { status, text } = await world.ask(path, query, 'POST');
  return [status, text];
}
