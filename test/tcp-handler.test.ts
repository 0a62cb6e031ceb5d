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
import { NEEDS_SHAPES, toShapeTest } from './support/shapes.js';

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
  test('does not serve a stream that is destroyed already', () => {
    const { topology, handler } = setUp();
    const stream = new MemoryStream();
    stream.destroy();
    handler(stream);
    assert.equal(handler.connections, 0);
    assert.deepEqual(topology.nodes(), []);
  });

  test('gives all peers one shape, as V8 gives those that are spread together one each, and is slow to read them', (t) => {
    const isOfOneShape = toShapeTest();
    if (!isOfOneShape) return t.skip(NEEDS_SHAPES);
    const { topology, handler } = setUp();
    for (let i = 0; i < 100; i++) {
      const stream = new MemoryStream();
      handler(stream);
      stream.send(joinBytes);
    }
    const { producers = [] } = topology.lookup('orders') ?? {};
    assert.ok(producers.length > 50); // a turn does so many, about
    // The first ones may have another, which the engine is done with when it knows the fields.
    const [last, ...others] = producers.slice(20).reverse();
    assert.ok(others.every((peer) => isOfOneShape(peer, last)));
  });

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

  test('names a peer by the address of its stream, IPv6 in brackets and IPv4 plain', () => {
    const { topology, handler } = setUp();
    const addresses: [string, string][] = [
      ['10.0.0.1', '10.0.0.1:7'],
      ['::1', '[::1]:7'],
      ['::ffff:10.0.0.1', '10.0.0.1:7'],
      ['::FFFF:10.0.0.1', '10.0.0.1:7'],
      ['::ffff:a', '[::ffff:a]:7'],
      ['1::ffff:10.0.0.1', '[1::ffff:10.0.0.1]:7'],
    ];
    for (const [remoteAddress, name] of addresses) {
      const stream = Object.assign(new MemoryStream(), { remoteAddress, remotePort: 7 });
      handler(stream);
      stream.send(joinBytes);
      assert.equal(topology.nodes()[0]?.peer.remoteAddress, name);
      stream.destroy();
    }
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

  const body = (json: string) => `IDENTIFY\n\0\0\0${String.fromCharCode(json.length)}${json}`;
  const joined = joinBytes.toString('latin1');
  const negative = '{"broadcast_address":"h","tcp_port":-1,"http_port":1,"version":"1"}';
  const words: [string, string][] = [
    ['XXXX', 'E_BAD_PROTOCOL'],
    ['  V1NOPE\n', 'E_INVALID invalid command NOPE'],
    [`  V1${'x'.repeat(65)} y\n`, `E_INVALID invalid command ${'x'.repeat(64)}`],
    ['  V1REGISTER\n', 'E_INVALID REGISTER insufficient number of params'],
    ['  V1UNREGISTER t\n', 'E_INVALID client must IDENTIFY'],
    ['  V1IDENTIFY\n\0', 'E_BAD_BODY IDENTIFY failed to read body size'],
    ['  V1IDENTIFY\n\0\0\0\x02{', 'E_BAD_BODY IDENTIFY failed to read body'],
    [`  V1${body('{')}`, 'E_BAD_BODY IDENTIFY failed to decode JSON body'],
    [`  V1${body('{}')}`, 'E_BAD_BODY IDENTIFY missing fields'],
    [`  V1${body(negative)}`, 'E_BAD_BODY IDENTIFY port out of range'],
    ['  V1IDENTIFY\n\xff\xff\xff\xff', 'E_BAD_BODY IDENTIFY body size -1 is not from 0 to 262144'],
    [`  V1${'x'.repeat(70_000)}`, 'E_INVALID command line longer than 65536 bytes'],
    [`${joined}IDENTIFY\n`, 'E_INVALID cannot IDENTIFY again'],
    [`${joined}REGISTER a$b\n`, "E_BAD_TOPIC REGISTER topic name 'a$b' is not valid"],
    [`${joined}UNREGISTER a b$c\n`, "E_BAD_CHANNEL UNREGISTER channel name 'b$c' is not valid"],
    [`${joined}REGISTER ${'x'.repeat(70)}\n`, `E_BAD_TOPIC REGISTER topic name '${'x'.repeat(64)}' is not valid`],
  ];
  for (const [bytes, answer] of words) {
    test(`answers ${JSON.stringify(bytes.slice(-20))} with ${JSON.stringify(answer)}, to the byte, and logs it`, () => {
      const { topology } = setUp();
      const lines: string[] = [];
      const log = { error: (line: string) => void lines.push(line) };
      const session = new Session({ topology, announce: () => announce, remoteAddress: 'p', log });
      const outputs = [session.receive(Buffer.from(bytes, 'latin1')), session.end()];
      const all = Buffer.concat(outputs.map((output) => output.bytes));
      const size = Buffer.alloc(4);
      size.writeUInt32BE(answer.length);
      assert.equal(all.subarray(-4 - answer.length).toString(), Buffer.concat([size, Buffer.from(answer)]).toString());
      const over = { bytes: new Uint8Array(0), close: true };
      assert.equal(outputs[1]!.close, true);
      assert.deepEqual(session.receive(Buffer.from('PING\n')), over);
      assert.deepEqual(session.refuse('E_INVALID', 'late'), over);
      assert.deepEqual(session.end(), over);
      const isMagic = answer === 'E_BAD_PROTOCOL';
      assert.deepEqual(
        lines,
        isMagic ? ["client(p) bad protocol magic 'XXXX'"] : [`[p] - ${answer}`, `client(p) - ${answer}`],
      );
    });
  }

  test('logs an end before the magic as such', () => {
    const lines: string[] = [];
    const { topology } = setUp();
    const log = { info: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) };
    const session = new Session({ topology, announce: () => announce, remoteAddress: 'p', log });
    session.receive(Buffer.from('  V'));
    session.end();
    assert.deepEqual(lines, ['failed to read protocol version - EOF']);
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
