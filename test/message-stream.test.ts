import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import {
  createPortStream,
  createStreamPair,
  createTcpHandler,
  DEFAULT_HIGH_WATER_MARK_BYTES,
  type MessageStream,
  type MessageStreamEvents,
  type MessageStreamOptions,
} from 'nsqlookupd/tcp';
import { ManualClock } from 'nsqlookupd/testing';
import { runs } from './support/runs.js';
import { StreamPeer } from './support/stream-peer.js';

const TIMEOUT = { timeout: 10_000 };

function createPortPair(options: MessageStreamOptions = {}): [MessageStream, MessageStream] {
  const { port1, port2 } = new MessageChannel();
  return [createPortStream(port1, options), createPortStream(port2, options)];
}

/** Everything that a stream tells, in order; bytes as text. */
function record(stream: MessageStream): string[] {
  const told: string[] = [];
  stream.on('data', (bytes) => told.push(Buffer.from(bytes).toString()));
  stream.on('error', ({ message }) => told.push(`error: ${message}`));
  for (const event of ['end', 'drain', 'close'] as const) stream.on(event, () => told.push(event));
  return told;
}

function next(stream: MessageStream, event: keyof MessageStreamEvents): Promise<unknown> {
  return new Promise((resolve) => stream.once(event, (value?: unknown) => resolve(value)));
}

const bytes = (text: string) => Buffer.from(text);

for (const [name, create] of [
  ['createStreamPair', createStreamPair],
  ['createPortStream', createPortPair],
] as const) {
  describe(name, () => {
    test('gives what is written, later and in order, and closes when both have ended', TIMEOUT, async () => {
      const [ours, theirs] = create();
      const told = [record(ours), record(theirs)];
      ours.write(bytes('a'));
      ours.write(bytes(''));
      ours.write(bytes('b'));
      ours.end();
      ours.end();
      assert.deepEqual(told, [[], []]);
      await next(theirs, 'end');
      theirs.write(bytes('still')); // half-closed
      assert.ok(!ours.destroyed && !theirs.destroyed);
      const closed = Promise.all([next(ours, 'close'), next(theirs, 'close')]);
      theirs.end();
      await closed;
      assert.deepEqual(told, [
        ['still', 'end', 'close'],
        ['a', 'b', 'end', 'close'],
      ]);
    });

    test('destroy closes both, once', TIMEOUT, async () => {
      const [ours, theirs] = create();
      const told = [record(ours), record(theirs)];
      const closed = Promise.all([next(ours, 'close'), next(theirs, 'close')]);
      ours.write(bytes('last'));
      ours.destroy();
      ours.destroy();
      assert.deepEqual(told, [[], []]);
      await closed;
      assert.equal(ours.write(bytes('late')), false);
      theirs.end();
      theirs.destroy();
      await turn();
      assert.deepEqual(told, [['close'], ['last', 'close']]);
    });

    test('keeps what comes until it is listened to, and while it is paused', TIMEOUT, async () => {
      const [ours, theirs] = create();
      record(ours);
      ours.write(bytes('a'));
      await turn();
      const first = await new Promise<Uint8Array>((resolve) => {
        const listener = (chunk: Uint8Array) => {
          theirs.off('data', listener);
          resolve(chunk);
        };
        theirs.on('data', listener);
      });
      assert.deepEqual([...first], [...bytes('a')]);
      ours.write(bytes('b'));
      ours.end();
      await turn();
      theirs.pause();
      const told = record(theirs);
      theirs.end();
      await turn();
      await turn();
      assert.deepEqual(told, []); // nor is it closed, though both have ended
      theirs.resume();
      await next(theirs, 'close');
      assert.deepEqual(told, ['b', 'end', 'close']);
      assert.ok(ours.destroyed);
    });

    test('a listener may pause in the middle', TIMEOUT, async () => {
      const [ours, theirs] = create();
      const told = record(theirs);
      theirs.on('data', () => theirs.pause());
      ours.write(bytes('a'));
      await next(theirs, 'data');
      ours.write(bytes('b'));
      ours.write(bytes('c'));
      await turn();
      assert.deepEqual(told, ['a']);
      theirs.resume();
      await next(theirs, 'data');
      assert.deepEqual(told, ['a', 'bc']);
      ours.destroy();
    });

    test('a paused stream is closed at once by a destroy, without what it has not read', TIMEOUT, async () => {
      const [ours, theirs] = create();
      const told = record(theirs);
      theirs.pause();
      ours.write(bytes('unread'));
      ours.end();
      ours.destroy();
      await next(theirs, 'close');
      theirs.resume();
      await turn();
      assert.deepEqual(told, ['close']);
    });

    test('takes no more above the high-water mark until the other end has read all', TIMEOUT, async () => {
      const [ours, theirs] = create({ highWaterMarkBytes: 4 });
      const told = record(ours);
      theirs.pause();
      const got = record(theirs);
      assert.equal(ours.write(bytes('1234')), true);
      assert.equal(ours.write(bytes('5')), false);
      assert.equal(ours.write(bytes('6')), false);
      await turn();
      await turn();
      assert.deepEqual(told, []);
      theirs.resume();
      await next(ours, 'drain');
      assert.deepEqual([told, got.join('')], [['drain'], '123456']);
      assert.equal(ours.write(bytes('7890')), true);
      await next(theirs, 'data');
      ours.end();
      await next(theirs, 'end');
      assert.deepEqual(told, ['drain']);
      ours.destroy();
    });

    test('copies what is written', TIMEOUT, async () => {
      const [ours, theirs] = create();
      const buffer = bytes('before');
      ours.write(buffer);
      buffer.write('AFTER!');
      const got = (await next(theirs, 'data')) as Uint8Array;
      assert.deepEqual([Buffer.from(got).toString(), got.buffer.byteLength], ['before', 6]);
      assert.equal(buffer.toString(), 'AFTER!');
      ours.destroy();
    });

    test('a writer that heeds no answer fails, in the end, at a reader that pauses', TIMEOUT, async () => {
      const [ours, theirs] = create({ maxUnreadBytes: 10 });
      const told = record(theirs);
      theirs.pause();
      ours.write(bytes('1234567890'));
      await turn();
      assert.deepEqual(told, []);
      ours.write(bytes('1'));
      await next(ours, 'close');
      assert.deepEqual(told, ['error: more than 10 bytes are unread', 'close']);
    });

    test('what a listener throws goes to onError, and the stream goes on', TIMEOUT, async () => {
      const errors: unknown[] = [];
      const [ours, theirs] = create({ onError: (error) => errors.push(error) });
      theirs.on('data', () => assert.fail('boom'));
      const told = record(theirs);
      ours.write(bytes('a'));
      await next(theirs, 'data');
      assert.deepEqual([told, errors.length], [['a'], 1]);
      ours.destroy();
    });

    test('is an emitter to `once` of node:events, and its listeners can be taken off', TIMEOUT, async () => {
      const [ours, theirs] = create();
      const told: unknown[] = [];
      const listener = (chunk: Uint8Array) => told.push(chunk);
      theirs.on('data', listener).off('data', listener);
      const emitter = theirs as unknown as EventEmitter;
      for (const text of ['a', 'b']) {
        ours.write(bytes(text));
        const [got] = (await once(emitter, 'data')) as [Uint8Array];
        assert.equal(Buffer.from(got).toString(), text);
      }
      assert.deepEqual(told, []);
      ours.destroy();
    });

    test('misuse is a TypeError', () => {
      const [ours] = create();
      assert.throws(() => ours.write('text' as never), TypeError);
      ours.end();
      assert.throws(() => ours.write(bytes('a')), TypeError);
      ours.destroy();
      assert.throws(() => create({ highWaterMarkBytes: -1 }), TypeError);
      assert.throws(() => create({ maxUnreadBytes: NaN }), TypeError);
    });

    test('bytes cut anywhere arrive whole and in order, however they are read', { timeout: 60_000 }, async () => {
      const chunks = fc.array(fc.uint8Array({ maxLength: 24 }), { maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(chunks, fc.nat(64), fc.nat(3), async (sent, highWaterMarkBytes, rest) => {
          const [ours, theirs] = create({ highWaterMarkBytes, maxUnreadBytes: highWaterMarkBytes + 24 });
          const got: Uint8Array[] = [];
          theirs.on('error', (error) => assert.fail(error));
          theirs.on('data', (chunk) => {
            got.push(chunk);
            if (rest === 0) return;
            theirs.pause();
            let turns = rest;
            const wait = () => {
              if (--turns > 0) queueMicrotask(wait);
              else theirs.resume();
            };
            queueMicrotask(wait);
          });
          const ended = next(theirs, 'end');
          for (const chunk of sent) if (!ours.write(chunk)) await next(ours, 'drain');
          ours.end();
          await ended;
          assert.deepEqual(Buffer.concat(got), Buffer.concat(sent));
          theirs.destroy();
        }),
        { numRuns: runs(200) },
      );
    });
  });
}

describe('what goes over a port', () => {
  function setUp() {
    const { port1, port2 } = new MessageChannel();
    const stream = createPortStream(port1);
    const messages: unknown[] = [];
    port2.on('message', (message: unknown) => messages.push(message));
    return { stream, told: record(stream), port: port2, messages };
  }

  test('can be spoken by hand', TIMEOUT, async () => {
    const { stream, told, port, messages } = setUp();
    port.postMessage(new Uint8Array([97, 98]));
    port.postMessage(new Uint8Array([99]).buffer);
    stream.write(bytes(''));
    stream.write(bytes('OK'));
    await once(port, 'message');
    port.postMessage(2);
    port.postMessage('end');
    await next(stream, 'end');
    stream.end();
    stream.end();
    await once(port, 'close');
    assert.deepEqual(told, ['ab', 'c', 'end', 'close']);
    assert.deepEqual(messages, [new Uint8Array(bytes('OK')), 2, 1, 'end', 'close']);
  });

  test('a part that is read is not all', TIMEOUT, async () => {
    const { port1, port2 } = new MessageChannel();
    const stream = createPortStream(port1, { highWaterMarkBytes: 1 });
    const told = record(stream);
    assert.equal(stream.write(bytes('ab')), false);
    for (const message of [1, bytes('c'), 1]) port2.postMessage(message);
    await next(stream, 'drain');
    assert.deepEqual(told, ['c', 'drain']);
    stream.destroy();
  });

  for (const [what, leave] of [
    ['says so', (port: MessagePort) => port.postMessage('close')],
    ['closes its port', (port: MessagePort) => port.close()],
  ] as const) {
    test(`an end that ${what} is gone`, TIMEOUT, async () => {
      for (const hasEnded of [false, true]) {
        const { stream, told, port } = setUp();
        if (hasEnded) stream.end();
        leave(port);
        await next(stream, 'close');
        assert.deepEqual(told, ['close']);
      }
    });
  }

  const garbage: Record<string, unknown> = {
    text: 'PING\n',
    null: null,
    undefined: undefined,
    'an object': { length: 3 },
    'a list': [1],
    'another view': new Uint16Array(2),
    'shared memory': new SharedArrayBuffer(2),
    'a count of what was not sent': 1,
    'a count below zero': -1,
    'a part of a byte': 0.5,
    'no number': NaN,
  };
  for (const [what, message] of Object.entries(garbage)) {
    test(`${what} is an error, and closes`, TIMEOUT, async () => {
      const { stream, told, port, messages } = setUp();
      port.postMessage(message);
      port.postMessage(bytes('late'));
      await once(port, 'close');
      assert.match(told[0]!, /^error: /);
      assert.deepEqual([told.slice(1), stream.destroyed, messages], [['close'], true, ['close']]);
    });
  }

  test('bytes after the end are an error; a second end is none', TIMEOUT, async () => {
    const { told, port } = setUp();
    for (const message of ['end', 'end', new Uint8Array(0), new Uint8Array(1)]) port.postMessage(message);
    await once(port, 'close');
    assert.deepEqual(told, ['end', 'error: bytes came after the end', 'close']);
  });

  test('a message that cannot be read is an error', () => {
    const port = Object.assign(new EventEmitter(), { postMessage: () => {} });
    const stream = createPortStream(port);
    const told = record(stream);
    port.emit('messageerror', new Error('boom'));
    assert.ok(stream.destroyed);
    port.emit('messageerror', new Error('boom'));
    port.emit('message', 'late');
    assert.deepEqual(told, ['error: a message of the port could not be read']);
  });

  test('a port that throws is an error, and nothing is thrown', async () => {
    const fail = () => assert.fail('boom');
    const errors: unknown[] = [];
    const port = Object.assign(new EventEmitter(), { postMessage: fail, close: fail });
    const stream = createPortStream(port, { onError: (error) => errors.push(error) });
    const told = record(stream);
    stream.write(bytes('a'));
    await next(stream, 'close');
    assert.deepEqual([told.length, told[1], errors.length], [2, 'close', 2]);
    assert.match(told[0]!, /^error: the port takes no message: .*boom/);
  });

  test('what is no port is refused', () => {
    for (const port of [undefined, null, {}, { postMessage: () => {} }, new EventEmitter()]) {
      assert.throws(() => createPortStream(port as never), TypeError);
    }
  });
});

describe('a peer at the other end', () => {
  const announce = { broadcastAddress: 'l.test', tcpPort: 4160, httpPort: 4161 };

  function setUp() {
    const timers = new ManualClock();
    const topology = new Topology({ db: new RegistrationDB(), clock: () => 1000 });
    return { timers, topology, handler: createTcpHandler({ topology, announce, timers }) };
  }

  test('is out of the topology when its worker is terminated', TIMEOUT, async () => {
    const { topology, handler } = setUp();
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(new URL('support/relay-worker.js', import.meta.url), {
      workerData: { port: port2 },
      transferList: [port2],
    });
    const served = createPortStream(port1);
    handler(served);
    const peer = new StreamPeer(createPortStream(worker));
    await peer.join('h1');
    assert.equal(topology.nodes().length, 1);
    await Promise.all([worker.terminate(), next(served, 'close'), peer.over]);
    assert.deepEqual([topology.nodes().length, handler.connections], [0, 0]);
  });

  test('that does not read is not read from, and cut off in time', TIMEOUT, async () => {
    const { timers, topology, handler } = setUp();
    const [ours, theirs] = createStreamPair();
    handler(ours);
    const peer = new StreamPeer(theirs);
    await peer.join('h1');
    theirs.pause();
    const pings = bytes('PING\n'.repeat(20_000));
    assert.equal(theirs.write(pings), false);
    await next(theirs, 'drain');
    assert.ok(pings.length > DEFAULT_HIGH_WATER_MARK_BYTES);
    assert.equal(theirs.write(pings), false); // nobody reads these
    for (let i = 0; i < 50; i++) await turn(); // the first are answered in as many turns as they need
    assert.equal(topology.nodes().length, 1);
    timers.advance(60_000);
    await next(theirs, 'close');
    assert.deepEqual([topology.nodes().length, handler.connections], [0, 0]);
  });
});
