import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { COMMAND, fetchRaw, startCommand } from './support/command-lookupd.js';
import { CommandRuns } from './support/command-runs.js';
import { freePort } from './support/free-port.js';

const TIMEOUT = { timeout: 30_000 };
const noSignals = process.platform === 'win32' && 'Windows ends a process without telling it';
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-'));
});
after(() => rmSync(folder, { recursive: true }));

/** Runs the command to its end, which must come by itself. */
function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr, lines: stderr.trimEnd().split('\n') };
}

const runs = new CommandRuns();
after(() => runs[Symbol.dispose]());

/** The same, but in a process that is there. */
async function runOn(...args: string[]) {
  const { code: status, err } = await runs.run(...args);
  return { status, lines: err.trimEnd().split('\n') };
}

function configFile(text: string): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.cfg`);
  writeFileSync(path, text);
  return path;
}

describe('the command nsqlookupd', { concurrency: 4 }, () => {
  test('-version prints the version', () => {
    for (const flag of ['-version', '--version']) {
      const { status, stdout } = run(flag);
      assert.equal(status, 0);
      assert.match(stdout, /^nsqlookupd v1\.3\.0 \(built w\/node[\d.]+, npm nsqlookupd \d+\.\d+\.\d+\)\n$/);
    }
  });

  test('-help names every flag with its default', () => {
    const { status, stdout } = run('-help');
    assert.equal(status, 0);
    const defaults = ['-tcp-address', '0.0.0.0:4160', '-http-address', '0.0.0.0:4161', '5m0s', '45s', '-log-level'];
    for (const word of [...defaults, '-broadcast-address', '"[nsqlookupd] "']) assert.ok(stdout.includes(word), word);
  });

  test('shows nothing of what it does once to be ready for the first peer', TIMEOUT, async () => {
    await using command = await startCommand();
    const ask = (path: string) => fetchRaw(command.httpPort, 'GET', path);
    assert.equal((await ask('/topics')).text, '{"topics":[]}');
    assert.equal((await ask('/debug')).text, '{}');
    const metrics = (await ask('/metrics?format=text')).text;
    const commands = [...metrics.matchAll(/^nsqlookupd_tcp_commands_total\S* (\d+)$/gm)].map(([, count]) => count);
    assert.ok(commands.every((count) => count === '0'));
    assert.doesNotMatch(command.log(), /warm-up|localhost|IDENTIFY|client/);
  });

  test('goes on without what it loads later, if that is gone before it was loaded', TIMEOUT, async () => {
    const copy = join(folder, 'command');
    cpSync(dirname(COMMAND), copy, { recursive: true });
    await using command = await startCommand([], { command: join(copy, 'nsqlookupd.cjs') });
    rmSync(join(copy, 'soon.cjs'));
    const isTold = (what: string) => command.log().includes(`ERROR: ${what} - `);
    const whatIsGone = ['the process could not be measured', 'a part of the command could not be loaded'];
    while (command.process.exitCode === null && !whatIsGone.every(isTold))
      await Promise.race([once(command.process.stderr!, 'data'), command.exited]);
    const ask = (path: string) => fetchRaw(command.httpPort, 'GET', path);
    assert.equal((await ask('/topics')).text, '{"topics":[]}');
    assert.equal((await ask('/watch')).status, 500);
    cpSync(join(dirname(COMMAND), 'soon.cjs'), join(copy, 'soon.cjs'));
    assert.equal((await ask('/stats')).status, 404);
    assert.equal((await ask('/openapi.json')).status, 200);
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  test('is one lookupd under whatever name its file has', TIMEOUT, async () => {
    const copy = join(folder, 'named');
    cpSync(dirname(COMMAND), copy, { recursive: true });
    const named = join(copy, 'lookup.cjs');
    renameSync(join(copy, 'nsqlookupd.cjs'), named);
    await using command = await startCommand([], { command: named });
    assert.equal((await fetchRaw(command.httpPort, 'GET', '/openapi.json')).status, 200);
    assert.equal(command.log().match(/HTTP: listening/g)?.length, 1);
    const check = spawnSync(process.execPath, [named, 'check'], { encoding: 'utf8' });
    assert.match(check.stderr, /^nsqlookupd check: a URL is missing/);
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  test('is one lookupd under whatever name its file has, where another file requires it', TIMEOUT, async () => {
    const copy = join(folder, 'required');
    cpSync(dirname(COMMAND), copy, { recursive: true });
    renameSync(join(copy, 'nsqlookupd.cjs'), join(copy, 'lookup.cjs'));
    const host = join(copy, 'host.cjs');
    writeFileSync(host, `require('./lookup.cjs');`);
    await using command = await startCommand([], { command: host });
    assert.equal((await fetchRaw(command.httpPort, 'GET', '/openapi.json')).status, 200);
    assert.equal(command.log().match(/HTTP: listening/g)?.length, 1);
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  describe('a flag that it cannot take is one line and exit code 2', () => {
    const cases: [string[], RegExp][] = [
      [['-nope'], /not defined: -nope/],
      [['--nope=1'], /not defined: -nope/],
      [['-constructor'], /not defined: -constructor/],
      [['-tcp-address'], /needs an argument: -tcp-address/],
      [['-tombstone-lifetime=45'], /"45" for flag -tombstone-lifetime: not a duration from 0 on, such as 1m30s/],
      [['-inactive-producer-timeout', '-5s'], /"-5s" for flag -inactive-producer-timeout/],
      [['-log-level=trace'], /"trace" for flag -log-level: not one of debug, info, warn, error, fatal/],
      [['-max-connections=-1'], /"-1" for flag -max-connections: not a whole number from 0 on/],
      [['-verbose=perhaps'], /"perhaps" for flag -verbose/],
      [['-tcp-address=nowhere'], /"nowhere" for flag -tcp-address: not host:port, with a port from 0 to 65535/],
      [['-http-address', ':65536'], /":65536" for flag -http-address: not host:port/],
      [['-broadcast-tcp-port=65536'], /"65536" for flag -broadcast-tcp-port: not a whole number from 0 to 65535/],
      [['-keep-alive=1ms'], /"1ms" for flag -keep-alive: not a duration from 1s to/],
      [['-identify-timeout=0'], /"0" for flag -identify-timeout: not a duration from 1ms on/],
      [['serve'], /"serve" is not a flag/],
      [['--', '-version'], /"--" is not a flag/],
    ];
    for (const [args, words] of cases) {
      test(args.join(' '), TIMEOUT, async () => {
        const { status, lines } = await (args[0] === '-nope' ? run : runOn)(...args);
        assert.deepEqual([status, lines.length], [2, 1]);
        assert.match(lines[0]!, words);
      });
    }
  });

  describe('an address or a config file that it cannot take is one FATAL line and exit code 1', () => {
    const cases: [string, () => string[], RegExp][] = [
      ['a host that is not this one', () => ['-http-address=192.0.2.1:4161'], /listen \(192\.0\.2\.1:4161\) failed/],
      ['a config file that is not there', () => ['-config=/nowhere/x.cfg'], /config file \/nowhere\/x\.cfg - ENOENT/],
      ['a config file that is no TOML', () => ['-config', configFile('log_level = \n')], /config file .* - line 1/],
      ['an unknown key', () => ['-config', configFile('tcp_adress = ":0"\n')], /unknown key "tcp_adress"/],
      ['a key written as a flag', () => ['-config', configFile('tcp-address = ":0"\n')], /unknown key "tcp-address"/],
      ['a key that only is a flag', () => ['-config', configFile('version = true\n')], /unknown key "version"/],
      [
        'a value of another type',
        () => ['-config', configFile('tcp_address = 4160\n')],
        /tcp_address must be a string/,
      ],
      [
        'a bare number',
        () => ['-config', configFile('tombstone_lifetime = 45\n')],
        /tombstone_lifetime must be a string, such as "45s"/,
      ],
      [
        'a duration without quotes',
        () => ['-config', configFile('verbose = true\ntombstone_lifetime = 45s # how long\n')],
        /line 2, .*; in quotes: tombstone_lifetime = "45s"$/,
      ],
      ['flags that do not go together', () => ['-http-address='], /FATAL: -http-address "" needs an -https-address$/],
      [
        'a file that is not there',
        () => ['-auth-token-file=/nowhere/x'],
        /FATAL: -auth-token-file \/nowhere\/x cannot be read/,
      ],
      ['a bad address', () => ['-config', configFile('tcp_address = "x"\n')], /"x" for key tcp_address: not host:port/],
      ['a bad value', () => ['-config', configFile('tombstone_lifetime = "45"\n')], /"45" for key tombstone_lifetime/],
    ];
    for (const [what, args, words] of cases) {
      test(what, TIMEOUT, async () => {
        const { status, lines } = await (what === 'a bad value' ? run : runOn)(...args());
        assert.equal(status, 1);
        const fatal = lines.filter((line) => !line.includes(' INFO: '));
        assert.equal(fatal.length, 1, lines.join('\n'));
        assert.match(fatal[0]!, / FATAL: /);
        assert.match(fatal[0]!, words);
      });
    }

    for (const flag of ['-tcp-address', '-http-address']) {
      test(`a taken port for ${flag}`, TIMEOUT, async () => {
        const occupant = createServer().listen(0, '127.0.0.1');
        await once(occupant, 'listening');
        const address = `127.0.0.1:${(occupant.address() as AddressInfo).port}`;
        const other = flag === '-tcp-address' ? '-http-address' : '-tcp-address';
        const { status, lines } = run(`${flag}=${address}`, `${other}=127.0.0.1:0`);
        assert.equal(status, 1);
        assert.match(lines.at(-1)!, new RegExp(`FATAL: listen \\(${address}\\) failed - .*EADDRINUSE`));
        occupant.close();
      });
    }
  });

  test('takes its settings from the config file, and flags before it', TIMEOUT, async () => {
    const config = configFile(
      [
        'log_prefix = "[file] "',
        'log_level = "debug"',
        'verbose = true',
        'broadcast_address = "file.test"',
        'inactive_producer_timeout = "300s"',
        'tombstone_lifetime = "1m30s"',
        'tcp_address = "127.0.0.1:1"',
        'http_address = "127.0.0.1:1"',
      ].join('\n'),
    );
    await using command = await startCommand(['--config', config, '-log-level=INFO']);
    for (const line of command.log().trimEnd().split('\n')) assert.match(line, /^\[file\] .* (INFO|WARNING): /);
    const socket = connect(command.tcpPort, '127.0.0.1');
    const body = '{"broadcast_address":"h","tcp_port":1,"http_port":2,"version":"1"}';
    socket.write(`  V1IDENTIFY\n\0\0\0${String.fromCharCode(body.length)}${body}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString(), /"broadcast_address":"file\.test"/);
    socket.destroy();
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`ends clean on ${signal}, with peers connected`, { ...TIMEOUT, skip: noSignals }, async () => {
      await using command = await startCommand();
      const silent = connect(command.tcpPort, '127.0.0.1');
      const peer = connect(command.tcpPort, '127.0.0.1');
      peer.write('  V1PING\n');
      await once(peer, 'data');
      assert.equal((await fetchRaw(command.httpPort, 'GET', '/ping')).text, 'OK');
      const closed = [silent, peer].map((socket) => once(socket.resume(), 'close'));
      assert.deepEqual(await command.stop(signal), { code: 0, signal: null });
      await Promise.all(closed);
      assert.match(command.log(), /INFO: TCP: closing 127\.0\.0\.1:\d+\n.*INFO: HTTP: closing 127\.0\.0\.1:\d+\n/);
      assert.match(command.log(), /INFO: 200 GET \/ping \(127\.0\.0\.1:\d+\) [\d.]+(µs|ms)\n/);
    });
  }

  test('ends before it has cleared its registry of many', { ...TIMEOUT, skip: noSignals }, async () => {
    const preload = join(folder, 'pending.cjs');
    const look = `process.getActiveResourcesInfo().includes('Immediate')`;
    writeFileSync(preload, `process.on('exit', () => console.error('PENDING', ${look}));`);
    const [tcpPort, httpPort] = [await freePort(), await freePort()];
    const flags = [`-tcp-address=127.0.0.1:${tcpPort}`, `-http-address=127.0.0.1:${httpPort}`, '-log-level=fatal'];
    const child = spawn(process.execPath, ['--require', preload, COMMAND, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => (text += String(chunk)));
    const ended = once(child, 'close');
    // Without its log, it tells nobody when it listens.
    for (; !(await fetchRaw(httpPort, 'GET', '/ping').catch(() => undefined)); await pause(20))
      assert.equal(child.exitCode, null, text);
    const peer = connect(tcpPort, '127.0.0.1');
    const body = JSON.stringify({ broadcast_address: 'h', hostname: 'h', tcp_port: 1, http_port: 2, version: '1' });
    peer.write(`  V1IDENTIFY\n\0\0\0${String.fromCharCode(body.length)}${body}`);
    for (let i = 0; i < 40_000; i++) peer.write(`REGISTER topic_${i}\n`);
    for (let answers = 0; answers < 40_000;) {
      const [bytes] = (await once(peer, 'data')) as [Buffer];
      answers += bytes.toString('latin1').split('OK').length - 1;
    }
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.match(text, /^PENDING true$/m);
  });

  test('SIGHUP does not end it', { ...TIMEOUT, skip: noSignals }, async () => {
    await using command = await startCommand();
    command.process.kill('SIGHUP');
    assert.equal((await fetchRaw(command.httpPort, 'GET', '/ping')).text, 'OK');
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  describe('a log that nobody reads', { skip: noSignals }, () => {
    const REQUESTS = 600;
    const query = 'x'.repeat(7000);

    async function startUnread() {
      const command = await startCommand();
      command.process.stderr!.pause();
      const socket = connect(command.httpPort, '127.0.0.1');
      let answers = 0;
      socket.setEncoding('latin1').on('data', (text: string) => (answers += text.split('HTTP/1.1 200').length - 1));
      for (let i = 0; i < REQUESTS; i++) socket.write(`GET /ping?${query} HTTP/1.1\r\nHost: h\r\n\r\n`);
      while (answers < REQUESTS) await once(socket, 'data');
      socket.destroy();
      return command;
    }

    test('does not keep it from ending', TIMEOUT, async () => {
      await using command = await startUnread();
      assert.deepEqual(await command.stop(), { code: 0, signal: null });
    });

    test('is kept up to 1 MiB, and tells how many lines are lost when it is read again', TIMEOUT, async () => {
      await using command = await startUnread();
      const before = command.log().length;
      command.process.stderr!.resume();
      while (!/ lines lost\n/.test(command.log())) await once(command.process.stderr!, 'data');
      const kept = command.log().length - before;
      assert.ok(kept > 1024 * 1024 * 0.9 && kept < 1024 * 1024 * 1.5, `${kept} bytes`);
      const [, lost] = /WARNING: (\d+) lines lost\n/.exec(command.log()) ?? [];
      const seen = command.log().split('GET /ping?').length - 1;
      assert.equal(seen + Number(lost), REQUESTS);
    });
  });
});
