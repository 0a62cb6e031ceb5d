import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHttpHandler, type HttpResponse, type SyncHttpHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology, WorkQueue } from 'nsqlookupd/registry';
import { peerOf } from './support/peers.js';

const MAX_SLICE = 4 * 64 * 1024;

/** A topology whose turns of the event loop are counted, and taken one at a time. */
function setUp(peers = 0, topics = 0, channels = 0) {
  let turns = 0;
  const work = new WorkQueue({
    nextTurn: (callback) => {
      turns++;
      setImmediate(callback);
    },
  });
  const db = new RegistrationDB();
  const topology = new Topology({ db, clock: () => 1000, work });
  for (let p = 0; p < peers; p++) {
    const peer = peerOf(`h${p}`, { lastUpdateMs: 1000 });
    topology.join(peer);
    for (let t = 0; t < topics; t++) topology.register(peer, `topic-${t}`);
  }
  for (let c = 0; c < channels; c++) topology.createChannel('wide', `channel-${c}`);
  const handler = createHttpHandler({ topology });
  const now = handler as SyncHttpHandler;
  const ask = (path: string, query = '', method = 'GET') => now({ method, path, query, headers: {} })!;
  return { topology, db, work, handler, ask, turns: () => turns };
}

async function read({ body }: HttpResponse, onSlice: () => void = () => undefined): Promise<string> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  let text = '';
  for await (const slice of body) {
    assert.ok(slice.length <= MAX_SLICE, `a slice of ${slice.length}`);
    text += String(slice);
    onSlice();
  }
  return text;
}

describe('an answer that is long', () => {
  const LONG = [
    ['/topics', '', 3, 20_000, 0],
    ['/nodes', '', 300, 100, 0],
    ['/nodes', '', 1, 50_000, 0],
    ['/debug', '', 100, 300, 0],
    ['/channels', 'topic=wide', 0, 0, 50_000],
    ['/lookup', 'topic=wide', 0, 0, 50_000],
    ['/lookup', 'topic=*', 0, 0, 50_000],
  ] as const;
  for (const [path, query, peers, topics, channels] of LONG) {
    test(`${path}?${query} of ${peers} × ${topics} and ${channels} is made in slices, over many turns`, async () => {
      const { ask, turns, topology } = setUp(peers, topics, channels);
      const before = turns();
      const text = await read(ask(path, query));
      const parsed = JSON.parse(text) as Record<string, { topics: unknown[]; tombstones: unknown[] }[]>;
      const slices = Math.floor(text.length / MAX_SLICE);
      assert.ok(turns() - before >= slices, `${turns() - before} turns for ${text.length} characters`);
      if (path === '/topics') assert.deepEqual(parsed['topics'], topology.topics());
      if (path === '/channels' || path === '/lookup') assert.equal(parsed['channels']?.length, channels);
      if (path !== '/nodes') return;
      assert.equal(parsed['producers']?.length, peers);
      for (const node of parsed['producers'] ?? []) {
        assert.deepEqual([node.topics.length, node.tombstones.length], [topics, topics]);
      }
    });

    test(`${path}?${query} of ${peers} × ${topics} and ${channels} is not made before it is wanted, nor after`, async () => {
      const { ask, turns, db } = setUp(peers, topics, channels);
      for (const method of ['HEAD', 'GET']) {
        const { body } = ask(path, query, method);
        const idle = turns();
        for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
        assert.ok(turns() - idle <= 1, 'nobody has asked for more');
        if (method === 'HEAD') continue;
        const slices = (body as AsyncIterable<string>)[Symbol.asyncIterator]();
        await slices.next();
        const waiting = slices.next();
        await slices.return?.();
        assert.equal((await waiting).done, true, 'made for somebody who has left');
        assert.ok(db.size > 0);
      }
    });
  }

  test('of pairs lets the loop turn often: 300,000 of them in /debug', { timeout: 60_000 }, async () => {
    const { ask, turns } = setUp(3, 100_000 - 2);
    const before = turns();
    let length = 0;
    await read(ask('/debug'), () => length++);
    assert.ok(turns() - before >= 100, `${turns() - before} turns in ${length} slices`);
  });

  test('stays whole JSON while the registry changes under it', async () => {
    for (const path of ['/topics', '/nodes', '/debug']) {
      const { ask, topology, db } = setUp(10, 8000);
      let count = 0;
      const text = await read(ask(path), () => {
        topology.leave(db.peers()[count % 3]!);
        const peer = peerOf(`new-${count}`, { lastUpdateMs: 1000 });
        topology.join(peer);
        for (let t = 0; t < 20; t++) topology.register(peer, `new-${count}-${t}`);
        topology.deleteTopic(`topic-${count++}`);
      });
      assert.doesNotThrow(() => JSON.parse(text), path);
      assert.ok(count > 0);
    }
  });
});

describe('what is kept', () => {
  test('a change of a channel leaves /nodes as it is', () => {
    const { ask, topology, db } = setUp(3, 3);
    const first = ask('/nodes');
    topology.register(db.peers()[0]!, 'topic-0', 'channel');
    topology.createChannel('topic-1', 'other');
    assert.equal(ask('/nodes'), first);
    topology.register(db.peers()[0]!, 'more');
    assert.notEqual(ask('/nodes'), first);
  });

  test('after one change of a peer only its piece of /nodes is made anew', async () => {
    const { ask, topology, db } = setUp(100, 100);
    const first = await read(ask('/nodes'));
    let made = 0;
    const topicsOf = db.topicsOf.bind(db);
    db.topicsOf = (peer) => {
      made++;
      return topicsOf(peer);
    };
    assert.equal(await read(ask('/nodes')), first);
    assert.equal(made, 0);
    topology.register(db.peers()[7]!, 'more');
    assert.notEqual(await read(ask('/nodes')), first);
    assert.equal(made, 1);
  });
});

describe('deleting a topic', () => {
  test('of few channels is done at once', () => {
    const { ask, topology } = setUp(0, 0, 0);
    topology.createChannel('t', 'c');
    assert.equal(ask('/topic/delete', 'topic=t', 'POST').status, 200);
    assert.deepEqual(topology.topics(), []);
  });

  test('of many channels takes turns, and is answered when it is done', async () => {
    const { handler, topology, turns } = setUp(0, 0, 20_000);
    const before = turns();
    const result = handler({ method: 'POST', path: '/topic/delete', query: 'topic=wide', headers: {} });
    assert.ok(result && !('status' in result), 'it is answered later');
    assert.equal((await result)?.status, 200);
    assert.deepEqual([topology.topics(), topology.db.size], [[], 0]);
    assert.ok(turns() - before >= 8, `${turns() - before} turns`);
  });
});
