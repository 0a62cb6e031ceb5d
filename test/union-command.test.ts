import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import dns from 'node:dns/promises';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PeerClient, resolveLookupds } from 'nsqlookupd/client';
import { createHttpHandler, toNodeHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { CertificateFolder, NO_OPENSSL } from './support/certificates.js';
import { COMMAND, startCommand } from './support/command-lookupd.js';
import { peerOf } from './support/peers.js';
import { until } from './support/union-world.js';

/** The command as a union, on a free port. */
async function startUnion(...args: readonly string[]) {
  const flags = ['-http-address=127.0.0.1:0', '-lookupd-poll-interval=100ms', ...args];
  const child = spawn(process.execPath, [COMMAND, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const exited = once(child, 'exit');
  await until(() => /HTTP: listening on/.test(log) || child.exitCode !== null);
  const base = `http://127.0.0.1:${/HTTP: listening on \S+:(\d+)/.exec(log)?.[1]}`;
  return {
    base,
    log: () => log,
    exitCode: () => child.exitCode,
    hangUp: () => child.kill('SIGHUP'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function announce(port: number, name: string): Promise<PeerClient> {
  const identity = { broadcastAddress: name, hostname: name, tcpPort: 4150, httpPort: 4151, version: '1.3.0' };
  const client = new PeerClient({ lookupds: [`127.0.0.1:${port}`], identity });
  await client.register('orders');
  await client.start();
  return client;
}

describe('the command as a union', () => {
  test('answers for lookupds of ours and for one as the original, though one is killed', async () => {
    await using a = await startCommand();
    await using b = await startCommand();
    const original = new Topology({ db: new RegistrationDB() });
    const server = createServer(toNodeHandler(createHttpHandler({ topology: original })));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const at = (port: number) => ['-lookupd-http-address', `127.0.0.1:${port}`];
    const ports = [a.httpPort, b.httpPort, (server.address() as AddressInfo).port];
    await using union = await startUnion('-lookupd-grace=500ms', ...ports.flatMap(at));
    const peers = [await announce(a.tcpPort, 'n1'), await announce(b.tcpPort, 'n1')];
    peers.push(await announce(b.tcpPort, 'n2'));
    const foreign = peerOf('n3', { broadcastAddress: 'n3', lastUpdateMs: original.clock() });
    original.join(foreign);
    original.register(foreign, 'orders');
    try {
      const named = async () => {
        const response = await fetch(`${union.base}/lookup?topic=orders`);
        const { producers = [] } = (await response.json()) as { producers?: { broadcast_address: string }[] };
        return producers
          .map(({ broadcast_address: host }) => host)
          .sort()
          .join();
      };
      await until(async () => (await named()) === 'n1,n2,n3');
      const made = await fetch(`${union.base}/channel/create?topic=orders&channel=c`, { method: 'POST' });
      assert.deepEqual([made.status, await made.text()], [200, '']);
      assert.deepEqual(original.channels('orders'), ['c']);
      await b.stop('SIGKILL');
      await until(async () => (await named()) === 'n1,n3');
      const down = `127.0.0.1:${b.httpPort}`;
      const { headers } = await fetch(`${union.base}/topics`);
      assert.equal(headers.get('x-nsqlookupd-down'), down);
      const ready = (await (await fetch(`${union.base}/readyz`)).json()) as { down: string[] };
      assert.deepEqual(ready, { ready: true, reasons: [], down: [down] });
      const some = await fetch(`${union.base}/topic/create?topic=t`, { method: 'POST' });
      assert.equal(some.status, 200);
      const { failures } = (await some.json()) as { failures: { lookupd: string }[] };
      assert.deepEqual(
        failures.map(({ lookupd }) => lookupd),
        [down],
      );
      assert.doesNotMatch(union.log(), /TCP: listening/);
    } finally {
      for (const peer of peers) await peer.close();
      server.close();
      server.closeAllConnections();
    }
  });

  test('takes a name, which stands for its addresses', async () => {
    await using a = await startCommand();
    await using union = await startUnion('-lookupd-http-address', `localhost:${a.httpPort}`, '-stats');
    const { lookupds } = (await (await fetch(`${union.base}/stats`)).json()) as { lookupds: { address: string }[] };
    assert.ok(lookupds.some(({ address }) => address === `127.0.0.1:${a.httpPort}`));
    assert.equal((await fetch(`${union.base}/topics`)).status, 200);
  });

  test('tells whoever runs it of itself, and the lookupds its token', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-union-'));
    const [theirs, own] = [join(folder, 'theirs'), join(folder, 'own')];
    writeFileSync(theirs, 'a-token-of-the-lookupds read\n', { mode: 0o600 });
    writeFileSync(own, 'a-token-of-the-lookupds\n', { mode: 0o600 });
    try {
      await using a = await startCommand([`-auth-token-file=${theirs}`]);
      const at = ['-lookupd-http-address', `127.0.0.1:${a.httpPort}`, '-lookupd-http-address=127.0.0.1:1'];
      await using union = await startUnion(...at, `-lookupd-token-file=${own}`, '-pprof');
      await using peer = { client: await announce(a.tcpPort, 'n1'), [Symbol.asyncDispose]: () => peer.client.close() };
      const get = async (path: string) => (await fetch(`${union.base}${path}`)).text();
      await until(async () => (await get('/lookup?topic=orders')).includes('"n1"'));
      const metrics = await get('/metrics');
      assert.match(metrics, /^nsqlookupd_union_lookupds\{state="up"\} 1$/m);
      assert.match(metrics, /^nsqlookupd_union_lookupds\{state="down"\} 1$/m);
      const { findings } = JSON.parse(await get('/findings')) as { findings: { kind: string; subject: string }[] };
      assert.ok(findings.some(({ kind, subject }) => kind === 'union-lookupd-down' && subject === '127.0.0.1:1'));
      assert.ok(!findings.some(({ kind }) => kind === 'silent'));
      assert.match(await get('/openapi.json'), /"\/findings"/);
      assert.equal((await fetch(`${union.base}/debug/pprof/cmdline`)).status, 200);
      assert.equal((await fetch(`${union.base}/sd/nsqd`)).status, 503); // so soon after the start
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test(
    'tells of its certificates and of the limits that clients meet, as a lookupd does',
    { skip: NO_OPENSSL },
    async () => {
      using folder = new CertificateFolder();
      const { certFile, keyFile } = folder.createCa('near its end');
      const tls = ['-https-address=127.0.0.1:0', `-tls-cert=${certFile}`, `-tls-key=${keyFile}`];
      const limit = '-http-max-header-bytes=1000';
      const empty = folder.file('empty', '');
      await using refused = await startUnion('-lookupd-http-address=https://a:1', `-lookupd-tls-root-ca-file=${empty}`);
      assert.match(refused.log(), /FATAL: -lookupd-tls-root-ca-file .*empty has no certificate in PEM/);
      await using a = await startCommand();
      await using union = await startUnion(`-lookupd-http-address=127.0.0.1:1,127.0.0.1:${a.httpPort}`, limit, ...tls);
      await until(async () => (await fetch(`${union.base}/debug`)).status === 200);
      const get = async (path: string) => (await fetch(`${union.base}${path}`)).text();
      assert.match(union.log(), /WARNING: -tls-cert .*: the certificate CN=near its end expires soon/);
      assert.equal((await fetch(`${union.base}/topics?${'a'.repeat(2000)}`)).status, 431);
      assert.match(await get('/findings'), /"kind":"certificate-expiring","subject":"CN=near its end"/);
      const { status, stdout } = spawnSync(process.execPath, [COMMAND, 'check', union.base], { encoding: 'utf8' });
      assert.equal(status, 1);
      assert.match(stdout, /^union-lookupd-down: 127\.0\.0\.1:1$/m);
      assert.match(stdout, /^certificate-expiring: CN=near its end$/m);
      const metrics = await get('/metrics');
      assert.match(metrics, /^nsqlookupd_tls_certificate_expiry_timestamp_seconds\{option="tlsCert"\} \d+$/m);
      assert.match(metrics, /^nsqlookupd_limits_met_total\{limit="httpMaxHeaderBytes"\} 1$/m);
    },
  );

  test('asks lookupds over https whose CA is told, and no others', { skip: NO_OPENSSL }, async () => {
    using folder = new CertificateFolder();
    const ca = folder.createCa('ca');
    const { certFile, keyFile } = folder.create(ca, 'lookupd');
    await using a = await startCommand(['-https-address=127.0.0.1:0', `-tls-cert=${certFile}`, `-tls-key=${keyFile}`]);
    await using peer = { client: await announce(a.tcpPort, 'n1'), [Symbol.asyncDispose]: () => peer.client.close() };
    const port = () => /HTTPS: listening on \S+:(\d+)/.exec(a.log())?.[1];
    await until(port);
    const at = ['-lookupd-http-address', `https://127.0.0.1:${port()}`];
    const stateWith = async (...flags: readonly string[]) => {
      await using union = await startUnion(...at, '-stats', ...flags);
      const { status } = await fetch(`${union.base}/lookup?topic=orders`);
      const { lookupds } = (await (await fetch(`${union.base}/stats`)).json()) as { lookupds: { state: string }[] };
      return [status, lookupds[0]!.state];
    };
    assert.deepEqual(await stateWith(`-lookupd-tls-root-ca-file=${ca.certFile}`), [200, 'up']);
    assert.deepEqual(await stateWith(), [502, 'down']);
    assert.deepEqual(await stateWith(`-lookupd-tls-root-ca-file=${folder.createCa('other').certFile}`), [502, 'down']);
    const other = folder.createCa('another');
    await using union = await startUnion(...at, '-stats', `-lookupd-tls-root-ca-file=${other.certFile}`);
    const status = async () => (await fetch(`${union.base}/lookup?topic=orders`)).status;
    assert.equal(await status(), 502);
    copyFileSync(ca.certFile, other.certFile);
    union.hangUp();
    await until(async () => (await status()) === 200, 'the CA is read again');
    await using wrong = await startUnion(...at, `-lookupd-tls-root-ca-file=${folder.file('none')}`);
    assert.equal(wrong.exitCode(), 1);
    assert.match(wrong.log(), /lookupd-tls-root-ca-file/);
  });

  test('takes a name of SRV records, for the hosts and ports of those, and those of before while there are none', async () => {
    let records: readonly (readonly [port: number, host: string])[] = [
      [4161, 'b.example'],
      [4261, 'a.example'],
    ];
    const server = createSocket('udp4');
    server.on('message', (question, { port }) => server.send(toSrvAnswer(question, records), port, '127.0.0.1'));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const before = dns.getServers();
    const setServers = (servers: readonly string[]) => {
      dns.setServers(servers);
      syncBuiltinESMExports();
    };
    try {
      setServers([`127.0.0.1:${server.address().port}`]);
      const lookupds = resolveLookupds('_http._tcp.lookupd.example');
      assert.deepEqual(await lookupds(), ['a.example:4261', 'b.example:4161']);
      records = [];
      assert.deepEqual(await lookupds(), ['a.example:4261', 'b.example:4161']);
      records = [[4361, 'c.example']];
      assert.deepEqual(await lookupds(), ['c.example:4361']);
      records = [];
      await assert.rejects(resolveLookupds('_http._tcp.other.example')());
    } finally {
      setServers(before);
      server.close();
    }
  });

  test('listens for no peers', async () => {
    await using union = await startUnion('-lookupd-http-address=127.0.0.1:1', '-tcp-address=127.0.0.1:0');
    assert.equal(union.exitCode(), 1);
    assert.match(union.log(), /a tcp-address does not go with a lookupd-http-address/);
  });
});

/** What a DNS server answers with those records; that there is no such name, without any. */
function toSrvAnswer(question: Buffer, records: readonly (readonly [port: number, host: string])[]): Buffer {
  let end = 12;
  while (question[end] !== 0) end += question[end]! + 1;
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(records.length > 0 ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  const answers = records.map(([port, host]) => {
    const labels = host.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
    const target = Buffer.concat([...labels, Buffer.from([0])]);
    // The name of the question, SRV, IN, for a second; priority and weight.
    const fixed = Buffer.from([
      0xc0,
      12,
      0,
      33,
      0,
      1,
      0,
      0,
      0,
      1,
      0,
      6 + target.length,
      0,
      1,
      0,
      1,
      port >> 8,
      port & 255,
    ]);
    return Buffer.concat([fixed, target]);
  });
  return Buffer.concat([header, question.subarray(12, end + 5), ...answers]);
}
