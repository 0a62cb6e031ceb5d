import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { SharedBatch, SharedConnection, SharedRegistry } from 'nsqlookupd/store';

/** What stands for one server, new for each test. */
export type MakeRegistries = () => Promise<{ readonly registry: () => SharedRegistry } & Partial<AsyncDisposable>>;

const LEASE_MS = 60_000;

/** A batch with some of its parts. */
export function batchOf(origin: string, number: number, parts: Partial<SharedBatch> = {}): SharedBatch {
  const nothing = { own: [], names: [], forgotten: [], tombstones: [], asked: [] };
  return { origin, number, atMs: 1000.5, isFirst: number === 1, isWhole: true, ...nothing, ...parts };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(5);
}

/** What whatever carries a shared registry must do. */
export function complies(make: MakeRegistries, skip: string | false = false): void {
  const check = (what: string, body: (open: () => Promise<Opened>) => Promise<void>) => {
    test(what, { skip, timeout: 20_000 }, async () => {
      const made = await make();
      const opened: Opened[] = [];
      try {
        await body(async () => {
          const heard: SharedBatch[] = [];
          const listener = { heard: (batch: SharedBatch) => void heard.push(batch), lost: () => undefined };
          const one = { connection: await made.registry().connect(listener), heard };
          opened.push(one);
          return one;
        });
      } finally {
        for (const { connection } of opened) connection.close();
        await made[Symbol.asyncDispose]?.();
      }
    });
  };

  check('tells a batch to all, in order and as it was, and keeps it', async (open) => {
    const [one, two] = [await open(), await open()];
    const own = [
      ['1', '{"a":"é\\n"}'],
      ['1 orders', '5'],
    ] as const;
    const first = batchOf('one', 1, { own, names: [['orders', 5, 0, 0]], tombstones: [['orders', 'h:4151', 3.25]] });
    assert.equal(await one.connection.publish(first, LEASE_MS), true);
    const second = batchOf('one', 2, { own: [['1 orders', null]], isWhole: false });
    assert.equal(await one.connection.publish(second, LEASE_MS), true);
    await until(() => two.heard.length === 2 && one.heard.length === 2);
    assert.deepEqual(two.heard, [first, second]);
    assert.deepEqual(await two.connection.origins(), ['one']);
    const kept = await two.connection.read('one');
    const fields = await all(kept!.fields);
    const { number, atMs, isWhole, hasLeft } = kept!;
    assert.deepEqual({ number, atMs, isWhole, hasLeft }, { number: 2, atMs: 1000.5, isWhole: false, hasLeft: false });
    assert.deepEqual(fields, [['1', '{"a":"é\\n"}']]);
  });

  check('takes a batch only after the one before it, unless it is the first', async (open) => {
    const { connection, heard } = await open();
    assert.equal(await connection.publish(batchOf('one', 7, { isFirst: false }), LEASE_MS), false);
    assert.equal(await connection.read('one'), undefined);
    assert.equal(await connection.publish(batchOf('one', 7, { isFirst: true, own: [['1', 'x']] }), LEASE_MS), true);
    assert.equal(await connection.publish(batchOf('one', 9, { isFirst: false }), LEASE_MS), false);
    assert.equal(await connection.publish(batchOf('one', 9, { isFirst: true, own: [['2', 'y']] }), LEASE_MS), true);
    assert.deepEqual(await all((await connection.read('one'))!.fields), [['2', 'y']]);
    await until(() => heard.length === 2);
  });

  check('keeps the latest times of a name, and forgets one that is not there', async (open) => {
    const { connection } = await open();
    const publish = (number: number, parts: Partial<SharedBatch>) =>
      connection.publish(batchOf('one', number, parts), LEASE_MS);
    await publish(1, {
      names: [
        ['a', 5, 2, 0],
        ['b x', 900_000_000_000_001, 0, 4],
      ],
    });
    await publish(2, { names: [['a', 3, 7, 0]] });
    const names = async () => (await all(connection.readNames())).sort();
    assert.deepEqual(await names(), [
      ['a', 5, 7, 0],
      ['b x', 900_000_000_000_001, 0, 4],
    ]);
    await publish(3, { forgotten: ['a', 'b x', 'c'] });
    assert.deepEqual(await names(), [['b x', 900_000_000_000_001, 0, 0]]);
  });

  check('lets what is kept of an origin go when its lease has ended', async (open) => {
    const { connection } = await open();
    await connection.publish(batchOf('one', 1), 50);
    while (await connection.read('one')) await pause(10);
    assert.deepEqual(await connection.origins(), []);
    assert.equal(await connection.publish(batchOf('one', 2), LEASE_MS), false);
  });

  check('tells all that one has left, and keeps what it said', async (open) => {
    const [one, two] = [await open(), await open()];
    await one.connection.publish(batchOf('one', 1, { own: [['1', 'x']] }), LEASE_MS);
    await one.connection.leave('one', LEASE_MS);
    await until(() => two.heard.length === 2);
    assert.equal(two.heard[1]!.number, Infinity);
    assert.equal((await two.connection.read('one'))!.hasLeft, true);
  });

  check('gives much in parts', async (open) => {
    const { connection } = await open();
    const own = Array.from({ length: 5000 }, (_, i) => [String(i), `value ${i}`] as const);
    await connection.publish(batchOf('one', 1, { own }), LEASE_MS);
    const fields = new Map(await all((await connection.read('one'))!.fields));
    assert.deepEqual([...fields].sort(), [...new Map(own)].sort());
  });

  check('fails at once when it is closed', async (open) => {
    const { connection } = await open();
    connection.close();
    await assert.rejects(connection.publish(batchOf('one', 1), LEASE_MS));
    await assert.rejects(connection.origins());
  });
}

interface Opened {
  readonly connection: SharedConnection;
  readonly heard: SharedBatch[];
}

async function all<T>(parts: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const some of parts) found.push(...some);
  return found;
}
