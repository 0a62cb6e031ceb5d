import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers';
import { setImmediate as macrotask } from 'node:timers/promises';
import fc from 'fast-check';
import { createFeed, watchChanges, watchLookup, type FeedOptions } from 'nsqlookupd/feed';
import { RegistrationDB, Topology, topicRegistration, WorkQueue, type PeerInfo } from 'nsqlookupd/registry';
import { createPeer, ManualClock } from 'nsqlookupd/testing';

function setUp(options: FeedOptions = {}) {
  const clock = new ManualClock();
  const topology = new Topology({ db: new RegistrationDB(), clock: clock.now });
  const feed = createFeed(topology, { timers: clock, ...options });
  const join = (host: string, ...topics: readonly string[]): PeerInfo => {
    const peer = createPeer(`${host}:4150`, { lastUpdateMs: clock.now() });
    topology.join(peer);
    for (const topic of topics) topology.register(peer, topic);
    return peer;
  };
  return { clock, topology, feed, join };
}

describe('a feed', () => {
  test('replays what came after an index, in order, up to so many', () => {
    const { topology, feed } = setUp();
    const start = feed.index;
    topology.createTopic('a');
    const afterA = feed.index;
    topology.createChannel('b', 'c');
    const named = (index: string, most?: number) => {
      const replay = feed.since(index, most);
      assert.ok(!replay.isGone);
      return replay.changes.map((change) =>
        'registration' in change ? change.registration.key + change.registration.subkey : '',
      );
    };
    assert.deepEqual(named(start), ['a', 'bc', 'b']);
    assert.deepEqual(named(start, 2), ['a', 'bc']);
    assert.deepEqual(named(afterA), ['bc', 'b']);
    assert.deepEqual(named(feed.index), []);
  });

  test('says of another epoch, of the future, of rubbish, and of too long ago that it is gone', () => {
    const { topology, feed } = setUp({ capacity: 3 });
    const start = feed.index;
    for (let i = 0; i < 3; i++) topology.createTopic(`t${i}`);
    assert.equal(feed.since(start).isGone, false);
    topology.createTopic('t3');
    assert.equal(feed.size, 3);
    const [epoch] = start.split('.');
    for (const index of [start, `${epoch}.99`, `${epoch}.-1`, `${epoch}.1e1`, '00000000.1', '', 'x', `${epoch}.`]) {
      assert.equal(feed.since(index).isGone, true, index);
    }
    assert.notEqual(setUp().feed.index.split('.')[0], epoch);
  });

  test('keeps no more bytes than it may, and nothing of what it forgot', () => {
    const { topology, feed } = setUp({ maxBytes: 10_000 });
    assert.ok(feed.index);
    for (let i = 0; i < 10_000; i++) topology.createTopic(`topic-${i}`);
    assert.ok(feed.bytes <= 10_000 && feed.size > 10, `${feed.bytes} bytes, ${feed.size} changes`);
  });

  test('records nothing before somebody has an index or listens', async () => {
    const { topology, feed, join } = setUp();
    const peer = join('h', 'orders');
    topology.leave(peer);
    assert.equal(feed.size, 0);
    const waiting = feed.wait(feed.index);
    topology.createTopic('parcels');
    assert.equal(await waiting, true);
    assert.equal(feed.size, 1);
  });

  test('keeps a thousand changes while the oldest index alone was asked for, and tells who goes on from it', async () => {
    const { topology, feed } = setUp();
    const oldest = feed.oldestIndex;
    for (let i = 0; i < 5000; i++) topology.createTopic(`t${i}`);
    assert.equal(feed.size, 1000);
    assert.equal(feed.since(oldest).isGone, true);
    const replay = feed.since(feed.oldestIndex);
    assert.equal(!replay.isGone && replay.changes.length, 1000);
    // Now somebody follows.
    for (let i = 0; i < 5000; i++) topology.createTopic(`u${i}`);
    assert.equal(feed.size, 6000);
    const { index } = feed;
    const waits = [feed.wait(index, { topic: 't4999' }), feed.wait(index, { topic: 'u1' })];
    for (const name of ['t4999', 'u1']) topology.createChannel(name, 'c');
    assert.deepEqual(await Promise.all(waits), [true, true]);
  });

  test('tells who follows later of the same changes, as they were made', () => {
    for (const capacity of [100, 20, 7]) {
      const { clock, topology, feed, join } = setUp({ capacity });
      const other = createFeed(topology, { timers: clock, capacity });
      assert.ok(feed.index && other.oldestIndex);
      const left = join('left', 'orders', 'parcels');
      const stays = join('stays', 'orders');
      topology.register(stays, 'parcels', 'c');
      topology.tombstone('orders', 'stays:4151');
      topology.tombstone('parcels', 'left:4151');
      topology.leave(left);
      clock.advance(300_001);
      topology.ping(stays); // which had been silent for too long
      topology.untombstone('orders', 'stays:4151');
      topology.deleteTopic('parcels');
      const [told, later] = [feed, other].map((each) => each.since(each.oldestIndex));
      assert.ok(told && !told.isGone && told.changes.length > 5);
      assert.deepEqual(later, told);
      assert.deepEqual([other.size, other.bytes], [feed.size, feed.bytes]);
      for (const each of [feed, other]) each.close();
    }
  });

  test('keeps no more bytes than it may of what came before anybody followed', () => {
    const { topology, feed } = setUp({ maxBytes: 10_000 });
    assert.ok(feed.oldestIndex);
    for (let i = 0; i < 100; i++) topology.createTopic(`topic-${i}`);
    assert.ok(feed.bytes <= 10_000 && feed.size > 5, `${feed.bytes} bytes, ${feed.size} changes`);
    const { db } = topology;
    const long = 'x'.repeat(1500); // as a host may name things
    for (let i = 0; i < 20; i++) {
      if (i % 2 > 0) db.addRegistration(topicRegistration(`${long}${i}`));
      else db.addProducer(topicRegistration('orders'), createPeer(`p${i}:1`, { version: long }));
      assert.ok(feed.bytes <= 10_000, `${feed.bytes} bytes`);
    }
    assert.ok(feed.size > 0 && feed.size < 6, `${feed.size} changes`);
    db.addRegistration(topicRegistration('x'.repeat(10_000)));
    assert.deepEqual([feed.size, feed.bytes, feed.oldestIndex], [0, 0, feed.index]);
    for (let i = 0; i < 100; i++) topology.createTopic(`late-${i}`);
    const replay = feed.since(feed.oldestIndex);
    assert.ok(!replay.isGone && replay.changes.length > 5);
    assert.equal(replay.changes.at(-1)?.revision, db.revision);
    for (const options of [{ capacity: 0 }, { maxBytes: 0 }]) {
      const none = setUp(options);
      assert.ok(none.feed.oldestIndex);
      none.topology.createTopic('a');
      assert.deepEqual([none.feed.size, none.feed.bytes], [0, 0]);
      assert.equal(none.feed.oldestIndex, none.feed.index);
    }
  });

  test('knows not what changed before somebody followed, and says so at once', async () => {
    const { topology, feed } = setUp();
    const oldest = feed.oldestIndex;
    assert.equal(await feed.wait(oldest, { topic: 'a', signal: AbortSignal.abort() }), false); // followed from the beginning
    topology.createTopic('b');
    assert.equal(await feed.wait(oldest, { topic: 'a', signal: AbortSignal.abort() }), false);
    const other = setUp();
    const start = other.feed.oldestIndex;
    other.topology.createTopic('b');
    assert.equal(await other.feed.wait(start, { topic: 'a', signal: AbortSignal.abort() }), true);
    assert.equal(await other.feed.wait(other.feed.index, { topic: 'a', signal: AbortSignal.abort() }), false);
  });

  test('begun while changes are told has those that follow, once', () => {
    const { topology, feed } = setUp();
    let index: string | undefined;
    const stop = topology.db.onChange(() => {
      stop();
      topology.createTopic('returns'); // is told next
      index = feed.index;
    });
    topology.createTopic('orders');
    topology.createTopic('parcels');
    const replay = feed.since(index!);
    assert.ok(!replay.isGone);
    assert.deepEqual(
      replay.changes.map((change) => 'registration' in change && change.registration.key),
      ['parcels'],
    );
  });

  test('keeps plain data, and nothing of the registry', { skip: !globalThis.gc && 'needs --expose-gc' }, async () => {
    const { topology, feed, join } = setUp();
    const start = feed.index;
    const gone = ((): WeakRef<object>[] => {
      const peer = Object.assign(join('h', 'orders'), { socket: {} });
      topology.tombstone('orders', 'h:4151');
      const [producer] = topology.db.producersOf({ category: 'topic', key: 'orders', subkey: '' });
      topology.leave(peer);
      return [peer, peer.socket, producer!].map((each) => new WeakRef(each));
    })();
    topology.deleteTopic('orders');
    const told = feed.since(start);
    assert.ok(!told.isGone);
    const tombstoned = told.changes.find(({ type }) => type === 'producerTombstoned');
    assert.ok(tombstoned && 'producer' in tombstoned);
    assert.deepEqual(JSON.parse(JSON.stringify(tombstoned)), {
      ...{ revision: tombstoned.revision, type: 'producerTombstoned', peerKey: tombstoned.peerKey },
      registration: { category: 'topic', key: 'orders', subkey: '' },
      peer: { ...createPeer('h:4150', { lastUpdateMs: tombstoned.peer.lastUpdateMs }) },
      producer: { peer: { ...tombstoned.peer }, tombstonedAtMs: tombstoned.producer.tombstonedAtMs },
      tombstonedAtMs: tombstoned.producer.tombstonedAtMs,
    });
    feed.close();
    await macrotask();
    globalThis.gc!();
    assert.deepEqual(
      gone.map((ref) => ref.deref()),
      [undefined, undefined, undefined],
    );
    assert.ok(feed.size > 0);
  });

  test('weighs its peers once, for as long as a change names them', () => {
    const { topology, feed, join } = setUp({ capacity: 3 });
    assert.ok(feed.index);
    const bytesOf = (host: string) => {
      topology.leave(join(host));
      for (let i = 0; i < 3; i++) topology.createTopic(`${host}-${i}`);
      return feed.bytes;
    };
    const before = bytesOf('a');
    topology.leave(join('b'));
    assert.ok(feed.bytes > before + 300, `${feed.bytes} bytes with a peer, ${before} without`);
    assert.equal(bytesOf('c'), before);
  });

  test('of no capacity keeps nothing, and waits all the same', async () => {
    const { topology, feed } = setUp({ capacity: 0 });
    const waiting = feed.wait(feed.index);
    topology.createTopic('a');
    assert.equal(await waiting, true);
    assert.equal(feed.size, 0);
  });

  test('waits for any change, or for one of a topic, a time, a signal, or its end', async () => {
    const { clock, topology, feed } = setUp();
    const start = feed.index;
    const all = feed.wait(start);
    const orders = feed.wait(start, { topic: 'orders' });
    const late = feed.wait(start, { topic: 'orders', timeoutMs: 500 });
    const stop = new AbortController();
    const stopped = feed.wait(start, { topic: 'parcels', signal: stop.signal });
    const ended = feed.wait(start, { topic: 'parcels' });
    topology.createTopic('another');
    assert.equal(await all, true);
    clock.advance(500);
    assert.equal(await late, false);
    topology.createChannel('orders', 'billing');
    assert.equal(await orders, true);
    stop.abort();
    assert.equal(await stopped, false);
    assert.equal(await feed.wait(start, { topic: 'orders' }), true, 'it has changed already');
    assert.equal(await feed.wait('00000000.5'), true, 'nobody knows');
    assert.equal(await feed.wait(feed.index, { signal: AbortSignal.abort() }), false);
    feed.close();
    assert.equal(await ended, false);
    assert.equal(await feed.wait(feed.index), false);
    assert.equal(clock.pending, 0);
  });

  test('knows of a topic that has gone that it changed', async () => {
    const { topology, feed } = setUp();
    topology.createTopic('orders');
    const { index } = feed;
    topology.deleteTopic('orders');
    assert.equal(await feed.wait(index, { topic: 'orders' }), true);
    assert.equal(await Promise.race([feed.wait(feed.index, { topic: 'orders' }), Promise.resolve('waits')]), 'waits');
  });

  test('wakes many that wait in slices, each once, also those whose time is over meanwhile', async () => {
    const clock = new ManualClock();
    let inTurn = 0;
    let most = 0;
    const nextTurn = (callback: () => void) => setImmediate(() => ((inTurn = 0), callback()));
    const work = new WorkQueue({ stepsPerTurn: 400, nextTurn });
    const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
    const feed = createFeed(topology, { timers: clock });
    const { index } = feed;
    const seen: boolean[] = [];
    const options = { topic: 'orders', timeoutMs: 1000 };
    const waits = Array.from({ length: 2000 }, () =>
      feed.wait(index, options).then((isNew) => {
        seen.push(isNew);
        most = Math.max(most, ++inTurn);
      }),
    );
    topology.createTopic('orders');
    for (let turn = 0; turn < 5; turn++) {
      await macrotask();
      topology.createChannel('orders', `c${turn}`);
    }
    assert.ok(most <= 100 && seen.length < 2000, `${most} in one turn`);
    clock.advance(1000);
    await Promise.all(waits);
    assert.equal(seen.length, 2000);
    assert.ok(seen.every((isNew) => isNew));
    assert.equal(clock.pending, 0);
    feed.close();
  });

  test('tells of a producer that falls silent, and of a tombstone that ends', async () => {
    const { clock, topology, feed, join } = setUp();
    const silent = join('silent', 'orders');
    const speaks = join('speaks', 'parcels');
    const until = async (topic: string, ms: number) => {
      const waiting = feed.wait(feed.index, { topic });
      let isKnown = false;
      void waiting.then(() => (isKnown = true));
      await clock.advanceAsync(ms - 1);
      assert.equal(isKnown, false);
      await clock.advanceAsync(2);
      assert.equal(isKnown, true);
    };
    topology.tombstone('orders', 'silent:4151');
    await until('orders', 45_000);
    await clock.advanceAsync(200_000);
    topology.ping(speaks);
    await until('orders', 300_000 - 245_001);
    assert.equal(topology.lookup('orders')?.producers.length, 0);
    topology.ping(silent);
    assert.equal(topology.lookup('orders')?.producers.length, 1);
    await until('parcels', 245_001);
    assert.equal(clock.pending, 1, 'one timer for all');
    feed.close();
    assert.equal(clock.pending, 0);
  });

  /** Peers that join one each millisecond, and how often it was looked when one was last heard of. */
  const counted = (count: number) => {
    const set = setUp();
    const seen = { looks: 0, told: 0 };
    assert.ok(set.feed.index);
    const peers = Array.from({ length: count }, (_, i) => {
      let lastUpdateMs = set.clock.now();
      const peer = Object.defineProperty(createPeer(`h${i}:4150`), 'lastUpdateMs', {
        enumerable: true,
        get: () => (seen.looks++, lastUpdateMs),
        set: (ms: number) => (lastUpdateMs = ms),
      });
      set.topology.join(peer);
      set.clock.advance(1);
      return peer;
    });
    set.topology.db.onChange(({ type }) => {
      if (type === 'peerTouched') seen.told++;
    });
    const pass = async (ms: number) => {
      set.clock.advance(ms);
      do await macrotask();
      while (set.topology.work.size > 0);
    };
    return { ...set, peers, seen, pass };
  };

  test('tells of many that fall silent one by one at the cost of each', async () => {
    const { clock, feed, peers, seen, pass } = counted(1000);
    clock.advance(300_000 - peers.length);
    seen.looks = 0;
    for (let i = 0; i < peers.length; i++) {
      assert.equal(seen.told, i);
      await pass(1);
    }
    assert.equal(seen.told, peers.length);
    assert.ok(seen.looks < 20 * peers.length, `${seen.looks} looks`);
    assert.equal(clock.pending, 0);
    feed.close();
  });

  test('looks at those that ping now and then, and at none that have left', async () => {
    const { clock, topology, feed, peers, seen, pass } = counted(1000);
    const [silent, ...rest] = peers;
    for (const peer of rest.splice(0, 499)) topology.leave(peer);
    for (let i = 0; i < 40; i++) {
      await pass(15_000);
      for (const peer of rest) topology.ping(peer);
      if (i === 0) seen.looks = 0;
    }
    const pings = 40 * rest.length * 3; // a ping looks, too
    assert.ok(seen.looks < pings + 10 * rest.length, `${seen.looks} looks`);
    assert.equal(seen.told, 1);
    topology.ping(silent!);
    assert.equal(seen.told, 2);
    clock.set(clock.now() - 3_600_000);
    topology.ping(silent!);
    await pass(300_000);
    assert.equal(seen.told, 3);
    await pass(1);
    assert.equal(seen.told, 4);
    feed.close();
    assert.equal(clock.pending, 0);
  });

  test('tells of many that fall silent at once in slices', async () => {
    let most = 0;
    let inTurn = 0;
    const nextTurn = (callback: () => void) => setImmediate(() => ((inTurn = 0), callback()));
    const clock = new ManualClock();
    const work = new WorkQueue({ stepsPerTurn: 200, nextTurn });
    const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
    const feed = createFeed(topology, { timers: clock });
    for (let i = 0; i < 2000; i++) topology.join(createPeer(`h${i}:4150`, { lastUpdateMs: clock.now() }));
    assert.ok(feed.index);
    const told = new Set<PeerInfo>();
    topology.db.onChange((change) => {
      if (change.type !== 'peerTouched') return;
      most = Math.max(most, ++inTurn);
      told.add(change.peer);
    });
    while (work.size > 0) await macrotask();
    clock.advance(300_001);
    while (work.size > 0) await macrotask();
    assert.equal(told.size, 2000);
    assert.ok(most <= 200, `${most} in one turn`);
    feed.close();
  });

  test('tells when a tombstone ends that was set after the clock went back, and nothing of one that was ended', () => {
    const { clock, topology, feed, join } = setUp();
    assert.ok(feed.index);
    for (const host of ['a', 'b', 'c']) join(host, 'orders');
    const touched: string[] = [];
    topology.db.onChange((change) => {
      if (change.type === 'peerTouched') touched.push(change.peer.broadcastAddress);
    });
    topology.tombstone('orders', 'a:4151');
    topology.tombstone('orders', 'c:4151');
    topology.untombstone('orders', 'c:4151');
    clock.advance(1);
    assert.deepEqual(touched, []);
    clock.set(clock.now() - 3_600_000);
    topology.tombstone('orders', 'b:4151');
    clock.advance(45_001);
    assert.deepEqual(touched, ['b']);
    clock.advance(3_600_000);
    assert.deepEqual(touched, ['b', 'a']);
    feed.close();
    assert.equal(clock.pending, 0);
  });

  test('forgets a tombstone that was set again, and producers that have gone', () => {
    const { clock, topology, feed, join } = setUp();
    const peer = join('h', 'orders');
    for (let i = 0; i < 1000; i++) topology.tombstone('orders', 'h:4151');
    topology.leave(peer);
    clock.advance(1_000_000);
    assert.equal(clock.pending, 0);
    feed.close();
  });

  test('refuses wrong options', () => {
    const { topology, feed } = setUp();
    assert.throws(() => createFeed(5 as never), /topology must be a Topology/);
    assert.throws(() => createFeed(topology, { size: 5 } as never), /createFeed has no option "size"/);
    assert.throws(() => createFeed(topology, { capacity: -1 }), /capacity must be a number from 0 on/);
    assert.throws(() => void feed.wait('x', { topics: [] } as never), /wait has no option "topics"/);
    assert.throws(() => watchChanges({} as never), /feed must be what createFeed makes/);
  });
});

describe('watchChanges', () => {
  test('gives every change once, in order, however it is read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }), async (bursts) => {
        const { topology, feed } = setUp();
        const watch = watchChanges(feed);
        const seen: number[] = [];
        const reading = (async () => {
          for await (const some of watch) if (!some.isGone) seen.push(...some.changes.map(({ revision }) => revision));
        })();
        let made = 0;
        for (const burst of bursts) {
          for (let i = 0; i < burst; i++) topology.createTopic(`t${made++}`);
          await Promise.resolve();
        }
        feed.close();
        await reading;
        assert.deepEqual(
          seen,
          Array.from({ length: made }, (_, i) => i + 1),
        );
      }),
    );
  });

  test('says when some were missed, and goes on from there', async () => {
    const { topology, feed } = setUp({ capacity: 2 });
    const watch = watchChanges(feed);
    for (let i = 0; i < 5; i++) topology.createTopic(`t${i}`);
    assert.deepEqual((await watch.next()).value, { isGone: true, index: feed.index });
    topology.createTopic('next');
    const { value } = await watch.next();
    assert.equal(value && !value.isGone && value.changes.length, 1);
    await watch.return();
  });
});

describe('watchLookup', () => {
  test('gives the present, then the newest after each change, and nothing for what is the same', async () => {
    const { clock, topology, join } = setUp();
    const stop = new AbortController();
    const watch = watchLookup(topology, 'orders', { signal: stop.signal, timers: clock });
    const next = async () => {
      const { value } = await watch.next();
      return (
        value && {
          channels: value.channels,
          hosts: value.producers.map(({ broadcastAddress }) => broadcastAddress),
        }
      );
    };
    assert.equal(await next(), undefined);
    const peer = join('a', 'orders');
    join('other', 'parcels');
    topology.createChannel('orders', 'x');
    assert.deepEqual(await next(), { channels: ['x'], hosts: ['a'] });
    const waiting = next();
    topology.createTopic('another');
    topology.ping(peer);
    topology.deleteChannel('orders', 'x');
    assert.deepEqual(await waiting, { channels: [], hosts: ['a'] });
    topology.tombstone('orders', 'a:4151');
    assert.deepEqual(await next(), { channels: [], hosts: [] });
    const shown = next();
    clock.advance(45_001);
    assert.deepEqual(await shown, { channels: [], hosts: ['a'] });
    const silent = next();
    clock.advance(300_000);
    assert.deepEqual(await silent, { channels: [], hosts: [] });
    const last = watch.next();
    stop.abort();
    assert.deepEqual(await last, { done: true, value: undefined });
    assert.equal(clock.pending, 0);
  });

  test('looks up its topic for what changes of that alone', async () => {
    const { clock, topology, join } = setUp();
    const peer = join('a', 'orders');
    const others = Array.from({ length: 100 }, (_, i) => join(`h${i}`, 'parcels'));
    let lookups = 0;
    const lookup = topology.lookup.bind(topology);
    topology.lookup = (topic) => (lookups++, lookup(topic));
    const watch = watchLookup(topology, 'orders', { timers: clock });
    await watch.next();
    const next = watch.next();
    lookups = 0;
    for (const other of others) topology.db.touchPeer(other);
    for (const other of others) topology.leave(other);
    assert.equal(lookups, 0);
    topology.leave(peer);
    assert.deepEqual((await next).value?.producers, []);
    await watch.return();
  });

  test('refuses what is no name, or an option, at once', () => {
    const { topology } = setUp();
    assert.throws(() => watchLookup(topology, 'no such'), /not a legal topic name/);
    assert.throws(() => watchLookup(topology, 'orders', { signals: 1 } as never), /has no option "signals"/);
  });
});
