import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { createLookupd, type LookupdOptions } from 'nsqlookupd/daemon';
import { createHttpHandler, decorate, toFetchHandler, toNodeHandler } from 'nsqlookupd/http';
import { encodePeerMessage, type PeerMessage } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology, topicRegistration, type Logger } from 'nsqlookupd/registry';
import { createTcpHandler } from 'nsqlookupd/tcp';
import { bodyOf } from './support/body.js';
import { fetchRaw } from './support/command-lookupd.js';
import { MemoryStream } from './support/memory-stream.js';
import { identityOf, peerOf } from './support/peers.js';
import type { SyncHttpHandler } from './support/sync-handler.js';

const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
const announce = { broadcastAddress: 'l.test', tcpPort: 4160, httpPort: 4161 };
const joinMessages: PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: identityOf('h1') },
  { type: 'register', topic: 'a', channel: 'b' },
];
const joinBytes = Buffer.concat(joinMessages.map(encodePeerMessage));

function collect() {
  const errors: string[] = [];
  return { errors, onError: (error: unknown, what: string) => void errors.push(`${what}: ${String(error)}`) };
}

const boom = (): never => {
  throw new Error('boom');
};

describe('a listener that throws', () => {
  test('starves neither the other listeners nor the change, and is reported once an event', () => {
    const { errors, onError } = collect();
    const db = new RegistrationDB({ onError });
    const heard: string[] = [];
    db.on('producerAdded', boom);
    db.on('producerAdded', ({ key }) => heard.push(key));
    db.once('producerAdded', boom);
    for (const topic of ['a', 'b']) db.addProducer(topicRegistration(topic), peerOf('h1'));
    assert.deepEqual(heard, ['a', 'b']);
    assert.deepEqual(errors, Array(3).fill('a listener of producerAdded threw: Error: boom'));
  });

  test('or that rejects, being asynchronous, is reported, too', async () => {
    const { errors, onError } = collect();
    const db = new RegistrationDB({ onError });
    const later = (() => Promise.reject(new Error('later'))) as () => void;
    db.on('registrationAdded', later);
    db.addRegistration(topicRegistration('a'));
    const topology = new Topology({ db, clock: () => 0, onError, log: { info: later } });
    topology.createTopic('a');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(errors, ['a listener of registrationAdded threw: Error: later', 'the logger threw: Error: later']);
  });

  test('is named by its event, also when it listens to several', () => {
    const { errors, onError } = collect();
    const db = new RegistrationDB({ onError });
    db.on('registrationAdded', boom);
    db.on('registrationRemoved', boom);
    db.addRegistration(topicRegistration('a'));
    db.off('registrationAdded', boom);
    db.addRegistration(topicRegistration('b'));
    db.removeRegistration(topicRegistration('a'));
    assert.deepEqual(errors, [
      'a listener of registrationAdded threw: Error: boom',
      'a listener of registrationRemoved threw: Error: boom',
    ]);
  });

  test('can be taken off as it was put on', () => {
    const { errors, onError } = collect();
    const db = new RegistrationDB({ onError });
    const once = () => boom();
    db.on('registrationAdded', boom);
    db.addListener('registrationAdded', boom);
    db.once('registrationAdded', once);
    db.off('registrationAdded', boom);
    db.removeListener('registrationAdded', once);
    db.addRegistration(topicRegistration('a'));
    assert.deepEqual([errors, db.listenerCount('registrationAdded')], [[], 0]);
    let heard = 0;
    db.addListener('registrationAdded', () => heard++);
    db.addRegistration(topicRegistration('b'));
    assert.equal(heard, 1);
    db.on('registrationAdded', boom);
    db.off('registrationAdded');
    assert.equal(db.listenerCount('registrationAdded'), 0);
  });

  test('listens as often and as long as it has said', () => {
    const db = new RegistrationDB();
    const heard: string[] = [];
    const listener = function (this: unknown) {
      heard.push(this === db ? 'db' : 'another');
    };
    const late = () => heard.push('late');
    db.on('registrationAdded', listener).once('registrationAdded', listener);
    db.once('registrationAdded', () => db.on('registrationAdded', late));
    db.addRegistration(topicRegistration('a'));
    assert.deepEqual(heard.splice(0), ['db', 'db']); // who comes meanwhile hears of the next
    db.addRegistration(topicRegistration('b'));
    assert.deepEqual(heard.splice(0), ['db', 'late']);
    assert.deepEqual(db.listeners('registrationAdded'), [listener, late]);
    db.off('registrationAdded', listener);
    assert.deepEqual([db.eventNames(), db.listenerCount('registrationAdded')], [['registrationAdded'], 1]);
    db.removeAllListeners('registrationAdded');
    assert.deepEqual([db.eventNames(), db.listenerCount('registrationAdded')], [[], 0]);
    assert.throws(() => db.on('registrationAdded', 5 as never), /^TypeError: The listener must be a function/);
  });

  test('changes the registry from within, and the indexes agree', () => {
    const db = new RegistrationDB();
    const peer = peerOf('h1');
    db.on('producerAdded', (registration) => db.removeRegistration(registration));
    db.on('registrationRemoved', () => db.removePeer(peer));
    db.on('producerRemoved', () => db.addRegistration(topicRegistration('z')));
    for (const topic of ['a', 'b', 'c']) db.addProducer(topicRegistration(topic), peer);
    db.removeRegistration(topicRegistration('z'));
    for (const [registration] of [...db.entries()]) db.removeRegistration(registration);
    db.removeAllListeners();
    for (const [registration] of [...db.entries()]) db.removeRegistration(registration);
    assert.deepEqual([db.size, db.indexSizes], [0, { categories: 0, keys: 0, peers: 0 }]);
  });

  test('an onError that throws is not asked for more', () => {
    const db = new RegistrationDB({ onError: boom });
    db.on('registrationAdded', boom);
    assert.ok(db.addRegistration(topicRegistration('a')));
  });
});

test('without an onError, what a host throws is a line to the console', (t) => {
  const printed = t.mock.method(console, 'error', () => {});
  const db = new RegistrationDB();
  db.on('registrationAdded', boom);
  db.addRegistration(topicRegistration('a'));
  assert.deepEqual(
    printed.mock.calls.map(({ arguments: [words] }) => words as string),
    ['nsqlookupd: a listener of registrationAdded threw'],
  );
});

describe('a clock', () => {
  test('that throws costs one connection, or one 500, each reported once', () => {
    const { errors, onError } = collect();
    let clock: () => number = () => 1000;
    const topology = new Topology({ db: new RegistrationDB(), clock: () => clock(), onError });
    const tcp = createTcpHandler({ topology, announce, onError });
    const http = createHttpHandler({ topology, onError }) as SyncHttpHandler;
    const [stream, other] = [new MemoryStream(), new MemoryStream()];
    for (const each of [stream, other]) {
      tcp(each);
      each.send(joinBytes);
    }
    clock = boom;
    stream.send('PING\n');
    assert.ok(stream.destroyed);
    assert.equal(errors.length, 1);
    const response = http({ method: 'GET', path: '/lookup', query: 'topic=a', headers: {} });
    assert.deepEqual([response?.status, bodyOf(response)], [500, '{"message":"INTERNAL_ERROR"}']);
    assert.equal(errors.length, 2);
    clock = () => 2000;
    other.send('PING\n');
    assert.deepEqual([topology.nodes().length, topology.lookup('a')?.producers.length, errors.length], [1, 1, 2]);
  });

  test('that jumps ahead or back hides producers at most, until they ping', () => {
    let now = 1_000_000_000;
    const topology = new Topology({ db: new RegistrationDB(), clock: () => now });
    const tcp = createTcpHandler({ topology, announce });
    const stream = new MemoryStream();
    tcp(stream);
    stream.send(joinBytes);
    for (const jump of [1e12, -1e12, -1e9, NaN, Infinity, 1e9]) {
      now = jump;
      topology.nodes();
      topology.tombstone('a', 'h1.test:4151');
      stream.send('PING\n');
      assert.ok(!stream.ended);
      const body = (createHttpHandler({ topology, onError: () => {} }) as SyncHttpHandler)({
        method: 'GET',
        path: '/debug',
        query: '',
        headers: {},
      });
      assert.ok(body);
    }
    now += 46_000;
    stream.send('PING\n');
    assert.deepEqual([topology.nodes().length, topology.lookup('a')?.producers.length], [1, 1]);
    stream.destroy();
    assert.equal(topology.db.indexSizes.peers, 0);
  });
});

test('a logger that throws costs its line, and each is reported once', () => {
  const { errors, onError } = collect();
  const log: Logger = { debug: boom, info: boom, warn: boom, error: boom };
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 0, log, onError });
  const tcp = createTcpHandler({ topology, announce, log, onError });
  const stream = new MemoryStream();
  tcp(stream);
  stream.send(joinBytes);
  assert.deepEqual(topology.channels('a'), ['b']);
  const lines = ['new client', 'magic', 'IDENTIFY', 'client', 'channel', 'topic'];
  assert.deepEqual(errors, Array(lines.length).fill('the logger threw: Error: boom'));
  stream.destroy();
  assert.equal(topology.db.indexSizes.peers, 0);
  assert.equal(errors.length, lines.length + 5); // exiting, three unregistered, closed
});

test('a decorator that throws is a 500, reported once', async () => {
  const { errors, onError } = collect();
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 0 });
  const handler = decorate(createHttpHandler({ topology }), () => boom);
  const response = await toFetchHandler(handler, { onError })(new Request('http://l.test/ping'));
  assert.deepEqual([response.status, errors], [500, ['an HTTP handler threw: Error: boom']]);
});

test('a tombstone ends, whatever its listeners add', () => {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 0 });
  topology.register(peerOf('h1'), 'a');
  let added = 0;
  topology.db.on('producerTombstoned', () => {
    if (added++ < 100) topology.register(peerOf('h1'), 'a');
  });
  assert.equal(topology.tombstone('a', 'h1.test:4151'), 1);
});

test('a next that throws is reported, and the answer of a thenable is one', { timeout: 20_000 }, async () => {
  const { errors, onError } = collect();
  const { createServer } = await import('node:http');
  const thenable = { then: (resolve: (value: unknown) => void) => resolve({ status: 200, headers: {}, body: 'then' }) };
  const asynchronous = toNodeHandler(() => Promise.resolve(undefined), { onError });
  const server = createServer((request, response) => {
    if (request.url === '/thenable') toNodeHandler(() => thenable as never, { onError })(request, response);
    else {
      asynchronous(request, response, () => {
        response.end('next');
        boom();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  assert.equal((await fetchRaw(port, 'GET', '/')).text, 'next');
  assert.equal((await fetchRaw(port, 'GET', '/thenable')).text, 'then');
  assert.deepEqual(errors, ['next threw: Error: boom']);
  server.close();
});

describe('a lookupd', { timeout: 20_000 }, () => {
  const start = async (options: LookupdOptions = {}) => {
    const lookupd = createLookupd({ ...LOOPBACK, ...options });
    await lookupd.listen();
    return {
      lookupd,
      httpPort: Number(lookupd.httpAddress?.split(':')[1]),
      tcpPort: Number(lookupd.tcpAddress?.split(':')[1]),
    };
  };

  test('goes on when its logger and clock throw', async () => {
    const { errors, onError } = collect();
    let clock: () => number = Date.now;
    const { lookupd, httpPort, tcpPort } = await start({ clock: () => clock(), log: { info: boom }, onError });
    clock = boom;
    const socket = connect(tcpPort, '127.0.0.1');
    socket.write(joinBytes);
    await once(socket.resume(), 'close');
    assert.equal((await fetchRaw(httpPort, 'GET', '/lookup?topic=a')).status, 500);
    clock = Date.now;
    assert.equal((await fetchRaw(httpPort, 'GET', '/ping')).text, 'OK');
    assert.ok(errors.some((error) => error.includes('clock') || error.includes('boom')));
    await lookupd.close();
  });

  test('closed while it starts does not stay behind', async () => {
    const lookupd = createLookupd(LOOPBACK);
    const listening = lookupd.listen();
    await lookupd.close();
    await listening;
    assert.deepEqual([lookupd.tcpAddress, lookupd.httpAddress], [undefined, undefined]);
    await lookupd.closed;
  });

  test('can try again after a failed start', async () => {
    const first = await start();
    const second = createLookupd({ ...LOOPBACK, httpAddress: first.lookupd.httpAddress! });
    await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
    await first.lookupd.close();
    await second.listen();
    assert.equal((await fetchRaw(first.httpPort, 'GET', '/ping')).text, 'OK');
    await second.close();
  });
});
