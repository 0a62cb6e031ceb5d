import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSharedMemory, type SharedConnection, type SharedListener, type SharedRegistry } from 'nsqlookupd/store';
import { topicRegistration, WorkQueue } from 'nsqlookupd/registry';
import { ManualClock } from 'nsqlookupd/testing';
import { joined, pass, producersOf, settled, startMember, type FleetMember } from './support/shared-fleet.js';

const LEASE_S = 15;

async function fleet(size: number, options: object = {}) {
  const clock = new ManualClock();
  const memory = createSharedMemory(clock.now);
  const members: FleetMember[] = [];
  for (let i = 0; i < size; i++) members.push(await startMember(memory.registry(), clock, options));
  return { clock, memory, members: members as [FleetMember, FleetMember, FleetMember] };
}

/** A registry of which a test changes what it does. */
function faulty(registry: SharedRegistry) {
  const faults = { isDeaf: false, areNamesEndless: false, connections: 0 };
  const connect = async (listener: SharedListener, signal: AbortSignal): Promise<SharedConnection> => {
    faults.connections++;
    const heard: SharedListener['heard'] = (batch) => (faults.isDeaf ? undefined : listener.heard(batch));
    const connection = await registry.connect({ ...listener, heard }, signal);
    return {
      publish: (batch, leaseMs) => connection.publish(batch, leaseMs),
      origins: () => connection.origins(),
      read: (origin) => connection.read(origin),
      readNames: () => (faults.areNamesEndless ? never() : connection.readNames()),
      leave: (origin, keptMs) => connection.leave(origin, keptMs),
      close: () => connection.close(),
    };
  };
  return { registry: { connect }, faults };
}

async function* never(): AsyncGenerator<never, void, undefined> {
  await new Promise(() => undefined);
  yield* [];
}

describe('lookupds that share a registry, when one of them is killed', () => {
  test('it is asked for by the one that its nsqds come to, and gone a third of a lease later', async () => {
    const { clock, members } = await fleet(3);
    const [one, two, three] = members;
    joined(one, 'alpha', 'orders', 'old');
    joined(one, 'beta', 'orders');
    await settled();
    one.kill();
    const again = joined(two, 'alpha', 'orders');
    await pass(clock, 1);
    two.topology.ping(again);
    await pass(clock, LEASE_S / 3 + 1);
    for (const member of [two, three]) {
      assert.deepEqual(producersOf(member, 'old'), []);
      assert.deepEqual(producersOf(member, 'orders'), ['alpha', 'beta']);
    }
    await pass(clock, 60);
    for (const member of [two, three]) assert.deepEqual(producersOf(member, 'orders'), ['alpha']);
  });

  test('one that starts then asks for it as well', async () => {
    const { clock, memory, members } = await fleet(2);
    const [one, two] = members;
    joined(one, 'alpha', 'orders', 'old');
    await settled();
    one.kill();
    const again = joined(two, 'alpha', 'orders');
    await pass(clock, 1);
    two.topology.ping(again);
    const late = await startMember(memory.registry(), clock);
    assert.deepEqual(producersOf(late, 'old'), ['alpha']);
    await pass(clock, LEASE_S / 3 + 1);
    assert.deepEqual(producersOf(late, 'old'), []);
    assert.deepEqual(producersOf(late, 'orders'), ['alpha']);
  });

  test('one that is asked for and lives is not taken for gone', async () => {
    const { clock, members } = await fleet(3);
    const [one, two] = members;
    joined(one, 'alpha', 'orders', 'parcels');
    await settled();
    two.topology.ping(joined(two, 'alpha', 'orders'));
    for (let i = 0; i < 30; i++) {
      await pass(clock, 1);
      for (const member of members) assert.deepEqual(producersOf(member, 'parcels'), ['alpha']);
    }
    for (const { lines } of members) assert.ok(!lines.some((line) => line.includes('is gone')));
  });

  test('nobody is asked for over and over', async () => {
    const { clock, members } = await fleet(2);
    const [one, two] = members;
    joined(one, 'alpha', 'orders');
    await settled();
    const before = one.shared.status.counts.published;
    for (let i = 0; i < 100; i++) two.topology.leave(joined(two, 'alpha', 'orders'));
    await settled(300);
    await pass(clock, 1);
    assert.ok(one.shared.status.counts.published - before < 20);
  });
});

describe('a lookupd whose connection is not what it was', () => {
  test('that hears not even what it tells itself connects anew', async () => {
    const { clock, memory, members } = await fleet(1);
    const { registry, faults } = faulty(memory.registry());
    const deaf = await startMember(registry, clock);
    faults.isDeaf = true;
    joined(members[0], 'alpha', 'orders');
    await pass(clock, (2 * LEASE_S) / 3 + 1);
    assert.equal(faults.connections, 2);
    faults.isDeaf = false;
    await pass(clock, LEASE_S);
    assert.deepEqual(producersOf(deaf, 'orders'), ['alpha']);
    const connections = faults.connections;
    await pass(clock, 60);
    assert.equal(faults.connections, connections);
  });

  test('that is read from without an end connects anew', async () => {
    const { clock, memory, members } = await fleet(1);
    const { registry, faults } = faulty(memory.registry());
    faults.areNamesEndless = true;
    const late = await startMember(registry, clock);
    joined(members[0], 'alpha', 'orders');
    await pass(clock, LEASE_S);
    faults.areNamesEndless = false;
    await pass(clock, LEASE_S);
    assert.deepEqual(producersOf(late, 'orders'), ['alpha']);
    assert.equal(late.shared.status.isConnected, true);
  });
});

describe('lookupds that share a registry', () => {
  test('tell each other of all tombstones, also of many that were set while nobody could be told', async () => {
    const { clock, memory, members } = await fleet(2, { tombstoneLifetimeMs: 3_600_000 });
    const [one, two] = members;
    const hosts = Array.from({ length: 300 }, (_, i) => `host-${i}`);
    for (const host of hosts) joined(one, host, 'orders');
    await settled(100);
    memory.cut();
    for (const host of hosts) two.topology.tombstone('orders', `${host}:4151`);
    await pass(clock, 5);
    memory.restore();
    await pass(clock, 10);
    assert.deepEqual(producersOf(two, 'orders'), []);
    assert.deepEqual(producersOf(one, 'orders'), []);
  });

  test('end a tombstone that one ends, wherever it was set and the nsqd is, and hide one that is set again', async () => {
    const { clock, memory, members } = await fleet(3, { tombstoneLifetimeMs: 3_600_000 });
    const [one, two, three] = members;
    const alpha = joined(one, 'alpha', 'orders');
    const show = (names: string[]) =>
      members.forEach((member) => assert.deepEqual(producersOf(member, 'orders'), names));
    await settled();
    for (const by of [two, three, one, two]) {
      by.topology.tombstone('orders', 'alpha:4151');
      await settled();
      show([]);
      by.topology.untombstone('orders', 'alpha:4151');
      await settled();
      show(['alpha']);
      await pass(clock, 2);
    }
    two.topology.tombstone('orders', 'alpha:4151');
    await pass(clock, 10);
    memory.cut();
    three.topology.untombstone('orders', 'alpha:4151');
    await pass(clock, 10);
    memory.restore();
    await pass(clock, 20);
    one.topology.ping(alpha);
    await pass(clock, 5);
    show(['alpha']);
    // Nor is it hidden where it connects next.
    joined(three, 'alpha', 'orders');
    await pass(clock, 5);
    show(['alpha']);
  });

  test('agree on who was last to set or end a tombstone, whoever it was, by whatever clock, and however late it is heard', async () => {
    for (const late of [undefined, 0, 1, 2])
      for (const skewsMs of [
        [0, 0, 0],
        [0, -3_600_000, 3_600_000],
        [3_600_000, 0, -3_600_000],
      ]) {
        const clock = new ManualClock(7_200_000);
        const memory = createSharedMemory(clock.now);
        const members: FleetMember[] = [];
        const gates: (Promise<void> | undefined)[] = [];
        for (const [i, skewMs] of skewsMs.entries()) {
          const connect: SharedRegistry['connect'] = (listener, signal) => {
            const heard: SharedListener['heard'] = async (batch) => (await gates[i], listener.heard(batch));
            return memory.registry().connect({ ...listener, heard }, signal);
          };
          members.push(
            await startMember({ connect }, clock, { clock: () => clock.now() + skewMs, tombstoneLifetimeMs: 3e6 }),
          );
        }
        const [one, two, three] = members as [FleetMember, FleetMember, FleetMember];
        joined(one, 'alpha', 'orders');
        await pass(clock, 1);
        let open = (): void => undefined;
        if (late !== undefined) gates[late] = new Promise((resolve) => (open = resolve));
        for (const isEnd of [false, true, false, true, false]) {
          const by = [one, two, three].filter((_, i) => i !== late)[isEnd ? 1 : 0]!;
          if (isEnd) by.topology.untombstone('orders', 'alpha:4151');
          else by.topology.tombstone('orders', 'alpha:4151');
          clock.advance(300);
          await settled();
          const shown = members.filter((_, i) => i !== late).map((member) => producersOf(member, 'orders'));
          if (late !== 0) for (const each of shown) assert.deepEqual(each, isEnd ? ['alpha'] : [], `late: ${late}`);
        }
        two.topology.untombstone('orders', 'alpha:4151');
        if (late === 1) open();
        await settled();
        if (late === 1) two.topology.untombstone('orders', 'alpha:4151');
        clock.advance(300);
        await settled();
        open();
        await pass(clock, 6);
        const shown = members.map((member) => producersOf(member, 'orders'));
        assert.deepEqual(shown, [['alpha'], ['alpha'], ['alpha']], `late: ${late}, clocks: ${skewsMs.join()}`);
      }
  });

  test('agree on a tombstone that one sets and another ends at once, before either has heard of the other', async () => {
    const { clock, members } = await fleet(3, { tombstoneLifetimeMs: 3_600_000 });
    const [one, two, three] = members;
    joined(three, 'alpha', 'orders');
    await settled();
    for (const [by, other] of [
      [one, two],
      [two, one],
      [three, one],
    ] as const) {
      by.topology.tombstone('orders', 'alpha:4151');
      other.topology.untombstone('orders', 'alpha:4151');
      await pass(clock, 6);
      const [first, ...rest] = members.map((member) => producersOf(member, 'orders'));
      for (const each of rest) assert.deepEqual(each, first);
    }
  });

  test('end a tombstone of one that is gone where one has been started again', async () => {
    const { clock, memory, members } = await fleet(2, { tombstoneLifetimeMs: 3_600_000 });
    const [one, two] = members;
    joined(one, 'alpha', 'orders');
    await settled();
    for (let i = 0; i < 3; i++) two.topology.tombstone('orders', 'alpha:4151');
    await pass(clock, 1);
    two.kill();
    const again = await startMember(memory.registry(), clock, { tombstoneLifetimeMs: 3_600_000 });
    assert.deepEqual(producersOf(again, 'orders'), []);
    again.topology.untombstone('orders', 'alpha:4151');
    await pass(clock, 1);
    for (const member of [one, again]) assert.deepEqual(producersOf(member, 'orders'), ['alpha']);
  });

  test('take in over many turns the tombstones that one has ended while it could tell nobody', async () => {
    const [NSQDS, STEPS] = [2000, 100];
    const { clock, memory, members } = await fleet(1, { tombstoneLifetimeMs: 3_600_000 });
    const [one] = members;
    let inTurn = 0;
    let most = 0;
    const nextTurn = (callback: () => void) =>
      setImmediate(() => {
        inTurn = 0;
        callback();
      });
    const work = new WorkQueue({ stepsPerTurn: STEPS, nextTurn });
    const two = await startMember(memory.registry(), clock, { work, tombstoneLifetimeMs: 3_600_000 });
    two.topology.db.onChange(() => (most = Math.max(most, ++inTurn)));
    const hosts = Array.from({ length: NSQDS }, (_, i) => `host-${i}`);
    for (const host of hosts) joined(two, host, 'orders');
    await settled(200);
    most = 0;
    for (const write of ['tombstone', 'untombstone'] as const) {
      memory.cut();
      await pass(clock, 1);
      for (const host of hosts) one.topology[write]('orders', `${host}:4151`);
      memory.restore();
      await pass(clock, 10);
      await settled(200);
      assert.equal(producersOf(two, 'orders').length, write === 'tombstone' ? 0 : NSQDS);
      assert.ok(most > 0 && most < 2 * STEPS, `${most} changes in one turn`);
      most = 0;
    }
  });

  test('hold to what was deleted where nobody could be told, for however long', async () => {
    const { clock, memory, members } = await fleet(2);
    const [one, two] = members;
    joined(one, 'alpha', 'orders', 'doomed');
    one.topology.createTopic('idle');
    await settled();
    memory.cut();
    two.topology.deleteTopic('doomed');
    two.topology.deleteTopic('idle');
    await pass(clock, 200);
    memory.restore();
    await pass(clock, 10);
    for (const { topology } of [one, two]) assert.deepEqual(topology.topics(), ['orders']);
  });

  test('forget who is gone, and hide anew, though the clock is set back', async () => {
    const { clock, members } = await fleet(3);
    const [one, two, three] = members;
    joined(one, 'alpha', 'orders');
    joined(two, 'beta', 'orders');
    two.topology.tombstone('orders', 'beta:4151');
    await pass(clock, 60);
    one.kill();
    await pass(clock, 20);
    clock.set(clock.now() - 3_600_000);
    await pass(clock, 70);
    assert.equal(two.shared.status.lookupds.length, 1);
    assert.equal(two.topology.db.broughtCount, 0);
    three.topology.tombstone('orders', 'beta:4151');
    await pass(clock, 1);
    for (const member of [two, three]) assert.deepEqual(producersOf(member, 'orders'), []);
  });

  for (const [what, addressOf] of Object.entries({
    'a node each': (i: number) => `host-${i}`,
    'all at one address': () => 'one-address',
  })) {
    test(`take in over many turns what becomes of many nsqds, ${what}`, async () => {
      const [NSQDS, STEPS] = [400, 100];
      const { clock, memory, members } = await fleet(1);
      const [one] = members;
      let inTurn = 0;
      let most = 0;
      const nextTurn = (callback: () => void) =>
        setImmediate(() => {
          inTurn = 0;
          callback();
        });
      const work = new WorkQueue({ stepsPerTurn: STEPS, nextTurn });
      const two = await startMember(memory.registry(), clock, { work });
      two.topology.db.onChange(() => (most = Math.max(most, ++inTurn)));
      const many = (member: FleetMember) =>
        Array.from({ length: NSQDS }, (_, i) => joined(member, addressOf(i), 'orders billing', `topic${i}`));
      const turnsUntil = async (isSo: () => boolean) => {
        for (let i = 0; i < 200 && !isSo(); i++) await settled(20);
        assert.ok(isSo());
        await settled(100);
        assert.ok(most > 0 && most < 2 * STEPS, `${most} changes in one turn`);
        most = 0;
      };
      many(one);
      const count = (topic: string) => two.topology.db.countProducers(topicRegistration(topic));
      await turnsUntil(() => count('orders') === NSQDS);
      one.topology.deleteTopic('orders');
      await turnsUntil(() => count('orders') === 0 && two.topology.channels('orders').length === 0);

      const others = await startMember(memory.registry(), clock);
      const settledThere = many(others);
      await turnsUntil(() => two.topology.db.broughtCount === 2 * NSQDS);
      clock.advance(1);
      for (const peer of settledThere) others.topology.ping(peer);
      await settled(100);
      one.kill();
      await pass(clock, LEASE_S + 6);
      await turnsUntil(() => two.topology.db.broughtCount === NSQDS); // who has settled elsewhere has left

      others.kill();
      await pass(clock, 70);
      await turnsUntil(() => two.topology.db.broughtCount === 0);
      assert.deepEqual(two.shared.status.lookupds, []);
    });
  }
});
