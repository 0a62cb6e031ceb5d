import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHttpHandler, type HttpResponse, type HttpResult } from 'nsqlookupd/http';
import { RegistrationDB, Topology, WorkQueue, type PeerInfo, type TopologyNode } from 'nsqlookupd/registry';
import { createPeer } from 'nsqlookupd/testing';

/** Counts what is asked of it. */
class CountingTopology extends Topology {
  nodesMade = 0;
  override node(peer: PeerInfo): TopologyNode {
    this.nodesMade++;
    return super.node(peer);
  }
}

/** Counts the topics that are read of peers. */
class CountingDB extends RegistrationDB {
  topicsRead = 0;
  override *topicsOf(peer: PeerInfo): ReturnType<RegistrationDB['topicsOf']> {
    for (const topic of super.topicsOf(peer)) {
      this.topicsRead++;
      yield topic;
    }
  }
}

function setUp() {
  const db = new CountingDB();
  const waiting: (() => void)[] = [];
  let turns = 0;
  const work = new WorkQueue({ nextTurn: (callback) => void waiting.push(callback) });
  const topology = new CountingTopology({ db, clock: () => 1_000_000, work });
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
  const readAll = async (response: HttpResponse | undefined) => {
    const chunks: Uint8Array[] = [];
    const before = turns;
    const iterator = chunksOf(response!);
    for (let isOver = false; !isOver;) {
      let has = false;
      const next = iterator.next().then((result) => {
        has = true;
        if (result.done === true) isOver = true;
        else chunks.push(result.value);
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
  return { topology, ask, readAll, chunksOf, turn, waiting, readTopics: () => db.topicsRead };
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
    const { topology, ask, readAll, readTopics } = setUp();
    const [peer] = peersOf(topology, 1);
    for (let i = 0; i < 60_000; i++) topology.register(peer!, `topic${i}`);
    const response = ask('/nodes');
    assert.ok(readTopics() > 0 && readTopics() < 30_000, `${readTopics()} topics are read for the first slice`);
    topology.unregister(peer!, 'topic50000');
    const { text } = await readAll(response);
    const { producers } = JSON.parse(text) as { producers: { topics: string[]; tombstones: boolean[] }[] };
    assert.deepEqual([producers[0]?.topics.length, producers[0]?.tombstones.length], [59_999, 59_999]);
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
