import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createHttpHandler } from 'nsqlookupd/http';
import {
  channelRegistration,
  CLIENT,
  isTopicName,
  RegistrationDB,
  Topology,
  topicRegistration,
  type Change,
  type PeerInfo,
  type TopologyOptions,
} from 'nsqlookupd/registry';
import { createPeer, ManualClock } from 'nsqlookupd/testing';
import { peerOf } from './support/peers.js';
import { runs } from './support/runs.js';

function setUp(options: Partial<TopologyOptions> = {}) {
  let now = 1_000_000;
  const lines: string[] = [];
  const line = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const db = new RegistrationDB();
  const log = { info: line('INFO'), warn: line('WARN') };
  const topology = new Topology({ db, clock: () => now, log, ...options });
  const join = (host: string, fields = {}) => {
    const peer = peerOf(host, { lastUpdateMs: now, ...fields });
    topology.join(peer);
    return peer;
  };
  return { db, topology, join, lines, turn: (ms: number) => (now += ms) };
}

/** Tells a db of a peer that another lookupd holds, with its topics. */
function bring(db: RegistrationDB, origin: string, peer: PeerInfo, ...topics: readonly string[]): void {
  const other = new RegistrationDB({ origin });
  other.onChange((change) => db.apply(JSON.parse(JSON.stringify(change)) as Change));
  for (const registration of [CLIENT, ...topics.map((topic) => topicRegistration(topic))]) {
    other.addProducer(registration, peer);
  }
}

describe('Topology', () => {
  test('a producer is named until the inactive producer timeout has passed, and again after a ping', () => {
    const { topology, join, turn } = setUp();
    const peer = join('h1');
    topology.register(peer, 'orders', 'billing');
    turn(300_000);
    assert.deepEqual(topology.lookup('orders'), { channels: ['billing'], producers: [peer], changesAtMs: 1_300_000 });
    assert.equal(topology.nodes().length, 1);
    turn(1);
    assert.deepEqual(topology.lookup('orders'), { channels: ['billing'], producers: [], changesAtMs: Infinity });
    assert.equal(topology.nodes().length, 0);
    topology.ping(peer);
    assert.deepEqual(topology.lookup('orders')?.producers, [peer]);
  });

  test('a tombstone hides a producer of one topic for its lifetime, and nodes say so', () => {
    const { topology, join, turn } = setUp();
    const peer = join('h1');
    topology.register(peer, 'orders');
    topology.register(peer, 'users');
    assert.equal(topology.tombstone('orders', 'h1.test:4151'), 1);
    assert.deepEqual(topology.lookup('orders')?.producers, []);
    assert.deepEqual(topology.lookup('users')?.producers, [peer]);
    assert.deepEqual(topology.nodes()[0]?.topics, [
      { topic: 'orders', isTombstoned: true },
      { topic: 'users', isTombstoned: false },
    ]);
    turn(44_999);
    assert.deepEqual(topology.lookup('orders')?.producers, []);
    turn(1);
    assert.deepEqual(topology.lookup('orders')?.producers, [peer]);
  });

  test('a tombstone is ended before its time, whatever the clock says, and none where there is none', () => {
    for (const now of [1_000_000, 10]) {
      const { topology, join, lines } = setUp({ clock: () => now });
      const [peer, other] = [join('h1'), join('h2')];
      for (const one of [peer, other]) topology.register(one, 'orders');
      assert.equal(topology.tombstone('orders', 'h1.test:4151'), 1);
      assert.deepEqual(topology.lookup('orders')?.producers, [other]);
      join('h3');
      const node = (host: string) => topology.untombstone('orders', `${host}.test:4151`);
      assert.deepEqual([node('h1'), node('h2'), node('h3'), node('h4')], [1, 0, 0, 0]);
      assert.deepEqual(topology.lookup('orders')?.producers, [peer, other]);
      assert.deepEqual(
        lines.filter((line) => line.includes('h1.test')),
        [
          'INFO DB: setting tombstone for producer@h1.test:4151 of topic(orders)',
          'INFO DB: ending tombstone for producer@h1.test:4151 of topic(orders)',
        ],
      );
      assert.deepEqual(topology.db.getProducer(topicRegistration('orders'), other)?.tombstonedAtMs, undefined);
    }
  });

  for (const broadcastAddress of ['2001:db8::1', '[2001:db8::1]']) {
    for (const node of ['[2001:db8::1]:4151', '2001:db8::1:4151']) {
      test(`a tombstone for ${node} reaches a node that says it is ${broadcastAddress}`, () => {
        const { topology, join } = setUp();
        topology.register(join('h1', { broadcastAddress }), 'orders');
        assert.equal(topology.tombstone('orders', node), 1);
        assert.equal(topology.tombstone('orders', '[2001:db8::2]:4151'), 0);
      });
    }
  }

  test('a tombstone reaches a node by its whole name alone', () => {
    const { topology, join } = setUp();
    topology.register(join('h1', { broadcastAddress: 'a[b]' }), 'orders');
    for (const node of ['x[a[b]:4151', 'a[b]:4151x', 'ab:4151', '[a[b]:4151', 'a[b]', ':4151', '']) {
      assert.equal(topology.tombstone('orders', node), 0, node);
    }
    assert.equal(topology.tombstone('orders', 'a[b]:4151'), 1);
  });

  test('a peer that had been silent is news when it pings, and otherwise a ping is none', () => {
    const { topology, join, turn, db } = setUp();
    const peer = join('h1');
    topology.register(peer, 'orders');
    const revision = db.revisionOf('orders');
    turn(300_000);
    topology.ping(peer);
    assert.equal(db.revisionOf('orders'), revision);
    turn(300_001);
    topology.ping(peer);
    const again = db.revisionOf('orders');
    assert.ok(again > revision);
    topology.ping(peer);
    assert.equal(db.revisionOf('orders'), again);
    turn(-1);
    topology.ping(peer);
    assert.ok(db.revisionOf('orders') > again);
  });

  test('says when time alone will change an answer', () => {
    const { topology, join, turn } = setUp();
    topology.register(join('h1'), 'orders');
    turn(100_000);
    topology.register(join('h2'), 'orders');
    const start = 1_000_000;
    assert.equal(topology.lookup('orders')?.changesAtMs, start + 300_000);
    topology.tombstone('orders', 'h2.test:4151');
    assert.equal(topology.lookup('orders')?.changesAtMs, start + 145_000);
    assert.deepEqual(
      topology.nodes().map(({ changesAtMs }) => changesAtMs),
      [start + 300_000, start + 145_000],
    );
    turn(45_000);
    assert.equal(topology.lookup('orders')?.changesAtMs, start + 300_000);
    turn(155_001);
    assert.equal(topology.lookup('orders')?.changesAtMs, start + 400_000);
    turn(100_000);
    assert.equal(topology.lookup('orders')?.changesAtMs, Infinity);
  });

  test('an order never widens: * names no topic', () => {
    const { topology, join } = setUp();
    const peer = join('h1');
    topology.register(peer, 'orders', 'billing');
    topology.deleteTopic('*');
    assert.equal(topology.deleteChannel('orders', '*'), false);
    assert.equal(topology.tombstone('*', 'h1.test:4151'), 0);
    assert.deepEqual([topology.channels('orders'), topology.lookup('orders')?.producers], [['billing'], [peer]]);
  });

  test('a question widens: * asks about every topic', () => {
    const { topology, join } = setUp();
    const [one, two] = [join('h1'), join('h2')];
    topology.register(one, 'a', 'x');
    topology.register(two, 'b', 'x');
    topology.register(one, 'b', 'y');
    assert.deepEqual(topology.channels('*').sort(), ['x', 'x', 'y']);
    assert.deepEqual(new Set(topology.lookup('*')?.producers), new Set([one, two]));
  });

  describe('an ephemeral channel goes when its last producer', () => {
    const ways: Record<string, (topology: Topology, peer: ReturnType<typeof peerOf>) => void> = {
      'unregisters it': (topology, peer) => topology.unregister(peer, 'orders', 'tail#ephemeral'),
      'unregisters its topic': (topology, peer) => topology.unregister(peer, 'orders'),
      leaves: (topology, peer) => topology.leave(peer),
    };
    for (const [way, go] of Object.entries(ways)) {
      test(way, () => {
        const { topology, join } = setUp();
        const [one, two] = [join('h1'), join('h2')];
        for (const peer of [one, two]) topology.register(peer, 'orders', 'tail#ephemeral');
        topology.createChannel('orders', 'kept');
        go(topology, one);
        assert.deepEqual(topology.channels('orders').sort(), ['kept', 'tail#ephemeral']);
        go(topology, two);
        assert.deepEqual(topology.channels('orders'), ['kept']);
        assert.deepEqual(topology.topics(), ['orders']);
      });
    }
  });

  describe('an ephemeral topic goes, with its channels, when its last producer', () => {
    const ways: Record<string, (topology: Topology, peer: ReturnType<typeof peerOf>) => void> = {
      'unregisters it': (topology, peer) => topology.unregister(peer, 'tmp#ephemeral'),
      leaves: (topology, peer) => topology.leave(peer),
    };
    for (const [way, go] of Object.entries(ways)) {
      test(way, () => {
        const { topology, join, db } = setUp();
        const [one, two] = [join('h1'), join('h2')];
        for (const peer of [one, two]) topology.register(peer, 'tmp#ephemeral', 'plain');
        go(topology, one);
        assert.deepEqual(topology.channels('tmp#ephemeral'), ['plain']);
        go(topology, two);
        assert.deepEqual(topology.topics(), []);
        assert.deepEqual(topology.channels('tmp#ephemeral'), []);
        for (const peer of [one, two]) topology.leave(peer);
        assert.deepEqual(db.indexSizes, { categories: 1, keys: 1, peers: 0 }); // `client` stays
      });
    }
  });

  // It looks among the topic's channels or among the peer's registrations, whichever are fewer.
  for (const [which, otherChannels, otherTopics] of [
    ['the topic has more channels than the peer has registrations', 20, 0],
    ['the peer has more registrations than the topic has channels', 0, 20],
  ] as const) {
    test(`a topic is unregistered with the peer's channels of it, and nothing else, when ${which}`, () => {
      const { topology, join, db } = setUp();
      const [peer, other] = [join('h1'), join('h2')];
      for (let i = 0; i < otherChannels; i++) topology.register(other, 't', `other-${i}`);
      for (let i = 0; i < otherTopics; i++) topology.register(peer, `other-${i}`, 'c');
      for (const topic of ['t', 'u']) for (const channel of ['c', 'd']) topology.register(peer, topic, channel);
      topology.register(other, 't', 'c');
      const kept = db.registrationsOf(peer).filter(({ key }) => key !== 't');
      const others = db.registrationsOf(other);
      topology.unregister(peer, 't');
      assert.deepEqual(db.registrationsOf(peer), kept);
      assert.deepEqual(db.registrationsOf(other), others);
      assert.equal(db.countProducers({ category: 'channel', key: 't', subkey: 'c' }), 1);
      assert.equal(db.countRegistrations('channel', 't'), 2 + otherChannels);
    });
  }

  test('a topic or channel that is not ephemeral outlives its producers', () => {
    const { topology, join } = setUp();
    const peer = join('h1');
    topology.register(peer, 'orders', 'billing');
    topology.leave(peer);
    assert.deepEqual([topology.channels('orders'), topology.lookup('orders')?.producers], [['billing'], []]);
    assert.deepEqual(topology.nodes(), []);
  });

  test('says what it does in the words of nsqlookupd', () => {
    const { topology, join, lines } = setUp();
    const peer = join('h1');
    topology.register(peer, 't', 'c');
    topology.register(peer, 't', 'c');
    topology.createTopic('x');
    topology.createChannel('x', 'c');
    topology.tombstone('t', 'h1.test:4151');
    topology.deleteChannel('x', 'c');
    topology.deleteChannel('x', 'c');
    topology.createChannel('x', 'e');
    topology.deleteTopic('x');
    topology.deleteTopic('x');
    topology.unregister(peer, 't', 'c');
    topology.register(peer, 't', 'd');
    topology.unregister(peer, 't');
    topology.leave(peer);
    assert.deepEqual(lines, [
      'INFO DB: client(h1:50000) REGISTER category:client key: subkey:',
      'INFO DB: client(h1:50000) REGISTER category:channel key:t subkey:c',
      'INFO DB: client(h1:50000) REGISTER category:topic key:t subkey:',
      'INFO DB: adding topic(x)',
      'INFO DB: adding channel(c) in topic(x)',
      'INFO DB: adding topic(x)',
      'INFO DB: setting tombstone for producer@h1.test:4151 of topic(t)',
      'INFO DB: removing channel(c) from topic(x)',
      'INFO DB: adding channel(e) in topic(x)',
      'INFO DB: adding topic(x)',
      'INFO DB: removing channel(e) from topic(x)',
      'INFO DB: removing topic(x)',
      'INFO DB: client(h1:50000) UNREGISTER category:channel key:t subkey:c',
      'INFO DB: client(h1:50000) REGISTER category:channel key:t subkey:d',
      'WARN client(h1:50000) unexpected UNREGISTER category:channel key:t subkey:d',
      'INFO DB: client(h1:50000) UNREGISTER category:topic key:t subkey:',
      'INFO DB: client(h1:50000) UNREGISTER category:client key: subkey:',
    ]);
  });

  test('setting the wall clock hides nobody, shows nobody, and is seen in the times that are printed', async () => {
    const steady = new ManualClock();
    let offsetMs = 0;
    const wallClock = () => steady.now() + offsetMs;
    const topology = new Topology({ db: new RegistrationDB(), clock: steady.now, wallClock });
    const peers = ['h1:4150', 'h2:4150'].map((name) => createPeer(name, { lastUpdateMs: steady.now() }));
    for (const peer of peers) {
      topology.join(peer);
      topology.register(peer, 'orders');
    }
    topology.tombstone('orders', 'h1:4151');
    const names = () => topology.lookup('orders')?.producers.map(({ broadcastAddress }) => broadcastAddress);
    const handler = createHttpHandler({ topology });
    const lastUpdate = async () => {
      const answer = await handler({ method: 'GET', path: '/debug', query: '', headers: {} });
      return /"last_update":(\d+)/.exec(new TextDecoder().decode(answer!.body as Uint8Array))?.[1];
    };
    const atFirst = await lastUpdate();
    for (const setMs of [-3_600_000, 600_000, 7_200_000]) {
      offsetMs = setMs;
      assert.deepEqual(names(), ['h2']);
      assert.equal(topology.nodes().length, 2);
      assert.equal(BigInt((await lastUpdate())!) - BigInt(atFirst!), BigInt(setMs) * 1_000_000n);
    }
    steady.advance(45_000);
    assert.deepEqual(names(), ['h1', 'h2']);
    offsetMs = -3_600_000;
    assert.deepEqual(names(), ['h1', 'h2']); // it does not come alive again
  });

  test('whatever the wall clock is set to, and whoever comes, goes and is hidden meanwhile, the answers are the same', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), ms: fc.integer({ min: -1e10, max: 1e10 }) }),
      fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 400_000 }) }),
      fc.record({ do: fc.constantFrom('join', 'leave', 'ping', 'tombstone'), peer: fc.nat(3) }),
    );
    const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const steady = new ManualClock();
      let offsetMs = 0;
      const topologies = [() => 0, () => offsetMs].map((offset) => {
        const wallClock = () => steady.now() + offset();
        const topology = new Topology({ db: new RegistrationDB(), clock: steady.now, wallClock });
        return { topology, peers: new Map<number, PeerInfo>() };
      });
      for (const each of steps) {
        if (each.do === 'set') offsetMs = each.ms;
        else if (each.do === 'pass') steady.advance(each.ms);
        else for (const { topology, peers } of topologies) take(topology, peers, each);
        const [plain, turned] = topologies.map(({ topology }) => [
          topology.lookup('orders')?.producers.map(({ hostname }) => hostname),
          topology.nodes().map(({ peer, topics }) => [peer.hostname, topics]),
        ]);
        assert.deepEqual(turned, plain);
      }
    });
    fc.assert(property, { numRuns: runs(500) });

    function take(
      topology: Topology,
      peers: Map<number, PeerInfo>,
      { do: what, peer: i }: { do: string; peer: number },
    ) {
      const peer = peers.get(i);
      if (what === 'tombstone') topology.tombstone('orders', `h${i}:4151`);
      else if (what === 'ping' && peer) topology.ping(peer);
      else if (what === 'leave' && peer) {
        topology.leave(peer);
        peers.delete(i);
      } else if (what === 'join' && !peer) {
        const joined = createPeer(`h${i}:4150`, { lastUpdateMs: topology.clock() });
        peers.set(i, joined);
        topology.join(joined);
        topology.register(joined, 'orders');
      }
    }
  });

  test('a peer takes the place of one without a connection at its address, and its tombstones', () => {
    const clock = new ManualClock();
    const before = new Topology({ db: new RegistrationDB(), clock: clock.now });
    const [old, other] = [createPeer('h1:4150'), createPeer('h2:4150')];
    for (const peer of [old, other]) {
      before.join(peer);
      for (const topic of ['a', 'b']) before.register(peer, topic);
    }
    before.tombstone('a', 'h1:4151');
    const after = new Topology({ db: new RegistrationDB({ origin: 'after' }), clock: clock.now });
    after.db.restore(before.db.snapshot());
    const names = (topic: string) => after.lookup(topic)?.producers.map(({ broadcastAddress }) => broadcastAddress);
    assert.deepEqual([names('a'), names('b')], [['h2'], ['h1', 'h2']]);
    assert.deepEqual([after.db.peersOf('local').length, after.db.peersOf('after').length], [2, 0]);
    const back = createPeer('h1:4150');
    after.join(back);
    assert.deepEqual(after.db.peersOf('after'), [back]);
    // Nobody is missing until the peer has said what it carries, and nobody is there twice.
    assert.deepEqual([names('a'), names('b')], [['h2'], ['h1', 'h2']]);
    assert.deepEqual(
      after.nodes().map(({ peer }) => peer.broadcastAddress),
      ['h2', 'h1'],
    );
    after.register(back, 'a');
    assert.deepEqual([names('a'), names('b')], [['h2'], ['h1', 'h2']]);
    after.register(back, 'b', 'channel');
    assert.deepEqual([names('a'), names('b')], [['h2'], ['h2', 'h1']]);
    clock.advance(45_000);
    assert.deepEqual(names('a'), ['h2', 'h1']);
  });

  for (const [what, end] of [
    ['has pinged', (topology: Topology, back: PeerInfo) => topology.ping(back)],
    ['has left', (topology: Topology, back: PeerInfo) => topology.leave(back)],
  ] as const) {
    test(`what a peer does not carry any more since it is back is gone when it ${what}`, () => {
      const before = new Topology({ db: new RegistrationDB() });
      const old = createPeer('h1:4150', { lastUpdateMs: before.clock() });
      before.join(old);
      for (const topic of ['a', 'b', 'c']) before.register(old, topic, 'channel');
      const after = new Topology({ db: new RegistrationDB() });
      after.db.restore(before.db.snapshot());
      const back = createPeer('h1:4150', { lastUpdateMs: after.clock() });
      after.join(back);
      after.register(back, 'a', 'channel');
      after.unregister(back, 'c');
      const counts = () => ['a', 'b', 'c'].map((topic) => after.lookup(topic)!.producers.length);
      assert.deepEqual(counts(), [1, 1, 0]);
      end(after, back);
      assert.deepEqual(counts(), what === 'has left' ? [0, 0, 0] : [1, 0, 0]);
      assert.deepEqual(after.db.peers(), what === 'has left' ? [] : [back]);
    });
  }

  test('an nsqd that several lookupds hold is one, the same whichever was heard of first', () => {
    const holders = [
      ['b', '10.0.0.2:5', 4150],
      ['a', '10.0.0.1:5', 4150],
      ['c', '10.0.0.3:5', 4160], // another nsqd, which only its TCP port tells from the others
    ] as const;
    for (const order of [holders, [...holders].reverse()]) {
      const { db, topology } = setUp();
      for (const [origin, remoteAddress, tcpPort] of order) {
        bring(db, origin, peerOf('h1', { remoteAddress, tcpPort, lastUpdateMs: 1_000_000 }), 'orders');
      }
      const shown = [topology.nodePeers(), topology.lookup('orders')!.producers];
      for (const peers of shown) {
        assert.deepEqual(peers.map(({ remoteAddress }) => remoteAddress).sort(), ['10.0.0.1:5', '10.0.0.3:5']);
        const first = peers.find(({ tcpPort }) => tcpPort === 4150)!;
        const copies = topology.copiesOf(first).map(({ remoteAddress }) => remoteAddress);
        assert.deepEqual(copies.sort(), ['10.0.0.1:5', '10.0.0.2:5']);
      }
    }
  });

  test('a tombstone that one lookupd holds hides the nsqd, whoever else holds it', () => {
    for (const held of ['a', 'b']) {
      const { db, topology } = setUp();
      for (const origin of ['a', 'b']) {
        const peer = peerOf('h1', { remoteAddress: `10.0.0.1:${origin}`, lastUpdateMs: 1_000_000 });
        bring(db, origin, peer, 'orders', 'users');
      }
      const [copy] = db.peersOf(held);
      const states = () =>
        topology.nodes().map(({ topics }) => topics.map(({ topic, isTombstoned }) => [topic, isTombstoned]));
      assert.deepEqual(states(), [
        [
          ['orders', false],
          ['users', false],
        ],
      ]);
      db.tombstone(topicRegistration('orders'), copy!, 1_000_000);
      const counts = ['orders', 'users', '*'].map((topic) => topology.lookup(topic)!.producers.length);
      assert.deepEqual(
        [counts, states()],
        [
          [0, 1, 1],
          [
            [
              ['orders', true],
              ['users', false],
            ],
          ],
        ],
      );
    }
  });

  test('a producer of any topic is named once, if it is not tombstoned in all of them', () => {
    const { topology, join } = setUp();
    const peers = [join('h1'), join('h2'), join('h3')];
    for (const peer of peers) for (const topic of ['a', 'b']) topology.register(peer, topic);
    for (const [topic, host] of ['a1', 'b2', 'a3', 'b3']) {
      assert.equal(topology.tombstone(topic!, `h${host!}.test:4151`), 1);
    }
    assert.deepEqual(topology.lookup('*')?.producers, peers.slice(0, 2));
  });

  test('what operators write is told before it is done, until who listens leaves', () => {
    const { topology } = setUp();
    const told: unknown[] = [];
    const leave = topology.onWrite((write) => told.push([topology.topics().length, write]));
    topology.createTopic('a');
    topology.createChannel('a', 'b');
    topology.deleteChannel('a', 'b');
    topology.deleteTopic('a');
    topology.tombstone('a', 'h:1');
    topology.untombstone('a', 'h:1');
    leave();
    topology.deleteTopic('a');
    assert.deepEqual(told, [
      [0, { type: 'create', topic: 'a', channel: '' }],
      [1, { type: 'create', topic: 'a', channel: 'b' }],
      [1, { type: 'create', topic: 'a', channel: '' }],
      [1, { type: 'delete', topic: 'a', channel: 'b' }],
      [1, { type: 'delete', topic: 'a', channel: '' }],
      [0, { type: 'tombstone', topic: 'a', node: 'h:1' }],
      [0, { type: 'untombstone', topic: 'a', node: 'h:1' }],
    ]);
  });

  test('a peer that has more than it may, by the host, registers again what it has', () => {
    const { db, topology, join } = setUp({ maxRegistrationsPerPeer: 1 });
    const peer = join('h1');
    db.addProducer(topicRegistration('a'), peer);
    assert.deepEqual([topology.register(peer, 'a'), topology.register(peer, 'b')], [true, false]);
  });

  test('what a node carries is read in steps', () => {
    const { topology, join } = setUp();
    const peer = join('h1');
    for (let i = 0; i < 25; i++) topology.register(peer, `t${i}`);
    assert.equal([...topology.readingNode(peer)].length, 2);
  });

  test('two clocks that nearly agree are taken to', () => {
    for (const [apartMs, expected] of [
      [4, 10.5],
      [-4, 10.5],
      [5, 15.5],
      [-5, 5.5],
      [60_000.4, 60_010.5],
    ] as const) {
      const { topology } = setUp({ clock: () => 100, wallClock: () => 100 + apartMs });
      assert.equal(topology.toWallMs(10.5), expected);
    }
  });

  test('a peer that has come back takes over from one that is gone, by the origin as it is written', () => {
    for (const isLive of [true, false]) {
      const { db, topology, join } = setUp();
      bring(db, 'zone/7/x', peerOf('h1'), 'orders');
      if (isLive) topology.liveOrigins.add('zone/7/x');
      const told: string[] = [];
      const peer = join('h1');
      db.onChange(({ type }) => told.push(type));
      topology.register(peer, 'orders');
      assert.equal(db.countProducers(topicRegistration('orders')), isLive ? 2 : 1);
      assert.deepEqual(told, isLive ? ['producerAdded'] : ['producerAdded', 'producerRemoved']);
    }
  });

  test('without limits takes what operators make', () => {
    const limits = { maxRegistrations: Infinity, maxRegistryBytes: Infinity, maxRegistrationsPerPeer: Infinity };
    const topology = new Topology({ db: new RegistrationDB(), ...limits });
    assert.ok(topology.createChannel('orders', 'billing'));
    assert.deepEqual(topology.channels('orders'), ['billing']);
  });

  test('refuses what it cannot work with, at once', () => {
    const db = new RegistrationDB();
    const make = (options: object) => () => new Topology(options as ConstructorParameters<typeof Topology>[0]);
    assert.throws(make({ clock: Date.now }), /^TypeError: db /);
    assert.throws(make({ db, clock: 5 }), /^TypeError: clock /);
    assert.throws(make({ db, clock: () => NaN }), /^TypeError: clock /);
    assert.throws(make({ db, maxRegistration: 5 }), /^TypeError: Topology has no option "maxRegistration"/);
    assert.throws(make({ db: {} }), /^TypeError: db must be a RegistrationDB/);
    assert.throws(make({ db, work: {} }), /^TypeError: work must be a WorkQueue/);
    assert.doesNotThrow(make({ db }));
    for (const name of [
      'inactiveProducerTimeoutMs',
      'tombstoneLifetimeMs',
      'maxRegistrations',
      'maxRegistrationsPerPeer',
      'maxRegistryBytes',
    ]) {
      for (const value of [-1, NaN, '1', null]) {
        assert.throws(make({ db, clock: Date.now, [name]: value }), new RegExp(`^TypeError: ${name} .*${value}`));
      }
      assert.doesNotThrow(make({ db, clock: Date.now, [name]: 0 }));
    }
    assert.throws(make({ db, clock: Date.now, tombstoneLifetimeMs: -1 }), /tombstoneLifetimeMs.*-1/);
    assert.throws(make({ db, clock: Date.now, inactiveProducerTimeoutMs: NaN }), TypeError);
  });

  test('names are what NSQ takes', () => {
    for (const name of ['a', '.aZ09_-', 'a#ephemeral', 'x'.repeat(64), '__proto__']) assert.ok(isTopicName(name), name);
    for (const name of ['', '*', 'a b', 'ä', '#ephemeral', 'a#eph', 'a#ephemeralx', 'x'.repeat(65), 'a\n']) {
      assert.ok(!isTopicName(name), name);
    }
  });
});

describe('a full registry', () => {
  test('takes again what an operator has made, though operators get no more of it', () => {
    const { topology, join } = setUp({ maxRegistrations: 10 });
    const peer = join('h1'); // two with the registration of all peers
    for (const topic of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) assert.ok(topology.createTopic(topic));
    assert.equal(topology.createTopic('h'), false);
    assert.ok(topology.register(peer, 'a'));
    assert.ok(topology.createTopic('b'));
    assert.equal(topology.createTopic('h'), false);
  });

  test('makes no room for a producer with what it is to be a producer of', () => {
    const { db, topology, join } = setUp({ maxRegistrations: 3 });
    const peer = join('h1');
    db.addRegistration(topicRegistration('a'));
    assert.equal(topology.register(peer, 'a'), false);
    assert.equal(db.size, 3);
  });

  test('wants no room for what is there', () => {
    const { db, topology, join } = setUp({ maxRegistrations: 6 });
    topology.register(join('h1'), 'a');
    const peer = join('h2');
    db.addRegistration(topicRegistration('b'));
    assert.equal(db.size, 6);
    assert.ok(topology.register(peer, 'a'));
    assert.deepEqual([topology.topics(), db.size], [['a'], 6]);
    assert.ok(!topology.register(peer, 'c'));
  });

  test('lets a topic go after its channels, and says what goes', () => {
    const { db, topology, join, lines } = setUp({ maxRegistrations: 7 });
    const peer = join('h1');
    db.addRegistration(topicRegistration('a'));
    for (const channel of ['x', 'y']) db.addRegistration(channelRegistration('a', channel));
    db.addRegistration(topicRegistration('b'));
    lines.length = 0;
    assert.ok(topology.register(peer, 'c'));
    assert.deepEqual([topology.topics(), topology.channels('a')], [['a', 'b', 'c'], ['y']]);
    assert.deepEqual(
      lines.filter((line) => line.startsWith('WARN')),
      ['WARN DB: removing category:channel key:a subkey:x to make room'],
    );
    assert.ok(topology.register(peer, 'd'));
    assert.deepEqual([topology.topics(), topology.channels('a')], [['a', 'c', 'd'], []]);
  });

  test('does not look for long for a topic whose channels are gone', () => {
    const { db, topology, join } = setUp({ maxRegistrations: 2 + 3 * 150 });
    const peer = join('h1');
    for (let i = 0; i < 150; i++) {
      db.addRegistration(topicRegistration(`t${i}`));
      topology.hold(peer, channelRegistration(`t${i}`, 'c'));
    }
    assert.equal(db.size, 2 + 3 * 150);
    assert.ok(topology.hold(peer, topicRegistration('t149')));
    assert.equal(db.hasRegistration(topicRegistration('t100')), false);
    assert.equal(topology.topics().length, 149);
  });
});
