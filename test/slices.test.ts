import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHttpHandler, type HttpResponse, type HttpResult } from 'nsqlookupd/http';
import {
  RegistrationDB,
  Topology,
  WorkQueue,
  type PeerInfo,
  type Registration,
  type TopologyNode,
} from 'nsqlookupd/registry';
import { createPeer } from 'nsqlookupd/testing';

/** Counts what is asked of it. */
class CountingTopology extends Topology {
  nodesMade = 0;
  override node(peer: PeerInfo): TopologyNode {
    this.nodesMade++;
    return super.node(peer);
  }
}

/** Counts the topics that are read of peers, each of which takes so long, and the producers that are read of registrations. */
class CountingDB extends RegistrationDB {
  topicsRead = 0;
  topicMs = 0;
  workedMs = 0;
  producersRead = 0;
  override *producersOf(registration: Registration): ReturnType<RegistrationDB['producersOf']> {
    for (const producer of super.producersOf(registration)) {
      this.producersRead++;
      yield producer;
    }
  }
  override *topicsOf(peer: PeerInfo): ReturnType<RegistrationDB['topicsOf']> {
    for (const topic of super.topicsOf(peer)) {
      this.topicsRead++;
      this.workedMs += this.topicMs;
      yield topic;
    }
  }
}

function setUp() {
  const db = new CountingDB();
  const waiting: (() => void)[] = [];
  let turns = 0;
  const clock = () => db.workedMs;
  const work = new WorkQueue({ msPerTurn: 8, clock, nextTurn: (callback) => void waiting.push(callback) });
  let now = 1_000_000;
  const topology = new CountingTopology({ db, clock: () => now, work });
  const handler = createHttpHandler({ topology });
  const ask = (path: string, query = '') => handler({ method: 'GET', path, query, headers: {} }) as HttpResult;
  const turn = () => {
    turns++;
    for (const callback of waiting.splice(0)) callback();
  };
  const chunksOf = ({ body }: HttpResponse) => {
    assert.ok(typeof body === 'object' && !(body instanceof Uint8Array), 'the answer is long');
    return body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  };
  /** The whole of an answer, turning the loop whenever it waits; and the turns that took. */
  const readAll = async (response: HttpResponse | undefined, afterFirst = () => {}) => {
    if (response?.body instanceof Uint8Array) {
      return { text: Buffer.from(response.body).toString(), chunks: [response.body], turns: 0 };
    }
    const chunks: Uint8Array[] = [];
    const before = turns;
    const iterator = chunksOf(response!);
    for (let isOver = false; !isOver;) {
      let has = false;
      const next = iterator.next().then((result) => {
        has = true;
        if (result.done === true) isOver = true;
        else if (chunks.push(result.value) === 1) afterFirst();
      });
      await new Promise((resolve) => setImmediate(resolve));
      while (!has) {
        turn();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await next;
    }
    return { text: Buffer.concat(chunks).toString(), chunks, turns: turns - before };
  };
  const setClock = (ms: number) => void (now = ms);
  return { db, topology, ask, readAll, chunksOf, turn, waiting, setClock };
}

const peersOf = (topology: Topology, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const peer = createPeer(`h${i}:4150`, { lastUpdateMs: 1_000_000 });
    topology.join(peer);
    return peer;
  });

describe('a long answer', () => {
  test('is made in slices, in many turns of the event loop, and is the same as in one piece', async () => {
    const { topology, ask, readAll } = setUp();
    const peers = peersOf(topology, 20);
    for (const peer of peers) for (let i = 0; i < 2000; i++) topology.register(peer, `topic${i}`, 'c');
    for (let i = 0; i < 5000; i++) topology.createChannel('topic0', `channel${i}`);
    for (let i = 0; i < 40_000; i++) topology.createTopic(`other${i}`);

    const topics = await readAll(ask('/topics'));
    assert.deepEqual(JSON.parse(topics.text), { topics: topology.topics() });
    const channels = await readAll(ask('/channels', 'topic=*'));
    assert.deepEqual(JSON.parse(channels.text), { channels: topology.channels('*') });
    const nodes = await readAll(ask('/nodes'));
    const { producers } = JSON.parse(nodes.text) as { producers: { topics: string[]; tombstones: boolean[] }[] };
    assert.deepEqual(
      producers.map((node) => [node.topics, node.tombstones.length]),
      topology.nodes().map((node) => [node.topics.map(({ topic }) => topic), node.topics.length]),
    );
    const lookup = JSON.parse((await readAll(ask('/lookup', 'topic=topic0'))).text) as Record<string, unknown[]>;
    assert.deepEqual([lookup['channels'], lookup['producers']?.length], [topology.channels('topic0'), 20]);
    const debug = await readAll(ask('/debug'));
    const all = JSON.parse(debug.text) as Record<string, unknown[]>;
    assert.equal(Object.keys(all).length, 1 + 2 * 2000);
    assert.equal(Object.values(all).flat().length, 20 * 4001);
    for (const { chunks } of [topics, channels, nodes, debug]) {
      assert.ok(
        chunks.every(({ length }) => length < 200 * 1024),
        `slices of ${chunks.map(({ length }) => length).join()} bytes`,
      );
    }
    assert.ok(debug.turns >= (20 * 4001) / 2000 - 1, `${debug.turns} turns`);
  });

  test('is made no further than it is read', async () => {
    const { topology, ask, chunksOf, waiting } = setUp();
    const peers = peersOf(topology, 50);
    for (const peer of peers) for (let i = 0; i < 500; i++) topology.register(peer, `topic${i}`);
    const response = ask('/nodes');
    const made = topology.nodesMade;
    assert.ok(made < 20, `${made} nodes are made for the first slice`);
    const chunks = chunksOf(response!);
    await chunks.next();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(topology.nodesMade, made);
    await chunks.return?.();
    for (const callback of waiting.splice(0)) callback();
    assert.equal(topology.nodesMade, made);
  });

  test('of a node that carries much reads no more of it at once than a turn has time for', async () => {
    const { topology, ask, readAll, db } = setUp();
    const [peer] = peersOf(topology, 1);
    for (let i = 0; i < 60_000; i++) topology.register(peer!, `topic${i}`);
    const response = ask('/nodes');
    assert.ok(db.topicsRead > 0 && db.topicsRead < 30_000, `${db.topicsRead} topics are read for the first slice`);
    topology.unregister(peer!, 'topic50000');
    const { text } = await readAll(response);
    const { producers } = JSON.parse(text) as { producers: { topics: string[]; tombstones: boolean[] }[] };
    assert.deepEqual([producers[0]?.topics.length, producers[0]?.tombstones.length], [59_999, 59_999]);
  });

  test('of a registration with many producers reads no more of them at once either', async () => {
    const { topology, ask, readAll, db } = setUp();
    const peers = peersOf(topology, 20_000);
    for (const peer of peers) topology.register(peer, 'topic');
    const before = db.producersRead;
    const response = ask('/debug');
    const read = db.producersRead - before;
    assert.ok(read > 0 && read <= 2000, `${read} producers are read for the first slice`);
    // Some that were told of, and all that are not yet but for the last.
    for (const peer of [...peers.slice(0, 10), ...peers.slice(5000, -1)]) topology.leave(peer);
    const all = JSON.parse((await readAll(response)).text) as Record<string, { id: string }[]>;
    assert.deepEqual(Object.keys(all), ['client::', 'topic:topic:']);
    const there = [...peers.slice(10, 5000), peers.at(-1)!].map(({ id }) => id);
    assert.deepEqual(
      all['topic:topic:']?.map(({ id }) => id),
      there,
    );
    assert.equal(all['client::']?.at(-1)?.id, there.at(-1));
  });

  test('of a node that carries much is worked at no longer in a turn than that may take, however slow it is', async () => {
    const { db, topology, ask, chunksOf, turn } = setUp();
    const [peer] = peersOf(topology, 1);
    for (let i = 0; i < 60_000; i++) topology.register(peer!, `topic${i}`);
    db.topicMs = 0.01; // as while garbage is collected
    const perTurn: number[] = [];
    let [before, isOver] = [0, false];
    const look = () => {
      perTurn.push(db.workedMs - before);
      before = db.workedMs;
    };
    const iterator = chunksOf(ask('/nodes')!);
    look();
    const reading = (async () => {
      while (!isOver) isOver = (await iterator.next()).done === true;
    })();
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      look();
      turn();
    }
    await reading;
    assert.ok(Math.max(...perTurn.slice(1)) <= 8 + 25 * 0.1, `${perTurn.map((ms) => ms.toFixed(0)).join()} ms`);
    assert.ok(perTurn[0]! < 50, `${perTurn[0]} ms for the first slice`);
  });

  test('of nodes is made anew, after a change, of the peer that has changed, and not for a channel', async () => {
    const { topology, ask, readAll } = setUp();
    const peers = peersOf(topology, 50);
    for (const peer of peers) for (let i = 0; i < 500; i++) topology.register(peer, `topic${i}`);
    const first = await readAll(ask('/nodes'));
    assert.equal(topology.nodesMade, 50);
    topology.register(peers[7]!, 'topic1', 'a-channel');
    assert.equal((await readAll(ask('/nodes'))).text, first.text);
    assert.equal(topology.nodesMade, 50);
    topology.register(peers[7]!, 'a-topic');
    const second = await readAll(ask('/nodes'));
    assert.equal(topology.nodesMade, 51);
    assert.equal(second.text.length, first.text.length + ',"a-topic",false'.length);
    topology.tombstone('topic3', 'h9:4151');
    topology.leave(peers[20]!);
    await readAll(ask('/nodes'));
    assert.equal(topology.nodesMade, 52);
  });

  test('of nodes that is asked for again is kept whole, until something changes or a time comes', async () => {
    const { topology, ask, readAll, setClock } = setUp();
    const peers = peersOf(topology, 60);
    for (const peer of peers) for (let i = 0; i < 500; i++) topology.register(peer, `topic${i}`);
    topology.tombstone('topic3', 'h9:4151');
    const made = async () => {
      const anew = createHttpHandler({ topology, maxCacheBytes: 0 });
      return (await readAll(anew({ method: 'GET', path: '/nodes', query: '', headers: {} }) as HttpResult)).text;
    };
    const first = await readAll(ask('/nodes'));
    const again = await readAll(ask('/nodes'));
    assert.ok(first.chunks.length > 1 && again.chunks.length === 1, `${first.chunks.length}, ${again.chunks.length}`);
    assert.deepEqual([again.text, (await readAll(ask('/nodes'))).text], [first.text, first.text]);
    assert.equal(first.text, await made());
    setClock(1_000_000 + topology.lifetimes.tombstoneLifetimeMs + 1);
    for (const peer of peers) topology.ping(peer);
    const later = await readAll(ask('/nodes'));
    assert.notEqual(later.text, first.text);
    assert.equal(later.text, await made());
    await readAll(ask('/nodes'));
    topology.register(peers[30]!, 'a-topic');
    topology.leave(peers[31]!);
    assert.equal((await readAll(ask('/nodes'))).text, await made());
  });

  test('of nodes is never kept with one that falls silent while it is made', () => {
    const timeoutMs = 300_000;
    // Of many registrations, which are read in steps each time, too.
    const cases = [1, 1001].flatMap((channels) => Array.from({ length: 30 }, (_, early) => ({ channels, early })));
    for (const { channels, early } of cases) {
      let now = 1_000_000 + timeoutMs - early;
      let isRunning = true;
      const clock = () => (isRunning ? now++ : now);
      const topology = new Topology({ db: new RegistrationDB(), clock, inactiveProducerTimeoutMs: timeoutMs });
      for (const peer of peersOf(topology, 3)) for (let i = 0; i < channels; i++) topology.register(peer, 't', `c${i}`);
      const handler = createHttpHandler({ topology });
      const ask = () => handler({ method: 'GET', path: '/nodes', query: '', headers: {} }) as HttpResponse;
      ask();
      isRunning = false;
      now = 1_000_000 + timeoutMs + 1000;
      assert.equal(Buffer.from(ask().body as Uint8Array).toString(), '{"producers":[]}', `asked ${early} ms before`);
    }
  });

  test('of nodes goes on with what is so, when something changes while it is read', async () => {
    const { topology, ask, readAll } = setUp();
    const peers = peersOf(topology, 60);
    for (const peer of peers) for (let i = 0; i < 500; i++) topology.register(peer, `topic${i}`);
    await readAll(ask('/nodes')); // what is told of each is kept now
    topology.register(peers[0]!, 'a-topic');
    const [beforeLast, last] = topology.nodePeers().slice(-2);
    const { text, chunks } = await readAll(ask('/nodes'), () => {
      topology.unregister(beforeLast!, 'topic0');
      topology.register(last!, 'a-topic');
    });
    const { producers } = JSON.parse(text) as { producers: { topics: string[] }[] };
    const counts = producers.map(({ topics }) => topics.length);
    assert.ok(chunks.length > 1, 'it is told in slices');
    assert.deepEqual(counts, [501, ...Array.from({ length: 57 }, () => 500), 499, 501]);
  });

  test('can go on while what it tells of changes', async () => {
    const { topology, ask, readAll } = setUp();
    for (let i = 0; i < 20_000; i++) topology.createChannel('t', `channel${i}`);
    const response = ask('/channels', 'topic=t');
    topology.deleteTopic('t');
    for (let i = 0; i < 20_000; i++) topology.createChannel('t', `new${i}`);
    const { channels } = JSON.parse((await readAll(response)).text) as { channels: string[] };
    assert.ok(channels.every((channel) => channel.startsWith('channel')));
    assert.equal(new Set(channels).size, channels.length);
  });
});
