import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodePeerMessage, PeerDecoder, ReplyDecoder, type PeerMessage } from 'nsqlookupd/protocol';
import {
  CLIENT,
  RegistrationDB,
  Topology,
  TOPOLOGY_CHECKS,
  WorkQueue,
  type TopologyOptions,
} from 'nsqlookupd/registry';
import { createTcpHandler, Session, TCP_HANDLER_CHECKS, type TcpHandlerOptions } from 'nsqlookupd/tcp';
import { ManualClock } from 'nsqlookupd/testing';
import { MemoryStream } from './support/memory-stream.js';
import { identityOf } from './support/peers.js';
import { pick } from './support/pick.js';
import { runs } from './support/runs.js';

const announce = { broadcastAddress: 'l.test', tcpPort: 4160, httpPort: 4161 };

function setUp(options: Partial<TcpHandlerOptions & TopologyOptions> = {}) {
  const errors: string[] = [];
  const onError = (error: unknown, what: string) => errors.push(`${what}: ${String(error)}`);
  const timers = new ManualClock();
  const own = { db: new RegistrationDB({ onError }), clock: () => 1000, onError };
  const topology = new Topology({ ...own, ...pick(options, TOPOLOGY_CHECKS) });
  const handler = createTcpHandler({ announce, timers, onError, ...pick(options, TCP_HANDLER_CHECKS), topology });
  const open = () => {
    const stream = new MemoryStream();
    handler(stream);
    return stream;
  };
  return { topology, handler, timers, errors, open };
}

const bytesOf = (...messages: PeerMessage[]) => Buffer.concat(messages.map(encodePeerMessage));
const join = (host = 'h1') =>
  bytesOf({ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity: identityOf(host) });
const register = (topic: string, channel = '') => bytesOf({ type: 'register', topic, channel });

/** How many bytes are copied with `set`, which all that keep bytes use. */
function countCopies(run: () => void): number {
  const prototype = Object.getPrototypeOf(Uint8Array.prototype) as { set: (...args: [Uint8Array, number?]) => void };
  const { set } = prototype;
  let copied = 0;
  prototype.set = function (bytes, at) {
    copied += bytes.length;
    set.call(this, bytes, at);
  };
  try {
    run();
  } finally {
    prototype.set = set;
  }
  return copied;
}

function lastReply(stream: MemoryStream): string {
  const decoder = new ReplyDecoder();
  decoder.push(stream.take());
  let last = 'nothing';
  for (let reply = decoder.next(); reply; reply = decoder.next()) {
    last = reply.type === 'error' ? `${reply.code} ${reply.reason}` : reply.type;
  }
  return last;
}

describe('whatever bytes come', () => {
  const fragments = fc.oneof(
    fc.constantFrom(
      ...[
        '  V1',
        'PING\n',
        'IDENTIFY\n',
        'REGISTER a b\n',
        'REGISTER c#ephemeral d\n',
        'UNREGISTER a\n',
        'REGISTER \n',
        '\0\0\0\x02{}',
        '\xff\xff\xff\xff',
        '\x7f\xff\xff\xff',
        'NOPE\n',
        '\n',
        ' ',
        'REGISTER',
      ].map((text) => Buffer.from(text, 'latin1')),
      join(),
      join().subarray(4),
    ),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  );
  const limits = { maxLineBytes: 64, maxBodyBytes: 256 };

  test('a session never throws, and when it has ended the registry is as if it had never been', () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 14 }), fc.boolean(), (chunks, well) => {
        const errors: unknown[] = [];
        const onError = (error: unknown) => errors.push(error);
        const topology = new Topology({ db: new RegistrationDB({ onError }), clock: () => 0, onError });
        const remoteAddress = 'peer';
        const complete = { hostname: 'l', version: '1.3.0', ...announce };
        const session = new Session({ topology, announce: () => complete, remoteAddress, limits, onError });
        if (well) session.receive(join());
        for (const chunk of chunks) session.receive(chunk);
        session.end();
        assert.equal(topology.nodes().length, 0);
        assert.equal(topology.db.indexSizes.peers, 0);
        for (const [{ key, subkey }, producers] of topology.db.entries()) {
          assert.deepEqual([...producers], []);
          assert.ok(!`${key} ${subkey}`.includes('#ephemeral'));
        }
        assert.deepEqual(errors, []);
      }),
      { numRuns: runs(1000) },
    );
  });

  test('a handler never throws and never leaves a connection behind', () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 14 }), (chunks) => {
        const { open, handler, errors, topology } = setUp({ limits });
        const stream = open();
        for (const chunk of chunks) stream.send(chunk);
        stream.destroy();
        assert.deepEqual([handler.connections, topology.nodes().length, errors], [0, 0, []]);
      }),
      { numRuns: runs(300) },
    );
  });

  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    test(`${name} is a topic and a channel like any other`, () => {
      const { open, topology } = setUp();
      const stream = open();
      stream.send(join());
      stream.send(register(name, name));
      assert.equal(lastReply(stream), 'ok');
      assert.deepEqual([topology.topics(), topology.channels(name)], [[name], [name]]);
      assert.equal(topology.lookup('valueOf'), undefined);
      assert.equal(topology.lookup(name)?.producers.length, 1);
    });
  }
});

describe('deadlines', () => {
  test('a peer that says nothing, or never IDENTIFYs, is told and closed', () => {
    const { open, timers, handler } = setUp({ identifyTimeoutMs: 8000, drainTimeoutMs: 8000 });
    const streams = [open(), open(), open()];
    streams[1]!.send('  V1');
    for (let i = 0; i < 8; i++) {
      streams[2]!.send(i === 0 ? '  V1PING\n' : 'PING\n'); // a ping is no IDENTIFY
      timers.advance(1000);
      assert.ok(streams.every(({ ended }) => !ended));
    }
    timers.advance(2000);
    assert.deepEqual(
      streams.map((stream) => [lastReply(stream), stream.ended]),
      Array(3).fill(['E_INVALID no IDENTIFY in time', true]),
    );
    assert.ok(streams.every(({ destroyed }) => !destroyed));
    timers.advance(10_000); // nor do they close
    assert.ok(streams.every(({ destroyed }) => destroyed));
    assert.equal(handler.connections, 0);
  });

  test('a half-open peer is taken out long after its last ping, and not before', () => {
    const { open, timers, topology } = setUp();
    const [quiet, pinging] = [open(), open()];
    for (const stream of [quiet, pinging]) stream.send(join());
    for (let minute = 0; minute < 15; minute++) {
      timers.advance(60_000);
      pinging.send('PING\n');
      assert.equal(topology.nodes().length, 2, `after ${minute} minutes`);
    }
    timers.advance(10_000);
    assert.deepEqual([lastReply(quiet), quiet.ended], ['E_INVALID silent for too long', true]);
    assert.equal(topology.nodes().length, 1);
    assert.ok(!pinging.ended);
  });

  test('the deadline for silence goes with the inactive producer timeout, if that is long', () => {
    const { open, timers } = setUp({ inactiveProducerTimeoutMs: 3_600_000 });
    const stream = open();
    stream.send(join());
    timers.advance(3 * 3_600_000);
    assert.ok(!stream.ended);
    timers.advance(10_000);
    assert.ok(stream.ended);
  });

  test('a peer that never reads its answers is cut off', () => {
    const { open, timers, topology } = setUp();
    const stream = open();
    stream.send(join());
    stream.wantsMore = false;
    stream.send('PING\n');
    assert.ok(stream.paused);
    timers.advance(29_000);
    assert.ok(!stream.destroyed);
    timers.advance(3000);
    assert.ok(stream.destroyed);
    assert.equal(topology.nodes().length, 0);
  });

  test('a peer that reads late, but reads, is kept', () => {
    const { open, timers } = setUp();
    const stream = open();
    stream.send(join());
    for (let i = 0; i < 10; i++) {
      stream.wantsMore = false;
      stream.send('PING\n');
      timers.advance(20_000);
      stream.wantsMore = true;
      stream.emit('drain');
      assert.ok(!stream.paused);
    }
    assert.ok(!stream.destroyed && !stream.ended);
  });

  test('a peer that floods after its end is cut off', () => {
    const { open } = setUp();
    const stream = open();
    stream.send('  V1NOPE\n');
    assert.ok(stream.ended);
    const chunk = new Uint8Array(64 * 1024);
    for (let i = 0; i < 16; i++) stream.send(chunk);
    assert.ok(!stream.destroyed);
    stream.send(chunk);
    assert.ok(stream.destroyed);
  });

  test('without connections no timer is left', () => {
    const { open, timers } = setUp();
    assert.equal(timers.pending, 0);
    const stream = open();
    assert.equal(timers.pending, 1);
    stream.destroy();
    timers.advance(5000);
    assert.equal(timers.pending, 0);
    open();
    assert.equal(timers.pending, 1);
  });

  test('Infinity is for ever', () => {
    const { open, timers } = setUp({ identifyTimeoutMs: Infinity, silenceTimeoutMs: Infinity });
    const [silent, joined] = [open(), open()];
    joined.send(join());
    timers.advance(10 * 24 * 3_600_000);
    assert.ok(!silent.ended && !joined.ended);
  });
});

describe('limits', () => {
  test('one connection too many is told and closed, and the others stay', () => {
    const { open, handler, topology } = setUp({ maxConnections: 2 });
    const [one, two, three] = [open(), open(), open()];
    assert.deepEqual([lastReply(three), three.destroyed], ['E_INVALID too many connections', true]);
    assert.equal(handler.connections, 2);
    one.send(join());
    assert.equal(lastReply(one), 'announcement');
    two.destroy();
    const four = open();
    four.send(join());
    assert.equal(lastReply(four), 'announcement');
    assert.equal(topology.nodes().length, 2);
  });

  test('one registration of a peer too many is refused, and not the peer', () => {
    const { open, topology } = setUp({ maxRegistrationsPerPeer: 5 }); // client, and two topics with a channel
    const [stream, other] = [open(), open()];
    for (const peer of [stream, other]) peer.send(join());
    for (const topic of ['a', 'b', 'a', 'b']) {
      stream.send(register(topic, 'c'));
      assert.equal(lastReply(stream), 'ok');
    }
    stream.send(register('d'));
    assert.deepEqual([lastReply(stream), stream.ended], ['E_INVALID too many registrations', false]);
    assert.deepEqual(topology.topics().sort(), ['a', 'b']);
    assert.deepEqual([topology.nodes().length, topology.lookup('a')?.producers.length], [2, 1]);
    stream.send(bytesOf({ type: 'unregister', topic: 'a', channel: 'c' }));
    assert.equal(lastReply(stream), 'ok');
    stream.send(register('d'));
    assert.equal(lastReply(stream), 'ok');
    other.send(register('d'));
    assert.equal(lastReply(other), 'ok');
  });

  test('a peer with an endless name is refused', () => {
    for (const field of ['broadcastAddress', 'hostname', 'version', 'topologyZone', 'topologyRegion'] as const) {
      for (const [length, isLegal] of [
        [255, true],
        [256, false],
      ] as const) {
        const identity = identityOf('h1', { [field]: 'x'.repeat(length) });
        const { open } = setUp();
        const stream = open();
        stream.send(bytesOf({ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity }));
        assert.match(lastReply(stream), isLegal ? /^announcement$/ : /^E_BAD_BODY IDENTIFY \w+ too long$/);
      }
    }
  });

  test('a full registry takes nothing new, in whole or in part, and goes on with what it has', () => {
    const { open, topology } = setUp({ maxRegistrations: 6 });
    const stream = open();
    stream.send(join()); // the client registration, and its producer
    stream.send(register('a', 'c')); // a topic and a channel, each with its producer
    assert.equal(topology.db.size, 6);
    assert.equal(topology.createTopic('b'), false);
    assert.equal(topology.createChannel('a', 'd'), false);
    assert.equal(topology.createTopic('a'), true);
    assert.equal(topology.createChannel('a', 'c'), true);
    stream.send(register('a', 'c'));
    assert.equal(lastReply(stream), 'ok');
    const late = open();
    late.send(join('h2'));
    assert.equal(lastReply(late), 'E_INVALID too many registrations');
    stream.send(register('b', 'd'));
    assert.equal(lastReply(stream), 'E_INVALID too many registrations');
    assert.equal(topology.db.countProducers(CLIENT), 1); // who was there stays
    assert.deepEqual([topology.topics(), topology.channels('a'), topology.channels('b')], [['a'], ['c'], []]);
  });

  test('what has no producer makes room, the oldest first, and what an operator has made last', () => {
    const { open, topology } = setUp({ maxRegistrations: 10 });
    topology.createTopic('made');
    const gone = open();
    gone.send(join('h1')); // the client registration stays when its last producer goes
    for (const topic of ['old', 'older']) gone.send(register(topic));
    gone.send(bytesOf({ type: 'unregister', topic: 'older', channel: '' }));
    gone.destroy();
    const stream = open();
    stream.send(join('h2'));
    assert.deepEqual([topology.db.size, topology.topics()], [5, ['made', 'old', 'older']]);
    for (const topic of ['a', 'b', 'c']) {
      stream.send(register(topic));
      assert.equal(lastReply(stream), 'ok');
    }
    assert.deepEqual([topology.db.size, topology.topics()], [10, ['made', 'old', 'a', 'b', 'c']]);
    stream.send(register('d'));
    assert.equal(lastReply(stream), 'ok');
    assert.deepEqual([topology.db.size, topology.topics()], [10, ['a', 'b', 'c', 'd']]);
    stream.send(register('e'));
    assert.deepEqual([lastReply(stream), stream.ended], ['E_INVALID too many registrations', false]);
    assert.deepEqual([topology.db.size, topology.topics()], [10, ['a', 'b', 'c', 'd']]);
  });

  test('what an operator makes leaves a tenth to peers, and takes the place of nothing that another has made', () => {
    const { open, topology } = setUp({ maxRegistrations: 10 });
    const stream = open();
    stream.send(join());
    stream.send(register('left'));
    stream.send(bytesOf({ type: 'unregister', topic: 'left', channel: '' }));
    const made = Array.from({ length: 20 }, (_, i) => `t${i}`).filter((topic) => topology.createTopic(topic));
    assert.equal(made.length, 7); // 10, less the peer's 2, and 1 that is reserved
    assert.ok(topology.topics().includes('t0'));
    stream.send(register('x'));
    assert.equal(lastReply(stream), 'ok');
  });

  test('the registry is weighed in bytes', () => {
    const { open, topology } = setUp({ maxRegistryBytes: 100_000 });
    const stream = open();
    stream.send(join());
    let count = 0;
    for (; lastReply(stream) !== 'E_INVALID too many registrations'; count++) {
      stream.send(register(`${'x'.repeat(50)}${count}`, 'y'.repeat(64)));
    }
    assert.ok(count > 10 && topology.db.bytes <= 100_000, `${count} registrations, ${topology.db.bytes} bytes`);
    assert.ok(!stream.ended);
  });

  test('what a refused peer had sent is not kept, and one that stays does not shield the others', () => {
    const { open } = setUp({ maxUnfinishedBytes: 100_000 });
    const bad = open();
    bad.send(`  V1REGISTER t\n${'A'.repeat(60_000)}`); // answered E_INVALID, and it leaves its end open
    assert.ok(bad.ended);
    const peers = Array.from({ length: 20 }, () => open());
    for (const peer of peers) peer.send(`  V1${'A'.repeat(60_000)}`);
    assert.equal(peers.filter(({ ended }) => !ended).length, 1);
  });

  test('what peers have not sent whole is counted together: who has most is told and closed', () => {
    const { open, handler } = setUp({ maxUnfinishedBytes: 1000 });
    const [most, some, honest] = [open(), open(), open()];
    const unfinished = (bytes: number) =>
      Buffer.concat([Buffer.from('  V1IDENTIFY\n\0\0\x10\0'), Buffer.alloc(bytes, 0x20)]);
    some.send(unfinished(400));
    most.send(unfinished(550));
    honest.send('  V1PI');
    assert.deepEqual([most.ended, some.ended, honest.ended], [false, false, false]);
    some.send(Buffer.alloc(100, 0x20));
    assert.deepEqual([most.ended, some.ended, honest.ended], [true, false, false]);
    assert.equal(lastReply(most), 'E_INVALID too much unfinished input');
    honest.send('NG\n');
    assert.equal(lastReply(honest), 'ok');
    for (const stream of [some, most]) stream.destroy();
    const next = open();
    next.send(unfinished(950)); // nothing is counted of those that have gone
    assert.equal(next.ended, false);
    assert.equal(handler.connections, 2);
  });

  test('size counts registrations and producers', () => {
    const { topology } = setUp();
    topology.createChannel('a', 'b');
    assert.equal(topology.db.size, 2);
    topology.deleteTopic('a');
    assert.equal(topology.db.size, 0);
  });
});

describe('what a peer makes the lookupd do', () => {
  // What is walked is counted, not timed.
  test('taking back what it has not got costs little, however many channels the topic has', () => {
    const { open, topology } = setUp();
    const [rich, poor] = [open(), open()];
    for (const peer of [rich, poor]) peer.send(join());
    for (let i = 0; i < 5000; i++) topology.createChannel('t', `c${i}`);
    let walked = 0;
    const { db } = topology;
    const find = db.findRegistrations.bind(db);
    db.findRegistrations = (...question) => {
      const found = find(...question);
      walked += found.length;
      return found;
    };
    poor.send('UNREGISTER t\n'.repeat(100));
    assert.equal(lastReply(poor), 'ok');
    assert.equal(walked, 0);
    assert.equal(topology.channels('t').length, 5000);
  });

  test('an unfinished body is copied once and kept in little more than its size, however it is cut', () => {
    const body = Buffer.alloc(200_000, 0x20);
    for (const size of [1, 10, 1000, 65_536]) {
      const decoder = new PeerDecoder();
      decoder.push(Buffer.from('  V1IDENTIFY\n\0\x04\0\0', 'latin1'));
      const copied = countCopies(() => {
        for (let at = 0; at < body.length; at += size) {
          decoder.push(body.subarray(at, at + size));
          while (decoder.next());
          const length = Math.min(body.length, at + size);
          assert.ok(decoder.heldBytes <= length * 1.25 && decoder.heldBytes >= length, `${decoder.heldBytes}`);
        }
      });
      assert.ok(copied <= body.length + 2000, `${copied} bytes are copied of ${body.length} in chunks of ${size}`);
    }
  });

  test('who has most of what is unfinished is found without a look at the others', () => {
    const { open } = setUp({ maxUnfinishedBytes: 64 * 1024, maxConnections: Infinity });
    let looks = 0;
    const streams = Array.from({ length: 2000 }, () => open());
    const own = Object.getOwnPropertyDescriptor(Session.prototype, 'heldBytes')!;
    Object.defineProperty(Session.prototype, 'heldBytes', {
      configurable: true,
      get(this: Session): unknown {
        looks++;
        return own.get!.call(this);
      },
    });
    try {
      for (const stream of streams) stream.send(`  V1${'A'.repeat(1000)}`);
    } finally {
      Object.defineProperty(Session.prototype, 'heldBytes', own);
    }
    assert.ok(looks < 10 * streams.length, `${looks} looks for ${streams.length} chunks`);
    assert.equal(streams.filter(({ ended }) => !ended).length, 65);
  });

  test('a body is weighed by its size, valid or not, and takes its share of a turn', () => {
    const whole = `{"broadcast_address":"a","hostname":"a","tcp_port":1,"http_port":1,"version":"1","a":[${'[],'.repeat(60_000)}1]}`;
    for (const text of [whole, `{"a":[${'[],'.repeat(60_000)}1]}`, '['.repeat(200_000)]) {
      const turns: (() => void)[] = [];
      const work = new WorkQueue({ stepsPerTurn: 1000, nextTurn: (turn) => turns.push(turn) });
      const { open } = setUp({ work });
      const [large, other] = [open(), open()];
      const size = Buffer.alloc(4);
      size.writeInt32BE(text.length);
      large.send(Buffer.concat([Buffer.from('  V1IDENTIFY\n'), size, Buffer.from(text)]));
      other.send('  V1PING\n');
      assert.deepEqual([lastReply(other), turns.length], ['nothing', 1]);
      turns.shift()!();
      assert.equal(lastReply(other), 'ok');
    }
  });

  test('a short name does not keep a long line in memory', { skip: !globalThis.gc && 'needs --expose-gc' }, () => {
    const { open, topology } = setUp({ work: new WorkQueue({ stepsPerTurn: Infinity }) });
    const stream = open();
    stream.send(join());
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    const padding = 'x'.repeat(60_000);
    for (let i = 0; i < 500; i++) stream.send(`REGISTER a-topic-with-a-name-${i} c ${padding}\n`);
    stream.take();
    globalThis.gc!();
    const grown = process.memoryUsage().heapUsed - before;
    assert.equal(topology.topics().length, 500);
    assert.ok(grown < 5_000_000, `${grown} bytes for 500 topics`);
  });

  test('an idle peer takes little memory', { skip: !globalThis.gc && 'needs --expose-gc' }, () => {
    const work = new WorkQueue({ stepsPerTurn: Infinity });
    const { handler, topology } = setUp({ work, admit: (identity) => identity });
    const nothing = () => undefined;
    const others = { write: () => true, end: nothing, destroy: nothing, pause: nothing, resume: nothing };
    const come = (host: string) => {
      const heard: Record<string, (bytes: Uint8Array) => void> = {};
      handler({ on: (event, listener) => (heard[event] = listener), ...others }, { remoteAddress: host });
      for (const cut of [join(host).subarray(0, 40), join(host).subarray(40)]) heard['data']!(cut);
    };
    come('the first');
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 2000; i++) come(`host-${i}`);
    globalThis.gc!();
    const bytes = (process.memoryUsage().heapUsed - before) / 2000;
    assert.equal(topology.db.countProducers(CLIENT), 2001);
    assert.ok(bytes < 2550, `${bytes} bytes`);
  });
});

describe('a connection that ends while it changes the registry', () => {
  const ends: Record<string, (stream: MemoryStream, handler: ReturnType<typeof setUp>['handler']) => void> = {
    'its stream is destroyed': (stream) => stream.destroy(),
    'the handler is closed': (_stream, handler) => handler.close(),
  };
  for (const [how, end] of Object.entries(ends)) {
    for (const category of ['client', 'topic', 'channel']) {
      test(`leaves nothing behind when ${how} by a listener of its ${category}`, () => {
        const { open, topology, handler, errors } = setUp();
        const stream = open();
        topology.db.on('producerAdded', (registration) => {
          if (registration.category === category) end(stream, handler);
        });
        stream.send(join());
        stream.send(register('t', 'c'));
        assert.deepEqual([topology.nodes().length, topology.db.indexSizes.peers, handler.connections], [0, 0, 0]);
        assert.deepEqual(errors, []);
      });
    }

    test(`leaves nothing behind when ${how} by announce`, () => {
      const streams: MemoryStream[] = [];
      const { open, topology, handler } = setUp({
        announce: () => {
          end(streams[0]!, handler);
          return announce;
        },
      });
      streams.push(open());
      streams[0]!.send(join());
      assert.deepEqual([topology.nodes().length, topology.db.indexSizes.peers, handler.connections], [0, 0, 0]);
    });
  }
});

describe('a stream of the host that misbehaves', () => {
  test('handled twice is one session, and reported', () => {
    const { open, handler, errors } = setUp();
    const stream = open();
    handler(stream);
    assert.equal(handler.connections, 1);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /served already/);
    stream.send('  V1PING\n');
    assert.equal(lastReply(stream), 'ok');
  });

  const ways: Record<string, (stream: MemoryStream) => void> = {
    'throws in write': (stream) => {
      stream.write = () => {
        throw new Error('boom');
      };
    },
    'throws in pause': (stream) => {
      stream.wantsMore = false;
      stream.pause = () => {
        throw new Error('boom');
      };
    },
    'throws in write and destroy': (stream) => {
      stream.write = stream.destroy = () => {
        throw new Error('boom');
      };
    },
    'gives text': (stream) => {
      stream.send = () => void stream.emit('data', 'PING\n');
    },
  };
  for (const [way, spoil] of Object.entries(ways)) {
    test(`${way} loses its connection and nothing else`, () => {
      const { open, errors, topology, handler } = setUp();
      const [stream, other] = [open(), open()];
      for (const peer of [stream, other]) peer.send(join());
      spoil(stream);
      stream.send('PING\n');
      assert.ok(errors.length >= 1);
      assert.deepEqual([topology.nodes().length, handler.connections], [1, 1]);
      other.send('PING\n');
      assert.equal(lastReply(other), 'ok');
    });
  }

  test('fails in the middle of a write', () => {
    const { open, topology, handler, errors } = setUp();
    const stream = open();
    stream.send(join());
    stream.write = () => {
      stream.emit('error', new Error('EPIPE'));
      return false;
    };
    stream.send('PING\n');
    assert.deepEqual([topology.nodes().length, handler.connections, errors], [0, 0, []]);
  });

  test('fails with what is no error', () => {
    const { open, topology, handler, errors } = setUp();
    const stream = open();
    stream.send(join());
    stream.emit('error', undefined);
    assert.deepEqual([topology.nodes().length, handler.connections, errors], [0, 0, []]);
  });

  test('takes no listeners', () => {
    for (const refused of ['error', 'close', 'drain', 'end', 'data']) {
      const { handler, topology, errors } = setUp();
      const stream = new MemoryStream();
      const on = stream.on.bind(stream);
      stream.on = (event, listener) => {
        if (event === refused) throw new Error('boom');
        return on(event, listener);
      };
      handler(stream);
      stream.send(join());
      assert.ok(stream.destroyed, refused);
      assert.deepEqual([topology.nodes().length, handler.connections, errors.length], [0, 0, 1]);
    }
  });

  test('one too many that cannot be told so is destroyed', () => {
    const { handler, errors } = setUp({ maxConnections: 0 });
    const stream = new MemoryStream();
    stream.write = () => {
      throw new Error('boom');
    };
    handler(stream);
    assert.deepEqual([stream.destroyed, errors.length], [true, 1]);
  });

  test('is destroyed already, and never closes', () => {
    const { handler, timers } = setUp({ identifyTimeoutMs: 1000, drainTimeoutMs: 1000 });
    const stream = new MemoryStream();
    stream.destroyed = true;
    handler(stream);
    timers.advance(5000);
    assert.equal(handler.connections, 0);
  });

  test('announce that throws, or gives nothing, lets nobody join', () => {
    for (const bad of [() => ({}) as never, () => assert.fail('boom')]) {
      const { open, topology, errors } = setUp({ announce: bad });
      const stream = open();
      stream.send(join());
      assert.ok(stream.destroyed);
      assert.deepEqual([topology.nodes().length, topology.db.indexSizes.peers, errors.length], [0, 0, 1]);
    }
    assert.throws(() => setUp({ announce: { broadcastAddress: 'x' } as never }), TypeError);
    assert.throws(() => setUp({ limits: { maxLineBytes: 0 } }), TypeError);
    assert.throws(() => setUp({ limits: { maxBodyBytes: NaN } }), TypeError);
    assert.throws(() => setUp({ maxConnections: -1 }), TypeError);
    assert.throws(() => setUp({ drainTimeoutMs: 0 }), TypeError);
  });
});
