import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { createLookupd, type Lookupd } from 'nsqlookupd/daemon';
import { encodePeerMessage, type PeerMessage } from 'nsqlookupd/protocol';
import { identityOf } from './support/peers.js';

const require = createRequire(import.meta.url);

interface NsqjsReader {
  connect(): void;
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
