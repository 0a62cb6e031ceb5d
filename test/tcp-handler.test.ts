import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { encodePeerMessage, ReplyDecoder, type PeerMessage, type Reply } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology, type RegistrationDBEvents } from 'nsqlookupd/registry';
import { createTcpHandler, Session, type TcpHandlerOptions } from 'nsqlookupd/tcp';
import { MemoryStream } from './support/memory-stream.js';
import { identityOf } from './support/peers.js';

const announce = { broadcastAddress: 'l.test', hostname: 'l', tcpPort: 4160, httpPort: 4161, version: '1.3.0' };
const JOIN: PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: identityOf('h1') },
  { type: 'register', topic: 'orders', channel: 'billing' },
];
const joinBytes = Buffer.concat(JOIN.map(encodePeerMessage));
const joinReplies: Reply[] = [{ type: 'announcement', announcement: announce }, { type: 'ok' }];

function setUp(options: Partial<TcpHandlerOptions> = {}) {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 1000 });
  return { topology, handler: createTcpHandler({ topology, announce, ...options }) };
}

function told(db: RegistrationDB, event: keyof RegistrationDBEvents): Promise<void> {
  return new Promise((resolve) => db.once(event, () => resolve()));
}

function readReplies(bytes: Uint8Array): unknown[] {
  const decoder = new ReplyDecoder();
  decoder.push(bytes);
  const replies = [];
  for (let reply = decoder.next(); reply; reply = decoder.next()) replies.push(reply);
  return replies;
}

describe('createTcpHandler', () => {
  test('serves net.createServer', { timeout: 10_000 }, async () => {
    const { topology, handler } = setUp();
    const server = createServer(handler).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted: Socket[] = [];
    server.on('connection', (socket) => accepted.push(socket));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(joinBytes);
    const got: Buffer[] = [];
    while (readReplies(Buffer.concat(got)).length < 2) got.push(((await once(socket, 'data')) as [Buffer])[0]);
    assert.deepEqual(readReplies(Buffer.concat(got)), joinReplies);
    assert.equal(topology.lookup('orders')?.producers[0]?.remoteAddress, `127.0.0.1:${socket.localPort}`);
    assert.equal(handler.connections, 1);
    const left = told(topology.db, 'producerRemoved');
    socket.destroy();
    await left;
    assert.deepEqual(topology.lookup('orders')?.producers, []);
    server.close();
    await once(accepted[0]!, 'close');
    assert.equal(handler.connections, 0);
  });

  test('serves a duplex stream that is no socket', { timeout: 10_000 }, async () => {
    const { topology, handler } = setUp();
    const written: Uint8Array[] = [];
    const duplex = new Duplex({
      read() {},
      write(chunk: Uint8Array, _encoding, done) {
        written.push(chunk);
        done();
      },
    });
    handler(duplex);
    duplex.push(joinBytes);
    if (topology.nodes().length === 0) await told(topology.db, 'producerAdded');
    assert.deepEqual(readReplies(Buffer.concat(written)), joinReplies);
    assert.equal(topology.lookup('orders')?.producers[0]?.remoteAddress, 'stream-1');
    duplex.push(null);
    await once(duplex, 'close');
    assert.deepEqual(topology.nodes(), []);
    assert.equal(handler.connections, 0);
  });

  for (const [way, leave] of [
    ['ends', (stream: MemoryStream) => stream.sendEnd()],
    ['fails', (stream: MemoryStream) => stream.emit('error', new Error('ECONNRESET'))],
    ['is destroyed', (stream: MemoryStream) => stream.destroy()],
    ['breaks the protocol', (stream: MemoryStream) => stream.send('NOPE\n')],
  ] as const) {
    test(`a peer whose stream ${way} takes its producers with it at once`, () => {
      const { topology, handler } = setUp();
      const stream = new MemoryStream();
      handler(stream);
      stream.send(joinBytes);
      assert.equal(topology.lookup('orders')?.producers.length, 1);
      leave(stream);
      assert.deepEqual(topology.lookup('orders')?.producers, []);
      assert.deepEqual(topology.nodes(), []);
    });
  }

  test('answers an error, ends, and takes no more', () => {
    const { handler } = setUp();
    const stream = new MemoryStream();
    handler(stream);
    stream.send('  V1PING\nREGISTER t\nPING\n');
    const replies = readReplies(stream.take());
    assert.deepEqual(replies, [{ type: 'ok' }, { type: 'error', code: 'E_INVALID', reason: 'client must IDENTIFY' }]);
    assert.ok(stream.ended);
    stream.send('PING\n');
    assert.equal(stream.take().length, 0);
  });

  test('reads no more from a peer that does not read, until it does', () => {
    const { handler } = setUp();
    const stream = new MemoryStream();
    handler(stream);
    stream.wantsMore = false;
    stream.send('  V1PING\n');
    assert.ok(stream.paused);
    stream.wantsMore = true;
    stream.emit('drain');
    assert.ok(!stream.paused);
  });

  test('answers many messages in one write', () => {
    const { handler } = setUp();
    const stream = new MemoryStream();
    handler(stream);
    stream.send(`  V1${'PING\n'.repeat(100)}`);
    assert.equal(stream.written.length, 1);
    assert.equal(readReplies(stream.take()).length, 100);
  });

  test('asks for what to announce when it announces it', () => {
    let tcpPort = 0;
    const { handler } = setUp({ announce: () => ({ ...announce, tcpPort }) });
    const stream = new MemoryStream();
    handler(stream);
    tcpPort = 7;
    stream.send(joinBytes);
    assert.deepEqual(readReplies(stream.take())[0], {
      type: 'announcement',
      announcement: { ...announce, tcpPort: 7 },
    });
  });

  test('close takes every peer out and destroys its stream', () => {
    const { topology, handler } = setUp();
    const streams = [new MemoryStream(), new MemoryStream()];
    for (const stream of streams) {
      handler(stream);
      stream.send(joinBytes);
    }
    assert.equal(topology.nodes().length, 2);
    handler.close();
    assert.deepEqual(topology.nodes(), []);
    assert.ok(streams.every(({ destroyed }) => destroyed));
    assert.equal(handler.connections, 0);
  });

  test('refuses what it cannot work with, at once', () => {
    const { topology } = setUp();
    const make = (options: object) => () => createTcpHandler(options as TcpHandlerOptions);
    assert.throws(make({ announce }), TypeError);
    assert.throws(make({ topology }), TypeError);
  });
});

describe('Session', () => {
  test('is a conversation without a stream', () => {
    const { topology } = setUp();
    const session = new Session({ topology, announce: () => announce, remoteAddress: 'worker-1' });
    const { bytes, close } = session.receive(joinBytes);
    assert.deepEqual([readReplies(bytes), close], [joinReplies, false]);
    assert.equal(topology.nodes()[0]?.peer.id, 'worker-1');
    assert.deepEqual(session.end(), { bytes: new Uint8Array(0), close: true });
    assert.deepEqual(topology.nodes(), []);
  });

  test('logs as nsqlookupd does', () => {
    const lines: string[] = [];
    const log = {
      info: (line: string) => void lines.push(`INFO ${line}`),
      error: (line: string) => void lines.push(`ERROR ${line}`),
    };
    let now = 1000;
    const topology = new Topology({ db: new RegistrationDB(), clock: () => now, log });
    const session = new Session({ topology, announce: () => announce, remoteAddress: '127.0.0.1:1', log });
    session.receive(joinBytes);
    now += 0.4335;
    session.receive(Buffer.from('PING\n'));
    session.end();
    const other = new Session({ topology, announce: () => announce, remoteAddress: '127.0.0.1:2', log });
    other.receive(Buffer.from('XXXX'));
    assert.deepEqual(lines, [
      "INFO CLIENT(127.0.0.1:1): desired protocol magic '  V1'",
      'INFO CLIENT(127.0.0.1:1): IDENTIFY Address:h1.test TCP:4150 HTTP:4151 Version:1.3.0',
      'INFO DB: client(127.0.0.1:1) REGISTER category:client key: subkey:',
      'INFO DB: client(127.0.0.1:1) REGISTER category:channel key:orders subkey:billing',
      'INFO DB: client(127.0.0.1:1) REGISTER category:topic key:orders subkey:',
      'INFO CLIENT(127.0.0.1:1): pinged (last ping 433.5µs)',
      'INFO PROTOCOL(V1): [127.0.0.1:1] exiting ioloop',
      'INFO DB: client(127.0.0.1:1) UNREGISTER category:client key: subkey:',
      'INFO DB: client(127.0.0.1:1) UNREGISTER category:channel key:orders subkey:billing',
      'INFO DB: client(127.0.0.1:1) UNREGISTER category:topic key:orders subkey:',
      'ERROR client(127.0.0.1:1) - EOF',
      "INFO CLIENT(127.0.0.1:2): desired protocol magic 'XXXX'",
      "ERROR client(127.0.0.1:2) bad protocol magic 'XXXX'",
    ]);
  });
});
