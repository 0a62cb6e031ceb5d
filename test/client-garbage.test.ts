import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PeerClient, PeerConnection } from 'nsqlookupd/client';
import { encodeReply } from 'nsqlookupd/protocol';
import { createIdentity, ManualClock } from 'nsqlookupd/testing';

const settle = async () => {
  for (let i = 0; i < 10; i++) await turn();
};
const GARBAGE = 'HTTP/1.1 400 Bad Request\r\n\r\n'; // a PeerClient that was given the HTTP port

test('an order that is answered with garbage rejects', { timeout: 5000 }, async () => {
  const [ours, theirs] = duplexPair();
  const connection = new PeerConnection(ours);
  let outcome = 'pending';
  connection.identify(createIdentity('a:1')).then(
    () => (outcome = 'resolved'),
    (error: unknown) => (outcome = String(error)),
  );
  theirs.write(GARBAGE);
  assert.match(String(await connection.closed), /not a lookupd/);
  await settle();
  assert.match(outcome, /not a lookupd/);
});

test('a PeerClient says that what it talks to is no lookupd, and at once', { timeout: 5000 }, async () => {
  const clock = new ManualClock();
  const client = new PeerClient({
    lookupds: ['a:4161'],
    identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
    timers: clock,
    connect: () => {
      const [ours, theirs] = duplexPair();
      theirs.on('error', () => undefined).resume();
      theirs.write(GARBAGE);
      return ours;
    },
  });
  const started = client.start();
  await settle();
  const before = client.status[0]!.lastError?.message;
  clock.advance(5000);
  await started;
  const after = client.status[0]!.lastError?.message;
  await client.close();
  assert.match(`${before}, after 5 s: ${after}`, /^not a lookupd/);
});

test('a lookupd that answers each order in time is not given up because they are many', { timeout: 5000 }, async () => {
  const clock = new ManualClock();
  let attempts = 0;
  const client = new PeerClient({
    lookupds: ['a:1'],
    identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
    timers: clock,
    connect: () => {
      attempts++;
      const [ours, theirs] = duplexPair();
      let owed = 0;
      let isAnswering = false;
      const answer = () => {
        isAnswering = owed > 0 && !theirs.destroyed;
        if (!isAnswering) return;
        owed--;
        theirs.write(encodeReply({ type: 'ok' }));
        clock.setTimeout(answer, 100); // ten orders a second
      };
      theirs
        .on('error', () => undefined)
        .on('data', (bytes: Buffer) => {
          owed += bytes.toString('latin1').match(/REGISTER|PING|\{/g)?.length ?? 0;
          if (!isAnswering) answer();
        });
      return ours;
    },
  });
  for (let i = 0; i < 60; i++) await client.register(`t${i}`);
  void client.start();
  for (let i = 0; i < 300; i++) {
    await settle();
    clock.advance(100);
  }
  const { isConnected, lastError } = client.status[0]!;
  const closed = client.close();
  await settle();
  clock.advance(5000); // it does not end its side
  await closed;
  assert.deepEqual(
    { isConnected, attempts, lastError: lastError?.message },
    { isConnected: true, attempts: 1, lastError: undefined },
  );
});
