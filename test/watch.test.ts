import assert from 'node:assert/strict';
import { setImmediate as macrotask } from 'node:timers/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createBlockingReads, createFeed, createRegistryMirror, createWatchRoutes, toChange } from 'nsqlookupd/feed';
import { createHttpHandler, decorate, type Authorize, type HttpHandler, type HttpResponse } from 'nsqlookupd/http';
import { RegistrationDB, Topology, WorkQueue, type PeerInfo } from 'nsqlookupd/registry';
import { createPeer, ManualClock } from 'nsqlookupd/testing';
import { runs } from './support/runs.js';

interface SetUp {
  readonly maxWatchers?: number;
  readonly capacity?: number;
  readonly authorize?: Authorize;
  readonly work?: WorkQueue;
  readonly zonePolicy?: 'prefer';
  /** Of the feed. Default: the clock. */
  readonly timers?: ManualClock;
  /** Called whenever the topology looks at its clock. */
  readonly onClock?: () => void;
}

function setUp({
  maxWatchers = 10,
  capacity = 1000,
  authorize,
  work = new WorkQueue(),
  timers,
  zonePolicy,
  onClock = () => undefined,
}: SetUp = {}) {
  const clock = new ManualClock();
  const now = () => {
    onClock();
    return clock.now();
  };
  const topology = new Topology({ db: new RegistrationDB(), clock: now, work });
  const feed = createFeed(topology, { timers: timers ?? clock, capacity });
  const errors: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error);
  const watching = createWatchRoutes(feed, { maxWatchers, authorize, zonePolicy, onError });
  const routed = createHttpHandler({ topology, routes: watching.rows, authorize, zonePolicy });
  const { takePlace } = watching;
  const handler = decorate(routed, createBlockingReads(feed, { random: () => 0, takePlace }));
  const join = (host: string, ...topics: readonly string[]): PeerInfo => {
    const peer = createPeer(`${host}:4150`, { lastUpdateMs: clock.now() });
    topology.join(peer);
    for (const topic of topics) topology.register(peer, topic);
    return peer;
  };
  return { clock, topology, feed, watching, handler, join, errors };
}

async function get(handler: HttpHandler, target: string, headers: Record<string, string> = {}): Promise<HttpResponse> {
  const [path = '', query = ''] = target.split('?');
  const result = await handler({ method: 'GET', path, query, headers });
  assert.ok(result);
  return result;
}

interface Event {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: string;
}

/** Reads the events of an answer, one at a time; comments are events without a name. */
function eventsOf({ body }: HttpResponse): { next(): Promise<Event | undefined>; end(): Promise<unknown> } {
  assert.ok(typeof body === 'object' && Symbol.asyncIterator in body);
  const chunks = body[Symbol.asyncIterator]();
  const waiting: Event[] = [];
  return {
    async next() {
      while (waiting.length === 0) {
        const { done, value } = (await chunks.next()) as IteratorResult<Uint8Array, undefined>;
        if (done === true) return undefined;
        const texts = new TextDecoder().decode(value).split('\n\n').slice(0, -1);
        waiting.push(
          ...texts.map((text) => {
            const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1];
            return { event: field('event'), id: field('id'), data: field('data') ?? text };
          }),
        );
      }
      return waiting.shift();
    },
    end: async () => chunks.return?.(),
  };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await macrotask();
}

describe('GET /watch?topic=T', () => {
  test('gives each topic as it is, and after each change, as /lookup has it', async () => {
    const { topology, handler, watching, join } = setUp();
    join('a', 'orders');
    const answer = await get(handler, '/watch?topic=orders&topic=parcels');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['Content-Type'], 'text/event-stream; charset=utf-8');
    const events = eventsOf(answer);
    const seen = [await events.next(), await events.next()];
    const { body } = await get(handler, '/lookup?topic=orders');
    const lookup = JSON.parse(new TextDecoder().decode(body as Uint8Array)) as object;
    assert.deepEqual(JSON.parse(seen.find((each) => each?.event === 'lookup')!.data), { topic: 'orders', ...lookup });
    assert.equal(seen.find((each) => each?.event === 'gone')?.data, '{"topic":"parcels"}');

    topology.createChannel('parcels', 'x');
    const event = await events.next();
    assert.deepEqual(JSON.parse(event!.data), { topic: 'parcels', channels: ['x'], producers: [] });
    topology.createTopic('another');
    topology.deleteTopic('orders');
    assert.deepEqual([(await events.next())?.event], ['gone']);
    assert.equal(watching.watchers, 1);
    await events.end();
    assert.equal(watching.watchers, 0);
  });

  test('is encoded once for all, and says nothing of what changes nothing', async () => {
    const { clock, topology, handler, join } = setUp();
    const peer = join('a', 'orders');
    const bodies = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const { body } = await get(handler, '/watch?topic=orders');
        return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      }),
    );
    const next = () => Promise.all(bodies.map(async (body) => (await body.next()).value as Uint8Array));
    await next();
    const waiting = next();
    clock.advance(1000);
    topology.ping(peer);
    topology.db.touchPeer(peer);
    topology.createTopic('another');
    await settled();
    join('b', 'orders');
    const chunks = await waiting;
    for (const chunk of chunks) assert.equal(chunk, chunks[0]);
    assert.match(new TextDecoder().decode(chunks[0]), /"broadcast_address":"b"/);
  });

  test('is held once for all who are told the same, wherever they say that they are', async () => {
    const { topology, handler, join } = setUp({ zonePolicy: 'prefer' });
    const near = createPeer('near:4150', { topologyZone: 'near' });
    topology.join(near);
    topology.register(near, 'orders');
    join('far', 'orders');
    const bodies = await Promise.all(
      ['near', 'a', 'b', 'c', ''].map(async (zone) => {
        const { body } = await get(handler, `/watch?topic=orders&zone=${zone}`);
        return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      }),
    );
    const next = () => Promise.all(bodies.map(async (body) => (await body.next()).value as Uint8Array));
    const producersIn = (chunk: Uint8Array | undefined) =>
      [...new TextDecoder().decode(chunk).matchAll(/"broadcast_address":"(\w+)"/g)].map(([, name]) => name);
    const [first, ...others] = await next();
    assert.deepEqual([producersIn(first), producersIn(others[0])], [['near'], ['near', 'far']]);
    for (const chunk of others) assert.equal(chunk, others[0]);
    const waiting = next();
    await settled();
    topology.leave(near);
    const chunks = await waiting;
    for (const chunk of chunks) assert.equal(chunk, chunks[0]);
    for (const body of bodies) await body.return?.();
  });

  test('goes on from an index without a word about what is known', async () => {
    const { topology, feed, handler, join } = setUp();
    join('a', 'orders');
    const first = eventsOf(await get(handler, '/watch?topic=orders'));
    const { id = '' } = (await first.next())!;
    for (const again of [
      await get(handler, `/watch?topic=orders&index=${id}`),
      await get(handler, '/watch?topic=orders', { 'last-event-id': id }),
    ]) {
      const events = eventsOf(again);
      const next = events.next();
      await settled();
      topology.createChannel('orders', `c${feed.index.split('.')[1]!}`);
      assert.match((await next)!.data, /"channels":\["c/);
      await events.end();
      await first.next();
    }
    await first.end();
    // Also when nobody else watches.
    const alone = eventsOf(await get(handler, `/watch?topic=orders&index=${feed.index}`));
    const news = alone.next();
    await settled();
    topology.createChannel('orders', 'news');
    assert.match((await news)!.data, /"news"/);
    await alone.end();
    const stale = eventsOf(await get(handler, `/watch?topic=orders&index=${id}`));
    assert.equal((await stale.next())?.event, 'lookup', 'it has changed since');
    const foreign = eventsOf(await get(handler, '/watch?topic=orders&index=00000000.1'));
    assert.equal((await foreign.next())?.event, 'lookup');
  });

  test('goes on from any id that it gave, wherever it was cut off, without missing a change', async () => {
    const topics = ['a', 'b', 'c'];
    const target = `/watch?${topics.map((topic) => `topic=${topic}`).join('&')}`;
    /** All events that come until nothing happens any more. */
    const record = async (handler: HttpHandler, index: string, whileOpen = async () => {}) => {
      const seen: Event[] = [];
      const events = eventsOf(await get(handler, `${target}&index=${index}`));
      const reading = (async () => {
        for (let event = await events.next(); event; event = await events.next()) seen.push(event);
      })();
      await whileOpen();
      await settled();
      await events.end();
      await reading;
      return seen;
    };
    const step = fc.record({
      topic: fc.constantFrom(...topics),
      kind: fc.constantFrom('channel', 'delete', 'join'),
      turns: fc.nat(2),
    });
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const { topology, handler, join } = setUp();
        const seen = await record(handler, '', async () => {
          for (const [i, { topic, kind, turns }] of steps.entries()) {
            if (kind === 'channel') topology.createChannel(topic, `c${i}`);
            else if (kind === 'delete') topology.deleteTopic(topic);
            else join(`h${i}`, topic);
            for (let turn = 0; turn < turns; turn++) await macrotask();
          }
        });
        const truth = await record(handler, '');
        const toState = (events: readonly Event[]) =>
          new Map(
            events
              .filter(({ event }) => event !== undefined)
              .map(({ data }) => [(JSON.parse(data) as { topic: string }).topic, data]),
          );
        for (let cut = 0; cut <= seen.length; cut++) {
          const read = seen.slice(0, cut);
          const index = read.filter(({ id }) => id !== undefined).at(-1)?.id ?? '';
          if (index !== '') resumed++;
          assert.deepEqual(
            [...toState([...read, ...(await record(handler, index))])].sort(),
            [...toState(truth)].sort(),
            `cut off after ${cut} of ${seen.length} events`,
          );
        }
      }),
      { numRuns: runs(100) },
    );
    assert.ok(resumed > 0);
  });

  describe('a client that resumes, whatever it is told of, is told it once', () => {
    const quiet = Array.from({ length: 300 }, (_, i) => `quiet${i}`);
    /** The topics and ids of all that comes to one that watches from an index until nothing happens any more. */
    const seenFrom = async (handler: HttpHandler, topics: readonly string[], index: string) => {
      const query = topics.map((topic) => `topic=${topic}`).join('&');
      const events = eventsOf(await get(handler, `/watch?${query}&index=${index}`));
      const told: string[] = [];
      let id = index;
      const reading = (async () => {
        for (let event = await events.next(); event; event = await events.next()) {
          id = event.id ?? id;
          if (event.event !== undefined) told.push((JSON.parse(event.data) as { topic: string }).topic);
        }
      })();
      for (let i = 0; i < 30; i++) await settled();
      await events.end();
      await reading;
      return { told, id };
    };

    test('though there are many topics that it knows', async () => {
      const { topology, feed, handler, join } = setUp({ maxWatchers: 100 });
      join('a', 'orders', ...quiet);
      const { index } = feed;
      topology.createChannel('orders', 'billing');
      for (const topics of [
        ['orders', ...quiet],
        [...quiet, 'orders'],
      ]) {
        const { told, id } = await seenFrom(handler, topics, index);
        assert.deepEqual(told, ['orders']);
        assert.deepEqual(await seenFrom(handler, topics, id), { told: [], id });
      }
    });

    test('though somebody else has watched since long ago', async () => {
      const { topology, handler, join } = setUp({ capacity: 10 });
      join('a', 'orders');
      const other = eventsOf(await get(handler, '/watch?topic=orders'));
      await other.next();
      for (let i = 0; i < 20; i++) topology.createTopic(`other${i}`);
      const { told, id } = await seenFrom(handler, ['orders'], '');
      assert.deepEqual(told, ['orders']);
      assert.deepEqual(await seenFrom(handler, ['orders'], id), { told: [], id });
      await other.end();
    });
  });

  describe('a client that resumes while changes that answers tell of are yet to be told is told of them', () => {
    const changes: Record<
      string,
      (world: ReturnType<typeof setUp>, peer: PeerInfo, timers: ManualClock) => () => void
    > = {
      'when a peer of many topics has left, which is cleared away in slices': ({ topology }, peer) => {
        topology.leave(peer);
        assert.equal(topology.lookup('orders')?.producers.length, 0);
        assert.equal(topology.db.countProducers({ category: 'topic', key: 'orders', subkey: '' }), 1);
        return () => undefined;
      },
      'when a peer has fallen silent by a clock that is further than the timers': ({ clock }, _, timers) => {
        clock.advance(300_001);
        return () => timers.advance(300_001);
      },
    };
    const texts = async ({ body }: HttpResponse, seen: string[]) => {
      if (body instanceof Uint8Array) seen.push(new TextDecoder().decode(body));
      else for await (const chunk of body as AsyncIterable<Uint8Array>) seen.push(new TextDecoder().decode(chunk));
    };
    for (const [when, change] of Object.entries(changes))
      for (const others of [0, 1])
        for (const target of ['/watch?topic=orders&topic=other', '/lookup?topic=orders&wait=10m'])
          test(`${when}: ${target}, beside ${others} more`, async () => {
            const timers = new ManualClock();
            const world = setUp({ work: new WorkQueue({ stepsPerTurn: 20 }), timers });
            const { topology, handler, feed, watching, join } = world;
            const many = Array.from({ length: 600 }, (_, i) => `many${i}`);
            const peer = join('a', ...many, 'orders');
            topology.createTopic('other');
            let { index } = feed;
            await settled();
            const tellLater = change(world, peer, timers);
            if (target.startsWith('/watch')) {
              // How far it has come is told by another topic, and is further than the change itself.
              topology.createChannel('other', 'news');
              ({ index } = feed);
            }
            if (others > 0) void texts(await get(handler, '/watch?topic=orders'), []);
            await settled();
            const seen: string[] = [];
            void texts(await get(handler, `${target}&index=${index}`), seen);
            for (let i = 0; i < 10; i++) await settled();
            tellLater();
            for (let i = 0; i < 50; i++) await settled();
            const news = seen.filter((text) => text !== ':\n\n');
            assert.equal(news.length, 1);
            assert.match(news[0]!, /"producers":\[\]/);
            watching.close();
            feed.close();
          });
  });

  test('says nothing of a topic that could not be looked up, nor that it was told, until it has changed again', async () => {
    let isBroken = false;
    const { topology, feed, handler, errors } = setUp({
      onClock() {
        if (isBroken) throw new Error('no time');
      },
    });
    topology.createTopic('orders');
    topology.createTopic('other');
    const events = eventsOf(await get(handler, '/watch?topic=orders&topic=other'));
    for (let i = 0; i < 2; i++) assert.equal((await events.next())?.event, 'lookup');
    isBroken = true;
    topology.createChannel('orders', 'missed');
    await settled();
    assert.ok(errors.length > 0);
    isBroken = false;
    topology.createChannel('other', 'a');
    const { data, id } = (await events.next())!;
    assert.deepEqual([JSON.parse(data), id], [{ topic: 'other', channels: ['a'], producers: [] }, undefined]);
    topology.createChannel('orders', 'told');
    const last = (await events.next())!;
    assert.deepEqual(JSON.parse(last.data), { topic: 'orders', channels: ['missed', 'told'], producers: [] });
    assert.equal(last.id, feed.index);
    await events.end();
  });

  for (const how of ['after a while', 'when somebody else comes'])
    test(`tells of a topic that could not be looked up ${how}, though it has not changed again`, async () => {
      let isBroken = false;
      const { clock, topology, feed, handler, errors } = setUp({
        onClock() {
          if (isBroken) throw new Error('no time');
        },
      });
      topology.createTopic('orders');
      const events = eventsOf(await get(handler, '/watch?topic=orders'));
      await events.next();
      isBroken = true;
      topology.createChannel('orders', 'missed');
      await settled();
      assert.ok(errors.length > 0);
      isBroken = false;
      const others = [];
      if (how === 'after a while') clock.advance(5000);
      else others.push(eventsOf(await get(handler, `/watch?topic=orders&index=${feed.oldestIndex}`)));
      for (const each of [events, ...others]) {
        const { data, id } = (await each.next())!;
        assert.deepEqual(JSON.parse(data), { topic: 'orders', channels: ['missed'], producers: [] });
        assert.equal(id, feed.index);
      }
      isBroken = true;
      topology.createChannel('orders', 'another');
      await settled();
      for (const each of [events, ...others]) await each.end();
      const { length } = errors;
      clock.advance(5000);
      await settled();
      assert.equal(errors.length, length); // nobody is there to be told
    });

  test('comes to each topic in turn, though one that is much changes all the time', async () => {
    const { topology, handler, join } = setUp();
    join('a', 'large', 'orders');
    for (let i = 0; i < 1500; i++) topology.createChannel('large', `${'c'.repeat(50)}${i}`);
    const events = eventsOf(await get(handler, '/watch?topic=large&topic=orders'));
    const seen: string[] = [];
    for (let i = 0; i < 10; i++) {
      topology.createChannel('large', `new${i}`);
      if (i === 5) topology.createChannel('orders', 'billing');
      await settled();
      seen.push((await events.next())!.data);
    }
    assert.ok(seen.some((data) => data.startsWith('{"topic":"orders","channels":["billing"]')));
    await events.end();
  });

  test('sends what is much in pieces', async () => {
    const { topology, handler } = setUp();
    const names = Array.from({ length: 20 }, (_, i) => `t${i}`);
    for (const name of names) for (let i = 0; i < 200; i++) topology.createChannel(name, `${'c'.repeat(50)}${i}`);
    const warm = eventsOf(await get(handler, `/watch?${names.map((name) => `topic=${name}`).join('&')}`));
    for (let i = 0; i < names.length; i++) await warm.next();
    const { body } = await get(handler, `/watch?${names.map((name) => `topic=${name}`).join('&')}`);
    const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const seen = new Set<string>();
    while (seen.size < names.length) {
      const { value } = (await chunks.next()) as IteratorResult<Uint8Array, undefined>;
      assert.ok(value && value.length < 80 * 1024, `${value?.length} bytes`);
      for (const [, name] of new TextDecoder().decode(value).matchAll(/"topic":"(\w+)"/g)) seen.add(name!);
    }
    await chunks.return?.();
    await warm.end();
  });

  test('brings a comment every 15 seconds, with one timer for all, and gives up who reads nothing', async () => {
    const { clock, feed, watching, handler, join } = setUp();
    join('a', 'orders');
    const reads = eventsOf(await get(handler, '/watch?topic=orders'));
    const never = await get(handler, '/watch?topic=orders');
    assert.ok(never.isEndless);
    await reads.next();
    for (let beat = 0; beat < 6; beat++) {
      const next = reads.next();
      await clock.advanceAsync(15_000);
      assert.deepEqual(await next, { event: undefined, id: undefined, data: ':' });
      assert.ok(clock.pending <= 2);
    }
    assert.equal(watching.watchers, 1);
    await reads.end();
    await clock.advanceAsync(15_000);
    feed.close();
    assert.equal(clock.pending, 0);
  });

  test('ends with a farewell when it is closed, and lets nobody in afterwards', async () => {
    const { watching, handler } = setUp();
    const events = eventsOf(await get(handler, '/watch?topic=orders'));
    await events.next();
    const next = events.next();
    watching.close();
    assert.equal((await next)?.data, 'retry: 1000');
    assert.equal(await events.next(), undefined);
    assert.equal((await get(handler, '/watch')).status, 503);
  });

  test('is for so many, and refuses what it cannot read', async () => {
    const { handler } = setUp({ maxWatchers: 2 });
    const first = eventsOf(await get(handler, '/watch?topic=a'));
    await get(handler, '/watch?topic=b');
    const third = await get(handler, '/watch?topic=c');
    assert.deepEqual(
      [third.status, third.body, third.headers['Retry-After']],
      [503, '{"message":"TOO_MANY_WATCHERS"}', '10'],
    );
    await first.end();
    assert.equal((await get(handler, '/watch?topic=c')).status, 200);
    assert.equal((await get(handler, '/watch?topic=no%20such')).status, 400);
    assert.equal((await get(handler, '/watch?topic=%zz')).status, 400);
    assert.equal((await get(handler, `/watch?${'topic=a&'.repeat(2000)}`)).status, 503);
    const many = Array.from({ length: 1001 }, (_, i) => `topic=t${i}`).join('&');
    assert.deepEqual((await get(handler, `/watch?${many}`)).body, '{"message":"TOO_MANY_TOPICS"}');
    const head = await handler({ method: 'HEAD', path: '/watch', query: 'topic=a', headers: {} });
    assert.equal(head?.status, 503);
  });

  test('tells an EventSource, which gives up at 503, when to come back', async () => {
    const { handler, watching } = setUp({ maxWatchers: 0 });
    const { status, body } = await get(handler, '/watch?topic=a', { accept: 'text/event-stream' });
    assert.deepEqual([status, body], [200, 'retry: 10000\n\n']);
    assert.equal((await get(handler, '/watch?topic=a', { accept: 'text/event-stream, */*' })).status, 503);
    watching.close();
    assert.equal((await get(handler, '/watch', { accept: 'text/event-stream' })).body, 'retry: 10000\n\n');
  });

  for (const [how, judge] of [
    ['at once', (isAllowed: boolean) => isAllowed || { status: 403 }],
    ['later', (isAllowed: boolean) => Promise.resolve(isAllowed || { status: 403 })],
    [
      'by throwing',
      (isAllowed: boolean) => {
        if (isAllowed) return true;
        throw new Error('nobody knows');
      },
    ],
  ] as readonly [string, (isAllowed: boolean) => ReturnType<Authorize>][]) {
    test(`ends for who may no longer, as is said ${how}`, async () => {
      const allowed = new Set(['a', 'b']);
      const authorize: Authorize = (_, __, { headers }) => judge(allowed.has(String(headers['authorization'])));
      const { clock, handler, watching, errors } = setUp({ authorize });
      const open = async (authorization: string, path: string) => {
        const events = eventsOf(await get(handler, path, { authorization }));
        await events.next();
        return { next: events.next() };
      };
      const a = await open('a', '/watch?topic=t');
      const b = await open('b', '/watch?index=x');
      watching.recheck();
      await settled();
      assert.equal(watching.watchers, 2);
      allowed.delete('a');
      watching.recheck();
      await settled();
      assert.equal(watching.watchers, 1);
      assert.equal(await a.next, undefined);
      allowed.delete('b');
      await clock.advanceAsync(15_000);
      await settled();
      assert.equal((await b.next)?.data, ':', 'its last comment');
      assert.equal(watching.watchers, 0);
      assert.equal(errors.length, how === 'by throwing' ? 2 : 0);
    });
  }

  test('of many topics takes a place for every ten, and gives them back', async () => {
    const { handler, watching } = setUp({ maxWatchers: 10 });
    const topics = (count: number, name: string) =>
      Array.from({ length: count }, (_, i) => `topic=${name}${i}`).join('&');
    const many = eventsOf(await get(handler, `/watch?${topics(91, 'a')}`));
    assert.equal(watching.watchers, 1);
    assert.equal((await get(handler, '/watch?topic=b')).status, 503);
    await many.end();
    assert.equal((await get(handler, `/watch?${topics(101, 'c')}`)).status, 503);
    assert.equal((await get(handler, `/watch?${topics(100, 'd')}`)).status, 200);
    assert.equal((await get(handler, '/watch')).status, 503);
  });
});

describe('GET /watch', () => {
  test('gives a registry that is the same, whatever changes while it is read', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const action = fc.tuple(
      fc.constantFrom('join', 'leave', 'register', 'unregister', 'create', 'delete', 'tombstone', 'touch', 'read'),
      name,
      name,
      fc.constantFrom('', 'x', 'y'),
    );
    const contents = (db: RegistrationDB) => {
      const { peers, registrations } = db.snapshot();
      const byKey = (a: { peer: string }, b: { peer: string }) => (a.peer < b.peer ? -1 : 1);
      const named = registrations.map(({ producers, ...rest }) =>
        JSON.stringify({ ...rest, producers: [...producers].sort(byKey) }),
      );
      return { peers: Object.keys(peers).sort(), registrations: named.sort() };
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 60 }),
        fc.nat(1500),
        fc.nat(700),
        fc.integer({ min: 1, max: 50 }),
        async (run, size, hosts, capacity) => {
          const clock = new ManualClock();
          const work = new WorkQueue({ stepsPerTurn: 1 });
          const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
          const feed = createFeed(topology, { timers: clock, capacity });
          const watching = createWatchRoutes(feed);
          const handler = createHttpHandler({ topology, routes: watching.rows });
          for (let i = 0; i < size; i++) topology.createTopic(`t${i}`);
          for (let i = 0; i < hosts; i++) {
            const peer = createPeer(`h${i}:4150`, { lastUpdateMs: clock.now() });
            topology.join(peer);
            topology.register(peer, 'a');
          }
          const copy = new RegistrationDB({ origin: 'copy' });
          const mirror = createRegistryMirror(copy);
          const events = eventsOf(await get(handler, '/watch'));
          let lastId: string | undefined;
          const reading = (async () => {
            for (let next = await events.next(); next?.event; next = await events.next()) {
              mirror(next.event, next.data);
              lastId = next.id ?? lastId;
            }
          })();
          const peers = new Map<string, PeerInfo>();
          for (const [what, host, topic, channel] of run) {
            const peer = peers.get(host);
            if (what === 'read') await macrotask();
            if (what === 'create') topology.createChannel(topic, channel || 'z');
            if (what === 'delete') topology.deleteTopic(topic);
            if (what === 'tombstone') topology.tombstone(topic, `${host}:4151`);
            if (what === 'join' && !peer) {
              const joined = createPeer(`${host}:4150`, { lastUpdateMs: clock.now() });
              peers.set(host, joined);
              topology.join(joined);
            }
            if (!peer) continue;
            if (what === 'register') topology.register(peer, topic, channel);
            if (what === 'unregister') topology.unregister(peer, topic, channel);
            if (what === 'touch') topology.db.touchPeer(peer);
            if (what === 'leave') {
              topology.leave(peer);
              peers.delete(host);
            }
          }
          while (lastId !== feed.index) await macrotask();
          assert.deepEqual(contents(copy), contents(topology.db));
          watching.close();
          await reading;
        },
      ),
      { numRuns: runs(60) },
    );
  });

  test('is whole when all of a registration go between its parts', async () => {
    const gone: Record<string, (topology: Topology, peers: readonly PeerInfo[]) => void> = {
      'they leave': (topology, peers) => peers.forEach((peer) => topology.leave(peer)),
      'the topic is deleted': (topology) => topology.deleteTopic('orders'),
    };
    for (const [what, go] of Object.entries(gone)) {
      for (let after = 1; after <= 4; after++) {
        const { topology, handler, watching, feed } = setUp({ capacity: 10_000 });
        const peers = Array.from({ length: 1200 }, (_, i) => createPeer(`h${i}:4150`, {}));
        for (const peer of peers) topology.register(peer, 'orders');
        const copy = new RegistrationDB({ origin: 'copy' });
        const mirror = createRegistryMirror(copy);
        const events = eventsOf(await get(handler, '/watch'));
        for (let i = 1, index = ''; i <= after || index !== feed.index; i++) {
          if (i === after) go(topology, peers);
          const { event = '', id = '', data } = (await events.next())!;
          assert.doesNotThrow(() => mirror(event, data), `${what} before part ${after}`);
          index = id;
        }
        assert.deepEqual(copy.indexSizes, topology.db.indexSizes);
        await events.end();
        watching.close();
        feed.close();
      }
    }
  });

  test('tells of each peer once, and of many producers in parts, with nothing kept for each watcher', async () => {
    const { handler, join, topology } = setUp();
    for (let i = 0; i < 1200; i++) join(`h${i}`, 'orders');
    const stranger = createPeer('s:4150', {});
    topology.db.addProducer({ category: 'topic', key: 'orders', subkey: '' }, stranger); // without an IDENTIFY
    const events = eventsOf(await get(handler, '/watch'));
    const peers: string[] = [];
    const parts: number[] = [];
    for (;;) {
      const { data } = (await events.next())!;
      const part = JSON.parse(data) as {
        is_last: boolean;
        peers: object;
        registrations: { topic: string; producers: object[] }[];
      };
      peers.push(...Object.keys(part.peers));
      parts.push(part.registrations.reduce((sum, { producers }) => sum + producers.length, 0));
      if (part.is_last) break;
    }
    await events.end();
    assert.equal(peers.length, 1201);
    assert.equal(new Set(peers).size, 1201);
    assert.equal(
      parts.reduce((a, b) => a + b),
      2401,
    );
    assert.ok(parts.every((count) => count <= 500));
  });

  test('is encoded once for all who are at the same index', async () => {
    const { topology, handler, feed } = setUp();
    const bodies = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const { body } = await get(handler, `/watch?index=${feed.index}`);
        return (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      }),
    );
    for (let i = 0; i < 3; i++) {
      const waiting = Promise.all(bodies.map(async (body) => (await body.next()).value as Uint8Array));
      await settled();
      topology.createTopic(`orders${i}`);
      const chunks = await waiting;
      for (const chunk of chunks) assert.equal(chunk, chunks[0]);
      assert.match(new TextDecoder().decode(chunks[0]), new RegExp(`"orders${i}"`));
    }
  });

  test('goes on after an index with the changes since, and with a new snapshot when those are gone', async () => {
    const { topology, feed, handler } = setUp({ capacity: 3 });
    const { index } = feed;
    topology.createTopic('a');
    topology.createTopic('b');
    const goesOn = eventsOf(await get(handler, `/watch?index=${index}`));
    assert.deepEqual(
      [await goesOn.next(), await goesOn.next()].map((each) => JSON.parse(each!.data) as object),
      ['a', 'b'].map((topic, i) => ({
        revision: i + 1,
        type: 'registrationAdded',
        category: 'topic',
        topic,
        channel: '',
        is_made: true,
      })),
    );
    for (let i = 0; i < 5; i++) topology.createTopic(`t${i}`);
    const anew = await goesOn.next();
    assert.equal(anew?.event, 'snapshot');
    assert.equal((JSON.parse(anew.data) as { registrations: object[] }).registrations.length, 7);
    assert.equal(anew.id, feed.index);
  });

  test('is read back from strangers with care', () => {
    for (const bad of [
      null,
      {},
      { revision: 1 },
      { revision: 1, type: 'x' },
      { revision: 1, type: 'peerLeft', peer_key: 'a/1' },
    ]) {
      assert.throws(() => toChange(bad as never), TypeError, JSON.stringify(bad));
    }
    const mirror = createRegistryMirror(new RegistrationDB());
    assert.throws(() => mirror('lookup', '{}'), TypeError);
    assert.throws(() => mirror('change', 'rubbish'), SyntaxError);
  });
});

describe('a read that waits', () => {
  test('takes a place of those that watch for as long as it waits', async () => {
    const { topology, feed, handler } = setUp({ maxWatchers: 1 });
    const path = `/lookup?topic=orders&index=${feed.index}`;
    const waits = get(handler, path);
    await settled();
    const { status, body, headers } = await get(handler, path);
    assert.deepEqual([status, body, headers['Retry-After']], [503, '{"message":"TOO_MANY_WATCHERS"}', '10']);
    assert.equal((await get(handler, '/watch')).status, 503);
    assert.equal((await get(handler, '/lookup?topic=orders')).status, 404, 'others are none of them');
    topology.createTopic('orders');
    assert.equal((await waits).status, 200);
    assert.equal((await get(handler, '/lookup?topic=orders&index=')).status, 200);
    await get(handler, '/watch');
    assert.equal((await get(handler, path)).status, 503);
  });

  test('has an index for who asks for one, and is what it was for who does not', async () => {
    const { handler, feed, topology } = setUp();
    topology.createTopic('orders');
    for (const path of ['/lookup?topic=orders', '/channels?topic=orders', '/topics', '/nodes', '/lookup?topic=none']) {
      const plain = await get(handler, path);
      assert.equal(plain.headers['X-Nsq-Index'], undefined);
      const asked = await get(handler, `${path}${path.includes('?') ? '&' : '?'}index=`);
      assert.deepEqual(
        { ...asked, headers: { ...asked.headers, 'X-Nsq-Index': undefined } },
        { ...plain, headers: { ...plain.headers, 'X-Nsq-Index': undefined } },
      );
      assert.equal(asked.headers['X-Nsq-Index'], feed.index);
    }
    assert.equal((await get(handler, '/ping?index=')).headers['X-Nsq-Index'], undefined);
  });

  test('is answered when the answer is another, and not before', async () => {
    const { clock, handler, feed, topology, join } = setUp();
    const peer = join('a', 'orders');
    const { index } = feed;
    let answer: HttpResponse | undefined;
    const waiting = get(handler, `/lookup?topic=orders&index=${index}&wait=1m`).then((result) => (answer = result));
    await settled();
    topology.createTopic('another');
    topology.db.touchPeer(peer);
    await clock.advanceAsync(1000);
    await settled();
    assert.equal(answer, undefined);
    topology.register(peer, 'orders', 'billing');
    await waiting;
    assert.match(new TextDecoder().decode(answer!.body as Uint8Array), /"channels":\["billing"\]/);
    assert.equal(answer!.headers['X-Nsq-Index'], feed.index);
    assert.equal(
      (await get(handler, `/lookup?topic=orders&index=${index}`)).status,
      200,
      'at once, as it has changed since',
    );
    assert.equal((await get(handler, '/lookup?topic=orders&index=00000000.7')).status, 200, 'at once, as nobody knows');
  });

  test('is answered at once when the change came while the answer was made', async () => {
    const { handler, feed, topology } = setUp();
    const slow: HttpHandler = async (request) => {
      await settled();
      return handler(request);
    };
    const waiting = get(decorate(slow, createBlockingReads(feed)), `/lookup?topic=orders&index=${feed.index}&wait=10m`);
    topology.createTopic('orders');
    const { status, headers } = await waiting;
    assert.equal(status, 200);
    assert.notEqual(headers['X-Nsq-Index'], undefined);
  });

  test('is answered with the same index when the time is over', async () => {
    const { clock, handler, feed } = setUp();
    const { index } = feed;
    const waiting = get(handler, `/lookup?topic=orders&index=${index}&wait=100ms`);
    await clock.advanceAsync(100);
    const { status, headers } = await waiting;
    assert.deepEqual([status, headers['X-Nsq-Index']], [404, index]);
  });

  test('waits for a topic that is not there yet, for topics, nodes, and what time brings', async () => {
    const { clock, handler, feed, topology, join } = setUp();
    const wait = (path: string) => get(handler, `${path}${path.includes('?') ? '&' : '?'}index=${feed.index}&wait=10m`);
    const found = wait('/lookup?topic=orders');
    const topics = wait('/topics');
    const nodes = wait('/nodes');
    await settled();
    join('a', 'orders');
    assert.deepEqual([(await found).status, (await topics).status, (await nodes).status], [200, 200, 200]);
    const silent = wait('/lookup?topic=orders');
    await clock.advanceAsync(300_001);
    assert.match(new TextDecoder().decode((await silent).body as Uint8Array), /"producers":\[\]/);
    const ends = wait('/lookup?topic=orders');
    await settled();
    feed.close();
    assert.equal((await ends).status, 200);
    assert.equal(topology.topics().length, 1);
  });

  test('refuses a wait that is none, too short or too long', async () => {
    const { handler } = setUp();
    for (const wait of ['', 'x', '99ms', '10m1s', '-5s', '30']) {
      const { status, body } = await get(handler, `/topics?index=&wait=${wait}`);
      assert.deepEqual([status, body], [400, '{"message":"INVALID_ARG_WAIT"}'], wait);
    }
  });

  test(
    'holds nothing of a long answer for those that wait',
    { skip: !globalThis.gc && 'needs --expose-gc' },
    async () => {
      const { topology, feed, handler } = setUp({ maxWatchers: 1000 });
      for (let i = 0; i < 2000; i++) topology.createChannel('orders', `${'x'.repeat(50)}${i}`);
      const held = async () => {
        await settled();
        globalThis.gc!();
        return process.memoryUsage().arrayBuffers;
      };
      const before = await held();
      const waiting = Array.from({ length: 100 }, () => get(handler, `/channels?topic=orders&index=${feed.index}`));
      // Until all are made, which is in as many turns as the machine needs.
      let bytes = Infinity;
      for (let looks = 0; looks < 100 && bytes >= 10 * 64 * 1024; looks++) bytes = (await held()) - before;
      assert.ok(bytes < 10 * 64 * 1024, `${bytes} bytes held for 100 that wait`); // of ten slices
      feed.close();
      assert.equal((await Promise.all(waiting)).length, 100);
    },
  );

  test('has a tag for who sends one, and 304 while it is the same', async () => {
    const { handler, topology } = setUp();
    topology.createTopic('orders');
    const tagged = await get(handler, '/lookup?topic=orders', { 'if-none-match': '""' });
    const { ETag = '' } = tagged.headers;
    assert.match(ETag, /^"[0-9a-f]{24}"$/);
    const same = await get(handler, '/lookup?topic=orders', { 'if-none-match': `"x", W/${ETag}` });
    assert.deepEqual([same.status, same.body], [304, '']);
    topology.createChannel('orders', 'x');
    assert.equal((await get(handler, '/lookup?topic=orders', { 'if-none-match': ETag })).status, 200);
  });

  test('of 1,000 that wait for one topic are answered over many turns', async () => {
    const { handler, feed, topology } = setUp({ maxWatchers: 1000 });
    const waiting = Array.from({ length: 1000 }, () => get(handler, `/lookup?topic=orders&index=${feed.index}`));
    await settled();
    topology.createTopic('orders');
    let turns = 0;
    let isOver = false;
    const all = Promise.all(waiting).then(() => (isOver = true));
    while (!isOver) {
      await macrotask();
      turns++;
    }
    await all;
    assert.ok(turns >= 10, `${turns} turns`);
  });

  test('is woken by what it waits for alone, whatever it calls that', async () => {
    const { feed, topology, join } = setUp();
    let asked = 0;
    const counting: HttpHandler = () => {
      asked++;
      return { status: 404, headers: {}, body: '' };
    };
    const handler = decorate(counting, createBlockingReads(feed, { random: () => 0 }));
    for (const topic of [':all', ':topics', ':nodes', 'ALL', 'topics', 'nodes', '', 'orders'])
      void get(handler, `/lookup?topic=${topic}&index=${feed.index}`);
    await settled();
    asked = 0;
    topology.createTopic('other');
    join('a', 'another');
    await settled();
    assert.equal(asked, 0);
    feed.close();
  });

  test('ends when its time is over, also where all changes but the answer', async () => {
    const { clock, feed, topology } = setUp();
    // Each time that it is asked, the topic has changed already.
    const changing: HttpHandler = () => {
      topology.createChannel('orders', 'c');
      topology.deleteChannel('orders', 'c');
      clock.advance(10);
      return { status: 200, headers: {}, body: new Uint8Array(0) };
    };
    const handler = decorate(changing, createBlockingReads(feed, { random: () => 0 }));
    const { index } = feed;
    const { status, headers } = await get(handler, `/lookup?topic=orders&index=${index}&wait=1s`);
    assert.deepEqual([status, headers['X-Nsq-Index']], [200, index]);
  });
});

describe('many watchers', () => {
  /** A handler whose work is done by hand, and how many chunks each turn of the event loop brings. */
  async function watching(count: number, target: string) {
    const turns: (() => void)[] = [];
    const work = new WorkQueue({ stepsPerTurn: 100, nextTurn: (callback) => void turns.push(callback) });
    const clock = new ManualClock();
    const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
    const feed = createFeed(topology, { timers: clock });
    const routes = createWatchRoutes(feed, { maxWatchers: count });
    const handler = createHttpHandler({ topology, routes: routes.rows });
    let taken = 0;
    const pass = async () => {
      const before = taken;
      for (const callback of turns.splice(0)) callback();
      await settled();
      return taken - before;
    };
    const passAll = async () => {
      const counts = [];
      while (turns.length > 0) counts.push(await pass());
      return counts;
    };
    const read = async ({ body }: HttpResponse) => {
      for await (const chunk of body as AsyncIterable<Uint8Array>) if (chunk.length > 0) taken++;
    };
    for (let i = 0; i < count; i++) void read(await get(handler, target.replace('INDEX', feed.index)));
    await passAll();
    return { clock, topology, feed, routes, work, pass, passAll, taken: () => taken };
  }

  for (const target of ['/watch?topic=orders', '/watch?index=INDEX']) {
    test(`of ${target} are told of a change, of the time and of the end, some in each turn`, async () => {
      const { clock, topology, routes, passAll, taken } = await watching(200, target);
      const tells = [() => void topology.createTopic('orders'), () => clock.advance(15_000), () => routes.close()];
      for (const tell of tells) {
        const before = taken();
        tell();
        await settled();
        const atOnce = taken() - before;
        const counts = await passAll();
        assert.equal(taken() - before, 200);
        assert.ok(Math.max(atOnce, ...counts) <= 11, `${atOnce}, ${counts.join()}`);
      }
    });

    test(`of ${target} make no backlog of what changes meanwhile`, async () => {
      const { topology, work, pass } = await watching(200, target);
      for (let i = 0; i < 100; i++) {
        topology.createChannel('orders', `c${i}`);
        await pass();
        assert.ok(work.size <= 2, `${work.size} jobs`);
      }
    });
  }
});
