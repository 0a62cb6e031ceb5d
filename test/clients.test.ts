import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { LookupClient, PeerClient } from 'nsqlookupd/client';
import { createLookupd, type Lookupd } from 'nsqlookupd/daemon';
import { encodePeerMessage, type PeerMessage } from 'nsqlookupd/protocol';
import { ManualClock } from 'nsqlookupd/testing';
import { identityOf } from './support/peers.js';

const require = createRequire(import.meta.url);

interface NsqjsReader {
  connect(): void;
  connectToNSQD(host: string, port: number): void;
  close(): void;
  on(event: string, listener: (...args: unknown[]) => void): void;
}
interface SqueakySubscriber {
  close(): Promise<void>;
  on(event: string, listener: (...args: unknown[]) => void): void;
}

// Neither has types of its own.
const nsqjs = require('nsqjs') as { Reader: new (topic: string, channel: string, options: object) => NsqjsReader };
const squeaky = require('squeaky') as { Subscriber: new (options: object) => SqueakySubscriber };

/** A producer that only accepts the connection, registered at a lookupd, found by `run`. */
async function withProducer(run: (producer: Server, lookupd: Lookupd) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const producer = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(producer, 'listening');
  await using lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
  await lookupd.listen();
  const registered = new Promise<void>((resolve) =>
    lookupd.db.on('producerAdded', ({ category }) => category === 'topic' && resolve()),
  );
  const peer = connect(Number(lookupd.tcpAddress!.split(':')[1]), '127.0.0.1').resume();
  const { port: tcpPort } = producer.address() as AddressInfo;
  const identity = identityOf('h1', { broadcastAddress: '127.0.0.1', tcpPort });
  const messages: PeerMessage[] = [
    { type: 'magic' },
    { type: 'identify' },
    { type: 'identity', identity },
    { type: 'register', topic: 'orders', channel: 'billing' },
  ];
  for (const message of messages) peer.write(encodePeerMessage(message));
  await registered;
  try {
    await run(producer, lookupd);
  } finally {
    for (const socket of [peer, ...sockets]) socket.destroy();
    producer.close();
  }
}

describe('clients from npm find a producer', () => {
  test('nsqjs 0.13.0', { timeout: 20_000 }, async () => {
    await withProducer(async (producer, lookupd) => {
      const reader = new nsqjs.Reader('orders', 'billing', { lookupdHTTPAddresses: lookupd.httpAddress });
      reader.on('error', () => {});
      const found = once(producer, 'connection');
      reader.connect();
      const [socket] = (await found) as [Socket];
      assert.equal(((await once(socket, 'data')) as [Buffer])[0].subarray(0, 4).toString(), '  V2');
      reader.close();
    });
  });

  test('squeaky 2.6.0', { timeout: 20_000 }, async () => {
    await withProducer(async (producer, lookupd) => {
      const found = once(producer, 'connection');
      const subscriber = new squeaky.Subscriber({ topic: 'orders', channel: 'billing', lookup: lookupd.httpAddress });
      subscriber.on('error', () => {});
      const [socket] = (await found) as [Socket];
      assert.equal(((await once(socket, 'data')) as [Buffer])[0].subarray(0, 4).toString(), '  V2');
      socket.destroy();
      await subscriber.close();
    });
  });
});

/** Those that connect to an nsqd that only accepts, as each says who it is. */
async function startNsqd(): Promise<{
  readonly port: number;
  readonly heard: Promise<string[]>;
  readonly close: () => void;
}> {
  const names: string[] = [];
  const sockets: Socket[] = [];
  let done: (names: string[]) => void;
  const heard = new Promise<string[]>((resolve) => (done = resolve));
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const name = /nsqjs|squeaky/.exec(text)?.[0];
      if (name === undefined || names.includes(name)) return;
      if (names.push(name) === 2) done(names.sort());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, heard, close };
}

test(
  'clients from npm that are told connect to each nsqd as it registers, before any time has passed',
  { timeout: 20_000 },
  async () => {
    await using lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      broadcastAddress: '127.0.0.1',
    });
    const { tcpAddress, httpAddress } = await lookupd.listen();
    // It is never moved on: whoever polled, or waited for anything, would wait for ever.
    const clock = new ManualClock();
    const client = new LookupClient({ lookupds: [httpAddress], timers: clock });
    const stop = new AbortController();
    const changes = client.watch('orders', { signal: stop.signal });
    assert.deepEqual((await changes.next()).value?.added, []);
    let reader: NsqjsReader | undefined;
    const subscribers: SqueakySubscriber[] = [];
    const consuming = (async () => {
      for await (const { added } of changes) {
        for (const { broadcastAddress: host, tcpPort: port } of added) {
          if (reader) reader.connectToNSQD(host, port);
          else {
            reader = new nsqjs.Reader('orders', 'billing', {
              nsqdTCPAddresses: [`${host}:${port}`],
              clientId: 'nsqjs',
            });
            reader.on('error', () => {});
            reader.connect();
          }
          const subscriber = new squeaky.Subscriber({ host, port, topic: 'orders', channel: 'billing' });
          subscriber.on('error', () => {});
          subscribers.push(subscriber);
        }
      }
    })();
    const startMs = clock.now();
    const closing: (() => unknown)[] = [];
    for (let i = 0; i < 2; i++) {
      const nsqd = await startNsqd();
      const identity = { broadcastAddress: '127.0.0.1', tcpPort: nsqd.port, httpPort: nsqd.port };
      const peer = new PeerClient({ lookupds: [tcpAddress], identity });
      closing.push(() => peer.close(), nsqd.close);
      await peer.start();
      await peer.register('orders');
      assert.deepEqual(await nsqd.heard, ['nsqjs', 'squeaky']);
    }
    assert.equal(clock.now(), startMs);
    stop.abort();
    await consuming;
    reader?.close();
    for (const close of closing) await close();
    for (const subscriber of subscribers) await subscriber.close();
  },
);
