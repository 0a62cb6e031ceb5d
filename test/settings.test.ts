import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { getHeapStatistics } from 'node:v8';
import type * as flags from '../dist/esm/daemon/flags.js';
import type * as settingKinds from '../dist/esm/daemon/setting-kinds.js';
import type * as settings from '../dist/esm/daemon/settings.js';
import { createLookupd, DEFAULT_GRACE_MS } from 'nsqlookupd/daemon';
import { DEFAULT_MAX_UNFINISHED_BYTES } from 'nsqlookupd/tcp';
import { unchanged } from './support/unchanged.js';

// No subpath has these: they are the command's own.
const load = (name: string): Promise<unknown> => import(pathToFileURL(`build/esm/daemon/${name}.js`).href);
const { SETTINGS, toLookupdOptions } = (await load('settings')) as typeof settings;
const { parseFlags, readConfig, usage } = (await load('flags')) as typeof flags;
const kinds = (await load('setting-kinds')) as typeof settingKinds;

describe('a table of settings', () => {
  const lists = {
    peer: { kind: kinds.list(kinds.ADDRESS), default: [], help: 'peers' },
    tag: { kind: kinds.list(kinds.STRING), default: [], help: 'tags' },
    'wait-for': { kind: kinds.list(kinds.duration()), default: [1000], help: 'waits' },
  };

  test('takes a flag of a list again and again, and with commas', () => {
    assert.deepEqual(parseFlags(['-peer', 'a:1', '--peer=b:2,[::1]:3', '-wait-for=1s', '-wait-for', '2m'], lists), {
      peer: ['a:1', 'b:2', '[::1]:3'],
      'wait-for': [1000, 120_000],
    });
    assert.deepEqual(parseFlags([], lists), {});
    assert.throws(() => parseFlags(['-peer=a:1,b'], lists), /"a:1,b" for flag -peer: not host:port.*, or several/);
  });

  test('takes an array from the config file, and each of its values whole', () => {
    assert.deepEqual(readConfig({ tag: ['a,b', 'c'], wait_for: ['1s'], peer: [] }, lists), {
      tag: ['a,b', 'c'],
      'wait-for': [1000],
      peer: [],
    });
    for (const tag of ['a', 5, [5], ['a', 5], {}]) {
      assert.throws(() => readConfig({ tag }, lists), /key tag must be an array, each a string/);
    }
    assert.throws(
      () => readConfig({ wait_for: [5] }, lists),
      /wait_for must be an array, each a string, such as "45s"/,
    );
    assert.throws(() => readConfig({ wait_for: ['5'] }, lists), /"5" for key wait_for/);
    assert.throws(() => readConfig({ log_level: ['info'] }, SETTINGS), /log_level must be a string, such as "info"/);
  });

  test('takes a table from the config file, and pairs from a flag, again and again', () => {
    const table = { rewrite: { kind: kinds.stringTable('name=address', 'a = "b"'), default: {}, help: 'rewrites' } };
    assert.deepEqual(parseFlags(['-rewrite', '10.0.0.0/8=a,b=c', '-rewrite=d=e=f'], table), {
      rewrite: { '10.0.0.0/8': 'a', b: 'c', d: 'e=f' },
    });
    assert.deepEqual(readConfig({ rewrite: { '10.0.0.0/8': 'a,b' } }, table), { rewrite: { '10.0.0.0/8': 'a,b' } });
    for (const text of ['a', '', 'a=', '=a', 'a=b,']) {
      assert.throws(() => parseFlags([`-rewrite=${text}`], table), /for flag -rewrite: not name=address/);
    }
    for (const rewrite of ['a=b', ['a'], { a: 5 }, { a: { b: 'c' } }, 5]) {
      assert.throws(() => readConfig({ rewrite }, table), /key rewrite must be a table of strings, such as a = "b"/);
    }
    assert.match(usage(table), /-rewrite name=address,…\n {8}rewrites \(default none\)/);
  });

  test('takes zones as texts, and in the config file with regions as well', () => {
    assert.deepEqual(parseFlags(['-zones', '10.0.1.0/24=a'], SETTINGS), { zones: { '10.0.1.0/24': 'a' } });
    const zones = { '10.0.1.0/24': 'a', '10.0.2.0/24': { zone: 'b', region: 'eu' } };
    assert.deepEqual(readConfig({ zones }, SETTINGS), { zones });
    for (const wrong of [5, { zone: 5 }, { name: 'a' }, ['a']]) {
      assert.throws(() => readConfig({ zones: { '10.0.1.0/24': wrong } }, SETTINGS), /key zones must be a table/);
    }
  });

  test('takes words of a choice in any letter case, and tells what there are', () => {
    assert.deepEqual(parseFlags(['-tls-min-version=TLS1.3'], SETTINGS), { 'tls-min-version': 'tls1.3' });
    assert.throws(
      () => parseFlags(['-tls-min-version=1.3'], SETTINGS),
      /not one of tls1\.0, tls1\.1, tls1\.2, tls1\.3/,
    );
    assert.deepEqual(parseFlags(['-tls-client-auth-policy='], SETTINGS), { 'tls-client-auth-policy': '' });
    assert.throws(
      () => parseFlags(['-read-from=10.0.0/8'], SETTINGS),
      /"10\.0\.0\/8" for flag -read-from: not an address or/,
    );
  });

  test('is shown by the help', () => {
    assert.match(usage(lists), /-peer host:port,…\n {8}peers \(default none\)/);
    assert.match(usage(lists), /-wait-for .*\n {8}waits \(default 1s\)/);
  });
});

describe('the settings', () => {
  test('become options that createLookupd takes, by default and at the edge of what each allows', () => {
    assert.ok(createLookupd(toLookupdOptions({})));
    const tls = {
      'https-address': ':0',
      'tcp-tls-address': ':0',
      'tls-cert': 'c',
      'tls-key': 'k',
      'tls-root-ca-file': 'r',
    };
    for (const [flag, { kind }] of Object.entries(SETTINGS)) {
      // What goes with TLS is taken with it alone, and a certificate cannot be taken away from it.
      const beside = /^(?:https|tcp|http|tls)-(?!cert|key)/.test(flag) ? tls : {};
      for (const text of ['0', '1', '1ms', '1s', '0s', '65535', '70000', '9999999999', '9999h', 'h:0', '']) {
        const value = (kind as { parse(text: string): unknown }).parse(text);
        if (value !== undefined)
          assert.ok(createLookupd(toLookupdOptions({ ...beside, [flag]: value })), `-${flag}=${text}`);
      }
    }
  });

  test('are each one option at most', () => {
    const options = Object.values<{ option?: string }>(SETTINGS).flatMap(({ option = [] }) => option);
    assert.deepEqual(options, [...new Set(options)]);
  });

  test('leave to createLookupd what depends on other options or the machine, unless given', () => {
    const options = toLookupdOptions({});
    for (const name of ['silenceTimeoutMs', 'broadcastAddress', 'broadcastTcpPort', 'broadcastHttpPort'] as const) {
      assert.equal(options[name], undefined);
    }
    assert.equal(options.graceMs, DEFAULT_GRACE_MS);
    assert.equal(toLookupdOptions({ 'silence-timeout': 900_000 }).silenceTimeoutMs, 900_000);
    assert.equal(toLookupdOptions({ 'broadcast-tcp-port': 5 }).broadcastTcpPort, 5);
    assert.equal(toLookupdOptions({ 'max-field-length': 5 }).limits?.maxFieldLength, 5);
  });

  test('have two limits that follow that of the heap', () => {
    const limit = getHeapStatistics().heap_size_limit;
    const { maxRegistryBytes, maxUnfinishedBytes } = toLookupdOptions({});
    assert.equal(maxRegistryBytes, Math.floor(limit / 2));
    assert.equal(maxUnfinishedBytes, Math.min(Math.floor(limit / 16), DEFAULT_MAX_UNFINISHED_BYTES));
    const given = readConfig({ max_registry_bytes: 5, max_unfinished_bytes: 6 }, SETTINGS);
    assert.equal(toLookupdOptions(given).maxRegistryBytes, 5);
    assert.equal(toLookupdOptions(given).maxUnfinishedBytes, 6);
  });

  const reads = ['package.json', 'dist/esm', 'docs/settings.md', 'deploy/nsqlookupd.toml', 'test/release/settings.mjs'];
  const { skip, passed } = unchanged('settings', reads, [JSON.stringify(SETTINGS), usage(SETTINGS)]);
  test('are in docs/settings.md as they are, and so are the options of the library', { timeout: 60_000, skip }, () => {
    const args = ['test/release/settings.mjs', '--check'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(stderr, '');
    assert.equal(status, 0);
    passed();
  });
});

describe('whoever meets a limit gets what its row says', () => {
  const BODY = JSON.stringify({ broadcast_address: 'h', tcp_port: 1, http_port: 2, version: '1' });
  const frame = (body: string) => `IDENTIFY\n\0\0\0${String.fromCharCode(body.length)}${body}`;
  const identified = `  V1${frame(BODY)}`;
  const get = (path: string, ...headers: string[]) => request('GET', path, ...headers);
  const post = (path: string, ...headers: string[]) => request('POST', path, ...headers);
  const request = (method: string, path: string, ...headers: string[]) =>
    [`${method} ${path} HTTP/1.1`, 'Host: h', ...headers, '', ''].join('\r\n');
  const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-settings-'));
  after(() => rmSync(folder, { recursive: true }));
  const tokens = join(folder, 'tokens');
  writeFileSync(tokens, `${'r'.repeat(20)} read\n`, { mode: 0o600 });

  /** By flag and value: on which port, what is sent, and what of the answer the row's words stand for. */
  const cases: Readonly<Record<string, readonly [port: 'tcp' | 'http', sent: string, answer: RegExp]>> = {
    'max-line-bytes=64': ['tcp', `  V1${'x'.repeat(100)}`, /E_INVALID/],
    'max-body-bytes=64': ['tcp', identified, /E_BAD_BODY/],
    'max-field-length=3': ['tcp', `  V1${frame(BODY.replace('"h"', '"host"'))}`, /E_BAD_BODY/],
    'max-connections=0': ['tcp', '  V1', /E_INVALID/],
    'max-unfinished-bytes=10': ['tcp', `  V1${'x'.repeat(30)}`, /E_INVALID/],
    'max-registrations=2': ['tcp', `${identified}REGISTER a b\nREGISTER c d\nPING\n`, /E_INVALID.*OK$/],
    'max-registrations-per-peer=1': ['tcp', `${identified}REGISTER a b\nPING\n`, /E_INVALID.*OK$/],
    'max-registry-bytes=2100': ['tcp', `${identified}REGISTER a\nPING\n`, /E_INVALID.*OK$/],
    'register-from=10.0.0.0/8': ['tcp', identified, /E_INVALID/],
    'identify-timeout=20ms': ['tcp', '  V1', /E_INVALID/],
    'silence-timeout=20ms': ['tcp', identified, /E_INVALID/],
    'max-registrations=1': [
      'http',
      post('/channel/create?topic=a&channel=b'),
      /^HTTP\/1.1 503.*TOO_MANY_REGISTRATIONS/,
    ],
    'max-registry-bytes=2': ['http', post('/topic/create?topic=a'), /^HTTP\/1.1 503.*TOO_MANY_REGISTRATIONS/],
    'read-from=10.0.0.0/8': ['http', get('/topics'), /^HTTP\/1.1 403.*FORBIDDEN/],
    'write-from=10.0.0.0/8': ['http', post('/topic/create?topic=a'), /^HTTP\/1.1 403.*FORBIDDEN/],
    'read-only=true': ['http', post('/topic/create?topic=a'), /^HTTP\/1.1 403.*READ_ONLY/],
    [`auth-token-file=${tokens}`]: ['http', get('/topics'), /^HTTP\/1.1 401.*UNAUTHORIZED/],
    'ui=true': ['http', post('/topic/create?topic=a', 'Sec-Fetch-Site: cross-site'), /^HTTP\/1.1 403.*OTHER_SITE/],
    'http-max-header-bytes=100': ['http', get('/ping', `X: ${'x'.repeat(200)}`), /^HTTP\/1.1 431/],
    'http-max-body-bytes=0': ['http', `${get('/ping', 'Content-Length: 5')}12345`, /^HTTP\/1.1 200.*Connection: close/],
    'http-request-timeout=20ms': ['http', 'GET /ping HTTP/1.1\r\n', /^(?:HTTP\/1.1 408.*)?$/],
    'http-idle-timeout=20ms': ['http', get('/ping'), /^HTTP\/1.1 200/],
    'max-watchers=0': ['http', get('/watch?topic=a'), /^HTTP\/1.1 503.*TOO_MANY_WATCHERS/],
  };

  for (const [given, [port, sent, answer]] of Object.entries(cases)) {
    const flag = given.replace(/=.*/, '') as keyof typeof SETTINGS;
    test(`-${flag}: ${SETTINGS[flag].atLimit} (${port})`, { timeout: 20_000 }, async () => {
      const addresses = ['-tcp-address=127.0.0.1:0', '-http-address=127.0.0.1:0'];
      await using lookupd = createLookupd(toLookupdOptions(parseFlags([...addresses, `-${given}`], SETTINGS)));
      const { tcpAddress, httpAddress } = await lookupd.listen();
      const [, number] = /:(\d+)$/.exec((port === 'tcp' ? tcpAddress : httpAddress) ?? '') ?? [];
      const socket = connect(Number(number), '127.0.0.1', () => socket.write(sent, 'latin1'));
      let text = '';
      const isClosed = new Promise<boolean>((resolve) => socket.on('close', () => resolve(true)));
      const isAnswered = new Promise<boolean>((resolve) => {
        socket.setEncoding('latin1').on('data', (chunk: string) => {
          if (answer.test((text += chunk).replaceAll(/\s+/g, ' ').trim())) resolve(false);
        });
      });
      socket.on('error', () => undefined);
      const closes = /closed/.test(SETTINGS[flag].atLimit ?? '');
      assert.equal(await (closes ? isClosed : Promise.race([isClosed, isAnswered])), closes);
      assert.match(text.replaceAll(/\s+/g, ' ').trim(), answer);
      socket.destroy();
    });
  }
});
