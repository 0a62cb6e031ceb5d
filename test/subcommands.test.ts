import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { PeerClient } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';
import { CertificateFolder, NO_OPENSSL } from './support/certificates.js';
import { freePort } from './support/free-port.js';
import { COMMAND } from './support/command-lookupd.js';
import { CommandRuns } from './support/command-runs.js';

const T = { timeout: 60_000 };
const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };

const runs = new CommandRuns();
after(() => runs[Symbol.dispose]());
const { run } = runs;

/** The same in a process of its own. */
async function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, out, err };
}

/** A server that answers each path with a status and a text. */
async function serve(answers: Readonly<Record<string, readonly [number, string]>>): Promise<Server & AsyncDisposable> {
  const server = createServer((request, response) => {
    const [status, body] = answers[(request.url ?? '').replace(/\?.*/, '')] ?? [404, '{}'];
    response.writeHead(status).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const close = async (server: Server) => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
};

describe('nsqlookupd check', () => {
  test('says what is wrong at a lookupd, as text and as JSON', T, async () => {
    await using lookupd = createLookupd({ ...LOOPBACK, findings: true });
    const { httpAddress, tcpAddress } = await lookupd.listen();
    assert.deepEqual(await run('check', `http://${httpAddress}`), {
      code: 0,
      out: `no findings at ${httpAddress}\n`,
      err: '',
    });

    const identity = { broadcastAddress: '0.0.0.0', tcpPort: 4150, httpPort: 4151, hostname: 'h', version: '1.3.0' };
    const peer = new PeerClient({ lookupds: [tcpAddress], identity });
    await peer.start();
    await peer.register('orders');
    lookupd.topology.createChannel('lost', 'c');
    const shown = await start('check', httpAddress);
    assert.equal(shown.code, 1, shown.err);
    assert.match(shown.out, /^2 findings at 127/);
    assert.match(shown.out, /address-local: 0\.0\.0\.0:4150\n {2}seen: announces "0\.0\.0\.0"/);
    assert.match(shown.out, /topic-without-producer: lost\n {2}seen: 1 channel/);
    const { code, out } = await run('check', '-format', 'json', `http://${httpAddress}/`);
    assert.equal(code, 1);
    const { findings } = JSON.parse(out) as { findings: { kind: string; seen: string; why: string; advice: string }[] };
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['address-local', 'topic-without-producer'],
    );
    await peer.close();
  });

  test('connects to ports with -probe', T, async () => {
    const open = await serve({});
    const port = (open.address() as AddressInfo).port;
    await using lookupd = createLookupd(LOOPBACK);
    const { httpAddress, tcpAddress } = await lookupd.listen();
    const identity = { broadcastAddress: '127.0.0.1', tcpPort: port, httpPort: 1, hostname: 'h', version: '1.3.0' };
    const peer = new PeerClient({ lookupds: [tcpAddress], identity });
    await peer.start();
    const { code, out } = await run('check', '-probe', httpAddress);
    assert.equal(code, 1);
    assert.match(out, /^1 finding at [^]*port-unreachable: 127\.0\.0\.1:1\n/);
    await peer.close();
    await close(open);
  });

  test('reads what the original answers, with its clock, and trusts none of it', T, async () => {
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    const peer = (id: string, more: string) =>
      `{"id":"${id}","hostname":"h","broadcast_address":"127.0.0.1","tcp_port":4150,"http_port":4151,"version":"1.2.1","last_update":${nowNs},"tombstoned":false,"tombstoned_at":-6795364578871345152${more}}`;
    const one = peer('10.0.0.1:1', '');
    const debug = `{"client::":[${one}],"topic:t:":[${one}],"channel:t:c\\u001b[2J":[${one}]}`;
    const server = await serve({
      '/debug': [200, debug],
      '/topics': [200, '{"topics":["t","old","bad name"]}'],
      '/channels': [200, '{"channels":["c"]}'],
    });
    const { code, out } = await run('check', urlOf(server));
    assert.equal(code, 1);
    assert.match(out, /address-local: 127\.0\.0\.1:4150\n/);
    assert.match(out, /topic-without-producer: old\n/);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(out, /\u001b/);
    await close(server);
  });

  test('answers 2 when it cannot ask, and says why', T, async () => {
    const server = await serve({ '/debug': [200, '[]'] });
    const strange = await serve({ '/debug': [200, '{"a:b:c":1}'] });
    for (const [args, reason] of [
      [['check'], /a URL is missing/],
      [['check', '-bad', 'http://a'], /flag provided but not defined: -bad/],
      [['check', 'http://'], /not a URL/],
      [['check', `http://127.0.0.1:${await freePort()}`], /\/debug cannot be asked - .*ECONNREFUSED/],
      [['check', urlOf(server)], /\/debug answered no JSON object/],
      [['check', urlOf(strange)], /\/debug names "a:b:c"/],
      [['check', `${urlOf(server)}/elsewhere`], /\/debug answered 404/],
    ] as const) {
      const { code, out, err } = await (args.length === 1 ? start : run)(...args);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.match(err, reason);
      assert.equal(err.split('\n').length, 2);
    }
    await close(server);
    await close(strange);
  });
});

describe('nsqlookupd health', () => {
  test('answers 0 where it serves, also for the original, and 1 where not', T, async () => {
    const [up, original, starting, none] = [
      await serve({ '/healthz': [200, ''] }),
      await serve({ '/ping': [200, 'OK'] }),
      await serve({ '/healthz': [503, ''], '/ping': [200, 'OK'] }),
      await serve({}),
    ];
    assert.equal((await start('health', urlOf(up))).code, 0);
    assert.deepEqual(await run('health', urlOf(original)), { code: 0, out: '', err: '' });
    assert.deepEqual(await run('health', urlOf(starting)), {
      code: 1,
      out: '',
      err: 'nsqlookupd health: /healthz answered 503\n',
    });
    assert.equal((await start('health', urlOf(none))).code, 1);
    const { port } = up.address() as AddressInfo;
    assert.equal((await run('health', `-http-address=0.0.0.0:${port}`)).code, 0);
    assert.equal((await run('health', '-http-address', `:${port}`)).code, 0);
    assert.equal((await run('health', '-http-address=127.0.0.1:1')).code, 1);
    assert.equal((await run('health', '-http-address=1')).code, 2);
    for (const server of [up, original, starting, none]) await close(server);
  });
});

test(
  'both ask with a token, over TLS, with a certificate, where a lookupd wants that',
  { ...T, skip: NO_OPENSSL },
  async () => {
    using folder = new CertificateFolder();
    const authTokenFile = folder.file('tokens', '# consumers\n0123456789abcdef read\n', 0o600);
    const ca = folder.createCa('ca');
    const server = folder.create(ca, 'lookupd');
    const client = folder.create(ca, 'client');
    const tls = { tlsCert: server.certFile, tlsKey: server.keyFile, tlsRootCaFile: ca.certFile };
    await using lookupd = createLookupd({
      ...LOOPBACK,
      ...tls,
      httpsAddress: '127.0.0.1:0',
      tlsClientAuthPolicy: 'require-verify',
      authTokenFile,
      healthz: true,
      healthzOpen: false,
    });
    const { httpsAddress } = await lookupd.listen();
    const [token, root] = [`-auth-token-file=${authTokenFile}`, `-tls-root-ca-file=${ca.certFile}`];
    const shown = [`-tls-cert=${client.certFile}`, `-tls-key=${client.keyFile}`];
    const url = `https://${httpsAddress}`;
    for (const subcommand of ['check', 'health']) {
      const asked = (...flags: readonly string[]) => run(subcommand, url, ...flags);
      assert.deepEqual((await asked(token, root, ...shown)).err, '', subcommand);
      assert.equal((await asked(token, root, ...shown)).code, 0);
      assert.match((await asked(root, ...shown)).err, /answered 401/);
      assert.equal((await asked(token, root, '-tls-server-name=localhost', ...shown)).code, 0);
      assert.match(
        (await asked(token, root, '-tls-server-name=a.example.com', ...shown)).err,
        /cannot be asked - .*a\.example\.com/,
      );
      assert.match((await asked(token, ...shown)).err, /cannot be asked - .*certificate/);
      assert.match((await asked(token, root)).err, /cannot be asked - .*certificate/);
      const missing = await asked(token, '-tls-root-ca-file=/no/such/file');
      assert.equal(missing.code, 2);
      assert.match(missing.err, /-tls-root-ca-file \/no\/such\/file cannot be read/);
      assert.match(
        (await asked('-auth-token-file=/no/such/file')).err,
        /-auth-token-file \/no\/such\/file cannot be read/,
      );
      const refused = async (why: RegExp, ...flags: readonly string[]) => {
        const { code, err } = await asked(token, root, ...flags);
        assert.deepEqual([code, why.test(err)], [2, true], err);
      };
      const empty = folder.file('empty', '');
      await refused(/-tls-root-ca-file .*empty has no certificate in PEM/, `-tls-root-ca-file=${empty}`);
      await refused(/-tls-cert .*empty has no certificate in PEM/, `-tls-cert=${empty}`, shown[1]!);
      await refused(/-tls-cert .* and -tls-key .* cannot be used/, shown[0]!, `-tls-key=${server.keyFile}`);
      await refused(/-tls-cert and -tls-key go together/, shown[0]!);
      const plain = await run(subcommand, httpsAddress!, token, root);
      assert.deepEqual([plain.code, plain.err.includes(`http://${httpsAddress} is not asked over TLS`)], [2, true]);
    }
  },
);

test('-help names the subcommands, and theirs their flags', T, async () => {
  const { out } = await run('-help');
  for (const name of ['check', 'health']) {
    assert.match(out, new RegExp(`nsqlookupd ${name}`));
    const { code, out: own } = await run(name, '-help');
    assert.equal(code, 0);
    assert.match(own, new RegExp(`^Usage: nsqlookupd ${name} [^]*-timeout`));
  }
});

test('a lookupd notes who connects over and over, whether it admits all or asks', T, async () => {
  for (const admit of [undefined, <I>(identity: I) => identity]) {
    await using lookupd = createLookupd({ ...LOOPBACK, findings: true, admit });
    const { httpAddress, tcpAddress } = await lookupd.listen();
    for (let i = 0; i < 5; i++) {
      const identity = { broadcastAddress: '127.0.0.1', tcpPort: 1, httpPort: 2, hostname: 'h', version: '1.3.0' };
      const peer = new PeerClient({ lookupds: [tcpAddress], identity });
      await peer.start();
      await peer.close();
    }
    const { code, out } = await run('check', httpAddress);
    assert.equal(code, 1);
    assert.match(out, /reconnecting: 127\.0\.0\.1:1\n {2}seen: connected 5 times within \d+ seconds/);
  }
});
