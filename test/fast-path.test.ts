import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { createLookupd, type Lookupd, type LookupdOptions } from 'nsqlookupd/daemon';
import type { HttpHandler, HttpRequest, HttpResponse } from 'nsqlookupd/http';
import { createPeer } from 'nsqlookupd/testing';
import { runs } from './support/runs.js';

const T = { timeout: 60_000 };
const TURNS = 4;

async function listen(t: TestContext, options: LookupdOptions = {}): Promise<Lookupd> {
  const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', ...options });
  await lookupd.listen();
  t.after(() => lookupd.close());
  for (const topic of ['t', 'u']) lookupd.topology.register(createPeer('a:1'), topic, 'c');
  return lookupd;
}

function open({ httpAddress }: Lookupd, localAddress = '127.0.0.1'): Socket {
  const options = { port: Number(httpAddress!.split(':')[1]), host: '127.0.0.1', allowHalfOpen: true, noDelay: true };
  return connect({ ...options, localAddress }).on('error', () => undefined);
}

async function turns(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await turn();
}

/** All that comes back until the server has closed. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('end', () => socket.end());
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text.replaceAll(/Date: [^\r]*\r\n/g, 'Date\r\n');
}

/**
 * A connection on which that was asked, and read in time, with all that comes back. One that a busy machine reads too late has been cut
 * off: then another is opened.
 */
async function ask(
  t: TestContext,
  lookupd: Lookupd,
  request: string,
  isRead: (answer: string) => boolean = (answer) => answer.startsWith('HTTP/1.1 200'),
): Promise<{ socket: Socket; text: Promise<string>; tries: number }> {
  for (let tries = 1; ; tries++) {
    const socket = open(lookupd);
    let answer = '';
    const text = readAll(socket.on('data', (chunk) => (answer += String(chunk))));
    socket.write(request);
    while (!isRead(answer) && !socket.closed) await turn(undefined, { signal: t.signal });
    if (isRead(answer)) return { socket, text, tries };
  }
}

/** Answers to those pieces, each written in a turn of its own, and then the end of the client's side. */
async function exchange(lookupd: Lookupd, pieces: readonly string[]): Promise<string> {
  const socket = open(lookupd);
  const text = readAll(socket);
  for (const piece of pieces) {
    if (socket.writable) socket.write(piece, 'latin1');
    await turns();
  }
  socket.end();
  return text;
}

const get = (target: string, headers = 'Host: h\r\n') => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'get', 'OPTIONS'];
const TARGETS = [
  ...['/ping', '/info', '/topics', '/nodes', '/debug', '/channels?topic=t', '/lookup?topic=t', '/lookup?topic=u'],
  ...['/lookup?topic=none', '/lookup', '/lookup?topic=%74', '/lookup?topic=t;', '/lookup?topic=%zz', '/Ping', '/ping/'],
  ...['/ping#a', '//ping', '*', 'http://h/ping', '/none', '/ping?a b', '/lookup?topic=\xe9', '/topic/create?topic=t'],
  ...[
    '/lookup?topic=t&topic=u',
    '/lookup?%74opic=u',
    '/lookup?topic=t&wait=1',
    '/ping?"',
    '/ping??',
    '/./ping',
    'h:80',
  ],
];
const HEADERS = [
  ...[
    'Host: h',
    'host: h',
    'HOST: h',
    'Host : h',
    'Host:h',
    'Host:  h',
    'Host: ',
    'Host: h ',
    'Host: h\tx',
    'Host: \xe9',
  ],
  ...['User-Agent: Go-http-client/1.1', 'Accept: application/vnd.nsq; version=1.0', 'Accept-Encoding: gzip', 'X-A: b'],
  ...['Connection: keep-alive', 'Connection: close', 'connection: close', 'Connection: Close', 'Connection: close, x'],
  ...['Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 0', 'Content-Length: 4', 'Content-Length: 4, 4'],
  ...[
    'Transfer-Encoding: chunked',
    'Expect: 100-continue',
    ' folded',
    'no colon',
    ': empty',
    'Accept: a\rb',
    '__proto__: a',
  ],
  ...[
    'Cache-Control: no-cache',
    'last-event-id: a.1',
    'Last-Event-ID: ',
    'Sec-Fetch-Mode: cors',
    'sec-ch-ua: "a";v="1"',
  ],
  ...['Authorization: Bearer x', 'Authorization: ', 'Keep-Alive: 5', 'Accept: \0', `Accept: ${'a'.repeat(2100)}`],
  ...['Transfer-Encoding: xchunked', 'Transfer-Encoding : chunked', 'Transfer_Encoding: chunked', 'Content-Length: +0'],
  ...[
    'Connection: keep-alive, close',
    'Connection: Keep-Alive',
    'Proxy-Connection: close',
    'TE: trailers',
    'Trailer: x',
  ],
  ...[
    'Range: bytes=0-1',
    'If-None-Match: "x"',
    'Upgrade: h2c',
    'HTTP2-Settings: a',
    'Expect: a miracle',
    'Host: [::1]:1',
  ],
];

const request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    target: fc.constantFrom(...TARGETS),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'http/1.1'),
    hasHost: fc.boolean(),
    headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 3 }),
    lineEnd: fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n'),
    body: fc.constantFrom('', '', '', 'body', '0\r\n\r\n', '4\r\nbody\r\n0\r\n\r\n'),
  })
  .map(({ method, target, version, hasHost, headers, lineEnd, body }) =>
    [`${method} ${target} ${version}`, ...(hasHost ? ['Host: h'] : []), ...headers, '', body].join(lineEnd),
  );
const plain = fc
  .tuple(fc.constantFrom(...TARGETS.slice(0, 14)), fc.constantFrom('', 'Connection: keep-alive\r\n', 'Accept: a\r\n'))
  .map(([target, header]) => get(target, `Host: h\r\n${header}`));
/** Requests one after another, with a byte changed or not, cut here and there or only between them. */
const conversation = fc
  .record({
    requests: fc.array(fc.oneof(plain, plain, request), { minLength: 1, maxLength: 4 }),
    change: fc.option(fc.tuple(fc.nat(400), fc.constantFrom('', '\r', '\n', ' ', ':', '\0', 'x', '\xff'))),
    cuts: fc.array(fc.nat(400), { maxLength: 3 }),
    isCutBetween: fc.boolean(),
  })
  .map(({ requests, change, cuts, isCutBetween }) => {
    let text = requests.join('');
    const between = requests.map((_, i) => requests.slice(0, i).join('').length);
    if (change) text = text.slice(0, change[0]) + change[1] + text.slice(change[0] + 1);
    const at = [0, ...(isCutBetween ? between : []), ...cuts, text.length].sort((a, b) => a - b);
    return at.slice(1).map((end, i) => text.slice(at[i], end)).filter((piece) => piece !== ''); // prettier-ignore
  });

describe('the fast path', () => {
  const deciding: LookupdOptions = {
    authorize: (_, action, { headers }) =>
      action.name !== 'info' || headers['authorization'] === 'Bearer x' || { status: 403 },
  };
  // Where nothing is the host's, answers that were given before are ready to be given again.
  for (const [who, more] of Object.entries({ anybody: {}, 'who may': deciding }))
    test(
      `answers ${who} any bytes, cut anywhere, as node:http does, and leaves the connection as it does`,
      T,
      async (t) => {
        const logs: Record<'fast' | 'usual', string[]> = { fast: [], usual: [] };
        const options = (to: string[]): LookupdOptions => ({
          httpRequestTimeoutMs: 2000,
          log: { info: (line) => to.push(line.replace(/\(.*/, '')) },
          ...more,
        });
        const fast = await listen(t, { ...options(logs.fast), httpFastPath: true });
        const usual = await listen(t, { ...options(logs.usual), httpFastPath: false });
        const both = async (pieces: readonly string[]) => {
          logs.fast.length = logs.usual.length = 0;
          const answers = await Promise.all([exchange(fast, pieces), exchange(usual, pieces)]);
          return [
            { answer: answers[0], log: [...logs.fast] },
            { answer: answers[1], log: [...logs.usual] },
          ] as const;
        };
        const same = async (pieces: readonly string[]) => {
          for (let tries = 3; ; tries--) {
            const [ours, theirs] = await both(pieces);
            // What a client still gets of a connection that is cut off is chance.
            if (tries > 0 && !isDeepStrictEqual(ours, theirs)) continue;
            return assert.deepEqual(ours, theirs);
          }
        };
        await fc.assert(
          fc.asyncProperty(conversation, async (pieces) => {
            await same(pieces);
            await same([...pieces, get('/ping')]);
          }),
          { numRuns: runs(200) },
        );
      },
    );

  test('answers again and again as the registry and the clock have it, and counts and logs each', T, async () => {
    const targets = ['/lookup?topic=t', '/lookup?topic=u', '/channels?topic=t', '/topics', '/nodes', '/info'];
    const peer = createPeer('b:1', { lastUpdateMs: 0 });
    const changes: readonly ((lookupd: Lookupd) => unknown)[] = [
      ({ topology }) => topology.register(peer, 't', 'c'),
      ({ topology }) => topology.unregister(peer, 't', 'c'),
      ({ topology }) => topology.tombstone('t', 'a:4151'),
      ({ topology }) => topology.createChannel('t', 'd'),
      ({ topology }) => topology.createTopic('v'),
      () => undefined,
    ];
    const step = fc.record({
      asked: fc.array(fc.constantFrom(...targets), { maxLength: 6 }),
      change: fc.nat(changes.length - 1),
      laterMs: fc.constantFrom(0, 0, 1, 30_000, 400_000, -1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const run = async (httpFastPath: boolean) => {
          let nowMs = 1_000_000;
          const log: string[] = [];
          const lookupd = createLookupd({
            ...{
              tcpAddress: '127.0.0.1:0',
              httpAddress: '127.0.0.1:0',
              httpFastPath,
              clock: () => nowMs,
              metrics: true,
            },
            log: { info: (line) => log.push(line.replace(/ \(.*/, '')) },
          });
          await lookupd.listen();
          lookupd.topology.register(createPeer('a:1', { lastUpdateMs: nowMs }), 't', 'c');
          const socket = open(lookupd);
          const answers: string[] = [];
          socket
            .setEncoding('latin1')
            .on('data', (chunk: string) => answers.push(chunk.replace(/Date: [^\r]*/, 'Date')));
          for (const { asked, change, laterMs } of steps) {
            for (const target of asked) {
              socket.write(get(target));
              await once(socket, 'data');
            }
            changes[change]!(lookupd);
            nowMs += laterMs;
          }
          const response = await fetch(`http://${lookupd.httpAddress}/metrics`);
          const counted = (await response.text()).match(/nsqlookupd_http_requests_total.*/g);
          socket.destroy();
          await lookupd.close();
          return { answers, counted, log: log.filter((line) => /^\d/.test(line)) };
        };
        assert.deepEqual(await run(true), await run(false));
      }),
      { numRuns: runs(100) },
    );
  });

  test('answers each by where it is, though all ask the same', T, async (t) => {
    const zoneOf = ({ caller }: HttpRequest) =>
      caller?.address?.startsWith('127.0.0.2:') ? { zone: 'near' } : undefined;
    const lookupd = await listen(t, { zonePolicy: 'prefer', zoneOf });
    for (const zone of ['near', 'far']) {
      const peer = createPeer(`${zone}:1`, { topologyZone: zone, lastUpdateMs: Date.now() });
      lookupd.topology.join(peer);
      lookupd.topology.register(peer, 'zoned');
    }
    const ask = async (localAddress: string) => {
      const socket = open(lookupd, localAddress);
      const told: string[] = [];
      for (let i = 0; i < 3; i++) {
        socket.write(get('/lookup?topic=zoned'));
        told.push(
          String(await once(socket, 'data'))
            .match(/(?<="broadcast_address":")\w+/g)!
            .join(),
        );
      }
      socket.destroy();
      return [...new Set(told)].join(' and ');
    };
    assert.deepEqual(
      [await ask('127.0.0.1'), await ask('127.0.0.2'), await ask('127.0.0.1')],
      ['near,far', 'near', 'near,far'],
    );
  });

  test('dates an answer that it gives again', T, async (t) => {
    t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
    const socket = open(await listen(t)).setEncoding('latin1');
    const dates: (string | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      socket.write(get('/lookup?topic=t'));
      const [text] = (await once(socket, 'data')) as [string];
      dates.push(/Date: (.*)\r/.exec(text)?.[1]);
      t.mock.timers.tick(500);
    }
    socket.destroy();
    t.mock.timers.reset();
    assert.deepEqual(
      dates,
      [0, 0, 1, 1, 2, 2].map((s) => new Date(1_000_000 + s * 1000).toUTCString()),
    );
  });

  test('holds nothing of answers that were read while connections wait for their next requests', T, async (t) => {
    // What was freed is told of some turns later.
    const collected = async (times: number, isEnough: (bytes: number) => boolean) => {
      let least = Infinity;
      for (let i = 0; i < times && !isEnough(least); i++) {
        await turns();
        globalThis.gc!();
        least = Math.min(least, process.memoryUsage().arrayBuffers);
      }
      return least;
    };
    const mayHold = 10 * 50_000; // of fifty answers
    for (const httpFastPath of [true, false]) {
      const lookupd = await listen(t, { maxCacheBytes: 0, httpFastPath });
      for (let i = 0; i < 1000; i++) lookupd.topology.createTopic(`${'x'.repeat(50)}${i}`);
      for (let i = 0; i < 3000; i++) lookupd.topology.createChannel('t', `${'x'.repeat(50)}${i}`);
      for (const [target, end] of [
        ['/topics', ']}'],
        ['/channels?topic=t', '\r\n0\r\n\r\n'],
      ] as const) {
        const sockets: Socket[] = [];
        const ask = async () => {
          const socket = open(lookupd);
          sockets.push(socket);
          socket.write(get(target));
          let length = 0;
          let last = '';
          while (!last.endsWith(end)) {
            const [chunk] = (await once(socket, 'data')) as [Buffer];
            length += chunk.length;
            last = (last + chunk.toString('latin1')).slice(-end.length);
          }
          return length;
        };
        for (let i = 0; i < 3; i++) await ask();
        const before = await collected(3, () => false);
        let length = 0;
        for (let i = 0; i < 50; i++) length = await ask();
        const held = (await collected(10, (bytes) => bytes < before + mayHold)) - before;
        for (const socket of sockets) socket.destroy();
        assert.ok(length > 50_000 && held < mayHold, `${held} bytes held after 50 answers of ${length} to ${target}`);
      }
    }
  });

  test('sends any answer of a host’s as node:http does', T, async (t) => {
    async function* chunks() {
      yield 'first';
      await turn();
      yield '';
      yield new Uint8Array(100_000).fill(97);
    }
    const frozen = Object.freeze({ 'X-A': 'a' });
    const bytes = new Uint8Array(1000).fill(97);
    const answers: Partial<HttpResponse>[] = [
      { body: '' },
      { body: 'ä' },
      { body: new Uint8Array(20_000).fill(97) },
      { body: new Uint8Array(3_000_000).fill(97) },
      ...[204, 205, 299, 304, 404, 599].map((status) => ({ status, body: status === 204 ? '' : 'a' })),
      ...[200, 204, 304].map((status) => ({
        status,
        get body() {
          return chunks();
        },
      })),
      ...['close', 'Close', 'keep-alive', 'x, close', 'upgrade', 'disclosed'].map((value) => ({
        headers: { connection: value },
      })),
      // Frozen headers are made ready once, whatever they come with.
      ...[200, 503, 200].map((status) => ({ status, headers: frozen, body: bytes })),
      ...[200, 404, 204].map((status) => ({
        status,
        headers: frozen,
        get body() {
          return chunks();
        },
      })),
      { headers: { Date: 'now' } },
      ...[{ 'Content-Length': '1' }, { 'content-length': '9' }, { 'Transfer-Encoding': 'chunked' }].flatMap(
        (headers) => [
          { headers },
          {
            headers,
            get body() {
              return chunks();
            },
          },
        ],
      ),
      { headers: { 'Keep-Alive': 'timeout=1' } },
      { headers: { 'X-A': 'a', 'x-a': 'b', 'X-Latin': 'é' } },
      { status: 99 },
      { status: 600 },
      { status: NaN },
      ...[200, 204, 304].map((status) => ({ status, headers: { 'X-A': 'a\r\nb' } })),
      { headers: { 'X A': 'a' } },
    ];
    const decorators = () => {
      const left = answers.map((answer) => ({ status: 200, headers: {}, body: 'a', ...answer }));
      return [
        (handler: HttpHandler): HttpHandler =>
          (request) =>
            left.shift() ?? handler(request),
      ];
    };
    const quiet = { onError: () => undefined };
    const fast = await listen(t, { ...quiet, decorators: decorators() });
    const usual = await listen(t, { ...quiet, decorators: decorators(), httpFastPath: false });
    for (const answer of answers) {
      const pieces = [get('/ping')];
      const texts = [await exchange(fast, pieces), await exchange(usual, pieces)];
      assert.equal(texts[0], texts[1], JSON.stringify({ ...answer, body: typeof answer.body }));
    }
  });

  test('takes plain requests, and no others', T, async (t) => {
    const lookupd = await listen(t);
    let usual = 0;
    const count = () => usual++;
    subscribe('http.server.request.start', count);
    t.after(() => unsubscribe('http.server.request.start', count));
    const goesFast = async (...pieces: string[]) => {
      usual = 0;
      await exchange(lookupd, pieces);
      return usual === 0;
    };
    assert.ok(await goesFast(get('/ping')));
    assert.ok(
      await goesFast(get('/lookup?topic=t', 'Host: h\r\nUser-Agent: x\r\nAccept-Encoding: gzip\r\n'), get('/nodes')),
    );
    assert.ok(await goesFast(get('/topics', 'host: h\r\nconnection: close\r\n')));
    for (const pieces of [
      [get('/ping') + get('/ping')],
      ['GET /ping HTTP/1.1\r\n', 'Host: h\r\n\r\n'],
      [get('/ping', '')],
      [get('/ping', 'Host: h\r\nHost: h\r\n')],
      [get('/ping', 'Host: h\r\nX-A: b\r\n')],
      [get('/ping', 'Host: h\r\nContent-Length: 0\r\n')],
      [get('/debug')],
      [get('/none')],
      [get('/ping').replace('GET', 'HEAD')],
      [get('/ping').replace('1.1', '1.0')],
      [get('/lookup?topic=a!')],
    ])
      assert.ok(!(await goesFast(...pieces)), JSON.stringify(pieces));
    usual = 0;
    await exchange(lookupd, [get('/none'), get('/ping')]);
    assert.equal(usual, 2, 'a connection is handed over for good');
  });

  test('takes who watches, as curl, fetch and browsers ask, and tells them the same as node:http', T, async (t) => {
    let usual = 0;
    const count = () => usual++;
    subscribe('http.server.request.start', count);
    t.after(() => unsubscribe('http.server.request.start', count));
    const accept = 'Host: h\r\nAccept: text/event-stream\r\n';
    const clients = {
      curl: 'Host: h\r\nUser-Agent: curl/8\r\nAccept: */*\r\n',
      fetch: `${accept}connection: keep-alive\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip\r\n`,
      browser: `${accept}Cache-Control: no-cache\r\nLast-Event-ID: a.1\r\nOrigin: http://o\r\nsec-ch-ua-mobile: ?0\r\nReferer: http://o/\r\n`,
      proxy: `${accept}X-Real-IP: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n`,
    };
    const watch = async (options: LookupdOptions, headers: string) => {
      const lookupd = await listen(t, options);
      const socket = open(lookupd);
      let text = '';
      const until = async (part: string) => {
        while (!text.includes(part)) await once(socket, 'data');
      };
      socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      socket.write(get('/watch?topic=t', headers));
      await until('"producers"');
      const peer = createPeer('b:1', { hostname: 'ä' });
      // From below a chunk that is sent as text to above it.
      for (let i = 0; i < 6; i++) {
        for (let j = 0; j < 100; j++) lookupd.topology.register(peer, 't', `c${i}.${j}.`.padEnd(10 + i, 'x'));
        await until(`c${i}.99.`);
      }
      const ended = once(socket, 'end').then(() => socket.end()); // else it is waited for
      await lookupd.close();
      await ended;
      return text.replaceAll(/Date: [^\r]*\r\n|id: \S+\n/g, '');
    };
    for (const [client, headers] of Object.entries(clients)) {
      usual = 0;
      const told = await watch({}, headers);
      assert.equal(usual, 0, client);
      assert.equal(told, await watch({ httpFastPath: false }, headers), client);
      assert.equal(usual, 1);
      assert.match(told, /retry: 1000\n\n\r\n0\r\n\r\n$/);
    }
  });

  test('can be switched off', T, async (t) => {
    const lookupd = await listen(t, { httpFastPath: false });
    let usual = 0;
    const count = () => usual++;
    subscribe('http.server.request.start', count);
    t.after(() => unsubscribe('http.server.request.start', count));
    await exchange(lookupd, [get('/ping')]);
    assert.equal(usual, 1);
  });
});

for (const httpFastPath of [true, false]) {
  describe(`plain requests, fast path ${httpFastPath ? 'on' : 'off'}`, () => {
    /** A lookupd whose answers are held back until they are let go. */
    async function holding(t: TestContext, options: LookupdOptions = {}) {
      const held: (() => void)[] = [];
      const signals: (AbortSignal | undefined)[] = [];
      const hold =
        (handler: HttpHandler): HttpHandler =>
        async (request) => {
          signals.push(request.signal);
          await new Promise<void>((resolve) => held.push(resolve));
          return handler(request);
        };
      const lookupd = await listen(t, { httpFastPath, decorators: [hold], ...options });
      const until = async (count: number) => {
        while (held.length < count) await turn(undefined, { signal: t.signal });
      };
      /** Asks on a connection of its own, and waits until one more answer is held back than were. */
      const askHeld = async (request: string) => {
        const before = held.length;
        return ask(t, lookupd, request, () => held.length > before);
      };
      return { lookupd, held, signals, until, askHeld };
    }

    test('sent ahead of an answer that takes its time are answered in their order', T, async (t) => {
      const { lookupd, held, until } = await holding(t);
      const socket = open(lookupd);
      const text = readAll(socket);
      socket.write(get('/channels?topic=t'));
      await until(1);
      socket.write(get('/topics') + get('/lookup?topic='));
      await turns();
      socket.write(get('/ping'));
      await turns();
      assert.equal(held.length, 1);
      socket.end();
      for (let i = 1; i <= 4; i++) {
        await until(i);
        held[i - 1]!();
      }
      assert.match(await text, /channels":\["c"\].*topics":\[.*NOT_FOUND.*OK$/s);
    });

    test('of a client that has sent its last are answered, late or not', T, async (t) => {
      const { lookupd, held, until } = await holding(t);
      const socket = open(lookupd);
      const text = readAll(socket);
      socket.end(get('/ping'));
      await until(1);
      await turns();
      held[0]!();
      assert.match(await text, /OK$/);
    });

    test('sent ahead of an answer that takes its time are answered though nothing comes after them', T, async (t) => {
      const { lookupd, held, until } = await holding(t);
      for (const [ahead, count] of [
        [[get('/topics')], 1],
        [[get('/topics') + get('/lookup?topic=t') + get('/ping', 'Host: h\r\nX: y\r\n')], 3],
        [['GET /top', 'ics HTTP/1.1\r\nHost: h\r\n', '\r\n'], 1],
        [[get('/topics').repeat(300)], 300],
        [[get('/topics').repeat(20), get('/topics').repeat(20), get('/topics').repeat(20)], 60],
      ] as const) {
        const before = held.length;
        const socket = open(lookupd);
        const text = readAll(socket);
        socket.write(get('/channels?topic=t'));
        await until(before + 1);
        for (const piece of ahead) {
          socket.write(piece);
          await turns();
        }
        socket.end();
        await turns();
        for (let i = 0; i < 1 + count && !socket.closed; i++) {
          while (held.length <= before + i && !socket.closed) await turn(undefined, { signal: t.signal });
          held[before + i]?.();
        }
        assert.equal((await text).match(/HTTP\/1\.1 200/g)?.length, 1 + count, JSON.stringify(ahead).slice(0, 100));
      }
    });

    test('sent ahead by a client that sends its last, and reads late, are answered', T, async (t) => {
      const count = 300;
      const large = Buffer.alloc(100_000, 'x');
      const held: (() => void)[] = [];
      const answer: HttpHandler = async ({ path }) => {
        if (path === '/info') await new Promise<void>((resolve) => held.push(resolve));
        return { status: 200, headers: {}, body: path === '/info' ? '' : large };
      };
      const lookupd = await listen(t, { httpFastPath, decorators: [() => answer] });
      const socket = open(lookupd).pause();
      socket.write(get('/info'));
      while (held.length === 0) await turn(undefined, { signal: t.signal });
      socket.end(get('/topics').repeat(count));
      for (let i = 0; i < 10; i++) await turns();
      held[0]!();
      for (let i = 0; i < 50; i++) await turns();
      const text = readAll(socket);
      socket.resume();
      assert.equal((await text).match(/HTTP\/1\.1 200/g)?.length, 1 + count);
    });

    test('of a client that leaves are told so, though it has sent more ahead', T, async (t) => {
      const lookupd = await listen(t, { httpFastPath });
      for (const ahead of [[], [get('/ping')], [get('/ping'), get('/ping'), 'GET /pi'], ['GET /', 'pin', 'g ']]) {
        const socket = open(lookupd);
        socket.write(get('/watch?topic=t'));
        await once(socket, 'data');
        for (const piece of ahead) {
          socket.write(piece);
          await turns();
        }
        assert.equal(lookupd.watchers, 1);
        socket.end();
        while (lookupd.watchers > 0) await turn(undefined, { signal: t.signal });
        socket.destroy();
      }
    });

    test('of a client that leaves are told so', T, async (t) => {
      const { lookupd, held, signals, until } = await holding(t);
      const socket = open(lookupd);
      socket.write(get('/ping'));
      await until(1);
      assert.equal(signals[0]!.aborted, false);
      socket.resetAndDestroy();
      if (!signals[0]!.aborted) await once(signals[0]!, 'abort');
      held[0]!();
    });

    test('in flight are answered when it closes, and idle connections end at once', T, async (t) => {
      const { lookupd, held, until } = await holding(t, { graceMs: 30_000 });
      const [idle, asking, silent] = [open(lookupd), open(lookupd), open(lookupd)];
      idle.write(get('/ping'));
      await until(1);
      held[0]!();
      await once(idle, 'data');
      asking.write(get('/ping'));
      await until(2);
      const [text, ended] = [readAll(asking), Promise.all([readAll(idle), readAll(silent)])];
      const closed = lookupd.close();
      await ended;
      held[1]!();
      assert.match(await text, /OK$/);
      await closed;
    });

    test('are cut off when they outlast the grace period', T, async (t) => {
      const { lookupd, until } = await holding(t, { graceMs: 20 });
      const socket = open(lookupd);
      const text = readAll(socket);
      socket.write(get('/ping'));
      await until(1);
      await lookupd.close();
      assert.equal(await text, '');
    });

    test('are awaited for so long: the first, and the next', T, async (t) => {
      const patient = await listen(t, { httpFastPath, httpRequestTimeoutMs: 30, httpIdleTimeoutMs: 60_000 });
      const { socket: kept } = await ask(t, patient, get('/ping'));
      assert.match(await readAll(open(patient)), /^(?:HTTP\/1\.1 408 [^]*)?$/);
      assert.equal(kept.closed, false);
      kept.destroy();
      const hasty = await listen(t, { httpFastPath, httpRequestTimeoutMs: 60_000, httpIdleTimeoutMs: 30 });
      const socket = open(hasty);
      socket.write(get('/ping'));
      assert.match(await readAll(socket), /OK$/);
    });

    test('that never come whole are counted, also behind others', T, async (t) => {
      const lookupd = await listen(t, { httpFastPath, httpRequestTimeoutMs: 30, metrics: true });
      const first = open(lookupd);
      first.write('GET /pi');
      assert.match(await readAll(first), /^(?:HTTP\/1\.1 408 [^]*)?$/);
      const { socket, tries } = await ask(t, lookupd, get('/ping'));
      socket.write('GET /pi');
      assert.match(await readAll(socket), /^(?:HTTP\/1\.1 408 [^]*)?$/);
      const asked = await ask(t, lookupd, get('/metrics', 'Host: h\r\nConnection: close\r\n'));
      const count = /\{limit="httpRequestTimeoutMs"\} (\d+)\n/.exec(await asked.text)?.[1];
      assert.equal(Number(count), 1 + tries + asked.tries - 1);
    });

    test('whose answers nobody reads are cut off, past the deadline or the budget', T, async (t) => {
      for (const options of [{ httpAnswerTimeoutMs: 30 }, { httpMaxUnsentBytes: 100_000 }]) {
        const lookupd = await listen(t, { httpFastPath, ...options });
        const peer = createPeer('long:1');
        // Just below what is sent in slices, some sixty times.
        for (let i = 0; i < 900; i++) lookupd.topology.register(peer, 'wide', `${i}`.padStart(60, 'c'));
        const sockets = Array.from({ length: 60 }, () => open(lookupd).pause());
        const closed = Promise.race(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
        let isClosed = false;
        void closed.then(() => (isClosed = true));
        while (!isClosed) {
          for (const socket of sockets) if (socket.writable) socket.write(get('/lookup?topic=wide'));
          await turns();
        }
        for (const socket of sockets) socket.destroy();
      }
    });

    test('whose answers take longer than a request may are answered all the same', T, async (t) => {
      const { held, askHeld } = await holding(t, { httpRequestTimeoutMs: 20 });
      const { socket, text } = await askHeld(get('/ping'));
      const later = await listen(t, { httpFastPath, httpRequestTimeoutMs: 40 });
      for (let i = 0; i < 2; i++) await readAll(open(later)); // by when twice as much time has passed, and more
      assert.equal(socket.closed, false);
      held[0]!();
      socket.end();
      assert.match(await text, /OK$/);
    });

    test('sent ahead wait as long as the answer before them takes, wherever they are cut', T, async (t) => {
      const { held, until, askHeld } = await holding(t, { httpRequestTimeoutMs: 20 });
      const post = 'POST /topic/create?topic=p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello';
      const cases = [
        ['a long chunk', get('/ping', 'Host: h\r\nX: y\r\n').repeat(200), ''],
        ['the end of a chunk', `${get('/ping').repeat(100)}GET /pi`, 'ng HTTP/1.1\r\nHost: h\r\n\r\n'],
        ['a body', post, ''],
      ] as const;
      for (const [where, first, then] of cases) {
        const { socket, text } = await askHeld(get('/topics') + first);
        const count = held.length;
        await turns();
        socket.write(then);
        const later = await listen(t, { httpFastPath, httpRequestTimeoutMs: 40 });
        for (let i = 0; i < 2; i++) await readAll(open(later)); // by when twice as much time has passed, and more
        assert.equal(socket.closed, false, `${where}: ${socket.closed && (await text)}`);
        socket.end();
        const requests = (get('/topics') + first + then).match(/HTTP/g)!.length;
        for (let i = 0; i < requests; i++) {
          await until(count + i);
          held[count + i - 1]!();
        }
        assert.equal((await text).match(/HTTP\/1\.1 200/g)?.length, requests, where);
      }
    });

    test('sent ahead with what node:http answers by itself throw nothing', T, async (t) => {
      const { lookupd, held, until } = await holding(t);
      const miracle = get('/ping', 'Host: h\r\nExpect: a miracle\r\n');
      for (let before = 60; before < 180; before += 5) {
        const socket = open(lookupd);
        const count = held.length + 2;
        const text = readAll(socket);
        socket.write(get('/topics') + miracle.repeat(before) + get('/ping') + miracle.repeat(1000));
        await until(count - 1);
        await turns();
        held[count - 2]!();
        await until(count);
        held[count - 1]!();
        socket.end();
        assert.equal((await text).match(/HTTP\/1\.1 417/g)?.length, before + 1000);
      }
    });

    test('are answered whole, though a node carries more than a slice tells of', T, async (t) => {
      const lookupd = await listen(t, { httpFastPath });
      const peer = createPeer('long:1', { lastUpdateMs: Date.now() });
      lookupd.topology.join(peer);
      for (let i = 0; i < 60_000; i++) lookupd.topology.register(peer, `topic${i}`);
      const socket = open(lookupd);
      const text = readAll(socket);
      socket.write(get('/nodes', 'Host: h\r\nConnection: close\r\n'));
      const [body, ...after] = (await text).split('\r\n0\r\n\r\n');
      assert.match(body!, /"topic59999"[^]*\]\}$/);
      assert.deepEqual(after, ['']);
    });

    test('leave others their turns, though a host’s body is endless and always ready', T, async (t) => {
      let inTurn = 0;
      let most = 0;
      async function* body() {
        for (;;) {
          if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
          most = Math.max(most, inTurn);
          yield await Promise.resolve('a');
        }
      }
      const endless = (): HttpHandler => () => ({ status: 200, headers: {}, body: body(), isEndless: true });
      const socket = open(await listen(t, { httpFastPath, decorators: [endless] }));
      socket.write(get('/ping'));
      for (let bytes = 0; bytes < 100_000;) bytes += ((await once(socket, 'data')) as [Buffer])[0].length;
      socket.destroy();
      assert.ok(most > 1 && most <= 4000, `${most} pieces in a turn`);
    });

    test('are counted as connections', T, async (t) => {
      const lookupd = await listen(t, { httpFastPath, httpMaxConnections: 1 });
      const first = open(lookupd);
      first.write(get('/ping'));
      await once(first, 'data');
      assert.equal(await readAll(open(lookupd)), '');
      const text = readAll(first);
      first.end(get('/ping'));
      assert.match(await text, /OK$/);
    });
  });
}
