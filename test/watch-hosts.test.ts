import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { EventSource } from 'eventsource';
import { LookupClient, PeerClient } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';
import { createBlockingReads, createFeed, createWatchRoutes } from 'nsqlookupd/feed';
import { createHttpHandler, decorate } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { HOSTS } from './support/hosts.js';

function setUp() {
  const topology = new Topology({ db: new RegistrationDB() });
  const feed = createFeed(topology);
  const watching = createWatchRoutes(feed);
  const handler = decorate(createHttpHandler({ topology, routes: watching.rows }), createBlockingReads(feed));
  const stop = () => {
    watching.close();
    feed.close();
  };
  return { topology, feed, watching, handler, stop };
}

/** The next event of a name. */
function heard(source: EventSource, name: string): Promise<{ data: string; lastEventId: string }> {
  return new Promise((resolve) => source.addEventListener(name, resolve as () => void, { once: true }));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('watching, through every host', { timeout: 60_000 }, () => {
  for (const [name, start] of Object.entries(HOSTS)) {
    test(name, async () => {
      const { topology, feed, watching, handler, stop } = setUp();
      const host = await start(handler, '/nsq');
      const base = `http://127.0.0.1:${host.port}/nsq`;
      const source = new EventSource(`${base}/watch?topic=orders`);
      assert.equal((await heard(source, 'gone')).data, '{"topic":"orders"}');
      const change = heard(source, 'lookup');
      topology.createChannel('orders', 'billing');
      const { data, lastEventId } = await change;
      assert.deepEqual(JSON.parse(data), { topic: 'orders', channels: ['billing'], producers: [] });
      assert.ok(!feed.since(lastEventId).isGone);

      const { index } = feed;
      const waiting = fetch(`${base}/lookup?topic=orders&index=${index}&wait=1m`);
      const leaving = new AbortController();
      const left = fetch(`${base}/topics?index=${index}&wait=1m`, { signal: leaving.signal }).catch(String);
      await until(() => watching.watchers === 1);
      topology.deleteChannel('orders', 'billing');
      const response = await waiting;
      assert.equal(response.headers.get('x-nsq-index'), feed.index);
      assert.deepEqual(await response.json(), { channels: [], producers: [] });
      leaving.abort();
      await left;

      source.close();
      await until(() => watching.watchers === 0);
      stop();
      await host.close();
    });
  }
});

describe('the daemon', { timeout: 60_000 }, () => {
  const start = () =>
    createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', broadcastAddress: '127.0.0.1' });

  test('tells a LookupClient of a new producer, also after it was started again', async () => {
    let lookupd = start();
    const { tcpAddress, httpAddress } = await lookupd.listen();
    const client = new LookupClient({ lookupds: [httpAddress] });
    const changes = client.watch('orders');
    assert.deepEqual((await changes.next()).value?.producers, []);
    const identity = { broadcastAddress: 'a.test', tcpPort: 4150, httpPort: 4151 };
    const peer = new PeerClient({ lookupds: [tcpAddress], identity, minBackoffMs: 10, maxBackoffMs: 50 });
    await peer.register('orders');
    await peer.start();
    assert.deepEqual(
      (await changes.next()).value?.added.map(({ broadcastAddress }) => broadcastAddress),
      ['a.test'],
    );

    await lookupd.close(); // while somebody watches: it does not wait for them
    lookupd = createLookupd({ tcpAddress, httpAddress, broadcastAddress: '127.0.0.1' });
    await lookupd.listen();
    const other = new PeerClient({ lookupds: [tcpAddress], identity: { ...identity, broadcastAddress: 'b.test' } });
    await other.register('orders');
    await other.start();
    const seen = new Set<string>();
    for await (const { producers } of changes) {
      for (const { broadcastAddress } of producers) seen.add(broadcastAddress);
      if (producers.length === 2) break;
    }
    assert.deepEqual([...seen].sort(), ['a.test', 'b.test']);
    for (const each of [peer, other]) await each.close();
    await lookupd.close();
  });

  test('ends those that watch at once when it closes, and says when to come back', async () => {
    const lookupd = start();
    const { httpAddress } = await lookupd.listen();
    const response = await fetch(`http://${httpAddress}/watch?topic=orders`);
    const waiting = fetch(`http://${httpAddress}/topics?index=&wait=1m`).then((first) =>
      fetch(`http://${httpAddress}/topics?index=${first.headers.get('x-nsq-index')!}&wait=1m`),
    );
    const text = response.text();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startMs = performance.now();
    await lookupd.close();
    assert.ok(performance.now() - startMs < 4000, 'well within the grace period');
    assert.match(await text, /retry: 1000\n\n$/);
    assert.equal((await waiting).status, 200);
  });

  test('cuts off one that reads nothing, and goes on for the others', async () => {
    const lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      httpRequestTimeoutMs: 500,
    });
    const { httpAddress } = await lookupd.listen();
    const port = Number(httpAddress.split(':')[1]);
    const socket = connect(port, '127.0.0.1').pause();
    await once(socket, 'connect');
    socket.write('GET /watch HTTP/1.1\r\nHost: a\r\n\r\n');
    const source = new EventSource(`http://${httpAddress}/watch?topic=last`);
    await heard(source, 'gone');
    const closed = once(socket, 'close');
    socket.on('error', () => undefined);
    const last = heard(source, 'lookup');
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 2000; i++) lookupd.topology.createTopic(`topic-${round}-${i}-${'x'.repeat(40)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    lookupd.topology.createTopic('last');
    await last;
    await until(() => lookupd.watchers === 1);
    socket.resume();
    await closed;
    source.close();
    await lookupd.close();
  });
});
