import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { after, describe, test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { LookupClient, PeerClient } from 'nsqlookupd/client';
import { encodePeerMessage, ReplyDecoder, type PeerMessage } from 'nsqlookupd/protocol';
import { createLookupd, type Lookupd, type LookupdOptions } from 'nsqlookupd/daemon';
import { FakeNsqd } from 'nsqlookupd/testing';
import { CertificateFolder, NO_OPENSSL, type Certificate } from './support/certificates.js';
import { fetchRaw } from './support/command-lookupd.js';
import { identityOf } from './support/peers.js';

const TIMEOUT = { timeout: 60_000 };
const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
const TLS_PORTS = { httpsAddress: '127.0.0.1:0', tcpTlsAddress: '127.0.0.1:0' };

function portOf(address: string | undefined): number {
  return Number(address?.split(':').at(-1));
}

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly fingerprint: string;
}

const hello: readonly PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: identityOf('h1') },
];

/** Asks over HTTPS. */
function ask(port: number, path: string, options: RequestOptions, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ agent: false, host: '127.0.0.1', port, path, method, ...options }, (response) => {
      const fingerprint = (response.socket as unknown as TLSSocket).getPeerCertificate().fingerprint256;
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text, fingerprint })).on('error', reject);
    });
    call.on('error', reject).end();
  });
}

/** A log whose lines can be waited for. */
function createLog() {
  const lines: string[] = [];
  let look = () => {};
  const write = (line: string) => {
    lines.push(line);
    look();
  };
  const until = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      look = () => {
        const line = lines.find((each) => pattern.test(each));
        if (line !== undefined) resolve(line);
      };
      look();
    });
  return { lines, until, log: { info: write, warn: write, error: write } };
}

describe('TLS', { skip: NO_OPENSSL, ...TIMEOUT }, () => {
  if (NO_OPENSSL) return;
  const folder = new CertificateFolder();
  after(() => folder[Symbol.dispose]());
  const ca = folder.createCa('the root');
  const foreign = folder.createCa('another root');
  const server = folder.create(ca, 'lookupd');
  const renewed = folder.create(ca, 'lookupd');
  const client = folder.create(ca, 'admin');
  const stranger = folder.create(foreign, 'admin');
  const nameless = folder.create(foreign, '', { subject: '/' });
  const trusting = { ca: ca.cert };

  /** Files of its own, which may change. */
  const filesOf = (name: string, { certFile, keyFile }: Certificate, root = ca) => {
    const files = {
      tlsCert: folder.file(`${name}.pem`),
      tlsKey: folder.file(`${name}.key`),
      tlsRootCaFile: folder.file(`${name}-ca.pem`),
    };
    copyFileSync(certFile, files.tlsCert);
    copyFileSync(keyFile, files.tlsKey);
    copyFileSync(root.certFile, files.tlsRootCaFile);
    return files;
  };
  const files = filesOf('common', server);
  const start = async (options: LookupdOptions = {}): Promise<Lookupd & { httpsPort: number; tlsPort: number }> => {
    const lookupd = createLookupd({ ...LOOPBACK, ...TLS_PORTS, ...files, ...options });
    const { httpsAddress, tcpTlsAddress } = await lookupd.listen();
    return Object.defineProperties(Object.create(lookupd) as Lookupd & { httpsPort: number; tlsPort: number }, {
      httpsPort: { value: portOf(httpsAddress) },
      tlsPort: { value: portOf(tcpTlsAddress) },
    });
  };

  test('both ports answer over it, beside the plain ones, and announce the plain ones', async () => {
    await using lookupd = await start();
    const { status, text } = await ask(lookupd.httpsPort, '/ping', trusting);
    assert.deepEqual([status, text], [200, 'OK']);
    assert.equal((await fetchRaw(portOf(lookupd.httpAddress), 'GET', '/topics')).status, 200);
    const socket = connect({ ...trusting, host: '127.0.0.1', port: lookupd.tlsPort });
    await once(socket, 'secureConnect');
    const nsqd = new FakeNsqd('nsqd.test:4150', socket);
    const { tcpPort, httpPort } = await nsqd.identify();
    assert.deepEqual([tcpPort, httpPort], [portOf(lookupd.tcpAddress), portOf(lookupd.httpAddress)]);
    await nsqd.register('orders');
    assert.equal(lookupd.topology.lookup('orders')?.producers.length, 1);
    assert.match(lookupd.topology.nodes()[0]!.peer.remoteAddress, /^127\.0\.0\.1:\d+$/);
    nsqd.drop();
  });

  test('all that a client has sent is answered, though it ends its side at once', async () => {
    await using lookupd = await start();
    const options = { ...trusting, host: '127.0.0.1', port: lookupd.httpsPort, allowHalfOpen: true };
    const socket = connect(options as ConnectionOptions);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.end('GET /ping HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(1000));
    await once(socket, 'end');
    socket.destroy();
    assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 1000);
    for (const cut of ['', 'GET /ping HTTP/1.1\r\n\r\n']) {
      const raw = connectPlain(lookupd.httpsPort, '127.0.0.1').on('error', () => undefined);
      await once(raw.resume().end(cut), 'close'); // who ends before the handshake holds nothing
    }
  });

  test('no plain port is opened where none is wanted, and the other ones are announced', async () => {
    await using lookupd = await start({ tcpAddress: '', httpAddress: '' });
    assert.deepEqual([lookupd.tcpAddress, lookupd.httpAddress], [undefined, undefined]);
    await using peer = new PeerClient({
      lookupds: [lookupd.tcpTlsAddress!],
      identity: { broadcastAddress: 'gateway.test', tcpPort: 1, httpPort: 2 },
      tls: trusting,
    });
    await peer.register('orders');
    await peer.start();
    assert.equal(peer.status[0]?.isConnected, true);
    const reader = new LookupClient({ lookupds: [`https://${lookupd.httpsAddress}`], tls: trusting });
    const { producers } = await reader.lookup('orders');
    assert.equal(producers[0]?.broadcastAddress, 'gateway.test');

    // Whether it is told, or would have to ask again in a minute, hangs on the answer's headers.
    const changes = reader.watch('orders');
    assert.equal((await changes.next()).value?.producers.length, 1);
    await peer.register('orders', 'billing');
    assert.deepEqual((await changes.next()).value?.channels, ['billing']);
    await changes.return();
  });

  for (const [options, words] of [
    [{ httpsAddress: ':0' }, /TLS needs a tlsCert and a tlsKey/],
    [{ tcpTlsAddress: ':0', tlsCert: 'c' }, /TLS needs/],
    [{ httpAddress: '' }, /httpAddress "" needs an httpsAddress/],
    [{ tcpAddress: '' }, /tcpAddress "" needs a tcpTlsAddress/],
    [{ tlsRequired: true }, /tlsRequired needs an httpsAddress/],
    [{ ...TLS_PORTS, tlsCert: 'c', tlsKey: 'k', tlsClientAuthPolicy: 'require-verify' }, /needs a tlsRootCaFile/],
    [{ tlsClientAuthPolicy: 'verify' }, /tlsClientAuthPolicy must be one of require, require-verify/],
    [{ tlsMinVersion: 'TLSv1.2' }, /tlsMinVersion must be one of tls1.0/],
  ] as const) {
    test(`options that do not go together are a TypeError: ${String(words)}`, () => {
      assert.throws(
        () => createLookupd(options as LookupdOptions),
        (error: Error) => error instanceof TypeError && words.test(error.message),
      );
    });
  }

  for (const [what, bad, words] of [
    ['a certificate that is not there', { tlsCert: 'nowhere.pem' }, /tlsCert nowhere\.pem cannot be read - ENOENT/],
    ['a key that is none', { tlsKey: server.certFile }, /cannot be used/],
    ["another one's key", { tlsKey: client.keyFile }, /cannot be used - .*mismatch/],
    ['a certificate that is none', { tlsCert: server.keyFile }, /tlsCert \S+ has no certificate in PEM/],
    ['a root that is none', { tlsRootCaFile: server.keyFile }, /tlsRootCaFile \S+ has no certificate in PEM/],
    ['a folder', { tlsKey: folder.path }, /tlsKey \S+ cannot be read - not a file/],
  ] as const) {
    test(`${what} keeps it from listening at all, and is named`, async () => {
      await using lookupd = createLookupd({ ...LOOPBACK, ...TLS_PORTS, ...files, ...bad });
      await assert.rejects(lookupd.listen(), words);
      assert.equal(lookupd.httpAddress, undefined);
    });
  }

  test('a certificate without a subject, as public authorities sign them now, is as good', async () => {
    const { log, until } = createLog();
    const { certFile, keyFile } = folder.create(ca, '', { subject: '/' });
    await using lookupd = await start({ tlsCert: certFile, tlsKey: keyFile, log });
    assert.equal((await ask(lookupd.httpsPort, '/ping', trusting)).status, 200);
    assert.match(await until(/^TLS: /), /^TLS: DNS:localhost, IP Address:127\.0\.0\.1/);
  });

  test('a certificate that is no longer valid is served, with a warning', async () => {
    const { log, until } = createLog();
    const { certFile, keyFile } = folder.create(ca, 'old', { days: '-1' });
    await using lookupd = await start({ tlsCert: certFile, tlsKey: keyFile, log });
    await assert.rejects(ask(lookupd.httpsPort, '/ping', trusting), /expired/);
    await until(/^tlsCert .*: the certificate CN=old was valid to /);
  });

  test('a certificate that expires within two weeks is told of: in the log, as a finding, by a metric', async () => {
    const found = async (days: string) => {
      const { log, lines } = createLog();
      const { certFile, keyFile, cert } = folder.create(ca, 'renewed', { days });
      const operated = { metrics: true, findings: true };
      await using lookupd = await start({ tlsCert: certFile, tlsKey: keyFile, log, ...operated });
      const { text } = await ask(lookupd.httpsPort, '/findings', trusting);
      const { findings } = JSON.parse(text) as { findings: { kind: string; subject: string; seen: string }[] };
      const metrics = (await ask(lookupd.httpsPort, '/metrics', trusting)).text;
      const [, expiry] =
        /^nsqlookupd_tls_certificate_expiry_timestamp_seconds\{option="tlsCert"\} (\d+)$/m.exec(metrics) ?? [];
      assert.equal(Number(expiry) * 1000, Date.parse(new X509Certificate(cert).validTo));
      return { findings, warned: lines.some((line) => line.includes('the certificate CN=renewed expires soon')) };
    };
    const { findings, warned } = await found('13');
    assert.equal(warned, true);
    assert.deepEqual(
      findings.map(({ kind, subject }) => [kind, subject]),
      [['certificate-expiring', 'CN=renewed']],
    );
    assert.match(findings[0]!.seen, /^in tlsCert, valid to \w{3} /);
    assert.deepEqual(await found('15'), { findings: [], warned: false });
  });

  test('so is one that signed it, and a root that clients are verified by', async () => {
    const { certFile, keyFile, cert } = folder.create(ca, 'lasting', { days: '30' });
    writeFileSync(certFile, cert + ca.cert);
    const options = { tlsCert: certFile, tlsKey: keyFile, metrics: true, findings: true };
    const found = async (tlsClientAuthPolicy?: 'require') => {
      const { log, lines } = createLog();
      await using lookupd = await start({ ...options, log, tlsClientAuthPolicy, tlsRequired: false });
      const of = async (path: string) => (await fetch(`http://${lookupd.httpAddress}${path}`)).text();
      const { findings } = JSON.parse(await of('/findings')) as { findings: { subject: string; seen: string }[] };
      return {
        findings: findings.map(({ subject, seen }) => `${subject} ${seen}`.replace(/,.*/, '')),
        metrics: [...(await of('/metrics')).matchAll(/^nsqlookupd_tls_certificate_expiry\w+(\S+)/gm)].map(
          ([, of]) => of,
        ),
        warned: lines.filter((line) => line.includes(' expires soon')).map((line) => line.replace(/ .*/, '')),
      };
    };
    assert.deepEqual(await found(), {
      findings: ['CN=the root in tlsCert'],
      metrics: ['{option="tlsCert"}'],
      warned: ['tlsCert'],
    });
    assert.deepEqual(await found('require'), {
      findings: ['CN=the root in tlsCert', 'CN=the root in tlsRootCaFile'],
      metrics: ['{option="tlsCert"}', '{option="tlsRootCaFile"}'],
      warned: ['tlsCert', 'tlsRootCaFile'],
    });
  });

  test('a process that runs for months is told once a day, from two weeks before', async (t) => {
    const { certFile, keyFile } = folder.create(ca, 'lasting', { days: '16' });
    const { log, lines } = createLog();
    const told = () => lines.filter((line) => / (?:expires soon|was valid)/.test(line)).length;
    t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: Date.now() });
    await using lookupd = await start({ tlsCert: certFile, tlsKey: keyFile, log });
    const days = Array.from({ length: 17 }, (_, day) => {
      t.mock.timers.tick(24 * 3600 * 1000);
      return { day, told: told() };
    });
    assert.deepEqual(
      days,
      days.map(({ day }) => ({ day, told: day })),
    );
    await lookupd.close();
    t.mock.timers.tick(24 * 3600 * 1000);
    assert.equal(told(), 16);
  });

  describe('tlsRequired', () => {
    test('answers 403 with the port on the plain port, however a path is written, but for what tells nothing', async () => {
      await using lookupd = await start({ tlsRequired: true });
      const port = portOf(lookupd.httpAddress);
      const body = `{"message":"TLS_REQUIRED","https_port":${lookupd.httpsPort}}`;
      for (const path of ['/nodes', '//nodes', '/%6eodes', '/Ping', '/debug/pprof', '/nope', '/ping/x', '/../ping']) {
        const { status, text, headers } = await fetchRaw(port, 'GET', path);
        assert.deepEqual([path, status, text], [path, 403, body]);
        assert.equal(headers['content-type'], 'application/json; charset=utf-8');
      }
      for (const path of ['//topic/delete?topic=t', '/topic/create/?topic=t', '/%74opic/create?topic=t'])
        assert.equal((await fetchRaw(port, 'POST', path)).text, body);
      assert.deepEqual(lookupd.topology.topics(), []);
      assert.equal((await fetchRaw(port, 'GET', '/ping')).text, 'OK');
      assert.equal((await fetchRaw(port, 'GET', '//ping/')).text, 'OK');
      for (const path of ['/healthz', '/readyz']) assert.notEqual((await fetchRaw(port, 'GET', path)).status, 403);
      assert.equal((await ask(lookupd.httpsPort, '/nodes', trusting)).status, 200);
    });

    test('follows from a policy for clients, as in nsqd, unless it is set', async () => {
      for (const [tlsRequired, status] of [
        [undefined, 403],
        [false, 200],
      ] as const) {
        await using lookupd = await start({ tlsClientAuthPolicy: 'require', tlsRequired });
        assert.equal((await fetchRaw(portOf(lookupd.httpAddress), 'GET', '/nodes')).status, status);
      }
    });
  });

  describe('tlsClientAuthPolicy', () => {
    /** Whether somebody gets through, over HTTP and as a peer. With TLS 1.3 a refused client is connected at first. */
    const isLetIn = async (lookupd: Lookupd & { httpsPort: number; tlsPort: number }, options: RequestOptions) => {
      const http = await ask(lookupd.httpsPort, '/ping', { ...trusting, ...options }).then(
        ({ status }) => status === 200,
        () => false,
      );
      const socket = connect({ ...trusting, ...(options as object), host: '127.0.0.1', port: lookupd.tlsPort });
      const nsqd = new FakeNsqd('nsqd.test:4150', socket);
      const tcp = await nsqd.identify().then(
        () => true,
        () => false,
      );
      nsqd.drop();
      assert.equal(http, tcp);
      return http;
    };
    const shown = ({ cert, key }: Certificate) => ({ cert, key });

    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      test(`require takes any certificate, and none without one, over ${maxVersion}`, async () => {
        const { log, until } = createLog();
        await using lookupd = await start({ tlsClientAuthPolicy: 'require', log });
        assert.equal(await isLetIn(lookupd, { maxVersion }), false);
        assert.match(await until(/handshake/), /^HTTPS: TLS handshake with 127\.0\.0\.1:\d+ failed - no client cert/);
        for (const each of [client, stranger, nameless])
          assert.equal(await isLetIn(lookupd, { maxVersion, ...shown(each) }), true);
      });

      test(`require-verify takes those alone that the root has signed, over ${maxVersion}`, async () => {
        const { log, until } = createLog();
        await using lookupd = await start({ tlsClientAuthPolicy: 'require-verify', log });
        assert.equal(await isLetIn(lookupd, { maxVersion }), false);
        assert.equal(await isLetIn(lookupd, { maxVersion, ...shown(stranger) }), false);
        assert.match(await until(/handshake/), /^HTTPS: TLS handshake with 127\.0\.0\.1:\d+ failed - /);
        assert.equal(await isLetIn(lookupd, { maxVersion, ...shown(client) }), true);
      });
    }

    test('a certificate is a name only if a root has signed it', async () => {
      const tokenFile = folder.file('names.tokens', 'cn:admin write\n', 0o600);
      for (const [options, who, status] of [
        [{ tlsClientAuthPolicy: 'require-verify' }, client, 200],
        [{ tlsClientAuthPolicy: 'require' }, client, 200],
        [{ tlsClientAuthPolicy: 'require' }, stranger, 401],
        [{ tlsClientAuthPolicy: 'require', tlsRootCaFile: undefined }, client, 401],
      ] as const) {
        await using lookupd = await start({ ...options, authTokenFile: tokenFile });
        const path = '/topic/create?topic=t';
        const answer = await ask(lookupd.httpsPort, path, { ...trusting, ...shown(who) }, 'POST');
        assert.equal(answer.status, status);
      }
    });

    for (const [policy, maxVersion] of [
      ['require', 'TLSv1.2'],
      ['require', 'TLSv1.3'],
      ['require-verify', 'TLSv1.2'],
      ['require-verify', 'TLSv1.3'],
    ] as const) {
      test(`with ${policy}, a session over ${maxVersion} is gone on with, by its owner`, async () => {
        await using lookupd = await start({ tlsClientAuthPolicy: policy });
        const options = { ...trusting, maxVersion, host: '127.0.0.1', port: lookupd.httpsPort };
        const socket = connect({ ...options, ...shown(client) });
        const began = once(socket, 'session') as Promise<[Buffer]>;
        socket.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
        await once(socket, 'data'); // with TLS 1.3 sessions come with it
        const [session] = await began;
        socket.destroy();
        const again = { ...trusting, ...shown(client), maxVersion, session } as RequestOptions;
        assert.equal((await ask(lookupd.httpsPort, '/ping', again)).status, 200);
      });
    }

    test('a session that was begun under another root is not gone on with', async () => {
      const own = filesOf('roots', server);
      await using lookupd = await start({ ...own, tlsClientAuthPolicy: 'require-verify' });
      const options = { ...trusting, ...shown(client), maxVersion: 'TLSv1.2' as const };
      const socket = connect({ ...options, host: '127.0.0.1', port: lookupd.httpsPort });
      const [session] = (await once(socket, 'session')) as [Buffer];
      socket.destroy();
      assert.equal((await ask(lookupd.httpsPort, '/ping', { ...options, session } as RequestOptions)).status, 200);
      copyFileSync(foreign.certFile, own.tlsRootCaFile);
      lookupd.reload();
      await assert.rejects(ask(lookupd.httpsPort, '/ping', { ...options, session } as RequestOptions));
    });
  });

  describe('what is loaded anew', () => {
    test('is used by new connections, and open ones go on', async () => {
      const own = filesOf('renewed', server);
      await using lookupd = await start(own);
      const socket = connect({ ...trusting, host: '127.0.0.1', port: lookupd.tlsPort });
      const nsqd = new FakeNsqd('nsqd.test:4150', socket);
      await nsqd.identify();
      const kept = connect({ ...trusting, host: '127.0.0.1', port: lookupd.httpsPort });
      kept.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(kept, 'data');
      const before = await ask(lookupd.httpsPort, '/ping', trusting);

      copyFileSync(renewed.certFile, own.tlsCert);
      copyFileSync(renewed.keyFile, own.tlsKey);
      lookupd.reload();
      const now = await ask(lookupd.httpsPort, '/ping', trusting);
      assert.notEqual(now.fingerprint, before.fingerprint);
      await nsqd.register('orders');
      kept.write('GET /topics HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.match(String(((await once(kept, 'data')) as [Buffer])[0]), /orders/);
      assert.equal(lookupd.connections, 1);
      kept.destroy();
      nsqd.drop();
    });

    test('comes by itself when the files change', async () => {
      const own = filesOf('watched', server);
      const { log, until, lines } = createLog();
      await using lookupd = await start({ ...own, log });
      const before = await ask(lookupd.httpsPort, '/ping', trusting);
      await until(/^TLS: CN=lookupd/);
      lines.length = 0;
      copyFileSync(renewed.certFile, own.tlsCert);
      copyFileSync(renewed.keyFile, own.tlsKey);
      await until(/^TLS: CN=lookupd/);
      assert.notEqual((await ask(lookupd.httpsPort, '/ping', trusting)).fingerprint, before.fingerprint);
    });

    test('is what listen needs, which can be called again when a bad file is mended', async () => {
      const own = filesOf('mended', server);
      writeFileSync(own.tlsKey, client.key);
      await using lookupd = createLookupd({ ...LOOPBACK, ...TLS_PORTS, ...own });
      await assert.rejects(lookupd.listen(), /cannot be used/);
      lookupd.reload();
      writeFileSync(own.tlsKey, server.key);
      const { httpsAddress } = await lookupd.listen();
      assert.equal((await ask(portOf(httpsAddress), '/ping', trusting)).status, 200);
    });

    test('is not, where it is bad: the old stays, and the log says why, and never what a key is', async () => {
      const own = filesOf('bad', server);
      const { log, lines } = createLog();
      await using lookupd = await start({ ...own, log, tlsClientAuthPolicy: 'require-verify' });
      const options = { ...trusting, cert: client.cert, key: client.key };
      const before = await ask(lookupd.httpsPort, '/ping', options);
      const spoil = (path: keyof typeof own, text: string) => {
        writeFileSync(own[path], text);
        lines.length = 0;
        lookupd.reload();
        assert.match(lines.join('\n'), /^kept what was loaded before - tls\w+ /);
        assert.ok(!lines.join('\n').includes('PRIVATE'));
      };
      spoil('tlsKey', renewed.key);
      spoil('tlsKey', '');
      spoil('tlsCert', 'rubbish');
      spoil('tlsCert', server.cert.slice(0, 300));
      spoil('tlsRootCaFile', '');
      spoil('tlsRootCaFile', ca.cert.repeat(5000));
      writeFileSync(own.tlsRootCaFile, ca.cert);
      for (const odd of process.platform === 'win32' ? [] : ['pipe', 'loop', 'zero']) {
        rmSync(own.tlsCert);
        if (odd === 'pipe')
          execFileSync('mkfifo', [own.tlsCert]); // which nobody writes to
        else symlinkSync(odd === 'loop' ? own.tlsCert : '/dev/zero', own.tlsCert);
        lines.length = 0;
        lookupd.reload();
        assert.match(lines.join('\n'), /^kept what was loaded before - tlsCert .* cannot be read - /);
      }
      const now = await ask(lookupd.httpsPort, '/ping', options);
      assert.deepEqual([now.status, now.fingerprint], [200, before.fingerprint]);
      await assert.rejects(ask(lookupd.httpsPort, '/ping', trusting));
    });

    test('keeps the root and the least version', async () => {
      const own = filesOf('kept', server);
      await using lookupd = await start({ ...own, tlsClientAuthPolicy: 'require-verify', tlsMinVersion: 'tls1.3' });
      const options = { ...trusting, cert: client.cert, key: client.key };
      for (let i = 0; i < 2; i++) {
        assert.equal((await ask(lookupd.httpsPort, '/ping', options)).status, 200);
        await assert.rejects(ask(lookupd.httpsPort, '/ping', { ...options, maxVersion: 'TLSv1.2' }));
        await assert.rejects(ask(lookupd.httpsPort, '/ping', { ...trusting, cert: stranger.cert, key: stranger.key }));
        await assert.rejects(ask(lookupd.httpsPort, '/ping', trusting));
        lookupd.reload();
      }
    });
  });

  for (const [tlsMinVersion, maxVersion, isSpoken] of [
    ['tls1.0', 'TLSv1', true],
    ['tls1.1', 'TLSv1', false],
    ['tls1.1', 'TLSv1.1', true],
    [undefined, 'TLSv1.1', false],
    [undefined, 'TLSv1.2', true],
    ['tls1.3', 'TLSv1.2', false],
  ] as const) {
    test(`with ${tlsMinVersion} as the least version, ${maxVersion} is ${isSpoken ? '' : 'not '}spoken`, async () => {
      await using lookupd = await start({ tlsMinVersion });
      const options = { ...trusting, minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
      const asked = ask(lookupd.httpsPort, '/ping', options);
      if (isSpoken) assert.equal((await asked).status, 200);
      else await assert.rejects(asked);
    });
  }

  describe('hostile clients', () => {
    test('that stay in the handshake, or speak no TLS, do not hold up the end', async () => {
      const lookupd = await start({ graceMs: 60_000 });
      const sockets = [lookupd.httpsPort, lookupd.tlsPort, lookupd.httpsPort].map((port) =>
        connectPlain(port, '127.0.0.1'),
      );
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      sockets[2]!.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
      const ended = sockets.map((socket) => {
        socket.on('error', () => {});
        return once(socket.resume(), 'close');
      });
      await ended[2];
      await lookupd.close();
      await Promise.all(ended);
    });

    test('that leave in the handshake, in whatever way, are no connections any more', async () => {
      await using lookupd = await start({ maxConnections: 20, httpMaxConnections: 20, graceMs: 60_000 });
      const hello = Buffer.from('16030100c0010000bc0303', 'hex');
      for (const port of [lookupd.httpsPort, lookupd.tlsPort]) {
        for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
          for (const bytes of [hello, Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(50, 255), Buffer.alloc(0)]) {
            const leaving = Array.from({ length: 20 }, async () => {
              const socket = connectPlain(port, '127.0.0.1').on('error', () => {});
              const closed = once(socket.resume(), 'close');
              await once(socket, 'connect').catch(() => undefined);
              socket.write(bytes, () => socket[leave]());
              await closed;
            });
            await Promise.all(leaving);
          }
        }
        const socket = connect({ ...trusting, host: '127.0.0.1', port });
        await once(socket, 'secureConnect');
        socket.destroy();
      }
    });

    test('a peer that has sent its last gets its answers', async () => {
      await using lookupd = await start();
      const socket = connect({ ...trusting, host: '127.0.0.1', port: lookupd.tlsPort });
      for (const message of hello) socket.write(encodePeerMessage(message));
      for (let i = 0; i < 5000; i++) socket.write(encodePeerMessage({ type: 'ping' }));
      socket.end();
      const decoder = new ReplyDecoder();
      let answers = 0;
      for await (const chunk of socket) {
        decoder.push(chunk as Buffer);
        while (decoder.next()) answers++;
      }
      assert.equal(answers, 5001);
    });

    /** Which limits were met, of those that can be. */
    const limitsMet = async ({ httpAddress }: Lookupd) => {
      const text = await (await fetch(`http://${httpAddress}/metrics`)).text();
      const counts = [...text.matchAll(/^nsqlookupd_limits_met_total\{limit="(\w+)"\} ([1-9]\d*)$/gm)];
      return Object.fromEntries(counts.map(([, limit, count]) => [limit, Number(count)])) as unknown;
    };

    test('that stay in the handshake are closed after the request or identify timeout, counted and named', async () => {
      const { log, lines } = createLog();
      const limits = { httpRequestTimeoutMs: 50, identifyTimeoutMs: 50 };
      await using lookupd = await start({ ...limits, log, metrics: true });
      for (const port of [lookupd.httpsPort, lookupd.tlsPort]) {
        const socket = connectPlain(port, '127.0.0.1').on('error', () => {});
        await once(socket.resume(), 'close');
      }
      assert.deepEqual(await limitsMet(lookupd), { httpRequestTimeoutMs: 1, identifyTimeoutMs: 1 });
      const failed = lines.filter((line) => line.includes('handshake'));
      assert.equal(failed.length, 2);
      for (const line of failed) assert.match(line, /TLS handshake with 127\.0\.0\.1:\d+ failed/);
    });

    test('are counted before the handshake as well', async () => {
      await using lookupd = await start({ httpMaxConnections: 1, maxConnections: 1, metrics: true });
      for (const port of [lookupd.httpsPort, lookupd.tlsPort]) {
        const first = connectPlain(port, '127.0.0.1').on('error', () => {});
        await once(first, 'connect');
        const second = connectPlain(port, '127.0.0.1').on('error', () => {});
        await once(second.resume(), 'close');
        assert.equal(first.destroyed, false);
        first.destroy();
      }
      assert.deepEqual(await limitsMet(lookupd), { httpMaxConnections: 1, maxConnections: 1 });
    });

    test('meet the same limits over HTTPS as without', async () => {
      await using lookupd = await start({ httpMaxHeaderBytes: 1000, httpRequestTimeoutMs: 5000, metrics: true });
      const { status } = await ask(lookupd.httpsPort, `/lookup?topic=${'t'.repeat(20_000)}`, trusting);
      assert.equal(status, 431);
      assert.deepEqual(await limitsMet(lookupd), { httpMaxHeaderBytes: 1 });
      const socket = connect({ ...trusting, host: '127.0.0.1', port: lookupd.httpsPort });
      socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n');
      assert.match(String(((await once(socket, 'data')) as [Buffer])[0]), /^HTTP\/1\.1 404 /);
    });

    test('a client of plain HTTP at the HTTPS port is logged, once', async () => {
      const { log, until, lines } = createLog();
      await using lookupd = await start({ log });
      for (let i = 0; i < 3; i++) await assert.rejects(fetchRaw(lookupd.httpsPort, 'GET', '/ping'));
      assert.match(await until(/handshake/), /^HTTPS: TLS handshake with 127\.0\.0\.1:\d+ failed - .*http request/i);
      assert.equal(lines.filter((line) => line.includes('handshake')).length, 1);
    });
  });

  describe('the end', () => {
    test('answers what is in flight over HTTPS, and lets idle connections go', async () => {
      let answer: (status: number) => void = () => {};
      const routes: LookupdOptions['routes'] = [
        {
          method: 'GET',
          path: '/slow',
          action: { name: 'slow', kind: 'read' },
          answer: () => new Promise((resolve) => (answer = (status) => resolve({ status, headers: {}, body: '' }))),
        },
      ];
      const lookupd = await start({ routes, graceMs: 60_000 });
      const idle = connect({ ...trusting, host: '127.0.0.1', port: lookupd.httpsPort });
      await once(idle, 'secureConnect');
      idle.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(idle, 'data');
      const asked = ask(lookupd.httpsPort, '/slow', trusting);
      while (answer.length === 0) await new Promise(setImmediate);
      const closing = lookupd.close();
      await once(idle.resume(), 'close');
      answer(201);
      assert.equal((await asked).status, 201);
      await closing;
    });
  });

  describe('clients', () => {
    test('say why they are not let in', async () => {
      await using lookupd = await start({ tlsClientAuthPolicy: 'require-verify' });
      const identity = { broadcastAddress: 'gateway.test', tcpPort: 1, httpPort: 2 };
      for (const [tls, words] of [
        [trusting, /certificate required|closed|ended|ECONNRESET/i],
        [{ ca: foreign.cert, cert: client.cert, key: client.key }, /unable to verify|self.signed|local issuer/i],
        [{ ...trusting, servername: 'elsewhere.test', cert: client.cert, key: client.key }, /altnames/i],
      ] as const) {
        await using peer = new PeerClient({ lookupds: [lookupd.tcpTlsAddress!], identity, tls });
        await peer.start();
        assert.equal(peer.status[0]?.isConnected, false);
        assert.match(String(peer.status[0]?.lastError), words);
        const reader = new LookupClient({ lookupds: [`https://localhost:${lookupd.httpsPort}`], tls });
        await assert.rejects(reader.topics(), (error: AggregateError) => words.test(error.message));
      }
      const tls = { ...trusting, cert: client.cert, key: client.key };
      await using peer = new PeerClient({ lookupds: [lookupd.tcpTlsAddress!], identity, tls });
      await peer.start();
      assert.equal(peer.status[0]?.isConnected, true);
      const reader = new LookupClient({ lookupds: [`https://localhost:${lookupd.httpsPort}`], tls });
      assert.deepEqual((await reader.topics()).failures, []);
    });

    test('take tls, or what connects or fetches, and not both', () => {
      const identity = { broadcastAddress: 'a', tcpPort: 1, httpPort: 2 };
      const tls = {};
      const fetch = () => Promise.resolve(new Response());
      assert.throws(() => new LookupClient({ lookupds: ['a:1'], tls, fetch }), /tls or a fetch, not both/);
      const connect = () => connectPlain(1);
      assert.throws(() => new PeerClient({ lookupds: ['a:1'], identity, tls, connect }), /tls or a connect, not both/);
      for (const bad of [{ ca: 5 }, { cert: 5 }, { rejectUnauthorized: false }, { minVersion: 'TLSv1' }]) {
        assert.throws(() => new LookupClient({ lookupds: ['a:1'], tls: bad as never }), TypeError);
        assert.throws(() => new PeerClient({ lookupds: ['a:1'], identity, tls: bad as never }), TypeError);
      }
    });
  });
});
