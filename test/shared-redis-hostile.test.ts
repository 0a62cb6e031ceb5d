import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createRedisRegistry, createSharedTopology, type RedisClient } from 'nsqlookupd/store';
import { createPeer } from 'nsqlookupd/testing';
import { skipWithoutRedis, startRedis } from './support/redis-server.js';

const skip = skipWithoutRedis();
const clients: Readonly<Record<string, (url: string) => RedisClient>> = {
  '@redis/client': (url) => createClient({ url }),
  ioredis: (url) => new Redis(url, { lazyConnect: true }),
};
const LEASE_MS = 1500;

async function startMember(client: RedisClient) {
  const topology = new Topology({ db: new RegistrationDB() });
  const shared = createSharedTopology({ topology, registry: createRedisRegistry({ client }), leaseMs: LEASE_MS });
  await shared.start(500);
  return { topology, shared };
}

async function until(what: string, isSo: () => boolean, ms = 20_000): Promise<void> {
  for (const endsAt = Date.now() + ms; !isSo(); await pause(5))
    assert.ok(Date.now() < endsAt, `not within ${ms} ms: ${what}`);
}

/** Something on a port that is no Redis, or one with something in between. */
async function listening(onSocket: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    onSocket(socket.resume());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url, sockets, [Symbol.dispose]: close };
}

const GARBAGE: Readonly<Record<string, (socket: Socket) => void>> = {
  'that answers nothing': () => undefined,
  'that hangs up at once': (socket) => socket.destroy(),
  'that answers what is no RESP': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n<html>'),
  'that answers an error to all': (socket) => socket.on('data', () => socket.write('-ERR no\r\n')),
  'that answers OK to all': (socket) =>
    socket.on('data', (data) => socket.write('+OK\r\n'.repeat(String(data).split(/\*\d+\r\n/).length - 1))),
  'that answers a number to all': (socket) =>
    socket.on('data', (data) => socket.write(':1\r\n'.repeat(String(data).split(/\*\d+\r\n/).length - 1))),
  'that announces what does not come': (socket) => socket.on('data', () => socket.write('*1000000\r\n$9\r\nabc')),
};

for (const [library, toClient] of Object.entries(clients)) {
  describe(`over ${library}`, { timeout: 120_000 }, () => {
    for (const [what, onSocket] of Object.entries(GARBAGE)) {
      test(`a server ${what} is away, and nobody waits for it`, async () => {
        using server = await listening(onSocket);
        const { topology, shared } = await startMember(toClient(server.url));
        topology.createTopic('orders');
        await until('it is tried again', () => shared.status.counts.lost >= 3);
        assert.equal(shared.status.isConnected, false);
        assert.ok(shared.status.failure);
        assert.deepEqual(topology.topics(), ['orders']);
        await shared.close(200);
        await until('it is let go', () => server.sockets.size === 0);
      });
    }

    test('a server that refuses says so, and is back when it does not', { skip }, async () => {
      await using server = await startRedis();
      const refusals: Readonly<
        Record<string, readonly [does: readonly string[], undoes: readonly string[], says: RegExp]>
      > = {
        'has no memory left': [['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], /OOM/],
        'is a replica': [['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE'], /READONLY/],
        'has another kind of key': [
          ['SET', '{nsqlookupd}:shared:names', 'x'],
          ['DEL', '{nsqlookupd}:shared:names'],
          /WRONGTYPE/,
        ],
        'does not know the user': [
          ['ACL', 'SETUSER', 'default', '-@all', '+@connection', '+acl'],
          ['ACL', 'SETUSER', 'default', '+@all'],
          /NOPERM/,
        ],
      };
      const members = [await startMember(toClient(server.url)), await startMember(toClient(server.url))];
      for (const [what, [does, undoes, says]] of Object.entries(refusals)) {
        await until('both are connected', () => members.every(({ shared }) => shared.status.isConnected));
        if (does[0] === 'SET') await server.command('DEL', does[1]!);
        await server.command(...does);
        if (does[0] === 'REPLICAOF' || does[0] === 'ACL')
          await server.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => '');
        for (const { topology } of members) topology.createTopic(`one-that-${what.replaceAll(' ', '-')}`);
        await until(what, () => members.some(({ shared }) => says.test(shared.status.failure ?? '')));
        await server.command(...undoes);
        const one = createPeer(`${what.replaceAll(' ', '-')}:4150`);
        members[0]!.topology.join(one);
        members[0]!.topology.register(one, 'orders');
        await until(
          `all agree after it ${what}`,
          () => members[1]!.topology.db.peersAt(`${one.broadcastAddress}:4151`).length === 1,
        );
      }
      for (const { shared } of members) await shared.close(200);
    });

    test('a server that is slow holds nobody up, and all agree', { skip }, async () => {
      await using server = await startRedis();
      let delayMs = 40;
      using slow = await listening((socket) => {
        const { port } = server;
        const upstream = connect(port, '127.0.0.1').on('error', () => undefined);
        socket.on('data', (data) => upstream.write(data)).on('close', () => upstream.destroy());
        upstream
          .on('data', (data) => setTimeout(() => socket.write(data), delayMs))
          .on('close', () => socket.destroy());
      });
      const members = [await startMember(toClient(slow.url)), await startMember(toClient(server.url))];
      await until('both are there', () => members.every(({ shared }) => shared.status.lookupds.length === 1));
      const agree = () => members.every(({ topology }) => topology.topics().length === 300);
      for (let i = 0; i < 300; i++) members[i % 2]!.topology.createTopic(`topic-${i}`);
      await until('all agree', agree);
      delayMs = 5000; // slower than is waited for
      await until('it is away', () => !members[0]!.shared.status.isConnected);
      delayMs = 0;
      await until('it is back', () => members[0]!.shared.status.isConnected && agree());
      for (const { shared } of members) await shared.close(200);
    });
  });
}

describe('what strangers write into Redis', { skip, timeout: 60_000 }, () => {
  test('of another version is left alone, and what is too long is not read', async () => {
    await using server = await startRedis();
    const one = await startMember(clients['@redis/client']!(server.url));
    const key = '{nsqlookupd}:shared:lookupd:newer';
    await server.command('HSET', key, 'format', '2', 'number', '1', 'atMs', '0', 'isWhole', '1', ':1 orders', '5');
    await server.command('SADD', '{nsqlookupd}:shared:lookupds', 'newer', 'no such', '../x');
    const stream = '{nsqlookupd}:shared:stream';
    const parts = {
      own: [],
      names: [],
      forgotten: [],
      tombstones: [],
      asked: [],
      atMs: 0,
      isFirst: true,
      isWhole: true,
    };
    const batches = [
      { ...parts, format: 2, origin: 'newer', number: 1 },
      { ...parts, format: 1, origin: 'long', number: 1, own: [['1 orders', 'x'.repeat(9_000_000)]] },
      { ...parts, format: 1, origin: 'deep', number: 1, own: [['1', '['.repeat(50_000)]] },
      {
        ...parts,
        format: 1,
        origin: 'proto',
        number: 1,
        own: [
          ['__proto__', '{}'],
          ['1', '{"__proto__":{"x":1}}'],
        ],
      },
      { ...parts, format: 1, origin: one.shared.status.origin, number: 99_999 },
      { ...parts, format: 1, origin: 'asks', number: 1, asked: [one.shared.status.origin, 'nobody'] },
    ];
    for (const batch of batches) await server.command('XADD', stream, '*', 'batch', JSON.stringify(batch));
    const late = await startMember(clients['ioredis']!(server.url));
    late.topology.createTopic('orders');
    await until('it goes on', () => one.topology.topics().join() === 'orders');
    assert.deepEqual(one.topology.nodes(), []);
    assert.equal(await server.command('HGET', key, ':1 orders'), '5');
    for (const { shared } of [one, late]) await shared.close(200);
  });

  test('in its own name, or while all is flushed over and over, keeps nobody from agreeing', async () => {
    await using server = await startRedis();
    const members = [
      await startMember(clients['@redis/client']!(server.url)),
      await startMember(clients['ioredis']!(server.url)),
    ];
    const of = (origin: string) => `{nsqlookupd}:shared:lookupd:${origin}`;
    for (let i = 0; i < 50; i++) {
      const peer = createPeer(`host-${i}:4150`, { lastUpdateMs: Date.now() });
      members[i % 2]!.topology.join(peer);
      members[i % 2]!.topology.register(peer, `topic-${i % 7}`);
      if (i % 5 === 0) await server.command('FLUSHALL');
      if (i % 7 === 0) await server.command('HSET', of(members[0]!.shared.status.origin), 'number', '7777', ':9', '{}');
    }
    await until('all agree', () => members.every(({ topology }) => topology.nodes().length === 50));
    for (const { shared } of members) await shared.close(200);
  });
});
