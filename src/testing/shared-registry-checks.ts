import { aFunction } from '../base/options.js';
import { DEFAULT_TIMERS, setTimer } from '../base/timers.js';
import { within } from '../base/within.js';
import type { SharedBatch, SharedConnection, SharedRegistry } from '../store/index.js';

/** A store that nothing is in yet. */
export interface SharedStore {
  /** One for each lookupd, over the same store. */
  registry(): SharedRegistry;
  /** Called at the end of the check. */
  close?(): unknown;
}

/** Something that whatever carries a shared registry must do. */
export interface SharedRegistryCheck {
  /** What it must do. */
  readonly name: string;
  /** Resolves if it does, within ten seconds; else rejects with an error that says what it does instead. */
  readonly run: () => Promise<void>;
}

/**
 * Where a `SharedRegistry` does something else than it must.
 *
 * @example
 * ```js
 * import { sharedRegistryChecks, SharedRegistryError } from 'nsqlookupd/testing';
 *
 * const connect = () => Promise.reject(new SharedRegistryError('not yet written'));
 * const [check] = sharedRegistryChecks(() => ({ registry: () => ({ connect }) }));
 * await check.run().catch(({ name, message }) => console.log(name, message)); // SharedRegistryError not yet written
 * ```
 */
export class SharedRegistryError extends Error {
  /** `SharedRegistryError`. */
  override readonly name = 'SharedRegistryError';
}

type Open = () => Promise<Opened>;

interface Opened {
  readonly connection: SharedConnection;
  readonly heard: SharedBatch[];
}

const LEASE_MS = 60_000;
const WITHIN_MS = 10_000;
const LOOK_MS = 5;

/**
 * What whatever carries a shared registry must do, for tests of a `SharedRegistry` of one's own, with whatever runs them. `make` is
 * called once for each check.
 *
 * @example
 * ```js
 * import { createSharedMemory } from 'nsqlookupd/store';
 * import { sharedRegistryChecks } from 'nsqlookupd/testing';
 *
 * for (const { name, run } of sharedRegistryChecks(() => createSharedMemory(Date.now))) {
 *   await run(); // with node:test: test(name, run)
 *   console.log(name.length > 0); // true
 * }
 * ```
 */
export function sharedRegistryChecks(
  make: () => SharedStore | PromiseLike<SharedStore>,
): readonly SharedRegistryCheck[] {
  aFunction('make', make);
  return Object.entries(CHECKS).map(([name, check]) => ({ name, run: () => inTime(name, run(make, check)) }));
}

async function run(make: () => SharedStore | PromiseLike<SharedStore>, check: Check): Promise<void> {
  const store = await make();
  const opened: SharedConnection[] = [];
  try {
    await check(async (hearing = () => undefined) => {
      const heard: SharedBatch[] = [];
      const listener = {
        heard: async (batch: SharedBatch) => {
          await hearing(batch);
          heard.push(batch);
        },
        lost: () => undefined,
      };
      const connection = await store.registry().connect(listener, new AbortController().signal);
      opened.push(connection);
      return { connection, heard };
    });
  } finally {
    for (const connection of opened) connection.close();
    await store.close?.();
  }
}

type Check = (open: (hearing?: (batch: SharedBatch) => unknown) => ReturnType<Open>) => Promise<void>;

const CHECKS: Readonly<Record<string, Check>> = {
  'tells a batch to all, in order and as it was, and keeps it': async (open) => {
    const [one, two] = [await open(), await open()];
    const own = [
      ['1', '{"a":"é\\n\\"😀"}'],
      ['1 orders', '5'],
    ] as const;
    const tombstones = [
      ['orders', 'h:4151', 3.25],
      ['orders', 'h:4151', 4.5, true, 7],
    ] as const;
    const first = batchOf('one', 1, { own, names: [['orders', 5, 0, 0]], tombstones, asked: ['two'] });
    is(true, await one.connection.publish(first, LEASE_MS));
    const second = batchOf('one', 2, { own: [['1 orders', null]], isWhole: false });
    is(true, await one.connection.publish(second, LEASE_MS));
    await until('both hear both', () => two.heard.length === 2 && one.heard.length === 2);
    is([first, second], two.heard);
    is([first, second], one.heard);
    is(['one'], await two.connection.origins());
    const { number, atMs, isWhole, hasLeft } = (await two.connection.read('one')) ?? fail('what is kept of it');
    is({ number: 2, atMs: 1000.5, isWhole: false, hasLeft: false }, { number, atMs, isWhole, hasLeft });
    is([own[0]], await fieldsOf(two.connection, 'one'));
  },

  'tells the next batch when the one before it has been taken in': async (open) => {
    let taking = 0;
    let most = 0;
    const slow = await open(async () => {
      most = Math.max(most, ++taking);
      await pause(LOOK_MS);
      taking--;
    });
    const { connection } = await open();
    for (let number = 1; number <= 10; number++) await connection.publish(batchOf('one', number), LEASE_MS);
    await until('all are heard', () => slow.heard.length === 10);
    is(1, most);
    is(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      slow.heard.map(({ number }) => number),
    );
  },

  'takes a batch only after the one before it, unless it is the first': async (open) => {
    const { connection, heard } = await open();
    const publish = (number: number, isFirst: boolean, field: string) =>
      connection.publish(batchOf('one', number, { isFirst, own: [[field, 'x']] }), LEASE_MS);
    is(false, await publish(7, false, '1'));
    is(undefined, await connection.read('one'));
    is(true, await publish(7, true, '2'));
    is(false, await publish(7, false, '3'));
    is(false, await publish(9, false, '4'));
    is([['2', 'x']], await fieldsOf(connection, 'one'));
    is(true, await publish(9, true, '5'));
    is([['5', 'x']], await fieldsOf(connection, 'one'));
    await until('both that were kept are heard', () => heard.length === 2);
  },

  'keeps lookupds apart': async (open) => {
    const [one, two] = [await open(), await open()];
    await one.connection.publish(batchOf('one', 1, { own: [['1', 'x']] }), LEASE_MS);
    await two.connection.publish(batchOf('two', 1, { own: [['1', 'y']] }), LEASE_MS);
    await one.connection.publish(batchOf('one', 2, { isFirst: true }), LEASE_MS);
    is([], await fieldsOf(two.connection, 'one'));
    is([['1', 'y']], await fieldsOf(one.connection, 'two'));
    is(['one', 'two'], [...(await one.connection.origins())].sort());
    is(undefined, await one.connection.read('three'));
  },

  'keeps the latest times of a name, and forgets one that is not there': async (open) => {
    const [one, two] = [await open(), await open()];
    const late = 900_000_000_000_001;
    const names = [
      ['a', 5, 2, 0],
      ['b x', late, 0, 4],
    ] as const;
    await one.connection.publish(batchOf('one', 1, { names }), LEASE_MS);
    await two.connection.publish(batchOf('two', 1, { names: [['a', 3, 7, 0]] }), LEASE_MS);
    const kept = async () => (await all(one.connection.readNames())).sort();
    is([['a', 5, 7, 0], names[1]], await kept());
    await two.connection.publish(batchOf('two', 2, { forgotten: ['a', 'b x', 'c'] }), LEASE_MS);
    is([['b x', late, 0, 0]], await kept());
  },

  'lets what is kept of a lookupd go when its lease has ended, and not before': async (open) => {
    const { connection } = await open();
    await connection.publish(batchOf('two', 1), 1);
    await connection.publish(batchOf('one', 1), 50);
    await connection.publish(batchOf('one', 2), LEASE_MS); // which lasts longer
    await until('the short lease has ended', async () => (await connection.read('two')) === undefined);
    await pause(60);
    is(2, (await connection.read('one'))?.number);
    is(['one'], await connection.origins());
    is(false, await connection.publish(batchOf('two', 2), LEASE_MS));
  },

  'tells all that one has left, and keeps what it said': async (open) => {
    const [one, two] = [await open(), await open()];
    await one.connection.publish(batchOf('one', 1, { own: [['1', 'x']] }), LEASE_MS);
    await one.connection.leave('one', LEASE_MS);
    await until('it is heard', () => two.heard.length === 2);
    is(true, two.heard[1]!.number === Infinity);
    is('one', two.heard[1]!.origin);
    is(true, (await two.connection.read('one'))?.hasLeft);
    is([['1', 'x']], await fieldsOf(two.connection, 'one'));
  },

  'keeps a thousand of each at once, and gives much in parts': async (open) => {
    const { connection } = await open();
    const own = Array.from({ length: 1000 }, (_, i) => [`${i}`, `value ${i}`] as const);
    const names = Array.from({ length: 1000 }, (_, i) => [`topic-${i}`, i, 0, 0] as const);
    for (let number = 1; number <= 5; number++) {
      const some = own.map(([field, value]) => [`${number}${field}`, value] as const);
      is(true, await connection.publish(batchOf('one', number, { own: some, names }), LEASE_MS));
    }
    const { fields } = (await connection.read('one')) ?? fail('what is kept of it');
    let parts = 0;
    const found = new Map<string, string>();
    for await (const some of fields) {
      parts++;
      for (const [field, value] of some) found.set(field, value);
    }
    is(5000, found.size);
    is(true, parts > 1);
    is(1000, new Set((await all(connection.readNames())).map(([name]) => name)).size);
  },

  'hears nothing, and fails at once, when it is closed': async (open) => {
    const [one, two] = [await open(), await open()];
    one.connection.close();
    await two.connection.publish(batchOf('two', 1), LEASE_MS);
    await until('the other hears it', () => two.heard.length === 1);
    for (const call of [
      () => one.connection.publish(batchOf('one', 1), LEASE_MS),
      () => one.connection.origins(),
      () => one.connection.read('two'),
    ]) {
      is(
        'it rejects',
        await call().then(
          () => 'it resolves',
          () => 'it rejects',
        ),
      );
    }
    is([], one.heard);
  },
};

/** A batch with some of its parts. */
function batchOf(origin: string, number: number, parts: Partial<SharedBatch> = {}): SharedBatch {
  const nothing = { own: [], names: [], forgotten: [], tombstones: [], asked: [] };
  return { origin, number, atMs: 1000.5, isFirst: number === 1, isWhole: true, ...nothing, ...parts };
}

async function fieldsOf(connection: SharedConnection, origin: string) {
  const kept = (await connection.read(origin)) ?? fail(`what is kept of ${origin}`);
  return [...(await all(kept.fields))].sort();
}

async function all<T>(parts: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const some of parts) found.push(...some);
  return found;
}

function is(expected: unknown, actual: unknown): void {
  const [wanted, given] = [show(expected), show(actual)];
  if (wanted !== given) throw new SharedRegistryError(`expected ${wanted}, and got ${given}`);
}

function fail(expected: string): never {
  throw new SharedRegistryError(`expected ${expected}, and got nothing`);
}

/** As text, with the members of objects in an order of their own. */
function show(value: unknown): string {
  const sorted = (_: string, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each;
  return JSON.stringify(value, sorted) ?? 'undefined';
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const endsAt = Date.now() + WITHIN_MS / 2; !(await isSo()); await pause(LOOK_MS))
    if (Date.now() > endsAt) throw new SharedRegistryError(`in vain waited until ${what}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimer(DEFAULT_TIMERS, resolve, ms));
}

function inTime(name: string, check: Promise<void>): Promise<void> {
  const late = () => new SharedRegistryError(`not within ${WITHIN_MS} ms: ${name}`);
  return within(check, { timers: DEFAULT_TIMERS, ms: WITHIN_MS, late });
}
