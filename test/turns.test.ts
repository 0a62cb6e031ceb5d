import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as delay } from 'node:timers/promises';
import { encodePeerMessage, ReplyDecoder, type PeerMessage } from 'nsqlookupd/protocol';
import { CLIENT, RegistrationDB, Topology, topicRegistration, WorkQueue } from 'nsqlookupd/registry';
import { createTcpHandler, type Admit, type TcpHandlerOptions, type Verdict } from 'nsqlookupd/tcp';
import { createPeer, ManualClock } from 'nsqlookupd/testing';
import { MemoryStream } from './support/memory-stream.js';
import { identityOf } from './support/peers.js';

/** The turns of an event loop, by hand. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly next = (callback: () => void): void => void this.#waiting.push(callback);

  /** How many turns pass until nobody waits for one; `after` is called in each. */
  pass(after: () => void = () => undefined): number {
    let count = 0;
    for (; this.#waiting.length > 0; count++) {
      for (const callback of this.#waiting.splice(0)) callback();
      after();
    }
    return count;
  }

  one(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

const STEPS = 100;

function setUp(options: Pick<TcpHandlerOptions, 'admit' | 'maxUnfinishedBytes'> = {}) {
  const turns = new Turns();
  const work = new WorkQueue({ stepsPerTurn: STEPS, nextTurn: turns.next });
  const db = new RegistrationDB();
  const topology = new Topology({ db, clock: () => 0, work });
  const timers = new ManualClock();
  const errors: string[] = [];
  const handler = createTcpHandler({
    topology,
    timers,
    announce: { broadcastAddress: 'l.test', tcpPort: 4160, httpPort: 4161 },
    onError: (error, what) => errors.push(`${what}: ${String(error)}`),
    ...options,
  });
  const open = () => {
    const stream = new MemoryStream();
    handler(stream);
    return stream;
  };
  return { turns, work, db, topology, handler, timers, errors, open };
}

const bytesOf = (...messages: PeerMessage[]) => Buffer.concat(messages.map(encodePeerMessage));
const join = (host: string) =>
  bytesOf({ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity: identityOf(host) });
const register = (topic: string, channel = ''): PeerMessage => ({ type: 'register', topic, channel });
const unregister = (topic: string, channel = ''): PeerMessage => ({ type: 'unregister', topic, channel });

function repliesOf(stream: MemoryStream): string[] {
  const decoder = new ReplyDecoder();
  decoder.push(stream.take());
  const replies: string[] = [];
  for (let reply = decoder.next(); reply; reply = decoder.next()) {
    replies.push(reply.type === 'error' ? `${reply.code} ${reply.reason}` : reply.type);
  }
  return replies;
}

describe('a WorkQueue', () => {
  function* count(name: string, steps: number, log: string[]): Generator<undefined, string, undefined> {
    for (let i = 0; i < steps; i++) {
      log.push(name);
      yield undefined;
    }
    return name;
  }

  test('does at once what a turn has time for, and the rest in turn with others', () => {
    const turns = new Turns();
    const work = new WorkQueue({ stepsPerTurn: 250, nextTurn: turns.next });
    const log: string[] = [];
    const done: string[] = [];
    const run = (name: string, steps: number) => work.run(count(name, steps, log), (result) => done.push(result));
    run('short', 10);
    assert.deepEqual([done, work.size], [['short'], 0]);
    run('long', 1000);
    run('other', 50);
    assert.deepEqual([done, work.size, log.length], [['short'], 2, 249]);
    const perTurn: number[] = [];
    let last = log.length;
    turns.pass(() => {
      perTurn.push(log.length - last);
      last = log.length;
    });
    assert.deepEqual(done, ['short', 'other', 'long']);
    assert.equal(log.length, 1060);
    assert.ok(
      perTurn.every((steps) => steps <= 250),
      perTurn.join(),
    );
    assert.equal(work.size, 0);
    assert.ok(work.isFree);
  });

  test('works no longer in a turn than it may, however long a step takes', () => {
    const turns = new Turns();
    let nowMs = 0;
    const work = new WorkQueue({ msPerTurn: 8, clock: () => nowMs, nextTurn: turns.next });
    function* slow(): Generator<undefined, void, undefined> {
      for (let i = 0; i < 1000; i++) {
        nowMs += 0.5; // as while garbage is collected with each step
        yield undefined;
      }
    }
    for (let i = 0; i < 3; i++) work.run(slow());
    let last = 0;
    const perTurn: number[] = [nowMs];
    last = nowMs;
    turns.pass(() => {
      perTurn.push(nowMs - last);
      last = nowMs;
    });
    assert.equal(nowMs, 1500);
    assert.ok(
      perTurn.every((ms) => ms <= 8 + 25 * 0.5), // a look at the clock comes after 25 steps
      perTurn.join(),
    );
    assert.equal(work.size, 0);
  });

  test('does not look at the time unless it is told to', () => {
    const turns = new Turns();
    let nowMs = 0;
    const clock = () => (nowMs += 100);
    const passed = [{ stepsPerTurn: 1000 }, { stepsPerTurn: 1000, msPerTurn: 1 }].map((options) => {
      const work = new WorkQueue({ ...options, clock, nextTurn: turns.next });
      work.run(count('long', 2000, []));
      return turns.pass();
    });
    assert.ok(passed[0]! <= 3 && passed[1]! >= 20, passed.join());
  });

  test('begins what is new before it goes on with what is long, and neither keeps the other waiting', () => {
    const turns = new Turns();
    const work = new WorkQueue({ stepsPerTurn: 200, nextTurn: turns.next });
    const log: string[] = [];
    for (let i = 0; i < 50; i++) work.run(count(`long ${i}`, 1000, log));
    for (let i = 0; i < 60; i++) turns.one();
    let done = 0;
    for (let i = 0; i < 10; i++) {
      work.run(count('short', 10, log), () => done++);
      turns.one();
      assert.equal(done, i + 1);
    }
    const before = log.length;
    const more = () => work.run(count('new', 300, log));
    more();
    for (let i = 0; i < 10; i++) {
      more();
      turns.one();
    }
    assert.ok(log.slice(before).filter((name) => name.startsWith('long')).length >= 500);
    turns.pass();
    assert.equal(work.size, 0);
  });

  test('lets what may be short pass what is long from the start', () => {
    const turns = new Turns();
    const work = new WorkQueue({ stepsPerTurn: 100, nextTurn: turns.next });
    const done: string[] = [];
    for (let i = 0; i < 100; i++) {
      const run = () => work.run(count('long', 100, []), () => done.push('long'), undefined, true);
      run();
    }
    work.run(count('short', 1, []), () => done.push('short'));
    turns.one();
    assert.ok(done.includes('short'), done.join());
    turns.pass();
    assert.equal(done.length, 101);
  });

  test('gives turns to those who wait for one as they come, and no more of them than it has steps', async () => {
    const turns = new Turns();
    const work = new WorkQueue({ stepsPerTurn: 100, nextTurn: turns.next });
    const got: number[] = [];
    for (let i = 0; i < 20; i++) void work.turn(60).then(() => got.push(i));
    let before = 0;
    for (let turn = 0; work.size > 0; turn++) {
      turns.one();
      await Promise.resolve();
      assert.ok(got.length - before <= 4, `${got.length - before} go on in turn ${turn}`); // and two at once
      before = got.length;
    }
    assert.deepEqual(
      got,
      got.map((_, i) => i),
    );
    assert.equal(got.length, 20);
  });

  test('costs a job alone what its clock throws', () => {
    const turns = new Turns();
    let isBroken = true;
    const clock = () => {
      if (isBroken) throw new Error('no time');
      return 0;
    };
    const work = new WorkQueue({ clock, nextTurn: turns.next });
    const log: string[] = [];
    const run = () =>
      work.run(
        count('job', 3, []),
        (result) => log.push(result),
        (error) => log.push(String(error)),
      );
    run();
    isBroken = false;
    run();
    turns.pass();
    assert.deepEqual(log, ['Error: no time', 'job']);
  });

  test('tells who waits of what was thrown, and goes on with the others', async () => {
    const turns = new Turns();
    const errors: string[] = [];
    const onError = (error: unknown, what: string) => errors.push(`${what}: ${String(error)}`);
    const work = new WorkQueue({ stepsPerTurn: 1, nextTurn: turns.next, onError });
    const boom = function* (): Generator<undefined, void, undefined> {
      yield undefined;
      throw new Error('boom');
    };
    const log: string[] = [];
    work.run(boom());
    work.run(boom(), undefined, (error) => log.push(String(error)));
    const turn = work.turn().then(() => log.push('turn'));
    turns.pass();
    await turn;
    assert.deepEqual(errors, ['work that was cut into steps threw: Error: boom']);
    assert.deepEqual(log, ['Error: boom', 'turn']);
  });

  test('goes on when who waits throws', () => {
    const turns = new Turns();
    const errors: string[] = [];
    const onError = (error: unknown, what: string) => errors.push(`${what}: ${String(error)}`);
    const work = new WorkQueue({ stepsPerTurn: 1, nextTurn: turns.next, onError });
    const boom = (): never => {
      throw new Error('boom');
    };
    let isDone = false;
    work.run(count('now', 0, []), boom);
    work.run(count('later', 3, []), boom);
    work.run(count('other', 3, []), () => (isDone = true));
    turns.pass();
    assert.deepEqual(errors, Array(2).fill('who waited for work threw: Error: boom'));
    assert.deepEqual([isDone, work.size], [true, 0]);
  });

  test('refuses options that it does not have', () => {
    assert.throws(() => new WorkQueue({ steps: 5 } as object), /^TypeError: WorkQueue has no option "steps"/);
    assert.throws(() => new WorkQueue({ stepsPerTurn: 0 }), /^TypeError: stepsPerTurn .* is 0/);
  });
});

describe('a peer has its share of a turn of the event loop, and no more', () => {
  test('however much comes in one chunk', () => {
    const { turns, open } = setUp();
    const [flood, other] = [open(), open()];
    flood.send(Buffer.concat([Buffer.from('  V1'), ...Array.from({ length: 16_000 }, () => Buffer.from('PING\n'))]));
    assert.ok(flood.paused);
    other.send(`  V1${'PING\n'.repeat(32)}`);
    assert.deepEqual(repliesOf(other), []); // this turn is used up
    turns.one();
    flood.send('PING\n'); // as a stream may that cannot pause
    flood.sendEnd();
    assert.ok(turns.pass() >= 16_000 / 16 / STEPS - 2);
    assert.deepEqual([repliesOf(flood).length, repliesOf(other).length], [16_001, 32]);
    assert.ok(flood.ended && !flood.paused && !other.ended);
  });

  test('what is short is answered at once, in a turn that is used up as well', () => {
    const { turns, open, errors } = setUp();
    const [flood, other] = [open(), open()];
    other.send('  V1');
    flood.send(`  V1${'PING\n'.repeat(16_000)}`);
    other.send('PING\n');
    assert.deepEqual([repliesOf(other), other.paused], [['ok'], false]);
    turns.pass();
    assert.deepEqual(errors, []);
  });

  test('what many send of what is never whole is read by a few of them a turn', () => {
    const { turns, open, handler } = setUp();
    const streams = Array.from({ length: 50 }, () => open());
    const chunk = Buffer.concat([Buffer.from('  V1IDENTIFY\n\0\x04\0\0', 'latin1'), Buffer.alloc(60_000, ' ')]);
    const sending = () => streams.filter(({ paused }) => !paused);
    for (const stream of streams) stream.send(chunk);
    assert.ok(sending().length <= 2, `${sending().length} may send on in the same turn`);
    let before = sending().length;
    const resumed: number[] = [];
    const passed = turns.pass(() => {
      resumed.push(sending().length - before);
      before = sending().length;
    });
    assert.ok(Math.max(...resumed) <= 2, `${resumed.join()} may send on in a turn`);
    assert.ok(passed >= 48, `${passed} turns`);
    assert.equal(sending().length, 50);
    assert.ok(handler.unfinishedBytes >= 50 * 60_000);
    assert.ok(streams.every(({ ended, destroyed }) => !ended && !destroyed));
  });

  test('what a turn has no time to read stays with its stream, which reads no further, and is counted', async () => {
    const { turns, handler } = setUp();
    const streams = Array.from(
      { length: 50 },
      () => new Duplex({ readableHighWaterMark: 16_384, read: () => {}, write: (_, __, done) => done() }),
    );
    for (const stream of streams) handler(stream);
    await delay();
    const chunk = Buffer.concat([Buffer.from('  V1IDENTIFY\n\0\x04\0\0', 'latin1'), Buffer.alloc(60_000, ' ')]);
    const readOn = streams.filter((stream) => stream.push(chunk));
    assert.ok(readOn.length <= 2, `${readOn.length} read on`);
    const held = 50 * 60_000;
    assert.ok(handler.unfinishedBytes >= held);
    const put = () => streams.filter(({ readableLength }) => readableLength > 0).length;
    for (let before = put(); before > 0; before = put()) {
      turns.one();
      await delay();
      assert.ok(before - put() <= 4, `${before - put()} were read in a turn`); // none, or those of two
    }
    assert.ok(handler.unfinishedBytes >= held && handler.unfinishedBytes <= 1.25 * held, `${handler.unfinishedBytes}`);
    const flowing = () => streams.filter(({ readableFlowing }) => readableFlowing).length;
    for (let before = flowing(); before < 50; before = flowing()) {
      turns.one();
      await delay();
      assert.ok(flowing() - before <= 2, `${flowing() - before} read on in a turn`);
    }
    handler.close();
  });

  test('what stays with its stream may be too much, too, and is dropped with its peer', async () => {
    const { turns, handler } = setUp({ maxUnfinishedBytes: 100_000 });
    const answers: string[] = [];
    const write = (bytes: Buffer, _: unknown, done: () => void) => {
      answers.push(String(bytes));
      done();
    };
    const streams = Array.from({ length: 50 }, () => new Duplex({ read: () => {}, write }));
    for (const stream of streams) handler(stream);
    await delay();
    for (const stream of streams) stream.push(`  V1${'x'.repeat(40_000)}`);
    assert.ok(handler.unfinishedBytes <= 100_000, `${handler.unfinishedBytes}`);
    assert.equal(answers.filter((answer) => answer.includes('E_INVALID too much unfinished input')).length, 48);
    for (let i = 0; i < 200; i++) {
      turns.one();
      await delay();
    }
    assert.ok(streams.every(({ readableLength, destroyed }) => readableLength === 0 && !destroyed));
    assert.ok(handler.unfinishedBytes <= 100_000);
    handler.close();
  });

  test('what comes after the last answer is read and dropped by a few of them a turn', async () => {
    const { turns, open } = setUp();
    const streams = Array.from({ length: 50 }, () => open());
    for (const stream of streams) stream.send('bad!');
    turns.pass();
    assert.ok(streams.every(({ ended, paused }) => ended && !paused));
    for (const stream of streams) stream.send(Buffer.alloc(60_000));
    const paused = () => streams.filter((stream) => stream.paused).length;
    assert.ok(paused() >= 48);
    for (let before = paused(); before > 0; before = paused()) {
      turns.one();
      await Promise.resolve();
      assert.ok(before - paused() <= 2, `${before - paused()} read on in a turn`);
    }
    assert.ok(streams.every(({ destroyed }) => !destroyed));
  });

  test('what comes while the cost of an unfinished line waits for a turn is answered with it', () => {
    const { turns, open } = setUp();
    const streams = Array.from({ length: 50 }, () => open());
    for (const stream of streams) stream.send(Buffer.from(`  V1${'x'.repeat(60_000)}`));
    assert.ok(streams.some(({ paused }) => paused));
    for (const stream of streams) stream.send(Buffer.from('\n')); // as one that was asked to pause, and gave what it had
    turns.pass();
    assert.ok(streams.every((stream) => stream.take().includes('E_INVALID')));
  });

  test('answers come while it sends on, and no more is kept of it than has its turn to come', () => {
    const { turns, open } = setUp();
    const stream = open();
    stream.send('  V1');
    let answered = 0;
    for (let i = 0; i < 200; i++) {
      stream.send('PING\n'.repeat(3000)); // as a stream may that cannot pause
      turns.one();
      answered += repliesOf(stream).length;
      assert.ok(stream.destroyed || answered >= i * 100, `${answered} answers after ${i} turns`);
    }
    assert.ok(stream.destroyed);
    assert.ok(answered * 'PING\n'.length > 200_000);
    turns.pass();
  });

  test('nothing is answered that the peer does not read, and the rest when it does', () => {
    const { turns, open } = setUp();
    const stream = open();
    stream.wantsMore = false;
    stream.send(`  V1${'PING\n'.repeat(100_000)}`);
    stream.sendEnd();
    turns.pass();
    let answered = repliesOf(stream).length;
    assert.ok(answered < 5000 && stream.paused && !stream.ended, `${answered} answers`);
    for (let i = 0; i < 10; i++) {
      stream.emit('drain');
      turns.pass();
      const more = repliesOf(stream).length;
      assert.ok(more > 2000 && more < 5000, `${more} answers`);
      answered += more;
    }
    stream.wantsMore = true;
    stream.emit('drain');
    turns.pass();
    assert.deepEqual([answered + repliesOf(stream).length, stream.ended], [100_000, true]);
  });

  test('its bytes may be used again by their owner', () => {
    const { turns, open } = setUp();
    const stream = open();
    const bytes = Buffer.from(`  V1${'PING\n'.repeat(5000)}`);
    stream.send(bytes);
    bytes.fill(0);
    turns.pass();
    assert.deepEqual([repliesOf(stream).length, stream.ended], [5000, false]);
  });

  test('UNREGISTER of a topic costs what the peer has of it, whatever else it or the topic has', () => {
    const { turns, open, db } = setUp();
    const [stream, other] = [open(), open()];
    for (const [peer, host] of [
      [stream, 'h1'],
      [other, 'h2'],
    ] as const)
      peer.send(join(host));
    turns.pass();
    stream.send(bytesOf(...Array.from({ length: 3000 }, (_, i) => register('mine', `c${i}`))));
    other.send(bytesOf(...Array.from({ length: 3000 }, (_, i) => register('a', `c${i}`))));
    turns.pass();
    stream.take();
    const { revision } = db;
    stream.send(bytesOf(...Array.from({ length: 1000 }, () => unregister('a'))));
    assert.ok(turns.pass() <= 4000 / STEPS + 1); // a change, or none, is four steps
    assert.deepEqual([repliesOf(stream).length, db.revision], [1000, revision]);
    stream.send(bytesOf(unregister('mine')));
    assert.deepEqual(repliesOf(stream), []); // 3,000 channels are more than a turn's work
    assert.ok(turns.pass() >= 3000 / STEPS - 1);
    assert.deepEqual([repliesOf(stream), db.countRegistrations('channel', 'mine')], [['ok'], 3000]);
    assert.equal(db.countProducers(topicRegistration('mine')), 0);
  });

  test('one that leaves is in no answer at once, and what it had is cleared away in later turns', () => {
    const { turns, open, topology, db } = setUp();
    const [leaving, staying] = [open(), open()];
    leaving.send(join('h1'));
    staying.send(Buffer.concat([join('h2'), bytesOf(register('t0'))]));
    turns.pass();
    leaving.send(bytesOf(...Array.from({ length: 3000 }, (_, i) => register(`t${i}`)), register('e#ephemeral')));
    turns.pass();
    assert.equal(topology.lookup('t0')?.producers.length, 2);
    const revision = db.revisionOf('t5');
    leaving.destroy();
    assert.deepEqual(
      topology.lookup('t0')?.producers.map(({ broadcastAddress }) => broadcastAddress),
      ['h2.test'],
    );
    assert.deepEqual([topology.nodes().length, db.findProducers('topic', '*', '').length], [1, 1]);
    assert.deepEqual([...db.producersOf(topicRegistration('t7'))], []);
    assert.ok(db.revisionOf('t5') > revision);
    assert.equal(topology.tombstone('t7', 'h1.test:4151'), 0);
    const again = open();
    again.send(Buffer.concat([join('h1'), bytesOf(register('t7'), register('e#ephemeral'))]));
    let { size } = db;
    const count = turns.pass(() => {
      assert.ok(size - db.size <= STEPS + 1);
      ({ size } = db);
    });
    assert.ok(count >= 3000 / STEPS - 1, `${count} turns`);
    assert.deepEqual([topology.lookup('t7')?.producers.length, topology.nodes().length], [1, 2]);
    assert.equal(topology.lookup('e#ephemeral')?.producers.length, 1);
    assert.equal(db.countRegistrationsOf([...db.producersOf(CLIENT)][1]!.peer), 3);
  });

  test('a topic with many channels is deleted in steps', () => {
    const { turns, topology, work } = setUp();
    for (let i = 0; i < 1000; i++) topology.createChannel('t', `c${i}`);
    let isDone = false;
    work.run(topology.deletingTopic('t'), () => (isDone = true));
    assert.ok(!isDone);
    assert.ok(turns.pass() >= 1000 / STEPS - 1);
    assert.deepEqual([isDone, topology.topics(), topology.channels('t')], [true, [], []]);
  });

  test('a topic or channel with many producers is deleted in steps', () => {
    const { turns, topology, db, work } = setUp();
    const events: string[] = [];
    for (let i = 0; i < 1000; i++) topology.register(createPeer(`h${i}:4150`), 't', 'c');
    db.onChange(({ type }) => events.push(type));
    for (const deleting of [topology.deletingChannel('t', 'c'), topology.deletingTopic('t')]) {
      events.length = 0;
      let isDone = false;
      work.run<unknown>(deleting, () => (isDone = true));
      assert.ok(!isDone);
      assert.ok(turns.pass() >= 1000 / STEPS - 1);
      assert.deepEqual([isDone, events.length, events.pop()], [true, 1001, 'registrationRemoved']);
    }
    assert.deepEqual([db.size, topology.topics(), topology.channels('t')], [0, [], []]);
    assert.equal(topology.deleteChannel('t', 'c'), false);
  });

  test('small peers leave at once, until a turn is used up', () => {
    const { topology, db, turns } = setUp();
    const peers = Array.from({ length: 100 }, (_, i) => createPeer(`h${i}:4150`));
    for (const peer of peers) {
      topology.join(peer);
      for (const topic of ['a', 'b', 'c']) topology.register(peer, topic);
    }
    topology.leave(peers[0]!);
    assert.equal(db.countProducers(CLIENT), 99);
    for (const peer of peers.slice(1)) topology.leave(peer);
    assert.deepEqual([topology.nodes().length, topology.lookup('a')?.producers.length], [0, 0]);
    assert.ok(db.countProducers(CLIENT) > 0);
    turns.pass();
    assert.deepEqual([db.countProducers(CLIENT), db.indexSizes.peers], [0, 0]);
  });
});

describe('admission', () => {
  const [magic, identify] = [bytesOf({ type: 'magic' }), bytesOf({ type: 'identify' })];
  const identity = bytesOf({ type: 'identity', identity: identityOf('h1') });
  const hello = Buffer.concat([magic, identify, identity]);

  test('may let a peer in by another identity, or refuse it', () => {
    const seen: unknown[] = [];
    const admit: Admit = (said, { remoteAddress, stream }) => {
      seen.push([said.broadcastAddress, remoteAddress, stream instanceof MemoryStream]);
      return said.hostname === 'no' ? { refused: 'not one of ours' } : { ...said, broadcastAddress: '10.0.0.1' };
    };
    const { open, topology } = setUp({ admit });
    const [yes, no] = [open(), open()];
    yes.send(hello);
    no.send(
      Buffer.concat([magic, identify, bytesOf({ type: 'identity', identity: identityOf('h2', { hostname: 'no' }) })]),
    );
    assert.deepEqual(repliesOf(yes), ['announcement']);
    assert.deepEqual([repliesOf(no), no.ended], [['E_INVALID not one of ours'], true]);
    assert.deepEqual(seen, [
      ['h1.test', 'stream-1', true],
      ['h2.test', 'stream-2', true],
    ]);
    assert.deepEqual(
      topology.nodes().map(({ peer }) => peer.broadcastAddress),
      ['10.0.0.1'],
    );
  });

  test('refusals are logged once a minute a source', () => {
    const lines: string[] = [];
    let now = 0;
    const topology = new Topology({ db: new RegistrationDB(), clock: () => now });
    const announce = { broadcastAddress: 'l.test', tcpPort: 4160, httpPort: 4161 };
    const log = { error: (line: string) => lines.push(line) };
    const handler = createTcpHandler({
      topology,
      announce,
      log,
      timers: new ManualClock(),
      admit: () => ({ refused: 'no' }),
    });
    const come = (remoteAddress: string) => {
      const stream = new MemoryStream();
      handler(stream, { remoteAddress });
      stream.send(hello);
      stream.destroy();
    };
    for (let i = 0; i < 10; i++) come(`10.0.0.1:${i}`);
    come('10.0.0.2:1');
    now = 60_000;
    come('10.0.0.1:99');
    assert.deepEqual(
      lines,
      ['10.0.0.1:0', '10.0.0.2:1', '10.0.0.1:99'].map((address) => `client(${address}) refused - no`),
    );
  });

  test('while it is awaited nothing more is read, and what has come is answered after it', async () => {
    let decide: (verdict: Verdict) => void = () => undefined;
    const admit = (): Promise<Verdict> => new Promise((resolve) => (decide = resolve));
    const { open, topology } = setUp({ admit });
    const stream = open();
    stream.send(Buffer.concat([hello, bytesOf(register('t'), { type: 'ping' })]));
    assert.deepEqual([repliesOf(stream), stream.paused, topology.nodes().length], [[], true, 0]);
    stream.send(bytesOf({ type: 'ping' }));
    decide(identityOf('h1'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([repliesOf(stream), stream.paused], [['announcement', 'ok', 'ok', 'ok'], false]);
    assert.equal(topology.lookup('t')?.producers.length, 1);
  });

  test('a verdict is heeded wherever the turn ends', async () => {
    for (let spent = 0; spent <= STEPS; spent += 1) {
      const { open, topology, work, turns } = setUp({ admit: (said) => Promise.resolve(said) });
      work.spend(spent);
      const stream = open();
      stream.send(Buffer.concat([hello, bytesOf(register('t'), { type: 'ping' })]));
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        turns.pass();
      }
      assert.deepEqual(repliesOf(stream), ['announcement', 'ok', 'ok'], `after ${spent} steps`);
      assert.deepEqual([topology.lookup('t')?.producers.length, stream.paused, work.size], [1, false, 0]);
    }
  });

  test('what is no verdict is a refusal, now or later', async () => {
    const rubbish = [undefined, null, 5, 'yes', true, {}, [], { refused: 5 }, { ...identityOf('h1'), tcpPort: '1' }];
    for (const value of rubbish) {
      for (const answer of [value, Promise.resolve(value)]) {
        const { open, errors, topology } = setUp({ admit: () => answer as Verdict });
        const stream = open();
        stream.send(hello);
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual([repliesOf(stream), stream.ended], [['E_INVALID admission failed'], true]);
        assert.deepEqual([errors.length, topology.nodes().length], [1, 0]);
      }
    }
  });

  test('no verdict names a peer as another that is there', () => {
    const { open, topology } = setUp({ admit: (said) => ({ ...said, id: 'same', remoteAddress: 'same' }) as Verdict });
    for (let i = 0; i < 2; i++) open().send(hello);
    assert.equal(topology.nodes().length, 2);
  });

  test('a throw, a late verdict, an end and a deadline are harmless', async () => {
    const verdicts: ((verdict: Verdict) => void)[] = [];
    let answer: () => Verdict | Promise<Verdict> = () => {
      throw new Error('boom');
    };
    const { open, topology, errors, timers, handler, turns, work } = setUp({ admit: () => answer() });
    const thrown = open();
    thrown.send(hello);
    assert.deepEqual([repliesOf(thrown), thrown.ended], [['E_INVALID admission failed'], true]);
    answer = () => Promise.reject(new Error('late boom'));
    const rejected = open();
    rejected.send(hello);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([repliesOf(rejected), rejected.ended], [['E_INVALID admission failed'], true]);
    assert.deepEqual(errors, ['admit threw: Error: boom', 'admit threw: Error: late boom']);
    answer = () => new Promise((resolve) => verdicts.push(resolve));
    const [gone, ended, slow] = [open(), open(), open()];
    for (const stream of [gone, ended, slow]) stream.send(hello);
    gone.destroy();
    ended.sendEnd();
    timers.advance(60_000);
    assert.deepEqual([repliesOf(slow), slow.ended], [['E_INVALID no IDENTIFY in time'], true]);
    for (const decide of verdicts) decide(identityOf('h1'));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([topology.nodes().length, topology.db.size, errors.length], [0, 0, 2]);
    turns.pass(); // which ends: nobody works on for a connection that is over
    assert.equal(work.size, 0);
    for (const stream of [thrown, rejected, ended, slow]) stream.destroy();
    assert.equal(handler.connections, 0);
  });
});
