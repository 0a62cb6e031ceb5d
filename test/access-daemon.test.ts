import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { createLookupd, type LookupdOptions } from 'nsqlookupd/daemon';
import { FakeNsqd } from 'nsqlookupd/testing';
import { CertificateFolder, NO_OPENSSL } from './support/certificates.js';
import { fetchRaw, startCommand } from './support/command-lookupd.js';

const TIMEOUT = { timeout: 20_000 };
const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
const READER = 'reader-0123456789';
const WRITER = 'writer-0123456789';
const TOKENS = `# who may\n\n${READER} read\r\n  ${WRITER}\twrite\n`;

const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-access-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
function fileOf(text: string, mode = 0o600): string {
  const path = join(folder, String(++files));
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const bearing = (token: string) => ({ Authorization: `Bearer ${token}` });
const portOf = (address: string | undefined) => Number(address?.split(':').at(-1));
const routes: LookupdOptions['routes'] = ['metrics', 'healthz', 'readyz'].map((name) => ({
  method: 'GET',
  path: `/${name}`,
  action: { name, kind: 'read' },
  answer: () => ({ status: 200, headers: {}, body: name }),
}));

async function start(options: LookupdOptions) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const lookupd = createLookupd({ ...LOOPBACK, log: { info: write, warn: write, error: write }, ...options });
  await lookupd.listen();
  const port = portOf(lookupd.httpAddress);
  const status = async (method: string, path: string, headers = {}) =>
    (await fetchRaw(port, method, path, headers)).status;
  return { lookupd, lines, status, port, [Symbol.asyncDispose]: () => lookupd.close() };
}

describe('authTokenFile', TIMEOUT, () => {
  test('lets in who has a token, however a path is written', async () => {
    await using it = await start({ authTokenFile: fileOf(TOKENS) });
    assert.equal(await it.status('GET', '/topics'), 401);
    assert.equal(await it.status('GET', '/topics', bearing(READER)), 200);
    for (const path of [
      '/topic/create',
      '//topic/create',
      '/topic//create/',
      '/%74opic/create',
      '/topic%2fcreate',
      '//topic/delete',
      '/topic/./../topic/delete',
    ]) {
      const target = `${path}?topic=t`;
      for (const [headers, allowed] of [
        [{}, [401, 307]],
        [bearing('no-such-token-at-all'), [401, 307]],
        [bearing(READER), [403, 307]],
      ] as const)
        assert.ok((allowed as readonly number[]).includes(await it.status('POST', target, headers)), path);
    }
    assert.deepEqual(it.lookupd.topology.topics(), []);
    assert.equal(await it.status('POST', '//topic/create/?topic=t', bearing(WRITER)), 200);
    assert.equal(await it.status('GET', '/topics', bearing(WRITER)), 200);
    // In the query it would be in the log.
    assert.equal(await it.status('GET', `/topics?token=${READER}&access_token=${READER}`), 401);
    assert.ok(it.lookupd.refusals.unauthorized > 10 && it.lookupd.refusals.forbidden >= 5);
    assert.equal(it.lines.filter((line) => line.startsWith('HTTP: refused')).length, 1);
    assert.ok(!it.lines.some((line) => line.includes('0123456789') && !line.includes('token=')), 'no token in the log');
  });

  for (const [what, text, words] of [
    ['empty', '', /there is no token in it/],
    ['of comments alone', '# nobody\n\n', /there is no token in it/],
    ['with a line of a token alone', `${WRITER} write\n${READER}\n`, /line 2 is not TOKEN read or TOKEN write/],
    ['with another right', `${WRITER} admin`, /line 1 is not/],
    ['with a right in capitals', `${WRITER} READ`, /line 1 is not/],
    ['with more than a token and a right', `${WRITER} read write`, /line 1 is not/],
    ['with a token twice', `${WRITER} read\n${WRITER} write`, /line 2 has what an earlier line has/],
    ['with no name where one belongs', 'cn: write', /line 1 is not/],
    ['with a byte that is no text', `${WRITER}\0 read`, /line 1 is not/],
    ['with a token that is too long', `${'x'.repeat(257)} read`, /line 1 is not/],
    ['too long', 'x'.repeat(2 ** 20 + 1), /cannot be read - longer than/],
  ] as const) {
    test(`that is ${what} keeps it from listening, and is named without a token`, async () => {
      const authTokenFile = fileOf(text);
      await using lookupd = createLookupd({ ...LOOPBACK, authTokenFile });
      await assert.rejects(lookupd.listen(), (error: Error) => {
        assert.match(error.message, words);
        assert.ok(error.message.startsWith(`authTokenFile ${authTokenFile}`) && !error.message.includes('0123456789'));
        return true;
      });
      assert.equal(lookupd.httpAddress, undefined);
    });
  }

  test('that is not there, or no file, or too long, is named', async () => {
    const pipe = join(folder, 'pipe');
    const paths = [join(folder, 'nowhere'), folder, fileOf('#'.repeat(1024 * 1024 + 1))];
    if (process.platform !== 'win32') {
      execFileSync('mkfifo', [pipe]); // which nobody writes to
      paths.push(pipe, '/dev/zero');
    }
    for (const authTokenFile of paths) {
      await using lookupd = createLookupd({ ...LOOPBACK, authTokenFile });
      await assert.rejects(
        lookupd.listen(),
        /authTokenFile .* cannot be read - (?:ENOENT|not a file|longer than 1048576 bytes)/,
      );
    }
  });

  test(
    'that anybody may write to is not taken; one that anybody may read, with a warning',
    { skip: process.platform === 'win32' },
    async () => {
      await using lookupd = createLookupd({ ...LOOPBACK, authTokenFile: fileOf(TOKENS, 0o602) });
      await assert.rejects(lookupd.listen(), /anybody may write to it/);
      await using it = await start({ authTokenFile: fileOf(TOKENS, 0o644) });
      assert.ok(it.lines.some((line) => /authTokenFile .*: anybody may read it/.test(line)));
      await using quiet = await start({ authTokenFile: fileOf(TOKENS, 0o640) });
      assert.ok(!quiet.lines.some((line) => line.includes('anybody')));
    },
  );

  test('of more tokens than are compared with each request is not taken', async () => {
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `${String(i).padStart(20, 't')} read\n`);
    await using lookupd = createLookupd({ ...LOOPBACK, authTokenFile: fileOf(lines(1001).join('')) });
    await assert.rejects(lookupd.listen(), /authTokenFile .*: there must be at most 1000 tokens/);
    await using it = await start({ authTokenFile: fileOf(lines(1000).join('')) });
    assert.equal(await it.status('GET', '/topics', bearing('7'.padStart(20, 't'))), 200);
  });

  test('with a token that can be guessed is warned of', async () => {
    await using it = await start({ authTokenFile: fileOf('abc read') });
    assert.ok(it.lines.some((line) => /the token of line 1 is short enough to be guessed/.test(line)));
    assert.equal(await it.status('GET', '/topics', bearing('abc')), 200);
  });

  test('is read anew, and stays as it was where it is bad', async () => {
    const path = fileOf(TOKENS);
    await using it = await start({ authTokenFile: path });
    writeFileSync(path, 'another-0123456789 read\n');
    it.lookupd.reload();
    assert.equal(await it.status('GET', '/topics', bearing(READER)), 401);
    assert.equal(await it.status('GET', '/topics', bearing('another-0123456789')), 200);
    for (const bad of ['', 'rubbish']) {
      writeFileSync(path, bad);
      it.lookupd.reload();
      assert.match(it.lines.at(-1)!, /^kept what was loaded before - authTokenFile /);
      assert.equal(await it.status('GET', '/topics', bearing('another-0123456789')), 200);
    }
    rmSync(path);
    it.lookupd.reload();
    assert.equal(await it.status('GET', '/topics', bearing('another-0123456789')), 200);
    assert.equal(await it.status('GET', '/topics'), 401);
  });
});

test(
  'a link that is set to another file is read anew, by itself',
  { ...TIMEOUT, skip: process.platform === 'win32' },
  async () => {
    const link = join(folder, 'link');
    symlinkSync(fileOf(TOKENS), link);
    let told: (line: string) => void = () => {};
    const loaded = () =>
      new Promise<void>((resolve) => {
        told = (line) => {
          if (line.includes('tokens and names loaded')) resolve();
        };
      });
    const log = { info: (line: string) => told(line) };
    const first = loaded();
    await using it = await start({ authTokenFile: link, log });
    await first;
    const second = loaded();
    symlinkSync(fileOf('another-0123456789 read\n'), `${link}.new`);
    renameSync(`${link}.new`, link); // as Kubernetes does it
    await second;
    assert.equal(await it.status('GET', '/topics', bearing('another-0123456789')), 200);
    assert.equal(await it.status('GET', '/topics', bearing(READER)), 401);
  },
);

test('a file that changes between being read and being watched is read anew, by itself', TIMEOUT, async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const path = fileOf(TOKENS);
  const store = {
    load: () => {
      writeFileSync(path, 'another-0123456789 read\n');
      return Promise.resolve(undefined);
    },
    save: () => Promise.resolve(),
  };
  await using it = await start({ authTokenFile: path, store });
  assert.equal(await it.status('GET', '/topics', bearing(READER)), 200);
  t.mock.timers.tick(2000);
  assert.equal(await it.status('GET', '/topics', bearing('another-0123456789')), 200);
  assert.equal(await it.status('GET', '/topics', bearing(READER)), 401);
});

describe('the other options of who may', TIMEOUT, () => {
  test('readFrom and writeFrom go by address; an empty list lets in nobody', async () => {
    await using it = await start({ readFrom: ['127.0.0.0/8'], writeFrom: ['10.0.0.0/8', '::1'] });
    assert.equal(await it.status('GET', '/topics'), 200);
    assert.equal(await it.status('POST', '/topic/create?topic=t'), 403);
    await using nobody = await start({ readFrom: [] });
    assert.equal(await nobody.status('GET', '/topics'), 403);
    assert.equal(await nobody.status('POST', '/topic/create?topic=t'), 200);
  });

  test('trustedProxies say who asks, also in the log', async () => {
    const options = { readFrom: ['192.0.2.0/24'] };
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    await using trusting = await start({ ...options, trustedProxies: ['127.0.0.1'] });
    assert.equal(await trusting.status('GET', '/topics', from('192.0.2.7')), 200);
    assert.equal(await trusting.status('GET', '/topics', from('192.0.2.7, 198.51.100.1')), 403);
    assert.ok(trusting.lines.some((line) => /^200 GET \/topics \(192\.0\.2\.7\) /.test(line)));
    assert.ok(trusting.lines.includes('HTTP: refused 198.51.100.1 - 403 FORBIDDEN GET topics'));
    await using other = await start(options);
    assert.equal(await other.status('GET', '/topics', from('192.0.2.7')), 403);
  });

  test('readOnly lets nobody write, with whatever token', async () => {
    await using it = await start({ readOnly: true, authTokenFile: fileOf(TOKENS) });
    const { status, text } = await fetchRaw(it.port, 'POST', '/topic/create?topic=t', bearing(WRITER));
    assert.deepEqual([status, text], [403, '{"message":"READ_ONLY"}']);
    assert.equal(await it.status('GET', '/topics', bearing(READER)), 200);
  });

  test('health is open to anybody, metrics are not, and each can be set', async () => {
    const authTokenFile = fileOf(TOKENS);
    const ask = async (options: LookupdOptions) => {
      await using it = await start({ routes, authTokenFile, readFrom: ['127.0.0.1'], ...options });
      return await Promise.all(['/metrics', '/healthz', '/readyz', '/topics'].map((path) => it.status('GET', path)));
    };
    assert.deepEqual(await ask({}), [401, 200, 200, 401]);
    assert.deepEqual(await ask({ metricsOpen: true, healthzOpen: false, readyzOpen: false }), [200, 401, 401, 401]);
    assert.deepEqual(await ask({ readFrom: ['10.0.0.0/8'] }), [403, 200, 200, 403]);
  });

  test('authorize and admit of the host are asked besides', async () => {
    await using it = await start({
      readFrom: ['127.0.0.1'],
      authorize: (_caller, { name }) => name !== 'nodes' || { status: 403 },
      registerFrom: ['127.0.0.1'],
      admit: () => ({ refused: 'not today' }),
    });
    assert.deepEqual([await it.status('GET', '/topics'), await it.status('GET', '/nodes')], [200, 403]);
    const nsqd = await FakeNsqd.connect(it.lookupd.tcpAddress!, 'host-1:4150');
    await assert.rejects(nsqd.identify(), /not today/);
    assert.deepEqual(it.lookupd.refusals, { unauthorized: 0, forbidden: 1, peers: 1 });
  });

  test('registerFrom says which peers may come', async () => {
    await using it = await start({ registerFrom: ['10.0.0.0/8'] });
    const nsqd = await FakeNsqd.connect(it.lookupd.tcpAddress!, 'host-1:4150');
    await assert.rejects(nsqd.identify(), /peers from this address may not register/);
    assert.equal(it.lookupd.refusals.peers, 1);
    assert.deepEqual(it.lookupd.topology.nodes(), []);
  });

  test('producerAddress and rewrite say where producers are found, the rows first', async () => {
    for (const [options, expected] of [
      [{}, 'host-1'],
      [{ producerAddress: 'remote' }, '127.0.0.1'],
      [{ producerAddress: 'remote', rewrite: { 'host-1': 'nsqd.example.com' } }, 'nsqd.example.com'],
      [{ producerAddress: 'remote', rewrite: { 'host-2': 'nsqd.example.com' } }, '127.0.0.1'],
      [{ rewrite: { '127.0.0.0/8': 'nsqd.example.com' } }, 'nsqd.example.com'],
      [{ rewrite: { '10.0.0.0/8': 'nsqd.example.com' } }, 'host-1'],
    ] as const) {
      await using it = await start(options);
      const nsqd = await FakeNsqd.connect(it.lookupd.tcpAddress!, 'host-1:4150');
      await nsqd.identify();
      await nsqd.register('orders');
      const { text } = await fetchRaw(it.port, 'GET', '/lookup?topic=orders');
      const { producers } = JSON.parse(text) as { producers: { broadcast_address: string }[] };
      assert.equal(producers[0]?.broadcast_address, expected);
      nsqd.drop();
    }
  });

  for (const [options, words] of [
    [{ readFrom: '10.0.0.0/8' }, /readFrom must be an array/],
    [{ writeFrom: ['10.0.0/8'] }, /writeFrom: "10\.0\.0\/8" is no address or network/],
    [{ trustedProxies: [''] }, /trustedProxies: ""/],
    [{ registerFrom: ['all'] }, /registerFrom: "all"/],
    [{ readOnly: 'yes' }, /readOnly must be true or false/],
    [{ metricsOpen: 1 }, /metricsOpen must be true or false/],
    [{ producerAddress: 'local' }, /producerAddress must be one of announced, remote/],
    [{ rewrite: [] }, /where a peer is found must be/],
    [{ rewrite: 5 }, /rewrite must be an object/],
    [{ rewrite: { '10.0.0.0/99': 'a' } }, /rewrite: "10\.0\.0\.0\/99"/],
    [{ rewrite: { a: '' } }, /rewrite: "a" must have an address/],
    [{ authTokenFile: 5 }, /authTokenFile must be a string/],
  ] as const) {
    test(`a wrong one is a TypeError: ${String(words)}`, () => {
      assert.throws(
        () => createLookupd(options as LookupdOptions),
        (error: Error) => error instanceof TypeError && words.test(error.message),
      );
    });
  }
});

describe('the command', { timeout: 60_000, skip: process.platform === 'win32' && 'no SIGHUP' }, () => {
  test('reads tokens anew on SIGHUP, and keeps the old ones where the file is bad', async () => {
    const path = fileOf(TOKENS);
    const config = fileOf(
      `auth_token_file = ${JSON.stringify(path)}\nread_from = ["127.0.0.1"]\n\n[rewrite]\n"127.0.0.0/8" = "nsqd.example.com"\n`,
    );
    await using command = await startCommand([`-config=${config}`]);
    const status = async (token: string) => (await fetchRaw(command.httpPort, 'GET', '/topics', bearing(token))).status;
    const logged = async (pattern: RegExp) => {
      while (!pattern.test(command.log()))
        await new Promise((resolve) => command.process.stderr!.once('data', resolve));
    };
    assert.deepEqual([await status(READER), await status('no-such-token-at-all')], [200, 401]);
    writeFileSync(`${path}.new`, 'another-0123456789 read\n', { mode: 0o600 });
    renameSync(`${path}.new`, path); // as a careful writer does it
    command.process.kill('SIGHUP');
    await logged(/tokens and names loaded from .*: 1$/m);
    assert.deepEqual([await status(READER), await status('another-0123456789')], [401, 200]);
    writeFileSync(path, '');
    command.process.kill('SIGHUP');
    await logged(/ERROR: kept what was loaded before - -auth-token-file .*: there is no token in it/);
    assert.deepEqual([await status(READER), await status('another-0123456789')], [401, 200]);
    const nsqd = await FakeNsqd.connect(`127.0.0.1:${command.tcpPort}`, 'host-1:4150');
    await nsqd.identify();
    const { text } = await fetchRaw(command.httpPort, 'GET', '/nodes', bearing('another-0123456789'));
    assert.match(text, /"broadcast_address":"nsqd\.example\.com"/);
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  test('takes a new certificate on SIGHUP, while a connection stays open', { skip: NO_OPENSSL }, async () => {
    using certificates = new CertificateFolder();
    const ca = certificates.createCa('root');
    const [first, second] = [certificates.create(ca, 'first'), certificates.create(ca, 'second')];
    const [cert, key] = [certificates.file('cert', first.cert), certificates.file('key', first.key)];
    const tls = ['-https-address=127.0.0.1:0', `-tls-cert=${cert}`, `-tls-key=${key}`, '-tls-required'];
    await using command = await startCommand(tls);
    const logged = async (pattern: RegExp) => {
      for (;;) {
        const found = pattern.exec(command.log());
        if (found) return found;
        await new Promise((resolve) => command.process.stderr!.once('data', resolve));
      }
    };
    const [, port] = await logged(/HTTPS: listening on \S+:(\d+)/);
    const subjectAt = async (socket: TLSSocket) => {
      await once(socket, 'secureConnect');
      return socket.getPeerCertificate().subject.CN;
    };
    const open = connect({ host: '127.0.0.1', port: Number(port), ca: ca.cert });
    assert.equal(await subjectAt(open), 'first');
    const { text } = await fetchRaw(command.httpPort, 'GET', '/nodes');
    assert.equal(text, `{"message":"TLS_REQUIRED","https_port":${port}}`);
    writeFileSync(cert, second.cert);
    writeFileSync(key, second.key);
    command.process.kill('SIGHUP');
    await logged(/TLS: CN=second, valid to /);
    const fresh = connect({ host: '127.0.0.1', port: Number(port), ca: ca.cert });
    assert.equal(await subjectAt(fresh), 'second');
    open.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.match(((await once(open, 'data')) as [Buffer])[0].toString(), /OK$/);
    open.destroy();
    fresh.destroy();
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  test('names flags wherever it says what is wrong, and leaves alone what others say', async () => {
    const path = fileOf('short read', 0o644);
    await using command = await startCommand([`-auth-token-file=${path}`, '-register-from=127.0.0.1']);
    assert.match(command.log(), /WARNING: -auth-token-file .*: anybody may read it/);
    assert.match(command.log(), /WARNING: -auth-token-file .*: the token of line 1 is short enough/);
    const nsqd = await FakeNsqd.connect(`127.0.0.1:${command.tcpPort}`, 'host-1:4150');
    await nsqd.identify();
    await assert.rejects(nsqd.register('tlsCert!'));
    await command.stop();
    assert.match(command.log(), /ERROR: \[127\.0\.0\.1:\d+\] - .*'tlsCert!'/);
  });

  test('does not start with a bad file, and says why in one line', async () => {
    await assert.rejects(
      startCommand([`-auth-token-file=${fileOf('rubbish')}`]),
      /exit code 1: .*line 1 is not TOKEN read/s,
    );
    await assert.rejects(startCommand(['-tls-required']), /exit code 1: .*-tls-required needs an -https-address/s);
    await assert.rejects(startCommand(['-http-address=']), /exit code 1: .*-http-address "" needs an -https-address/s);
  });
});
