import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectTcp, LookupClient, PeerClient, PeerConnection } from 'nsqlookupd/client';
import { ReplyDecoder } from 'nsqlookupd/protocol';
import { createPortStream, createStreamPair } from 'nsqlookupd/tcp';
import {
  createIdentity,
  createMemoryLookupd,
  createPeer,
  createSocketTarget,
  createTopology,
  FakeNsqd,
  ManualClock,
  playScenario,
} from 'nsqlookupd/testing';

/** As a host in JavaScript may call. */
type Loose = (...args: unknown[]) => unknown;
type Options = Readonly<Record<string, unknown>>;

const fetch = () => Promise.reject(new Error('not asked'));
const port = () => ({ postMessage: () => undefined, on: () => undefined });
const identity = { broadcastAddress: 'a', tcpPort: 1, httpPort: 2 };
const lookupds = ['a:4160'];
const text = 'a string';
const TOPOLOGY = {
  db: 'a RegistrationDB',
  wallClock: 'a function',
  inactiveProducerTimeoutMs: 'a number',
  tombstoneLifetimeMs: 'a number',
  maxRegistrations: 'a number',
  maxRegistrationsPerPeer: 'a number',
  maxRegistryBytes: 'a number',
  log: 'an object',
  onError: 'a function',
};
const IDENTITY = {
  broadcastAddress: text,
  hostname: text,
  version: text,
  topologyZone: text,
  topologyRegion: text,
};
const NUMBERS = { tcpPort: 'a number', httpPort: 'a number' };
const target = { tcpAddress: 'a:1', httpAddress: 'a:2', hostname: 'a', version: '1' };

/** What is made with options, those that it needs, and what each of them is to be. */
const factories: Readonly<Record<string, readonly [make: Loose, needed: Options, kinds: Options]>> = {
  LookupClient: [
    (options) => new LookupClient(options as never),
    { lookupds, fetch },
    {
      lookupds: 'an array',
      timeoutMs: 'a number',
      maxAnswerBytes: 'a number',
      token: 'a string or a function',
      timers: 'an object with setTimeout and clearTimeout',
      fetch: 'a function',
    },
  ],
  PeerClient: [
    (options) => new PeerClient(options as never),
    { lookupds, identity },
    {
      lookupds: 'an array',
      identity: 'an object',
      pingIntervalMs: 'a number',
      timeoutMs: 'a number',
      minBackoffMs: 'a number',
      maxBackoffMs: 'a number',
      connect: 'a function',
      timers: 'an object with setTimeout and clearTimeout',
      random: 'a function',
      onError: 'a function',
    },
  ],
  identity: [
    (given) => new PeerClient({ lookupds, identity: given as never }),
    identity,
    { ...IDENTITY, tcpPort: 'a port', httpPort: 'a port' },
  ],
  createPortStream: [
    (options) => createPortStream(port(), options as never),
    {},
    { highWaterMarkBytes: 'a number', maxUnreadBytes: 'a number', onError: 'a function' },
  ],
  createStreamPair: [
    (options) => createStreamPair(options as never),
    {},
    { highWaterMarkBytes: 'a number', maxUnreadBytes: 'a number', onError: 'a function' },
  ],
  createMemoryLookupd: [
    (options) => createMemoryLookupd(options as never),
    {},
    { ...TOPOLOGY, clock: 'a ManualClock', announce: 'an object' },
  ],
  createTopology: [(options) => createTopology({}, options as never), {}, { ...TOPOLOGY, clock: 'a function' }],
  createPeer: [
    (fields) => createPeer('a:1', fields as never),
    {},
    { ...IDENTITY, ...NUMBERS, id: text, remoteAddress: text, lastUpdateMs: 'a number' },
  ],
  FakeNsqd: [(fields) => new FakeNsqd('a:1', createStreamPair()[0], fields as never), {}, { ...IDENTITY, ...NUMBERS }],
  createSocketTarget: [
    (options) => createSocketTarget(options as never),
    target,
    { tcpAddress: text, httpAddress: text, hostname: text, version: text },
  ],
  ReplyDecoder: [(options) => new ReplyDecoder(options as never), {}, { maxReplyBytes: 'a number' }],
};

function assertNames(misuse: () => unknown, ...parts: readonly string[]): void {
  assert.throws(misuse, (error: Error) => {
    assert.ok(error instanceof TypeError, String(error));
    for (const part of parts) assert.ok(error.message.includes(part), `${error.message}: ${part}`);
    return true;
  });
}

describe('a misuse of what clients and tests are made of is told at once, by name', () => {
  for (const [name, [make, needed, kinds]] of Object.entries(factories)) {
    test(name, () => {
      make(needed);
      assertNames(() => make({ ...needed, misspelt: 1 }), `${name} has no option "misspelt"`);
      assertNames(() => make('a:4160'), 'must be an object', '"a:4160"');
      for (const option of Object.keys(needed).filter((key) => key !== 'fetch'))
        assertNames(() => make({ ...needed, [option]: undefined }), `${option} must be`);
      for (const [option, kind] of Object.entries(kinds) as [string, string][]) {
        const wrong: readonly unknown[] =
          kind === text
            ? [5, {}]
            : kind.startsWith('a string or')
              ? [5, {}]
              : ['64', NaN, ...(kind === 'an object' ? [] : [{}])];
        for (const value of wrong) assertNames(() => make({ ...needed, [option]: value }), option, `must be ${kind}`);
        if (kind === 'a number') assertNames(() => make({ ...needed, [option]: '64' }), 'is "64"');
      }
    });
  }

  const clock = new ManualClock();
  const cases: Readonly<Record<string, readonly [() => unknown, string]>> = {
    'no options of a PeerClient': [() => new (PeerClient as never as new () => unknown)(), 'lookupds must be'],
    'a lookupd': [() => new LookupClient({ lookupds: [5] as never }), 'lookupds[0] must be a string, and is 5'],
    'a stream': [() => new PeerConnection({} as never), 'stream must be'],
    'where a clock stands': [() => new ManualClock(NaN), 'startMs must be'],
    'where a clock is set': [() => clock.set('5' as never), 'nowMs must be a finite number, and is "5"'],
    'what passes': [() => clock.advance('5' as never), 'ms must be a finite number, and is "5"'],
    'what passes for ever': [() => clock.advance(Infinity), 'ms must be'],
    'a timer': [() => clock.setTimeout(() => undefined, NaN), 'ms must be'],
    'a callback': [() => clock.setTimeout(undefined as never, 1), 'callback must be'],
    pings: [() => new FakeNsqd('a:1', createStreamPair()[0]).pingEvery(NaN, clock), 'ms must be'],
    timers: [() => new FakeNsqd('a:1', createStreamPair()[0]).pingEvery(1, {} as never), 'timers must be'],
    'a name': [() => createIdentity(5 as never), 'not host:port'],
    'a literal': [() => createTopology(null as never), 'literal must be'],
    topics: [() => createTopology({ 'a:1': null as never }), 'the topics of a:1 must be'],
  };
  for (const [name, [misuse, part]] of Object.entries(cases)) test(name, () => assertNames(misuse, part));

  test('what answers later rejects', async () => {
    const lookupd = createSocketTarget(target);
    const client = new LookupClient({ lookupds, fetch });
    await assert.rejects(client.topics({ signl: 1 } as never), /has no option "signl"/);
    await assert.rejects(client.topics({ signal: {} } as never), /signal must be an AbortSignal/);
    await assert.rejects((connectTcp as Loose)('127.0.0.1:1') as Promise<unknown>, /signal must be an AbortSignal/);
    await assert.rejects(playScenario({ name: 'a', steps: 5 } as never, lookupd), /steps must be an array, and is 5/);
    await assert.rejects(playScenario({ name: 'a', stps: [] } as never, lookupd), /has no option "stps"/);
    await assert.rejects(playScenario({ name: 'a', steps: [] }, {} as never), /lookupd must be a ScenarioTarget/);
  });
});

test('Infinity sets no timer of a host', async () => {
  const times: number[] = [];
  const clock = new ManualClock();
  const timers = {
    setTimeout: (callback: () => void, ms: number) => (times.push(ms), clock.setTimeout(callback, ms)),
    clearTimeout: (handle: unknown) => clock.clearTimeout(handle),
  };
  const lookupd = createMemoryLookupd();
  await new LookupClient({ lookupds, fetch: lookupd.fetch, timers, timeoutMs: Infinity }).topics();
  const connect = () => lookupd.connect();
  const options = { lookupds, identity, connect, timers, timeoutMs: Infinity, pingIntervalMs: 2 ** 40 };
  const peer = new PeerClient(options);
  await peer.start();
  await peer.close();
  assert.deepEqual(times, [2 ** 31 - 1], 'the longest that runtimes keep');
});
