import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createHttpHandler, createRouter, toNodeHandler, type HttpResponse } from 'nsqlookupd/http';
import { createLookupd, createProfiles } from 'nsqlookupd/daemon';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { Profile } from 'pprof-format';
import { startCommand } from './support/command-lookupd.js';

const T = { timeout: 60_000 };
const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
const hasGo = spawnSync('go', ['version']).status === 0;

type Asked = (path: string, query?: string, signal?: AbortSignal) => Promise<HttpResponse | undefined>;

function setUp(): { ask: Asked; close: () => void } {
  const profiles = createProfiles({ commandLine: ['node', 'app.js'] });
  const handler = createRouter(profiles.routes);
  const ask: Asked = async (path, query = '', signal) =>
    handler({ method: 'GET', path: `/debug/pprof${path}`, query, headers: {}, signal });
  return { ask, close: () => profiles.close() };
}

function textOf(response: HttpResponse | undefined): string {
  return response?.body as string;
}

/** A profile's samples, each with the names and files of its stack, and its values. */
function decode(response: HttpResponse | undefined) {
  assert.equal(response?.status, 200);
  return decodeBytes(response.body as Uint8Array);
}

function decodeBytes(bytes: Uint8Array) {
  const profile = Profile.decode(gunzipSync(bytes));
  const text = (i: number | bigint) => profile.stringTable.strings[Number(i)]!;
  const functions = new Map(profile.function.map((each) => [each.id, each]));
  const lines = new Map(profile.location.map(({ id, line }) => [id, line[0]!]));
  return {
    types: profile.sampleType.map(({ type, unit }) => `${text(type)}/${text(unit)}`),
    samples: profile.sample.map(({ locationId, value }) => ({
      stack: locationId.map((id) => {
        const { functionId, line } = lines.get(id)!;
        const { name, filename } = functions.get(functionId)!;
        return { name: text(name), file: text(filename), line: Number(line) };
      }),
      values: value.map(Number),
    })),
  };
}

/** Asks until it is told to end, so that there is something to see; no more than that takes. */
function load(httpAddress: string, path: string): () => Promise<void> {
  let isOver = false;
  const asking = async () => {
    for (; !isOver; await pause(5))
      await fetch(`http://${httpAddress}${path}`).then((response) => response.arrayBuffer());
  };
  const all = asking();
  return async () => {
    isOver = true;
    await all;
  };
}

describe('profiles', () => {
  test('say what they are in the index, and answer what pprof asks first', async () => {
    const { ask } = setUp();
    const index = await ask('');
    assert.match(index?.headers['Content-Type'] ?? '', /^text\/html/);
    for (const name of ['block', 'cmdline', 'goroutine', 'heap', 'profile', 'symbol', 'threadcreate']) {
      assert.match(textOf(index), new RegExp(`"/debug/pprof/${name}"`));
      if (name !== 'profile') assert.equal((await ask(`/${name}`))?.status, 200);
    }
    assert.equal((await ask('/cmdline'))?.body, 'node\0app.js');
    assert.equal((await ask('/symbol'))?.body, 'num_symbols: 1\n');
    for (const name of ['mutex', 'allocs', 'trace']) assert.equal(await ask(`/${name}`), undefined);
  });

  test('of the CPU name functions, files and lines that ran', T, async () => {
    await using lookupd = createLookupd({ ...LOOPBACK, pprof: true });
    const { httpAddress } = await lookupd.listen();
    for (let i = 0; i < 5000; i++) lookupd.topology.createTopic(`topic-${i}`);
    const end = load(httpAddress, '/topics');
    const response = await fetch(`http://${httpAddress}/debug/pprof/profile?seconds=1`);
    await end();
    assert.equal(response.headers.get('content-type'), 'application/octet-stream');
    assert.equal(response.headers.get('content-disposition'), 'attachment; filename="profile"');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    const { types, samples } = decodeBytes(new Uint8Array(await response.arrayBuffer()));
    assert.deepEqual(types, ['samples/count', 'cpu/nanoseconds']);
    const frames = samples.flatMap(({ stack }) => stack);
    assert.ok(
      frames.some(({ name, file, line }) => /^\w+\/[\w-]+\.js:/.test(name) && /\/dist\/esm\//.test(file) && line > 0),
    );
    assert.ok(!frames.some(({ name }) => name === '(idle)' || name === '(root)'));
    const ns = samples.reduce((sum, { values }) => sum + values[1]!, 0);
    assert.ok(ns > 0 && ns < 3e9, `${ns}`);
  });

  test('are taken one at a time, and end when the client leaves', async () => {
    const { ask } = setUp();
    const leaving = new AbortController();
    const first = ask('/profile', 'seconds=300', leaving.signal);
    const second = await ask('/profile', 'seconds=1');
    assert.equal(second?.status, 500);
    assert.equal(second.headers['X-Go-Pprof'], '1');
    assert.equal(second.body, 'Could not enable CPU profiling: cpu profiling already in use\n');
    assert.equal((await ask('/goroutine'))?.status, 200);
    const heap = ask('/heap', 'seconds=300', leaving.signal);
    const other = await ask('/heap'); // which Go refuses nobody: it is as with whatever else is busy
    assert.equal(other?.status, 503);
    assert.equal(other.body, 'Could not take a heap profile: heap profiling already in use\n');
    leaving.abort();
    await Promise.all([first, heap]);
    const gone = AbortSignal.abort();
    assert.equal((await ask('/profile', 'seconds=300', gone))?.status, 500);
    assert.equal((await ask('/profile', 'seconds=300', gone))?.body, 'the client has left\n');
  });

  test('end when a client over TCP leaves, whichever way', T, async () => {
    const { routes } = createProfiles();
    const server = createServer(toNodeHandler(createRouter(routes))).listen(0, '127.0.0.1');
    Object.assign(server, { httpAllowHalfOpen: true });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const leave of ['end', 'destroy'] as const) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.resume().write('GET /debug/pprof/profile?seconds=300 HTTP/1.1\r\nHost: a\r\n\r\n');
      const [, response] = (await once(server, 'request')) as [
        unknown,
        { on(event: 'close', listener: () => void): void },
      ];
      const closed = new Promise<void>((resolve) => response.on('close', resolve));
      socket[leave]();
      await closed;
    }
    server.close();
    server.closeAllConnections();
  });

  test('take from 1 to 300 seconds, and say so', async () => {
    const { ask } = setUp();
    for (const seconds of ['0', '301', '-1', '1.5', '1e2', 'x', '', '9'.repeat(5000)]) {
      for (const name of ['profile', 'heap']) {
        const response = await ask(`/${name}`, `seconds=${seconds}`);
        assert.equal(response?.status, 400, `${name} ${seconds}`);
        assert.match(textOf(response), /"seconds" - must be a whole number from 1 to 300/);
      }
    }
  });

  test('of the heap add up to what the heap holds, and name what was allocated since', async () => {
    const { ask, close } = setUp();
    const before = decode(await ask('/heap'));
    assert.deepEqual(before.types, ['inuse_objects/count', 'inuse_space/bytes']);
    const kept = keepMuch();
    const { samples } = decode(await ask('/heap'));
    const bytes = samples.reduce((sum, { values }) => sum + values[1]!, 0);
    assert.ok(bytes > 0.5 * process.memoryUsage().heapUsed && bytes < 2 * process.memoryUsage().heapUsed);
    assert.ok(samples.some(({ stack }) => stack.some(({ name }) => name.endsWith('profiles.test.js:keepMuch'))));
    assert.ok(samples.some(({ stack }) => /before sampling/.test(stack[0]!.name)));
    assert.equal(kept.length, 200_000);
    close();
    close();
  });

  test('count what keeps the loop alive and the threads, and of waits nothing', async () => {
    const { ask } = setUp();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { types, samples } = decode(await ask('/goroutine'));
    assert.deepEqual(types, ['goroutine/count']);
    assert.ok(samples.some(({ stack, values }) => stack[0]!.name === 'TCPServerWrap' && values[0]! >= 1));
    server.close();
    assert.match(textOf(await ask('/goroutine', 'debug=1')), /^goroutine profile: total \d+ [^]*TCPServerWrap/);
    assert.match(textOf(await ask('/goroutine', 'debug=2')), /^goroutine 1 \[running\]:\n +at [^]*\bgoroutine \(/);
    const block = decode(await ask('/block'));
    const put = await createRouter(createProfiles().routes)({
      method: 'PUT',
      path: '/debug/pprof/symbol',
      query: '',
      headers: {},
    });
    assert.equal(put?.headers['Allow'], 'GET, HEAD, OPTIONS, POST');
    assert.deepEqual(block, { types: ['contentions/count', 'delay/nanoseconds'], samples: [] });
    assert.match(textOf(await ask('/block', 'debug=1')), /^block profile: total 0 /);
    const threads = await ask('/threadcreate');
    if (process.platform !== 'linux') assert.equal(threads?.status, 501);
    else assert.ok(decode(threads).samples.reduce((sum, { values }) => sum + values[0]!, 0) > 1);
  });

  test('are answered 501 where what they take is missing, but for what takes nothing', T, () => {
    for (const [missing, reason] of [
      ['pprof-format', 'pprof-format is not installed'],
      ['node:inspector/promises', 'this runtime has no inspector'],
    ]) {
      const hooks = `export const resolve = (name, context, next) => {
        if (name === ${JSON.stringify(missing)}) throw new Error("missing");
        return next(name, context);
      };`;
      const code = `import { register } from 'node:module';
        register('data:text/javascript,${encodeURIComponent(hooks)}');
        const { createProfiles } = await import('nsqlookupd/daemon');
        const { createRouter } = await import('nsqlookupd/http');
        const handler = createRouter(createProfiles().routes);
        for (const [path, query] of [['/profile', 'seconds=1'], ['/heap', ''], ['/goroutine', 'debug=1']]) {
          const { status, body } = await handler({ method: 'GET', path: '/debug/pprof' + path, query, headers: {} });
          console.log(status, body);
        }`;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
      const lines = stdout.split('\n');
      assert.ok(lines[0]?.startsWith(`501 {"message":"PROFILE_NOT_AVAILABLE: profile - ${reason}`), stdout + stderr);
      assert.ok(lines[1]?.startsWith(`501 {"message":"PROFILE_NOT_AVAILABLE: heap - ${reason}`), stdout);
      assert.match(lines[2] ?? '', /^200 goroutine profile/);
    }
  });

  test('are the command’s unless turned off, a lookupd’s when asked for, and no mounted handler’s', T, async () => {
    const status = async (port: number | string) =>
      (await fetch(`http://127.0.0.1:${port}/debug/pprof/goroutine?debug=1`)).status;
    {
      await using command = await startCommand();
      assert.equal(await status(command.httpPort), 200);
      const profile = await fetch(`http://127.0.0.1:${command.httpPort}/debug/pprof/profile?seconds=1`);
      assert.equal(profile.status, 200);
      assert.equal(profile.headers.get('content-type'), 'application/octet-stream');
      const line = await fetch(`http://127.0.0.1:${command.httpPort}/debug/pprof/cmdline`);
      assert.match(await line.text(), /-http-address=127/);
    }
    {
      await using command = await startCommand(['-pprof=false']);
      assert.equal(await status(command.httpPort), 404);
    }
    await using lookupd = createLookupd(LOOPBACK);
    const { httpAddress } = await lookupd.listen();
    assert.equal(await status(httpAddress.split(':')[1]!), 404);
    const handler = createHttpHandler({ topology: new Topology({ db: new RegistrationDB() }) });
    const request = { method: 'GET', path: '/debug/pprof/goroutine', query: '', headers: {} };
    assert.equal(await handler(request), undefined);
  });

  test('outlast the time that a client may be idle', T, async () => {
    await using lookupd = createLookupd({ ...LOOPBACK, pprof: true, httpRequestTimeoutMs: 200 });
    const { httpAddress } = await lookupd.listen();
    assert.equal((await fetch(`http://${httpAddress}/debug/pprof/profile?seconds=1`)).status, 200);
  });

  const skip = hasGo ? false : 'NOT RUN: there is no go here (apt-get install golang-go)';
  test('open in go tool pprof, from the URL', { ...T, skip }, async () => {
    await using command = await startCommand();
    const address = `127.0.0.1:${command.httpPort}`;
    const many = Array.from({ length: 300 }, (_, i) =>
      fetch(`http://${address}/topic/create?topic=t${i}`, { method: 'POST' }),
    );
    await Promise.all(many);
    const end = load(address, '/lookup?topic=*');
    const go = (name: string, ...flags: string[]) => {
      const child = spawnAsync('go', ['tool', 'pprof', '-top', ...flags, `http://${address}/debug/pprof/${name}`]);
      return child;
    };
    const top = await go('profile?seconds=2', '-nodecount=200');
    await end();
    assert.match(top, /Type: cpu/);
    assert.match(top, /command\/nsqlookupd\.cjs:\w+/);
    assert.match(await go('heap'), /Type: inuse_space[^]*before sampling began/);
    assert.match(await go('goroutine'), /Type: goroutine[^]*TCPSocketWrap/);
    assert.match(await go('threadcreate'), /Type: threadcreate/);
    assert.match(await go('block'), /0 total/);
  });
});

function keepMuch(): { i: number; text: string }[] {
  return Array.from({ length: 200_000 }, (_, i) => ({ i, text: `text ${i}` }));
}

async function spawnAsync(program: string, args: readonly string[]): Promise<string> {
  const { spawn } = await import('node:child_process');
  const child = spawn(program, args, {
    env: { ...process.env, PPROF_TMPDIR: 'build/pprof' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 0, err);
  return out;
}
