import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerClient, RefusedError } from 'nsqlookupd/client';
import { encodeReply, PeerDecoder } from 'nsqlookupd/protocol';
import { createStreamPair } from 'nsqlookupd/tcp';
import { createMemoryLookupd, ManualClock } from 'nsqlookupd/testing';

const FULL = 'E_INVALID too many registrations';
const identity = { broadcastAddress: 'a', tcpPort: 1, httpPort: 2 };

test('what a full lookupd refuses costs a PeerClient nothing else, and is tried again with each ping', async () => {
  const lookupd = createMemoryLookupd({ maxRegistrations: 6 });
  let connections = 0;
  const peer = new PeerClient({
    lookupds: ['a:4160'],
    identity,
    timers: lookupd.clock,
    connect: () => (connections++, lookupd.connect()),
  });
  let connected = 0;
  let disconnected = 0;
  peer.on('connected', () => connected++);
  peer.on('disconnected', () => disconnected++);
  for (const topic of ['t1', 't2', 't3']) await peer.register(topic);
  await peer.start();
  const state = () => [lookupd.topology.topics().length, peer.status[0]?.isConnected, connected, disconnected];
  assert.deepEqual(state(), [2, false, 0, 0]);
  assert.ok(peer.status[0]?.lastError instanceof RefusedError);
  assert.equal(peer.status[0].lastError.message, FULL);
  await lookupd.clock.advanceAsync(600_000);
  assert.equal(lookupd.topology.lookup('t1')?.producers.length, 1, 'it pings');
  await peer.unregister('t1');
  await lookupd.clock.advanceAsync(15_000);
  assert.equal(lookupd.topology.lookup('t3')?.producers.length, 1);
  assert.deepEqual(state().slice(1), [true, 1, 0]);
  assert.equal(peer.status[0].lastError, undefined);
  await peer.register('t4');
  assert.equal(peer.status[0]?.isConnected, false, 'refused while connected');
  await peer.unregister('t4');
  assert.equal(peer.status[0]?.isConnected, true, 'no longer wanted');
  assert.equal(connections, 1);
  await peer.close();
});

test('a lookupd that closes after a refusal is left to itself for longer and longer', async () => {
  const clock = new ManualClock();
  const connectedAt: number[] = [];
  const connect = () => {
    connectedAt.push(clock.now());
    const [ours, theirs] = createStreamPair();
    const decoder = new PeerDecoder();
    ours.on('data', (bytes) => {
      decoder.push(bytes);
      for (let message = decoder.next(); message && !ours.destroyed; message = decoder.next()) {
        if (message.type === 'identity') ours.write(encodeReply({ type: 'ok' }));
        if (message.type !== 'register') continue;
        ours.write(encodeReply({ type: 'error', code: 'E_INVALID', reason: 'too many registrations' }));
        ours.pause();
        return void ours.end();
      }
    });
    return theirs;
  };
  const errors: string[] = [];
  const peer = new PeerClient({ lookupds: ['a:4160'], identity, timers: clock, connect, random: () => 0 });
  peer.on('connected', () => errors.push('connected'));
  peer.on('disconnected', (_, error) => errors.push(error.message));
  await peer.register('t1');
  await peer.register('t2');
  const started = peer.start();
  await clock.advanceAsync(0);
  await started;
  await clock.advanceAsync(700);
  assert.deepEqual(
    connectedAt.map((at) => at - connectedAt[0]!),
    [0, 100, 300, 700],
  );
  assert.deepEqual(new Set(errors), new Set([FULL]));
  await peer.close();
});
