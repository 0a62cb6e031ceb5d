import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient, createCluster, createSentinel } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createRedisRegistry, createSharedTopology, type RedisClient } from 'nsqlookupd/store';
import { sharedRegistryChecks } from 'nsqlookupd/testing';
import { CertificateFolder, NO_OPENSSL } from './support/certificates.js';
import { freePort } from './support/free-port.js';
import { skipWithoutRedis, startRedis, type RedisServer } from './support/redis-server.js';

const skip = skipWithoutRedis();
const LISTENER = { heard: () => undefined, lost: () => undefined };
let count = 0;

/** That a registry does what it must over each of the clients. */
async function complies(clients: Readonly<Record<string, () => RedisClient>>): Promise<void> {
  for (const [library, toClient] of Object.entries(clients)) {
    const make = () => {
      const [client, name] = [toClient(), `kind-${++count}`];
      return { registry: () => createRedisRegistry({ client, name }) };
    };
    for (const { name, run } of sharedRegistryChecks(make))
      await run().catch((error: unknown) => assert.fail(`over ${library}: ${name}: ${String(error)}`));
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const endsAt = Date.now() + ms;
  // To ask takes a connection, and so more than what is waited for.
  for (let pauseMs = 20; !(await isSo()); await pause((pauseMs = Math.min(2 * pauseMs, 200))))
    assert.ok(Date.now() < endsAt, `not within ${ms} ms: ${what}`);
}

/** A server that is asked, as one that has just started may not be what it is to be yet. */
const says = async (server: RedisServer, part: string, ...args: string[]) =>
  JSON.stringify(await server.command(...args).catch(() => '')).includes(part);

describe('a registry in Redis', { skip, timeout: 120_000 }, () => {
  test('goes over TLS', { skip: NO_OPENSSL }, async () => {
    using folder = new CertificateFolder();
    const ca = folder.createCa('ca');
    const { certFile, keyFile } = folder.create(ca, 'localhost');
    const port = await freePort();
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', ca.certFile];
    await using server = await startRedis('--tls-port', String(port), '--tls-auth-clients', 'no', ...files);
    assert.equal(await server.command('PING'), 'PONG');
    const url = `rediss://127.0.0.1:${port}`;
    await complies({
      '@redis/client': () => createClient({ url, socket: { tls: true, ca: ca.cert } }),
      ioredis: () => new Redis(url, { lazyConnect: true, tls: { ca: ca.cert } }),
    });
    const unknown = createRedisRegistry({ client: createClient({ url }) }); // which does not know the CA
    await assert.rejects(unknown.connect(LISTENER, new AbortController().signal), /certificate/);
  });

  test('needs no more than a user may who is told of in the docs', async () => {
    await using server = await startRedis();
    const commands = ['+@read', '+@write', '+@scripting', '+@connection'];
    await server.command('ACL', 'SETUSER', 'lookupd', 'on', '>secret', '~{kind-*}:shared:*', ...commands);
    const url = `redis://lookupd:secret@127.0.0.1:${server.port}/0`;
    await complies({
      '@redis/client': () => createClient({ url }),
      ioredis: () => new Redis(url, { lazyConnect: true }),
    });
    assert.deepEqual(await server.command('ACL', 'LOG'), []);
  });

  test('goes to a cluster, wherever in it the name is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-cluster-'));
    const args = (i: number) => ['--cluster-enabled', 'yes', '--cluster-config-file', join(folder, `${i}.conf`)];
    await using one = await startRedis(...args(1));
    await using two = await startRedis(...args(2));
    try {
      await one.command('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
      await two.command('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
      await one.command('CLUSTER', 'MEET', '127.0.0.1', String(two.port));
      for (const node of [one, two])
        await until(
          'the cluster is up',
          async () =>
            (await says(node, 'cluster_state:ok', 'CLUSTER', 'INFO')) &&
            says(node, 'cluster_known_nodes:2', 'CLUSTER', 'INFO'),
        );
      await complies({
        '@redis/client': () => createCluster({ rootNodes: [{ url: one.url }] }),
        ioredis: () => new Cluster([{ host: '127.0.0.1', port: one.port }], { lazyConnect: true }),
      });
      const keys = await Promise.all([one, two].map((node) => node.command('DBSIZE')));
      assert.ok(keys.every((size) => Number(size) > 0));
      // To one of them alone it is told where to go, which shows.
      const plain = createRedisRegistry({ client: createClient({ url: one.url }), name: 'a' }); // slot 15495
      const connecting = plain.connect(LISTENER, new AbortController().signal);
      await assert.rejects(connecting, /MOVED/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('follows what sentinels say, also when the master is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-sentinel-'));
    await using master = await startRedis();
    await using replica = await startRedis('--replicaof', '127.0.0.1', String(master.port));
    await until('the replica follows', () => says(replica, 'master_link_status:up', 'INFO', 'replication'));
    const file = join(folder, 'sentinel.conf');
    writeFileSync(
      file,
      `sentinel monitor main 127.0.0.1 ${master.port} 1\nsentinel down-after-milliseconds main 500\n`,
    );
    await using sentinel = await startRedis(file, '--sentinel');
    try {
      await until('the replica is known', () => says(sentinel, String(replica.port), 'SENTINEL', 'REPLICAS', 'main'));
      const address = { host: '127.0.0.1', port: sentinel.port };
      const clients = {
        '@redis/client': () => createSentinel({ name: 'main', sentinelRootNodes: [address] }),
        ioredis: () => new Redis({ sentinels: [address], name: 'main', lazyConnect: true }),
      };
      await complies(clients);
      const members = Object.values(clients).map((toClient) => {
        const topology = new Topology({ db: new RegistrationDB() });
        return {
          topology,
          shared: createSharedTopology({ topology, registry: createRedisRegistry({ client: toClient() }) }),
        };
      });
      for (const { shared } of members) await shared.start();
      await master.stop();
      members[0]!.topology.createTopic('meanwhile');
      await until('all agree', () => members.every(({ topology }) => topology.topics().join() === 'meanwhile'), 60_000);
      for (const { shared } of members) assert.equal(shared.status.isConnected, true);
      for (const { shared } of members) await shared.close(500);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
