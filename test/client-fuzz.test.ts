import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { PeerClient } from 'nsqlookupd/client';
import { createMemoryLookupd, ManualClock, type MemoryLookupd } from 'nsqlookupd/testing';
import { runs } from './support/runs.js';

const settle = async (n = 3) => {
  for (let i = 0; i < n; i++) await turn();
};
const T = ['t', 'u', 'v#ephemeral'];
const C = ['', 'c', 'd#ephemeral'];

/** A connection that misbehaves after so many reads or writes. */
function faulty(stream: ReturnType<MemoryLookupd['connect']>, fault: string, after: number, isHealed: () => boolean) {
  let left = after;
  const on = stream.on.bind(stream) as (event: string, listener: (...args: never[]) => void) => unknown;
  const write = stream.write.bind(stream);
  const listeners: ((bytes: Uint8Array) => void)[] = [];
  return Object.assign(Object.create(stream) as typeof stream, {
    on: (event: string, listener: (...args: never[]) => void) => {
      if (event !== 'data') return on(event, listener);
      listeners.push(listener as never);
      return on('data', (bytes: Uint8Array) => {
        if (left-- > 0 || isHealed()) return (listener as (b: Uint8Array) => void)(bytes);
        if (fault === 'half') return (listener as (b: Uint8Array) => void)(bytes.subarray(0, 3));
        if (fault === 'garbage') return (listener as (b: Uint8Array) => void)(Uint8Array.of(0, 0, 0, 2, 88, 89));
        if (fault === 'twice') {
          (listener as (b: Uint8Array) => void)(bytes);
          return (listener as (b: Uint8Array) => void)(bytes);
        }
        if (fault === 'close') {
          (listener as (b: Uint8Array) => void)(bytes);
          return stream.destroy();
        }
        if (fault === 'mute') return undefined;
        return (listener as (b: Uint8Array) => void)(bytes);
      });
    },
    write: (bytes: Uint8Array) => {
      if (fault === 'throws' && left-- <= 0 && !isHealed()) throw new Error('write');
      return write(bytes);
    },
    end: () => stream.end(),
    destroy: () => stream.destroy(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  });
}

test('fuzz: after all faults, each lookupd has exactly what is wanted', { timeout: 120_000 }, async () => {
  const unhandled: unknown[] = [];
  const note = (e: unknown) => unhandled.push(e);
  process.on('unhandledRejection', note);
  const op = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ k: fc.constant('register' as const), t: fc.nat(2), c: fc.nat(2), wait: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ k: fc.constant('unregister' as const), t: fc.nat(2), c: fc.nat(2), wait: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ k: fc.constant('down' as const), n: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ k: fc.constant('up' as const), n: fc.nat(1) }) },
    {
      weight: 3,
      arbitrary: fc.record({ k: fc.constant('pass' as const), ms: fc.constantFrom(10, 100, 1000, 5000, 16000) }),
    },
    { weight: 2, arbitrary: fc.record({ k: fc.constant('settle' as const) }) },
    { weight: 3, arbitrary: fc.record({ k: fc.constant('micro' as const), n: fc.nat(12) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        k: fc.constant('fault' as const),
        f: fc.constantFrom(
          'half',
          'garbage',
          'twice',
          'close',
          'mute',
          'throws',
          'ctor',
          'never',
          'late',
          'reject',
          'dead',
        ),
        after: fc.nat(6),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 30 }), fc.nat(5), async (ops, startAt) => {
      const clock = new ManualClock();
      const lookupds = [createMemoryLookupd({ clock }), createMemoryLookupd({ clock })];
      let faults: { f: string; after: number }[] = [];
      let healed = false;
      const late: (() => void)[] = [];
      const client = new PeerClient({
        lookupds: ['0:1', '1:1'],
        identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
        timers: clock,
        random: () => 0,
        connect: (address) => {
          const lookupd = lookupds[Number(address[0])]!;
          const fault = healed ? undefined : faults.shift();
          if (!fault) return lookupd.connect();
          if (fault.f === 'ctor') throw new Error('sync');
          if (fault.f === 'reject') return Promise.reject(new Error('async'));
          if (fault.f === 'never') return new Promise(() => undefined);
          if (fault.f === 'late')
            return new Promise((resolve) =>
              late.push(() => {
                try {
                  resolve(lookupd.connect());
                } catch {
                  /* down */
                }
              }),
            );
          if (fault.f === 'dead') {
            const s = lookupd.connect();
            s.destroy();
            return s;
          }
          return faulty(lookupd.connect(), fault.f, fault.after, () => healed);
        },
      });
      const wanted = new Set<string>();
      const pending: Promise<unknown>[] = [];
      const events: string[] = [];
      client.on('connected', (a) => events.push(`+${a}`));
      client.on('disconnected', (a) => events.push(`-${a}`));
      let started = false;
      for (const [i, o] of ops.entries()) {
        if (!started && i >= startAt) {
          started = true;
          pending.push(client.start());
        }
        switch (o.k) {
          case 'register': {
            const p = client.register(T[o.t]!, C[o.c]);
            wanted.add(T[o.t]! + ' ');
            wanted.add(`${T[o.t]!} ${C[o.c]!}`);
            pending.push(p);
            if (o.wait) await settle();
            break;
          }
          case 'unregister': {
            pending.push(client.unregister(T[o.t]!, C[o.c]));
            for (const w of [...wanted])
              if (C[o.c] === '' ? w.startsWith(T[o.t]! + ' ') : w === `${T[o.t]!} ${C[o.c]!}`) wanted.delete(w);
            if (o.wait) await settle();
            break;
          }
          case 'down':
            lookupds[o.n]!.goDown();
            break;
          case 'up':
            lookupds[o.n]!.comeUp();
            break;
          case 'pass':
            clock.advance(o.ms);
            await settle();
            break;
          case 'settle':
            await settle();
            break;
          case 'micro':
            for (let n = 0; n < o.n; n++) await Promise.resolve();
            break;
          case 'fault':
            faults.push(o);
            break;
        }
      }
      if (!started) pending.push(client.start());
      faults = [];
      healed = true;
      lookupds.forEach((l) => l.comeUp());
      for (const l of late.splice(0)) l();
      for (let i = 0; i < 12; i++) {
        clock.advance(5000);
        await settle();
      }
      const outcome = await Promise.race([Promise.all(pending).then(() => 'done'), settle(5).then(() => 'hang')]);
      assert.equal(outcome, 'done', 'a promise hangs');
      for (const l of lookupds) {
        const seen = [...l.db.entries()].flatMap(([r, ps]) =>
          [...ps].filter(() => r.category !== 'client').map(() => `${r.key} ${r.subkey}`),
        );
        assert.deepEqual(seen.sort(), [...wanted].sort(), 'registrations');
        assert.equal(l.topology.nodes().length, 1, 'nodes');
      }
      assert.deepEqual(
        client.status.map(({ isConnected, lastError }) => [isConnected, lastError]),
        [
          [true, undefined],
          [true, undefined],
        ],
      );
      for (const n of ['0', '1']) {
        const mine = events.filter((e) => e[1] === n);
        mine.forEach((e, i) => {
          if (e[0] === '+') assert.ok(i === 0 || mine[i - 1]![0] === '-', `two connected in a row: ${mine.join()}`);
        });
      }
      await client.close();
      await settle();
      clock.advance(40_000);
      await settle();
      assert.equal(clock.pending, 0, 'timers');
      for (const l of lookupds) assert.equal(l.topology.nodes().length, 0);
      assert.deepEqual(unhandled, []);
    }),
    { numRuns: runs(1500) },
  );
  process.off('unhandledRejection', note);
});
