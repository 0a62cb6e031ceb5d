import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { PeerClient } from 'nsqlookupd/client';
import { createMemoryLookupd } from 'nsqlookupd/testing';

// node --expose-gc
test('a connection that has ended is let go of, before close', { timeout: 20_000 }, async (t) => {
  const streams: WeakRef<object>[] = [];
  const lookupd = createMemoryLookupd();
  const client = new PeerClient({
    lookupds: ['a:1'],
    identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
    minBackoffMs: 0,
    maxBackoffMs: 0,
    timers: {
      setTimeout: (callback, ms) => (ms === 0 ? setImmediate(callback) : undefined),
      clearTimeout: (handle) => clearImmediate(handle as NodeJS.Immediate | undefined),
    },
    connect: () => {
      const stream = lookupd.connect();
      streams.push(new WeakRef(stream));
      return stream;
    },
  });
  await client.start();
  for (let i = 0; i < 200; i++) {
    while (!client.status[0]!.isConnected) await turn(undefined, { signal: t.signal });
    lookupd.goDown();
    lookupd.comeUp();
    while (client.status[0]!.isConnected) await turn(undefined, { signal: t.signal });
  }
  for (let i = 0; i < 5; i++) {
    globalThis.gc!();
    await turn();
  }
  const alive = streams.filter((stream) => stream.deref()).length;
  await client.close();
  assert.ok(alive < 20, `${alive} of ${streams.length} streams are held`);
});
