import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createLookupd, type Lookupd } from 'nsqlookupd/daemon';
import { fetchRaw } from './support/command-lookupd.js';

const TIMEOUT = { timeout: 20_000 };
const KB = 1024;

let lookupd: Lookupd;
let port: number;
const errors: unknown[] = [];

async function start(httpFastPath: boolean): Promise<void> {
  lookupd = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    httpFastPath,
    httpRequestTimeoutMs: 400,
    onError: (error) => errors.push(error),
  });
  await lookupd.listen();
  port = Number(lookupd.httpAddress!.split(':')[1]);
}

async function stop(): Promise<void> {
  assert.deepEqual(errors, []);
  await lookupd.close();
}

/** A connection, and all that comes back on it until it closes. */
function open(of = port): { socket: Socket; answer: Promise<string> } {
  const socket = connect({ port: of, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => {}); // a connection that is cut while it floods
  socket.on('end', () => socket.destroy());
  // Not `once`, which rejects when a write fails: whether one does before the answer is read is chance.
  return { socket, answer: new Promise((resolve) => socket.on('close', () => resolve(text))) };
}

async function send(request: string): Promise<string> {
  const { socket, answer } = open();
  socket.write(request, 'latin1');
  return answer;
}

/** Writes chunk after chunk, as fast as they are taken, until closed or `bytes` are written. Answers how many were. */
async function flood(socket: Socket, chunk: Buffer, bytes: number): Promise<number> {
  let written = 0;
  socket.setMaxListeners(0);
  while (written < bytes && !socket.destroyed) {
    written += chunk.length;
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
  }
  return written;
}

async function assertWell(): Promise<void> {
  assert.equal((await fetchRaw(port, 'GET', '/ping')).text, 'OK');
}

for (const httpFastPath of [true, false]) {
  describe(`fast path ${httpFastPath ? 'on' : 'off'}`, () => {
    before(() => start(httpFastPath));
    after(stop);

    describe('HTTP clients that mean no good', { concurrency: false }, () => {
      test('headers without an end are answered 431 and closed', TIMEOUT, async () => {
        const { socket, answer } = open();
        socket.write('GET /ping HTTP/1.1\r\nHost: x\r\n');
        const written = await flood(socket, Buffer.from(`X-Y: ${'z'.repeat(KB)}\r\n`), 64 * KB * KB);
        assert.match(await answer, /^HTTP\/1\.1 431 /);
        assert.ok(written < 32 * KB * KB, `${written} bytes were taken`);
        await assertWell();
      });

      for (const [what, header] of [
        ['of a length that is told', `Content-Length: ${512 * KB * KB}`],
        ['of no told length', 'Transfer-Encoding: chunked'],
      ] as const) {
        test(`a body of hundreds of MiB, ${what}, is answered and closed, and not kept`, TIMEOUT, async () => {
          const { socket, answer } = open();
          socket.write(`POST /topic/create?topic=big HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
          const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(64 * KB, 'x'), Buffer.from('\r\n')]);
          const written = await flood(socket, chunk, 512 * KB * KB);
          const text = await answer;
          assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
          assert.match(text, /\r\nConnection: close\r\n/i);
          assert.ok(written < 64 * KB * KB, `${written} bytes were taken`);
          assert.ok(lookupd.topology.topics().includes('big'));
          await assertWell();
        });
      }

      test('a small body is read over, and the connection goes on', TIMEOUT, async () => {
        const post = 'POST /topic/create?topic=s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
        const text = await send(`${post}GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200']);
        assert.ok(text.endsWith('OK'));
      });

      test('a body that waits for leave gets the answer instead', TIMEOUT, async () => {
        const head = `POST /topic/create?topic=e HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n`;
        const text = await send(`${head}Expect: 100-continue\r\n\r\n`);
        assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
        assert.match(await send(`${head}Expect: a miracle\r\n\r\n`), /^HTTP\/1\.1 417 /);
      });

      test('a request that comes too slowly is closed', TIMEOUT, async () => {
        for (const part of ['', 'G', 'GET /ping HTTP/1.1\r\nHost: x\r\n']) {
          const text = await send(part);
          assert.match(text, /^$|^HTTP\/1\.1 408 /);
        }
        await assertWell();
      });

      test('a query of 9,000 characters is read', TIMEOUT, async () => {
        assert.equal((await fetchRaw(port, 'GET', `/lookup?topic=${'x'.repeat(9000)}`)).status, 404);
        assert.equal((await fetchRaw(port, 'POST', `/topic/create?topic=${'x'.repeat(9000)}`)).status, 400);
        assert.equal((await fetchRaw(port, 'GET', `/lookup?topic=t&${'a&'.repeat(4000)}`)).status, 404);
      });

      test('malformed requests are answered 400 and closed', TIMEOUT, async () => {
        for (const line of [
          'GET',
          'GET /ping HTTP/9.9',
          'GET /pi ng HTTP/1.1',
          '\0\0\0',
          '  V1PING',
          'GET /\xff HTTP/1.1',
        ]) {
          assert.match(await send(`${line}\r\n\r\n`), /^HTTP\/1\.1 400 /, line);
        }
        await assertWell();
      });

      test('CONNECT keeps no connection, though the client does not close', TIMEOUT, async () => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
        socket.write('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n');
        await once(socket.resume(), 'end');
        // Whoever writes to a connection that is gone is told so.
        const gone = new Promise((resolve) => socket.on('close', resolve));
        const writer = setInterval(() => socket.write('x'), 10);
        await gone;
        clearInterval(writer);
      });

      test('CONNECT is answered, Upgrade and absolute URLs are served', TIMEOUT, async () => {
        assert.match(
          await send('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n'),
          /^HTTP\/1\.1 404 [^]*\{"message":"NOT_FOUND"\}$/,
        );
        const upgrade = 'GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n';
        assert.match(await send(upgrade), /^HTTP\/1\.1 200 /);
        const absolute = 'GET http://x/ping?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
        assert.match(await send(absolute), /^HTTP\/1\.1 200 /);
      });

      test('names of Object.prototype are topics like any other', TIMEOUT, async () => {
        for (const name of ['__proto__', 'constructor', 'toString']) {
          assert.equal((await fetchRaw(port, 'GET', `/lookup?topic=${name}`)).status, 404);
          assert.equal((await fetchRaw(port, 'POST', `/channel/create?topic=${name}&channel=${name}`)).status, 200);
          assert.equal((await fetchRaw(port, 'GET', `/channels?topic=${name}`)).text, `{"channels":["${name}"]}`);
        }
      });

      test('a topic too many is answered 503', TIMEOUT, async () => {
        const full = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', maxRegistrations: 1 });
        await full.listen();
        const fullPort = Number(full.httpAddress!.split(':')[1]);
        assert.equal((await fetchRaw(fullPort, 'POST', '/topic/create?topic=a')).status, 200);
        const { status, text } = await fetchRaw(fullPort, 'POST', '/topic/create?topic=b');
        assert.deepEqual([status, text], [503, '{"message":"TOO_MANY_REGISTRATIONS"}']);
        assert.equal((await fetchRaw(fullPort, 'POST', '/channel/create?topic=a&channel=c')).status, 503);
        await full.close();
      });
    });

    describe('requests that are sent ahead', () => {
      test('more than may wait end their connection, and nothing else', TIMEOUT, async () => {
        const limits = { httpFastPath, httpMaxPipelinedRequests: 50 };
        const strict = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', ...limits });
        await strict.listen();
        for (let i = 0; i < 10_000; i++) strict.topology.createChannel('long', `channel-with-a-rather-long-name-${i}`);
        const strictPort = Number(strict.httpAddress!.split(':')[1]);
        const ask = (waiting: number) => {
          const { socket, answer } = open(strictPort);
          const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
          socket.end(get('/channels?topic=long') + get('/ping').repeat(waiting));
          return answer;
        };
        assert.equal((await ask(50)).match(/HTTP\/1\.1 200/g)?.length, 51);
        assert.doesNotMatch(await ask(51), /\]\}/);
        assert.equal((await ask(50)).match(/HTTP\/1\.1 200/g)?.length, 51);
        await strict.close();
      });

      test('are read no faster than they are answered, however many', TIMEOUT, async () => {
        const { socket, answer } = open();
        socket.end('GET /ping HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(30_000));
        assert.equal((await answer).match(/HTTP\/1\.1 200/g)?.length, 30_000);
      });

      test('are parsed little by little, however many come in one chunk', TIMEOUT, async () => {
        let inTurn = 0;
        let most = 0;
        const onRequest = () => {
          if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
          most = Math.max(most, inTurn);
        };
        subscribe('http.server.request.start', onRequest);
        const { socket, answer } = open();
        const get = (headers: string) => `GET /nowhere HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;
        socket.write(get('').repeat(1900) + get('Connection: close\r\n'));
        const text = await answer;
        unsubscribe('http.server.request.start', onRequest);
        assert.equal(text.match(/HTTP\/1\.1 404/g)?.length, 1901);
        assert.ok(most > 1 && most <= 300, `${most} requests in one turn`);
      });

      test('are answered whole when the client ends its side at once', TIMEOUT, async () => {
        for (let i = 0; i < 10_000; i++) lookupd.topology.createChannel('half', `channel-with-a-rather-long-name-${i}`);
        const { socket, answer } = open();
        const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
        socket.end(get('/channels?topic=half') + get('/ping').repeat(50));
        const text = await answer;
        lookupd.topology.deleteTopic('half');
        assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 51);
        assert.match(text, /\]\}\r\n0\r\n\r\nHTTP/);
        assert.match(text, /OK$/);
      });

      test('with a CONNECT behind an answer that is under way are cut off, and not mixed', TIMEOUT, async () => {
        for (let i = 0; i < 10_000; i++) lookupd.topology.createChannel('long', `channel-with-a-rather-long-name-${i}`);
        const text = await send(
          'GET /channels?topic=long HTTP/1.1\r\nHost: h\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: h\r\n\r\n',
        );
        lookupd.topology.deleteTopic('long');
        assert.doesNotMatch(text, /404/);
      });
    });
  });
}

test('long heads that many clients send at once are parsed a few in a turn', TIMEOUT, async () => {
  const perTurn = new Map<number, number>();
  let turn = 0;
  await using busy = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    decorators: [
      (handler) => (request) => {
        perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
        return handler(request);
      },
    ],
  });
  await busy.listen();
  const clients = Array.from({ length: 150 }, () => open(Number(busy.httpAddress!.split(':')[1])));
  const first = clients.map(({ socket }) => once(socket, 'data'));
  for (const { socket } of clients) socket.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
  await Promise.all(first);
  const count = () => {
    turn++;
    next = setImmediate(count);
  };
  perTurn.clear();
  let next = setImmediate(count);
  const head = `GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'X-Flood: 0123456789\r\n'.repeat(700)}\r\n`;
  for (const { socket } of clients) socket.write(head, 'latin1');
  const answers = await Promise.all(clients.map(({ answer }) => answer));
  clearImmediate(next);
  assert.ok(answers.every((text) => text.startsWith('HTTP/1.1 200 OK')));
  assert.ok(Math.max(...perTurn.values()) <= 50, `${[...perTurn.values()].join()} in a turn`);
});
