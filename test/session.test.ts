import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodePeerMessage, ReplyDecoder, type Identity, type PeerMessage, type Reply } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { Session, type SessionOptions, type Verdict } from 'nsqlookupd/tcp';
import { identityOf } from './support/peers.js';

const announcement = { broadcastAddress: 'l.test', hostname: 'l', tcpPort: 4160, httpPort: 4161, version: '1.3.0' };
const PING: PeerMessage = { type: 'ping' };
const MAGIC: PeerMessage = { type: 'magic' };
const register = (topic: string, channel = ''): PeerMessage => ({ type: 'register', topic, channel });
const unregister = (topic: string, channel = ''): PeerMessage => ({ type: 'unregister', topic, channel });
const join = (identity = identityOf('h1')): PeerMessage[] => [
  MAGIC,
  { type: 'identify' },
  { type: 'identity', identity },
];
const bytesOf = (...messages: readonly PeerMessage[]) => Buffer.concat(messages.map(encodePeerMessage));

function setUp(options: Partial<SessionOptions> & { readonly maxRegistrations?: number } = {}) {
  const { maxRegistrations, ...own } = options;
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 0, maxRegistrations });
  const session = new Session({ topology, announce: () => announcement, remoteAddress: '10.0.0.1:5', ...own });
  return { session, topology };
}

function repliesOf(bytes: Uint8Array): string[] {
  const decoder = new ReplyDecoder();
  decoder.push(bytes);
  const replies: string[] = [];
  for (let reply; (reply = decoder.next() as Reply | undefined);) {
    replies.push(reply.type === 'error' ? `${reply.code} ${reply.reason}` : reply.type);
  }
  return replies;
}

describe('Session', () => {
  test('answers in one piece, however much that is, and says whether it is over', () => {
    const { session } = setUp();
    const many = Array.from({ length: 4000 }, () => PING);
    const answers = session.receive(bytesOf(MAGIC, ...many));
    assert.deepEqual([answers.bytes.length, answers.close, answers.waits], [6 * 4000, false, undefined]);
    assert.deepEqual(Object.keys(answers).sort(), ['bytes', 'close']);
    const last = session.receive(Buffer.concat([bytesOf(...many), Buffer.from('NOPE\n')]));
    assert.deepEqual([repliesOf(last.bytes).length, last.close], [4001, true]);
    assert.deepEqual(repliesOf(last.bytes).slice(-2), ['ok', 'E_INVALID invalid command NOPE']);
  });

  test('gives the answers to many messages in pieces, and stops when no more is wanted', () => {
    const { session } = setUp();
    session.push(bytesOf(MAGIC, ...Array.from({ length: 10_000 }, () => PING)));
    const answers: [pieces: number[], rest: number][] = [];
    for (let i = 0; i < 3; i++) {
      const pieces: number[] = [];
      const answering = session.answering((piece) => pieces.push(piece.length) < 2);
      let step = answering.next();
      while (!step.done) step = answering.next();
      answers.push([pieces, step.value.bytes.length]);
    }
    // At 16 KiB, of whole answers of six bytes each.
    assert.deepEqual(answers, [
      [[16_386, 16_386], 0],
      [[16_386], 60_000 - 3 * 16_386],
      [[], 0],
    ]);
  });

  test('costs steps by what is answered, and lines that are logged are some', () => {
    const stepsOf = (options: Partial<SessionOptions>, ...messages: readonly PeerMessage[]) => {
      const { session } = setUp(options);
      session.receive(bytesOf(...join()));
      session.push(bytesOf(...messages));
      let steps = 0;
      for (const step of session.answering(() => true)) steps += Number(step ?? 1);
      return steps;
    };
    const pings = Array.from({ length: 64 }, () => PING);
    const info = () => undefined;
    assert.equal(stepsOf({}, ...pings), 4);
    assert.equal(stepsOf({ log: { error: info } }, ...pings), 4);
    assert.equal(stepsOf({ log: { info } }, ...pings), 64 * 8);
    assert.equal(stepsOf({}, register('a'), register('b', 'c'), unregister('b', 'c')), 12);
    assert.equal(stepsOf({ log: { info } }, register('a')), 8);
  });

  for (const when of ['at once', 'later'] as const) {
    test(`asks about each identity, also after what the host threw (admitted ${when})`, async () => {
      const asked: string[] = [];
      let isReady = false;
      const announce = () => {
        if (!isReady) throw new Error('not ready');
        return announcement;
      };
      const admit = (identity: Identity) => {
        asked.push(identity.hostname);
        const verdict: Verdict = identity.hostname === 'good' ? identity : { refused: 'no' };
        return when === 'later' ? Promise.resolve(verdict) : verdict;
      };
      const { session, topology } = setUp({ announce, admit });
      const send = async (...messages: readonly PeerMessage[]) => {
        const { waits, ...output } = session.receive(bytesOf(...messages));
        await waits;
        return waits ? session.receive(Buffer.alloc(0)) : output;
      };
      await assert.rejects(send(...join(identityOf('good'))), /not ready/);
      isReady = true;
      const { bytes } = await send(...join(identityOf('bad')).slice(1));
      assert.deepEqual([repliesOf(bytes), asked], [['E_INVALID no'], ['good', 'bad']]);
      assert.equal(topology.db.size, 0);
    });
  }

  test('a wrong option is named', () => {
    assert.throws(() => setUp({ adress: 1 } as never), /^TypeError: Session .*adress/);
    assert.throws(() => setUp({ topology: {} } as never), /^TypeError: topology must be a Topology/);
    assert.throws(() => setUp({ observe: {} } as never), /^TypeError: observe must be a PeerObserver/);
  });
});

describe('a verdict on a peer', () => {
  const admitted = (verdict: unknown) => {
    const errors: string[] = [];
    const onError = (error: unknown, message: string) => errors.push(`${message}: ${String(error)}`);
    const { session } = setUp({ admit: () => verdict as Verdict, onError });
    return [...repliesOf(session.receive(bytesOf(...join())).bytes), ...errors];
  };

  test('lacks no field of an identity, and each is of its kind', () => {
    const identity = identityOf('h1');
    assert.deepEqual(admitted(identity), ['announcement']);
    for (const name of Object.keys(identity) as (keyof Identity)[]) {
      const values = typeof identity[name] === 'string' ? [undefined, 1] : [undefined, '1', 1.5];
      for (const value of values) {
        assert.deepEqual(admitted({ ...identity, [name]: value }), [
          'E_INVALID admission failed',
          'admit threw: TypeError: admit must answer with an identity or { refused }, or a promise of one',
        ]);
      }
    }
  });
});

describe('who observes a session', () => {
  const observed = (bytes: Uint8Array, options: Parameters<typeof setUp>[0] = {}) => {
    const told: string[] = [];
    const tell = (what: string) => (name: string, result?: string) =>
      void told.push([what, name, result].filter((word) => word !== undefined).join(' '));
    const observe = { command: tell('command'), error: tell('error'), refused: tell('refused'), limit: tell('limit') };
    const { session } = setUp({ ...options, observe: observe as never });
    session.receive(bytes);
    return told;
  };

  test('is told of each command with what it was answered', () => {
    assert.deepEqual(observed(bytesOf(...join(), register('a'), unregister('a'), PING)), [
      'command identify OK',
      'command register OK',
      'command unregister OK',
      'command ping OK',
    ]);
    assert.deepEqual(observed(bytesOf(MAGIC, register('a'))), ['command register E_INVALID', 'error E_INVALID']);
    const bad = Buffer.concat([bytesOf(...join()), Buffer.from('REGISTER a!\n')]);
    assert.deepEqual(observed(bad).slice(1), ['command register E_BAD_TOPIC', 'error E_BAD_TOPIC']);
    assert.deepEqual(observed(bytesOf(...join(), { type: 'identify' })).slice(1), [
      'command identify E_INVALID',
      'error E_INVALID',
    ]);
  });

  test('is told of a peer that is refused', () => {
    assert.deepEqual(observed(bytesOf(...join()), { admit: () => ({ refused: 'no' }) }), [
      'refused',
      'command identify E_INVALID',
      'error E_INVALID',
    ]);
  });

  test('is told of a peer that is let in later', async () => {
    const told: string[] = [];
    const observe = {
      ...{ error: () => undefined, refused: () => undefined, limit: () => undefined },
      command: (name: string, result: string) => void told.push(`${name} ${result}`),
    };
    const { session } = setUp({ observe, admit: (identity) => Promise.resolve(identity) });
    const { waits } = session.receive(bytesOf(...join()));
    await waits;
    assert.deepEqual(repliesOf(session.receive(Buffer.alloc(0)).bytes), ['announcement']);
    assert.deepEqual(told, ['identify OK']);
  });

  test('is told of limits, by the option that sets each', () => {
    const limits = { maxLineBytes: 20, maxBodyBytes: 200, maxFieldLength: 10 };
    const sized = (size: number) => {
      const bytes = Buffer.from('  V1IDENTIFY\n....');
      bytes.writeInt32BE(size, bytes.length - 4);
      return bytes;
    };
    assert.deepEqual(observed(Buffer.from(`  V1${'x'.repeat(30)}`), { limits }), [
      'limit maxLineBytes',
      'error E_INVALID',
    ]);
    assert.deepEqual(observed(sized(201), { limits }), ['limit maxBodyBytes', 'error E_BAD_BODY']);
    assert.deepEqual(observed(sized(-1), { limits }), ['error E_BAD_BODY']);
    assert.deepEqual(observed(bytesOf(...join(identityOf('a-long-name'))), { limits }), [
      'limit maxFieldLength',
      'error E_BAD_BODY',
    ]);
    assert.deepEqual(observed(bytesOf(...join()), { maxRegistrations: 0 }), [
      'limit maxRegistrations',
      'command identify E_INVALID',
      'error E_INVALID',
    ]);
    assert.deepEqual(observed(bytesOf(...join(), register('a'), PING), { maxRegistrations: 2 }), [
      'command identify OK',
      'limit maxRegistrations',
      'error E_INVALID',
      'command register E_INVALID',
      'command ping OK',
    ]);
    assert.deepEqual(observed(Buffer.from('  V1NOPE\n')), ['error E_INVALID']);
  });
});
