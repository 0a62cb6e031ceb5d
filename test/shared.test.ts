import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { createSharedMemory, createSharedTopology, type SharedMemory } from 'nsqlookupd/store';
import { createPeer, ManualClock } from 'nsqlookupd/testing';
import { RegistrationDB, Topology, topicRegistration, WorkQueue, type PeerInfo } from 'nsqlookupd/registry';
import { answers, joined, pass, producersOf, settled, startMember, type FleetMember } from './support/shared-fleet.js';
import { runs } from './support/runs.js';

async function fleet(size: number): Promise<{ clock: ManualClock; memory: SharedMemory; members: FleetMember[] }> {
  const clock = new ManualClock();
  const memory = createSharedMemory(clock.now);
  const members: FleetMember[] = [];
  for (let i = 0; i < size; i++) members.push(await startMember(memory.registry(), clock));
  return { clock, memory, members };
}

describe('lookupds that share a registry', () => {
  test('answer for the peers of all, and for topics that operators made', async () => {
    const { members } = await fleet(3);
    const [one, two, three] = members as [FleetMember, FleetMember, FleetMember];
    joined(one, 'alpha', 'orders archive');
    joined(two, 'beta', 'orders');
    three.topology.createChannel('parcels', 'tail');
    await settled();
    for (const member of members) {
      assert.deepEqual(producersOf(member, 'orders'), ['alpha', 'beta']);
      assert.deepEqual(member.topology.channels('orders'), ['archive']);
      assert.deepEqual(member.topology.channels('parcels'), ['tail']);
      assert.deepEqual(answers(member), answers(one));
    }
  });

  test('one that comes later knows what the others know', async () => {
    const { clock, memory, members } = await fleet(1);
    joined(members[0]!, 'alpha', 'orders archive');
    members[0]!.topology.createTopic('idle');
    await settled();
    const late = await startMember(memory.registry(), clock);
    assert.deepEqual(answers(late), answers(members[0]!));
  });

  test('an nsqd at several of them is one producer, and stays as long as any holds it', async () => {
    const { members } = await fleet(2);
    const [one, two] = members as [FleetMember, FleetMember];
    const here = joined(one, 'alpha', 'orders');
    const there = joined(two, 'alpha', 'orders');
    await settled();
    for (const { topology } of members) {
      assert.equal(topology.producers('orders')!.producers.length, 1);
      assert.equal(topology.nodes().length, 1);
      assert.equal(topology.producers('*')!.producers.length, 1);
    }
    one.topology.leave(here);
    await settled();
    for (const member of members) assert.deepEqual(producersOf(member, 'orders'), ['alpha']);
    two.topology.leave(there);
    await settled();
    for (const member of members) assert.deepEqual(producersOf(member, 'orders'), []);
  });

  test('a connection at one takes nothing from the peer that a living other holds', async () => {
    const { clock, members } = await fleet(2);
    const [one, two] = members as [FleetMember, FleetMember];
    joined(one, 'alpha', 'orders', 'parcels');
    await settled();
    const second = joined(two, 'alpha', 'orders');
    await settled();
    two.topology.ping(second);
    await pass(clock, 6);
    for (const member of members) assert.deepEqual(producersOf(member, 'parcels'), ['alpha']);
  });

  test('the peers of one that dies are answered for until the grace ends', async () => {
    const { clock, members } = await fleet(2);
    const [one, two] = members as [FleetMember, FleetMember];
    joined(one, 'alpha', 'orders');
    await settled();
    one.kill();
    await pass(clock, 40);
    assert.deepEqual(producersOf(two, 'orders'), ['alpha']);
    await pass(clock, 12);
    assert.deepEqual(producersOf(two, 'orders'), []);
    assert.equal(two.topology.db.broughtCount, 0);
    assert.equal(two.shared.status.lookupds.length, 0);
  });

  test('an nsqd that comes from one that died replaces its former self, tombstones included, never absent', async () => {
    const { clock, members } = await fleet(3);
    const [one, two, three] = members as [FleetMember, FleetMember, FleetMember];
    joined(one, 'alpha', 'orders', 'parcels', 'old');
    two.topology.tombstone('parcels', 'alpha:4151');
    await settled();
    for (const member of members) assert.deepEqual(producersOf(member, 'parcels'), []);
    one.kill();
    await settled();
    const again = joined(two, 'alpha');
    for (const topic of ['orders', 'parcels']) {
      await settled();
      for (const member of [two, three]) assert.deepEqual(producersOf(member, 'orders'), ['alpha']);
      two.topology.register(again, topic);
    }
    await settled();
    for (const member of [two, three]) {
      assert.deepEqual(producersOf(member, 'parcels'), []);
      assert.deepEqual(producersOf(member, 'old'), ['alpha']);
    }
    clock.advance(1);
    two.topology.ping(again);
    await pass(clock, 22);
    for (const member of [two, three]) {
      assert.deepEqual(producersOf(member, 'parcels'), []);
      assert.deepEqual(producersOf(member, 'orders'), ['alpha']);
      assert.deepEqual(producersOf(member, 'old'), []);
    }
  });

  test('while what carries it is away all go on, and what was deleted then is not undone by who comes back', async () => {
    const { clock, memory, members } = await fleet(2);
    const [one, two] = members as [FleetMember, FleetMember];
    joined(one, 'alpha', 'orders', 'doomed');
    two.topology.createTopic('idle');
    await settled();
    memory.cut();
    await pass(clock, 30);
    two.topology.deleteTopic('doomed');
    two.topology.deleteTopic('idle');
    joined(two, 'beta', 'orders');
    await pass(clock, 5);
    assert.deepEqual(producersOf(one, 'orders'), ['alpha']);
    assert.deepEqual(producersOf(two, 'orders'), ['alpha', 'beta']);
    assert.equal(one.shared.status.isConnected, false);
    memory.clear();
    memory.restore();
    await pass(clock, 5);
    for (const member of members) {
      assert.deepEqual(producersOf(member, 'orders'), ['alpha', 'beta']);
      assert.deepEqual(member.topology.topics(), ['orders']);
    }
  });

  test('one that starts with a big registry takes it in over many turns, with what changes meanwhile', async () => {
    const { clock, memory, members } = await fleet(1);
    const waiting: (() => void)[] = [];
    const work = new WorkQueue({ nextTurn: (callback) => void waiting.push(callback) });
    const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
    const peerOf = (host: string, ...topics: readonly string[]) => {
      const peer = createPeer(`${host}:4150`, { lastUpdateMs: clock.now() });
      topology.join(peer);
      for (const topic of topics) topology.db.addProducer(topicRegistration(topic), peer);
      return peer;
    };
    const many = Array.from({ length: 3000 }, (_, i) => peerOf(`h${i}`, 'orders', `topic${i}`));
    const shared = createSharedTopology({ topology, registry: memory.registry(), timers: clock });
    const started = shared.start(Infinity);
    let isStarted = false;
    void started.then(() => (isStarted = true));
    topology.leave(many[2999]!);
    topology.db.tombstone(topicRegistration('orders'), many[2998]!, clock.now());
    peerOf('late', 'orders');
    topology.deleteTopic('topic2997');
    const pass = async (isOver: () => boolean) => {
      let turns = 0;
      for (let left = 3000; left > 0 && !isOver(); left--) {
        await setImmediate();
        if (waiting.length > 0) turns++;
        for (const callback of waiting.splice(0)) callback();
      }
      return turns;
    };
    const turns = await pass(() => isStarted);
    assert.ok(turns > 12, `${turns} turns`);
    await pass(() => members[0]!.shared.status.lookupds[0]?.peers === 3000);
    await settled(300);
    assert.deepEqual(answers(members[0]!), answers({ topology }));
    assert.equal(members[0]!.topology.topics().includes('topic2997'), false);
    await shared.close(0);
  });

  test('one that is away for long keeps its others as they were last known', async () => {
    const { clock, memory, members } = await fleet(2);
    joined(members[0]!, 'alpha', 'orders');
    await settled();
    memory.cut();
    await pass(clock, 400);
    assert.deepEqual(producersOf(members[1]!, 'orders'), ['alpha']);
  });

  test('peers that ping stay active elsewhere, and those that fall silent do not', async () => {
    const { clock, members } = await fleet(2);
    const [one, two] = members as [FleetMember, FleetMember];
    const alpha = joined(one, 'alpha', 'orders');
    joined(one, 'beta', 'orders');
    for (let i = 0; i < 27; i++) {
      await pass(clock, 15);
      one.topology.ping(alpha);
    }
    for (const member of [one, two]) assert.deepEqual(producersOf(member, 'orders'), ['alpha']);
  });

  test('limits hold for what others tell', async () => {
    const { clock, memory, members } = await fleet(1);
    const small = await startMember(memory.registry(), clock, { maxRegistrations: 10 });
    for (let i = 0; i < 30; i++) joined(members[0]!, `host-${i}`, `topic-${i}`);
    await settled();
    assert.ok(small.topology.db.size <= 10, String(small.topology.db.size));
    assert.ok(small.shared.status.refused > 0);
  });
});

type Step =
  | readonly ['join' | 'leave' | 'ping' | 'kill', member: number, peer: number]
  | readonly ['register' | 'unregister', member: number, peer: number, topic: number, channel: number]
  | readonly ['create' | 'delete' | 'tombstone' | 'untombstone', member: number, topic: number, other: number]
  | readonly ['cut' | 'restore' | 'clear' | 'settle']
  | readonly ['lose' | 'pass', count: number];

const TOPICS = ['a', 'b', 'c#ephemeral'];
const CHANNELS = ['', 'x', 'y#ephemeral'];
const [member, peer, topic] = [fc.nat(2), fc.nat(2), fc.nat(2)];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom('join', 'leave', 'ping'), member, peer) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom('register', 'register', 'unregister'), member, peer, topic, topic) },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom('create', 'delete', 'tombstone', 'untombstone'), member, topic, peer),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('cut', 'restore', 'clear', 'settle', 'settle')) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('lose', 'pass'), fc.nat(20)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('kill'), member, peer) },
);

async function run(steps: readonly Step[]): Promise<void> {
  const { clock, memory, members } = await fleet(3);
  const peers: Map<number, PeerInfo>[] = members.map(() => new Map<number, PeerInfo>());
  const at = (number: number, peer: number) => peers[number]!.get(peer);
  for (const [what, ...args] of steps) {
    const [number = 0, second = 0, third = 0, fourth = 0] = args as number[];
    const { topology, shared } = members[number] ?? members[0]!;
    const peer = peers[number]?.get(second);
    if (what === 'join' && !peer) peers[number]!.set(second, joined(members[number]!, `host-${second}`));
    else if (what === 'leave' && peer) {
      topology.leave(peer);
      peers[number]!.delete(second);
    } else if (what === 'ping' && peer) topology.ping(peer);
    else if (what === 'register' && peer) topology.register(peer, TOPICS[third]!, CHANNELS[fourth]);
    else if (what === 'unregister' && peer) topology.unregister(peer, TOPICS[third]!, CHANNELS[fourth]);
    else if (what === 'create') {
      if (third === 0) topology.createTopic(TOPICS[second]!);
      else topology.createChannel(TOPICS[second]!, CHANNELS[third]!);
    } else if (what === 'delete') {
      if (third === 0) topology.deleteTopic(TOPICS[second]!);
      else topology.deleteChannel(TOPICS[second]!, CHANNELS[third]!);
    } else if (what === 'tombstone') topology.tombstone(TOPICS[second]!, `host-${third}:4151`);
    else if (what === 'untombstone') topology.untombstone(TOPICS[second]!, `host-${third}:4151`);
    else if (what === 'cut') memory.cut();
    else if (what === 'restore') memory.restore();
    else if (what === 'clear') memory.clear();
    else if (what === 'settle') await settled(5);
    else if (what === 'lose') memory.lose(number % 4);
    else if (what === 'pass') await pass(clock, number);
    else if (what === 'kill') {
      if (second === 0) void shared.close(0);
      else members[number]!.kill();
      peers[number] = new Map();
      members[number] = await startMember(memory.registry(), clock);
    }
  }
  memory.lose(0);
  memory.restore();
  for (let i = 0; i < 8; i++) {
    await pass(clock, 15);
    for (const [number, own] of peers.entries()) for (const peer of own.values()) members[number]!.topology.ping(peer);
  }
  await pass(clock, 10);
  const [first, ...others] = members.map(answers);
  for (const other of others) assert.deepEqual(other, first);
  // What is connected is there, and nothing else.
  const connected = new Set(peers.flatMap((own) => [...own.keys()]).map((peer) => `host-${peer}:4150`));
  assert.deepEqual((first as { nodes: { at: string }[] }).nodes.map(({ at }) => at).sort(), [...connected].sort());
  // What a peer carries where it is connected is carried everywhere.
  for (const [number, own] of peers.entries()) {
    for (const peer of own.keys()) {
      const { topology } = members[number]!;
      for (const { topic } of topology.db.topicsOf(at(number, peer)!)) {
        for (const { topology } of members) {
          const nodes = topology.nodes().find(({ peer: { broadcastAddress } }) => broadcastAddress === `host-${peer}`);
          assert.ok(
            nodes?.topics.some((each) => each.topic === topic),
            `${topic} of host-${peer}`,
          );
        }
      }
    }
  }
  for (const { shared } of members) await shared.close(0);
}

for (const [how, peer] of [
  ['ends in order', 0],
  ['is killed', 1],
] as const)
  test(`what one that ${how} has told last, and was lost on the way, is known to all`, () =>
    run([['create', 1, 0, 0], ['lose', 1], ['settle'], ['kill', 1, peer]]));

test(
  'whatever is changed, lost, cut off and started again, all answer alike when it is quiet',
  { timeout: 300_000 },
  async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), run), {
      numRuns: Number(process.env['SHARED_RUNS'] ?? runs(40)),
    });
  },
);
