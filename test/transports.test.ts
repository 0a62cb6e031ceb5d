import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RegistrationDB, Topology, type RegistrationDBEvents } from 'nsqlookupd/registry';
import { createTcpHandler, type ByteStream } from 'nsqlookupd/tcp';
import { StreamPeer } from './support/stream-peer.js';
import { TRANSPORTS } from './support/transports.js';

const announce = { broadcastAddress: 'l.test', hostname: 'l', tcpPort: 4160, httpPort: 4161, version: '1.3.0' };
const OK = { type: 'ok' };
const TIMEOUT = { timeout: 20_000 };

/** A lookupd on a transport. Its end waits until everything is closed. */
async function setUp(listen: (typeof TRANSPORTS)[string]) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const topology = new Topology({ db: new RegistrationDB({ onError }), clock: () => 1000, onError });
  const handler = createTcpHandler({ topology, announce, onError });
  const closes: Promise<void>[] = [];
  const listening = await listen((stream: ByteStream) => {
    closes.push(new Promise((resolve) => stream.on('close', () => resolve())));
    handler(stream);
  });
  return {
    topology,
    open: async () => new StreamPeer(await listening.connect()),
    producers: () => topology.lookup('orders')?.producers.map(({ hostname }) => hostname),
    told: (event: keyof RegistrationDBEvents) =>
      new Promise<void>((resolve) => topology.db.once(event, () => resolve())),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(closes);
      assert.equal(handler.connections, 0);
      await listening.close();
      assert.deepEqual(errors, []);
    },
  };
}

for (const [name, listen] of Object.entries(TRANSPORTS)) {
  describe(`over ${name}`, () => {
    test('a peer joins, registers, pings, unregisters, and drops', TIMEOUT, async () => {
      await using lookupd = await setUp(listen);
      const peer = await lookupd.open();
      assert.deepEqual(await peer.join('h1'), { type: 'announcement', announcement: announce });
      assert.deepEqual(await peer.register('orders', 'billing'), OK);
      assert.deepEqual(lookupd.producers(), ['h1']);
      assert.deepEqual(lookupd.topology.channels('orders'), ['billing']);
      assert.deepEqual(await peer.ask({ type: 'ping' }), OK);
      assert.deepEqual(await peer.ask({ type: 'unregister', topic: 'orders', channel: '' }), OK);
      assert.deepEqual(lookupd.producers(), []);

      assert.deepEqual(await peer.register('orders'), OK);
      assert.deepEqual(lookupd.producers(), ['h1']);
      const left = lookupd.told('producerRemoved');
      peer.drop();
      await left;
      assert.deepEqual([lookupd.producers(), lookupd.topology.nodes()], [[], []]);
    });

    test('a fault is answered, and ends that peer alone', TIMEOUT, async () => {
      await using lookupd = await setUp(listen);
      const [peer, other] = [await lookupd.open(), await lookupd.open()];
      await Promise.all([peer.join('h1'), other.join('h2')]);
      await Promise.all([peer.register('orders'), other.register('orders')]);
      assert.deepEqual(lookupd.producers()?.sort(), ['h1', 'h2']);
      const reason = "REGISTER topic name 'a$b' is not valid";
      assert.deepEqual(await peer.register('a$b'), { type: 'error', code: 'E_BAD_TOPIC', reason });
      await peer.over;
      peer.end();
      assert.deepEqual(lookupd.producers(), ['h2']);
      assert.deepEqual(await other.ask({ type: 'ping' }), OK);
      other.drop();
    });

    test('a peer that ends takes its producers with it', TIMEOUT, async () => {
      await using lookupd = await setUp(listen);
      const peer = await lookupd.open();
      await peer.join('h1');
      await peer.register('orders');
      assert.deepEqual(lookupd.producers(), ['h1']);
      peer.end();
      await peer.over;
      assert.deepEqual(lookupd.producers(), []);
    });
  });
}
