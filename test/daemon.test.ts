import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { hostname } from 'node:os';
import { describe, test } from 'node:test';
import { createLogger, createLookupd, createSystemClock, type LookupdOptions } from 'nsqlookupd/daemon';
import { encodePeerMessage, ReplyDecoder, type PeerMessage } from 'nsqlookupd/protocol';
import { FakeNsqd } from 'nsqlookupd/testing';
import { fetchRaw } from './support/command-lookupd.js';
import { identityOf } from './support/peers.js';

const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };

const TIMEOUT = { timeout: 10_000 };
const hello: PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: identityOf('h1') },
];

function portOf(address: string | undefined): number {
  return Number(address?.split(':').at(-1));
}

async function occupy(host: string): Promise<Server> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  return server;
}

describe('createLookupd', () => {
  test('says where it listens, and how many peers are connected', async () => {
    await using lookupd = createLookupd(LOOPBACK);
    const { tcpAddress, httpAddress } = await lookupd.listen();
    assert.deepEqual([tcpAddress, httpAddress], [lookupd.tcpAddress, lookupd.httpAddress]);
    assert.equal(lookupd.connections, 0);
    const nsqd = await FakeNsqd.connect(tcpAddress, 'host-1:4150');
    await nsqd.identify();
    assert.equal(lookupd.connections, 1);
    nsqd.drop();
  });

  test('listens on free ports, announces them, serves both sides, and closes', { timeout: 10_000 }, async () => {
    const lookupd = createLookupd({ ...LOOPBACK, broadcastAddress: 'l.test' });
    assert.equal(lookupd.tcpAddress, undefined);
    await lookupd.listen();
    const [tcpPort, httpPort] = [portOf(lookupd.tcpAddress), portOf(lookupd.httpAddress)];
    const socket = connect(tcpPort, '127.0.0.1');
    for (const message of hello) socket.write(encodePeerMessage(message));
    const decoder = new ReplyDecoder();
    decoder.push(((await once(socket, 'data')) as [Buffer])[0]);
    assert.deepEqual(decoder.next(), {
      type: 'announcement',
      announcement: { broadcastAddress: 'l.test', hostname: hostname(), tcpPort, httpPort, version: '1.3.0' },
    });
    const nodes = JSON.parse((await fetchRaw(httpPort, 'GET', '/nodes')).text) as { producers: unknown[] };
    assert.equal(nodes.producers.length, 1);
    const ended = once(socket, 'close');
    await Promise.all([lookupd.close(), lookupd.close(), ended]);
    await lookupd.closed;
    assert.deepEqual(lookupd.db.indexSizes.peers, 0);
    assert.deepEqual([lookupd.tcpAddress, lookupd.httpAddress], [undefined, undefined]);
    await assert.rejects(fetchRaw(httpPort, 'GET', '/ping'));
    await assert.rejects(lookupd.listen(), /closed/);
  });

  for (const [taken, host] of [
    ['tcpAddress', '127.0.0.1'],
    ['httpAddress', '127.0.0.1'],
    ['tcpAddress', '0.0.0.0'],
  ] as const) {
    test(
      `brings up neither listener when ${taken} on ${host} is taken, and names it`,
      { timeout: 10_000 },
      async () => {
        const occupant = await occupy(host);
        const address = `${host}:${(occupant.address() as AddressInfo).port}`;
        const lookupd = createLookupd({ ...LOOPBACK, [taken]: address });
        await assert.rejects(lookupd.listen(), (error: Error) => error.message.includes(`(${address})`));
        assert.deepEqual([lookupd.tcpAddress, lookupd.httpAddress], [undefined, undefined]);
        await lookupd.close();
        occupant.close();
      },
    );
  }

  for (const host of ['', '0.0.0.0']) {
    test(`on ${host || 'no'} host it listens on all addresses, and names IPv4 peers plainly`, TIMEOUT, async () => {
      const lines: string[] = [];
      const log = { info: (line: string) => void lines.push(line) };
      await using lookupd = createLookupd({ tcpAddress: `${host}:0`, httpAddress: `${host}:0`, log });
      await lookupd.listen();
      const [tcpPort, httpPort] = [portOf(lookupd.tcpAddress), portOf(lookupd.httpAddress)];
      const socket = connect(tcpPort, '127.0.0.1');
      for (const message of hello) socket.write(encodePeerMessage(message));
      await once(socket, 'data');
      assert.equal(lookupd.topology.nodes()[0]?.peer.remoteAddress, `127.0.0.1:${socket.localPort}`);
      await fetchRaw(httpPort, 'GET', '/nope');
      assert.match(lines.at(-1)!, /^404 GET \/nope \(127\.0\.0\.1:\d+\) /);
      // Where the machine has IPv6, it is served as well.
      if (lookupd.httpAddress?.startsWith('[')) {
        assert.equal((await fetchRaw(httpPort, 'GET', '/ping', {}, '::1')).text, 'OK');
      }
      socket.destroy();
    });
  }

  test('can be disposed of, started or not', { timeout: 10_000 }, async () => {
    {
      await using unstarted = createLookupd(LOOPBACK);
      assert.equal(unstarted.httpAddress, undefined);
    }
    let port: number;
    {
      await using lookupd = createLookupd(LOOPBACK);
      await Promise.all([lookupd.listen(), lookupd.listen()]);
      port = portOf(lookupd.httpAddress);
      assert.equal((await fetchRaw(port, 'GET', '/ping')).text, 'OK');
    }
    await assert.rejects(fetchRaw(port, 'GET', '/ping'));
  });

  test('refuses a bad address or lifetime, at once', () => {
    const make = (options: LookupdOptions) => () => createLookupd(options);
    for (const address of ['', '4160', 'host', 'host:', 'host:65536', 'host:-1', '::1:4160', '[::1]', 'a:b:1']) {
      assert.throws(make({ tcpAddress: address }), (error: Error) => error.message.includes(JSON.stringify(address)));
      assert.throws(make({ httpAddress: address }), TypeError);
    }
    assert.throws(make({ tombstoneLifetimeMs: -1 }), TypeError);
    for (const address of [':0', '[::1]:0', 'localhost:65535', '0.0.0.0:4160']) {
      assert.doesNotThrow(make({ tcpAddress: address }));
    }
  });
});

describe('the options of createLookupd', () => {
  for (const [options, words] of [
    [{ tcpAdress: '127.0.0.1:0' }, /createLookupd has no option "tcpAdress"/],
    [{ maxLineBytes: 64 }, /has no option "maxLineBytes"/],
    [{ timers: globalThis }, /has no option "timers"/],
    [{ limits: { maxLineBytes: '64' } }, /maxLineBytes must be .* and is "64"/],
    [{ limits: { maxLine: 64 } }, /"maxLine"/],
    [{ tcpAddress: 4160 }, /tcpAddress must be a string, and is 4160/],
    [{ broadcastAddress: 5 }, /broadcastAddress must be a string, and is 5/],
    [{ clock: () => NaN }, /clock must give a number, and gives NaN/],
    [{ httpRequestTimeoutMs: Infinity }, /httpRequestTimeoutMs must be a number from 1 to/],
    [{ httpIdleTimeoutMs: '5' }, /httpIdleTimeoutMs must be .* and is "5"/],
    [{ broadcastTcpPort: 65_536 }, /broadcastTcpPort must be a port from 1 to 65535/],
    [{ broadcastHttpPort: 4161.5 }, /broadcastHttpPort must be a port from 1 to 65535/],
    [{ httpMaxHeaderBytes: 100.5 }, /httpMaxHeaderBytes must be a whole number from 1 to/],
    [{ httpMaxHeaderBytes: Infinity }, /httpMaxHeaderBytes must be a whole number from 1 to/],
    [{ httpFastPath: 'false' }, /httpFastPath must be true or false, and is "false"/],
    [{ keepAliveMs: 1 }, /keepAliveMs must be a number from 1000/],
    [{ decorators: 5 }, /decorators must be an array/],
    [{ decorators: [undefined] }, /decorator/],
    [{ routes: {} }, /routes must be an array/],
    [{ authorize: true }, /authorize must be a function/],
    [{ admit: true }, /admit must be a function/],
    [{ log: true }, /log must be an object/],
    [{ db: {} }, /db must be a RegistrationDB/],
    [5, /options of createLookupd must be an object/],
  ] as const) {
    test(`that are wrong are a TypeError: ${String(words)}`, () => {
      assert.throws(
        () => createLookupd(options as LookupdOptions),
        (error: Error) => error instanceof TypeError && words.test(error.message),
      );
    });
  }

  test('routes are served beside its own', TIMEOUT, async () => {
    const answer = () => ({ status: 200, headers: {}, body: 'up' });
    const routes: LookupdOptions['routes'] = [
      { method: 'GET', path: '/health', action: { name: 'health', kind: 'read' }, answer },
    ];
    await using lookupd = createLookupd({ ...LOOPBACK, routes });
    const port = portOf((await lookupd.listen()).httpAddress);
    assert.equal((await fetchRaw(port, 'GET', '/health')).text, 'up');
    assert.equal((await fetchRaw(port, 'GET', '/ping')).text, 'OK');
  });

  test('authorize decides who may do what over HTTP', TIMEOUT, async () => {
    await using lookupd = createLookupd({
      ...LOOPBACK,
      authorize: (_caller, { kind }) => kind === 'read' || { status: 403 },
    });
    const port = portOf((await lookupd.listen()).httpAddress);
    assert.equal((await fetchRaw(port, 'GET', '/topics')).status, 200);
    assert.equal((await fetchRaw(port, 'POST', '/topic/create?topic=t')).status, 403);
    assert.deepEqual(lookupd.topology.topics(), []);
  });

  test('admit decides which peers join', TIMEOUT, async () => {
    await using lookupd = createLookupd({ ...LOOPBACK, admit: () => ({ refused: 'not here' }) });
    const nsqd = await FakeNsqd.connect((await lookupd.listen()).tcpAddress, 'host-1:4150');
    await assert.rejects(nsqd.identify(), /E_INVALID|not here/);
    assert.deepEqual(lookupd.topology.nodes(), []);
  });
});

describe('createLogger', () => {
  const write = (level: 'debug' | 'info' | 'warn' | 'error' | 'fatal') => {
    const lines: string[] = [];
    const log = createLogger({ level, clock: () => 1_790_000_000_098.992, write: (line) => lines.push(line) });
    log.debug?.('d');
    log.info?.('i');
    log.warn?.('w');
    log.error?.('e');
    log.fatal('f');
    return lines;
  };

  test('writes lines in the shape of nsqlookupd', () => {
    const lines = write('debug');
    for (const line of lines) {
      assert.match(line, /^\[nsqlookupd\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.09899[12] [A-Z]+: [diwef]\n$/);
    }
    assert.deepEqual(
      lines.map((line) => line.split(' ')[3]),
      ['DEBUG:', 'INFO:', 'WARNING:', 'ERROR:', 'FATAL:'],
    );
  });

  test('leaves out what is below its level', () => {
    assert.deepEqual(
      [write('info'), write('warn'), write('error'), write('fatal')].map((lines) => lines.length),
      [4, 3, 2, 1],
    );
    const log = createLogger({ level: 'error', clock: Date.now, write: () => {} });
    assert.ok(!('info' in log)); // so that nobody puts a line together
  });

  test('keeps to one line what a peer would spread over two', () => {
    const lines: string[] = [];
    createLogger({ clock: Date.now, write: (line) => lines.push(line) }).info?.('a\nb\u001b[31m\u2028');
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /INFO: a\\u000ab\\u001b\[31m\\u2028\n$/);
    assert.equal(lines[0]!.indexOf('\n'), lines[0]!.length - 1);
  });
});

test('a logger that is handed in gets no control characters of what peers and clients send, nor what turns a line round', async () => {
  const hostile = 'a\nb\r\u001b[31m\u0085\u061c\u200f\u2028\u202e\u2066';
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
  const lookupd = createLookupd({ ...LOOPBACK, log });
  const { tcpAddress, httpAddress } = await lookupd.listen();
  const nsqd = await FakeNsqd.connect(tcpAddress, 'h:4150', { broadcastAddress: hostile });
  await nsqd.identify();
  const socket = connect(portOf(tcpAddress), '127.0.0.1');
  socket.write('  V1REGIST\u202eER\u001b[0m a\n');
  await once(socket, 'data');
  await fetchRaw(portOf(httpAddress), 'GET', `/lookup?topic=${encodeURIComponent(hostile)}`);
  socket.destroy();
  await lookupd.close();
  const text = lines.join('');
  assert.match(text, /Address:a\\u000ab\\u000d\\u001b\[31m\\u0085\\u061c\\u200f\\u2028\\u202e\\u2066 /);
  assert.match(text, /REGIST\\u202eER\\u001b\[0m/);
  assert.doesNotMatch(text, /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
});

test('the system clock tells milliseconds since 1970, with fractions, and does not run backwards', () => {
  const clock = createSystemClock();
  assert.ok(Math.abs(clock() - Date.now()) < 1000);
  const times = Array.from({ length: 1000 }, clock);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.ok(times.some((time) => !Number.isInteger(time)));
});

describe('what createLookupd tells peers and clients', () => {
  test('no command line unless one is handed in', TIMEOUT, async () => {
    for (const [commandLine, expected] of [
      [undefined, ''],
      [['a', 'b'], 'a\0b'],
    ] as const) {
      await using lookupd = createLookupd({ ...LOOPBACK, pprof: true, commandLine });
      const { httpAddress } = await lookupd.listen();
      assert.equal((await fetchRaw(portOf(httpAddress), 'GET', '/debug/pprof/cmdline')).text, expected);
    }
  });

  test(
    'the ports and the address that it is given, with a warning if the address does not resolve',
    TIMEOUT,
    async () => {
      let warn: (line: string) => void = () => undefined;
      const warned = new Promise<string>((resolve) => (warn = resolve));
      await using lookupd = createLookupd({
        ...LOOPBACK,
        broadcastAddress: 'nowhere.invalid',
        broadcastTcpPort: 14,
        broadcastHttpPort: 15,
        log: { warn },
      });
      const { tcpAddress } = await lookupd.listen();
      const nsqd = await FakeNsqd.connect(tcpAddress, 'host-1:4150');
      const { broadcastAddress, tcpPort, httpPort } = await nsqd.identify();
      assert.deepEqual([broadcastAddress, tcpPort, httpPort], ['nowhere.invalid', 14, 15]);
      assert.match(await warned, /nowhere\.invalid does not resolve/);
      nsqd.drop();
    },
  );

  test('decorators wrap every answer', TIMEOUT, async () => {
    await using lookupd = createLookupd({
      ...LOOPBACK,
      decorators: [() => () => ({ status: 403, headers: {}, body: '' })],
    });
    const { httpAddress } = await lookupd.listen();
    assert.equal((await fetchRaw(portOf(httpAddress), 'GET', '/ping')).status, 403);
  });
});
