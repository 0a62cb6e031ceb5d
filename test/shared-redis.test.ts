import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import {
  createRedisRegistry,
  createSharedMemory,
  createSharedTopology,
  type RedisClient,
  type SharedConnection,
  type SharedRegistry,
  type SharedTopology,
} from 'nsqlookupd/store';
import { createPeer, sharedRegistryChecks, SharedRegistryError } from 'nsqlookupd/testing';
import { skipWithoutRedis, startRedis, type RedisServer } from './support/redis-server.js';
import { answers } from './support/shared-fleet.js';

const skip = skipWithoutRedis();
const clients: Readonly<Record<string, (url: string) => RedisClient>> = {
  '@redis/client': (url) => createClient({ url }),
  ioredis: (url) => new Redis(url, { lazyConnect: true }),
};

describe('a registry in memory', () => {
  for (const { name, run } of sharedRegistryChecks(() => createSharedMemory(Date.now))) test(name, run);
});

for (const [library, toClient] of Object.entries(clients)) {
  describe(`a registry in Redis, over ${library}`, { skip }, () => {
    let server: RedisServer | undefined;
    let count = 0;
    after(() => server?.stop());
    const make = async () => {
      server ??= await startRedis();
      const [{ url }, name] = [server, `test-${++count}`];
      return { registry: () => createRedisRegistry({ client: toClient(url), name }) };
    };
    for (const { name, run } of sharedRegistryChecks(make)) test(name, run);
  });
}

describe('the checks of a registry', () => {
  const faults: Readonly<Record<string, (connection: SharedConnection) => Partial<SharedConnection>>> = {
    'takes any batch': (connection) => ({
      publish: (batch, leaseMs) => connection.publish({ ...batch, isFirst: true }, leaseMs),
    }),
    'keeps what has left as if it had not': (connection) => ({
      read: async (origin) => {
        const kept = await connection.read(origin);
        return kept && { ...kept, hasLeft: false };
      },
    }),
    'goes on when it is closed': () => ({ close: () => undefined }),
    'lets no lease end': (connection) => ({ publish: (batch) => connection.publish(batch, 60_000) }),
  };
  for (const [what, fault] of Object.entries(faults)) {
    test(`find one that ${what}`, async () => {
      const make = () => {
        const memory = createSharedMemory(Date.now);
        const connect: SharedRegistry['connect'] = async (listener, signal) => {
          const real = await memory.registry().connect(listener, signal);
          const names = ['publish', 'origins', 'read', 'readNames', 'leave', 'close'] as const;
          const whole = Object.fromEntries(names.map((name) => [name, (real[name] as () => unknown).bind(real)]));
          return { ...whole, ...fault(real) } as unknown as SharedConnection;
        };
        return { registry: () => ({ connect }) };
      };
      const results = await Promise.allSettled(sharedRegistryChecks(make).map(({ run }) => run()));
      const failed = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
      assert.ok(failed.length > 0);
      for (const { reason } of failed) assert.ok(reason instanceof SharedRegistryError);
    });
  }

  test('want a function', () => {
    assert.throws(() => sharedRegistryChecks('a store' as never), TypeError);
  });
});

test('a name has no braces, by which a cluster would take the keys apart', () => {
  const client = createClient();
  for (const name of ['', '{', 'a}b', '{}'])
    assert.throws(() => createRedisRegistry({ client, name }), /must not be empty, and have no braces/);
  for (const name of ['é ⨯', '*?[a]', '\'"; DROP']) createRedisRegistry({ client, name });
});

interface Member {
  readonly topology: Topology;
  readonly shared: SharedTopology;
}

async function startMember(url: string, toClient = clients['@redis/client']!): Promise<Member> {
  const topology = new Topology({ db: new RegistrationDB() });
  const registry = createRedisRegistry({ client: toClient(url) });
  const shared = createSharedTopology({ topology, registry, leaseMs: 1500, graceMs: 3000 });
  await shared.start();
  return { topology, shared };
}

async function until(what: string, isSo: () => boolean, ms = 15_000): Promise<void> {
  const endsAt = Date.now() + ms;
  while (!isSo()) {
    assert.ok(Date.now() < endsAt, `not within ${ms} ms: ${what}`);
    await pause(5);
  }
}

function joined({ topology }: Member, host: string, ...topics: readonly string[]) {
  const peer = createPeer(`${host}:4150`, { lastUpdateMs: topology.clock() });
  topology.join(peer);
  for (const topic of topics) topology.register(peer, topic);
  return peer;
}

const alike = (members: readonly Member[]) => {
  const [first, ...others] = members.map((member) => JSON.stringify(answers(member)));
  return others.every((other) => other === first);
};
const has = (member: Member, topic: string, hosts: string) =>
  (member.topology.producers(topic)?.producers ?? [])
    .map(({ broadcastAddress }) => broadcastAddress)
    .sort()
    .join() === hosts;

describe('lookupds that share a registry in Redis', { skip, timeout: 120_000 }, () => {
  const withFleet = async (body: (server: RedisServer, members: Member[]) => Promise<void>) => {
    await using server = await startRedis();
    const libraries = Object.values(clients);
    const members: Member[] = [];
    for (let i = 0; i < 3; i++) members.push(await startMember(server.url, libraries[i % 2]));
    try {
      await body(server, members);
    } finally {
      await Promise.all(members.map(({ shared }) => shared.close(200)));
    }
  };

  test('answer alike, whichever library they use', () =>
    withFleet(async (_, members) => {
      for (const [i, member] of members.entries()) joined(member, `host-${i}`, 'orders', `own-${i}`);
      await until('all are there', () => members.every((member) => has(member, 'orders', 'host-0,host-1,host-2')));
      assert.ok(alike(members));
    }));

  test('go on while it is killed, and agree again when it is back, empty', () =>
    withFleet(async (server, members) => {
      joined(members[0]!, 'alpha', 'orders', 'parcels');
      await until('alpha is everywhere', () => members.every((member) => has(member, 'parcels', 'alpha')));
      await server.stop();
      await until('it is seen', () => members.every(({ shared }) => !shared.status.isConnected));
      joined(members[1]!, 'beta', 'orders');
      members[2]!.topology.deleteTopic('parcels');
      await pause(2000); // longer than a lease: nobody is taken for gone
      for (const member of members) assert.ok(has(member, 'orders', member === members[1] ? 'alpha,beta' : 'alpha'));
      await server.start();
      await until('all agree', () => members.every((member) => has(member, 'orders', 'alpha,beta')));
      await until('the deletion holds', () => members.every(({ topology }) => topology.topics().join() === 'orders'));
      assert.ok(alike(members));
    }));

  test('lose nothing when their connections are killed, the stream is trimmed, or all is flushed', () =>
    withFleet(async (server, members) => {
      for (const [round, faults] of [
        [['CLIENT', 'KILL', 'TYPE', 'normal']],
        [['XTRIM', '{nsqlookupd}:shared:stream', 'MAXLEN', '0']],
        [['FLUSHALL']],
        [
          ['DEL', '{nsqlookupd}:shared:names'],
          ['CLIENT', 'KILL', 'TYPE', 'normal'],
        ],
        [['DEL', '{nsqlookupd}:shared:stream']],
      ].entries()) {
        for (const member of members) joined(member, `host-${round}-${members.indexOf(member)}`, `topic-${round}`);
        for (const fault of faults) await server.command(...fault);
        members[round % 3]!.topology.createTopic(`made-${round}`);
        const hosts = [0, 1, 2].map((i) => `host-${round}-${i}`).join();
        await until(`round ${round}`, () => members.every((member) => has(member, `topic-${round}`, hosts)));
        await until(`all are alike, round ${round}`, () => alike(members));
      }
    }));

  test('answer while it hangs, and agree when it goes on', () =>
    withFleet(async (server, members) => {
      joined(members[0]!, 'alpha', 'orders');
      await until('alpha is everywhere', () => members.every((member) => has(member, 'orders', 'alpha')));
      server.signal('SIGSTOP');
      joined(members[1]!, 'beta', 'orders');
      await until('it is seen', () => members.every(({ shared }) => !shared.status.isConnected));
      assert.ok(has(members[1]!, 'orders', 'alpha,beta'));
      server.signal('SIGCONT');
      await until('all agree', () => members.every((member) => has(member, 'orders', 'alpha,beta')));
    }));

  test('leave alone what is not theirs, and take no harm from what a stranger writes', () =>
    withFleet(async (server, members) => {
      joined(members[0]!, 'alpha', 'orders');
      await server.command('SET', 'theirs', 'value');
      const stream = '{nsqlookupd}:shared:stream';
      const text = JSON.stringify({
        format: 1,
        origin: 'evil',
        number: 1,
        atMs: 0,
        own: [
          ['1 or ders x y', '5'],
          ['2', '{}'],
          ['2 ok', '-1'],
        ],
        names: [['not legal!', 1, 0, 0]],
        forgotten: [],
        tombstones: [],
        asked: [],
        isFirst: true,
        isWhole: true,
      });
      for (const evil of ['', '{', 'null', '[]', '{"format":99}', '{"format":1,"origin":"a b"}', text])
        await server.command('XADD', stream, '*', 'batch', evil);
      await server.command('XADD', stream, '*', 'other', 'field');
      await server.command('HSET', '{nsqlookupd}:shared:names', 'not legal!', '1 0 0', 'nonsense', 'x');
      joined(members[1]!, 'beta', 'orders');
      await until('all go on', () => members.every((member) => has(member, 'orders', 'alpha,beta')));
      for (const { topology } of members) assert.deepEqual(topology.topics(), ['orders']);
      assert.equal(await server.command('GET', 'theirs'), 'value');
      assert.ok(members[0]!.shared.status.unreadable > 0);
    }));
});
