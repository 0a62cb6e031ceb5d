import assert from 'node:assert/strict';
import { Duplex, duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectTcp, LookupClient, PeerClient, PeerConnection, type PeerClientOptions } from 'nsqlookupd/client';
import { encodeReply } from 'nsqlookupd/protocol';
import { createMemoryLookupd, ManualClock } from 'nsqlookupd/testing';

const identity = { broadcastAddress: 's', tcpPort: 1, httpPort: 1 };
const T = { timeout: 5000 };

async function settle(turns = 5) {
  for (let i = 0; i < turns; i++) await turn();
}

/** Resolves to 'pending' when a promise is not settled after what can happen without time has. */
async function state(promise: Promise<unknown>): Promise<string> {
  return Promise.race([
    promise.then(
      (value) => `resolved ${String(value)}`,
      (error: unknown) => `rejected ${String(error)}`,
    ),
    settle(10).then(() => 'pending'),
  ]);
}

/** A lookupd that answers OK to everything: as many OKs as there are lines. */
function okLookupd(): [Duplex, Duplex] {
  const [theirs, ours] = duplexPair();
  ours.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    text.match(/(REGISTER|PING|\{)/g)?.forEach(() => ours.write(encodeReply({ type: 'ok' })));
  });
  ours.on('error', () => undefined);
  return [theirs, ours];
}

describe('PeerConnection', () => {
  test('an order that cannot be encoded does not shift the answers of those after it', T, async () => {
    const nsqd = await createMemoryLookupd().nsqd('host-1:4150');
    await assert.rejects(nsqd.register('no topic'), TypeError);
    assert.equal(await state(nsqd.ping()), 'resolved undefined');
  });

  test('text from a stream does not throw out of its callback', T, async () => {
    const [theirs, ours] = duplexPair();
    theirs.setEncoding('latin1');
    const connection = new PeerConnection(theirs);
    const uncaught: unknown[] = [];
    const listener = (error: unknown) => uncaught.push(error);
    process.on('uncaughtException', listener);
    connection.send({ type: 'ping' }).catch(() => undefined);
    ours.write(encodeReply({ type: 'ok' }));
    await settle();
    process.off('uncaughtException', listener);
    assert.deepEqual(uncaught.map(String), []);
  });

  test('an unasked refusal is told as one', T, async () => {
    const [theirs, ours] = duplexPair();
    const connection = new PeerConnection(theirs);
    ours.write(encodeReply({ type: 'error', code: 'E_INVALID', reason: 'silent for too long' }));
    assert.match(String(await connection.closed), /silent for too long/);
  });
});

function peer(options: Partial<PeerClientOptions> & Pick<PeerClientOptions, 'connect'>) {
  const clock = new ManualClock();
  const client = new PeerClient({ lookupds: ['a:1'], identity, timers: clock, random: () => 0, ...options });
  return { client, clock };
}

describe('PeerClient', () => {
  test('a stream that fails at once does not end the process', T, async () => {
    const { client } = peer({
      connect: () => new Duplex({ read() {}, write() {} }).destroy(new Error('at once')),
    });
    const uncaught: unknown[] = [];
    const listener = (error: unknown) => uncaught.push(error);
    process.on('uncaughtException', listener);
    // As from a timer, an I/O callback or a CommonJS main module: ticks come before microtasks.
    setImmediate(() => void client.start());
    await settle();
    process.off('uncaughtException', listener);
    await client.close();
    assert.deepEqual(uncaught.map(String), []);
  });

  test('a stream that the lookupd half-closes is destroyed', T, async () => {
    const streams: Duplex[] = [];
    const { client } = peer({
      connect: () => {
        const [theirs, ours] = okLookupd();
        streams.push(theirs);
        setImmediate(() => setImmediate(() => ours.end()));
        return theirs;
      },
    });
    await client.start();
    await settle();
    assert.equal(client.status[0]!.isConnected, false);
    assert.deepEqual(
      streams.map(({ destroyed }) => destroyed),
      [true],
    );
    await client.close();
  });

  test('close leaves no timer, and lets start resolve, though connect does not heed the signal', T, async () => {
    const { client, clock } = peer({ connect: () => new Promise(() => undefined) });
    const started = client.start();
    await settle();
    await client.close();
    assert.equal(await state(started), 'resolved undefined');
    assert.equal(clock.pending, 0);
  });

  test('an identity field that is undefined is as one left out', T, async () => {
    const lookupd = createMemoryLookupd();
    const { client } = peer({
      identity: { ...identity, version: undefined, hostname: undefined } as never,
      connect: () => lookupd.connect(),
    });
    await client.start();
    const [status] = client.status;
    await client.close();
    assert.equal(status!.lastError?.message, undefined);
  });

  test('a random that throws does not end the process', T, async () => {
    const { client } = peer({
      connect: () => {
        throw new Error('down');
      },
      random: () => {
        throw new Error('random');
      },
    });
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    await client.start();
    await settle();
    process.off('unhandledRejection', listener);
    await client.close();
    assert.deepEqual(unhandled.map(String), []);
  });
});

describe('connectTcp', () => {
  test('keeps no listener on the signal after a failure', T, async () => {
    const controller = new AbortController();
    let kept = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (kept++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (kept--, remove(...args));
    for (let i = 0; i < 20; i++) await connectTcp('127.0.0.1:1', signal).catch(() => undefined);
    assert.equal(kept, 0);
  });

  test('rejects for an abort whose reason is no error', T, async () => {
    const controller = new AbortController();
    controller.abort(null);
    assert.match(await state(connectTcp('127.0.0.1:1', controller.signal)), /rejected/);
  });
});

describe('LookupClient', () => {
  const json = (value: unknown) => () => Promise.resolve(new Response(JSON.stringify(value)));

  for (const value of [
    [],
    ['orders'],
    {},
    { ok: true },
    { topics: 'orders' },
    { status_code: 200, data: { topics: ['t'] } },
  ]) {
    test(`an answer ${JSON.stringify(value)} is a failure`, T, async () => {
      const client = new LookupClient({ lookupds: ['a:1'], fetch: json(value) });
      await assert.rejects(client.topics(), AggregateError);
    });
  }

  test('a signal ends a question while the token is awaited', T, async () => {
    const controller = new AbortController();
    const client = new LookupClient({
      lookupds: ['a:1'],
      timers: new ManualClock(),
      token: () => new Promise<string>(() => undefined),
      fetch: json({ topics: [] }),
    });
    const question = client.topics({ signal: controller.signal });
    await settle();
    controller.abort(new Error('enough'));
    assert.match(await state(question), /rejected Error: enough/);
  });

  for (const address of ['http://user:secret@a:1', 'ftp://a', 'ws://a:1/x', 'a:1\\b']) {
    test(`${address} is refused`, T, () => {
      const asked: string[] = [];
      assert.throws(() => {
        const client = new LookupClient({
          lookupds: [address],
          fetch: (url) => {
            asked.push(url);
            return Promise.resolve(new Response('{"topics":[]}'));
          },
        });
        void client.topics();
      }, TypeError);
      assert.deepEqual(asked, []);
    });
  }

  test('timeoutMs: Infinity is no time that a runtime takes for none', T, async () => {
    const { setTimeout: own } = globalThis;
    const handed: (number | undefined)[] = [];
    const noting = (callback: () => void, ms?: number) => {
      handed.push(ms);
      return own(callback, ms);
    };
    globalThis.setTimeout = noting as typeof own;
    try {
      const client = new LookupClient({ lookupds: ['a:1'], timeoutMs: Infinity, fetch: json({ topics: ['t'] }) });
      assert.deepEqual((await client.topics()).topics, ['t']);
    } finally {
      globalThis.setTimeout = own;
    }
    assert.deepEqual(handed, []);
  });
});

describe('ManualClock', () => {
  test('time does not run back when a callback lets time pass', T, () => {
    const clock = new ManualClock(0);
    clock.setTimeout(() => clock.advance(100), 5);
    clock.advance(10);
    assert.ok(clock.now() >= 105, `it is ${clock.now()}`);
  });

  test('time does not run back for a timer of less than no time', T, () => {
    const clock = new ManualClock(0);
    const seen: number[] = [];
    clock.advance(100);
    clock.setTimeout(() => seen.push(clock.now()), -50);
    clock.advance(0);
    assert.deepEqual(seen, [100]);
  });
});
