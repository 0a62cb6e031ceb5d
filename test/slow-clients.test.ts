import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  toKoaMiddleware,
  toNodeHandler,
  type HttpHandler,
  type HttpRequest,
  type NodeHandlerOptions,
} from 'nsqlookupd/http';
import { ManualClock } from 'nsqlookupd/testing';

const T = { timeout: 20_000 };
const MB = 1024 * 1024;

async function listen(
  t: TestContext,
  handler: HttpHandler,
  options?: NodeHandlerOptions,
  onConnection: (socket: Socket) => void = () => undefined,
): Promise<() => Socket> {
  const server = createServer(toNodeHandler(handler, options)).listen(0, '127.0.0.1');
  server.on('connection', onConnection);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return () => connect(port, '127.0.0.1').on('error', () => undefined);
}

const get = (path: string, last = false) =>
  `GET ${path} HTTP/1.1\r\nHost: h\r\n${last ? 'Connection: close\r\n' : ''}\r\n`;

async function until(t: TestContext, isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn(undefined, { signal: t.signal });
}

describe('requests that are sent ahead', () => {
  test('are answered one at a time, in their order', T, async (t) => {
    let running = 0;
    let most = 0;
    const open = await listen(t, async ({ path }) => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      return { status: 200, headers: {}, body: `<${path}>` };
    });
    const socket = open();
    const paths = Array.from({ length: 500 }, (_, i) => `/${i}`);
    socket.write(paths.map((path, i) => get(path, i === 499)).join(''));
    let text = '';
    for await (const chunk of socket.setEncoding('latin1')) text += String(chunk);
    assert.deepEqual(text.match(/<[^>]*>/g), paths.map((path) => `<${path}>`)); // prettier-ignore
    assert.equal(most, 1);
  });

  test('of clients that leave are not counted for ever, also behind a slow answer of the host’s', T, async (t) => {
    const slow: (() => void)[] = [];
    const listener = toNodeHandler(() => ({ status: 200, headers: {}, body: 'pong' }), { maxPipelinedRequests: 20 });
    const server = createServer((request, response) => {
      if (request.url === '/slow') slow.push(() => response.end('slow'));
      else listener(request, response);
    }).listen(0, '127.0.0.1');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const count = () => new Promise<number>((resolve) => server.getConnections((_, number) => resolve(number)));
    for (let i = 1; i <= 30; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write(get('/slow') + get('/ping').repeat(3));
      await until(t, () => slow.length === i);
      for (let turns = 0; turns < 5; turns++) await turn();
      socket.destroy();
      for (let turns = 0; turns < 5; turns++) await turn();
      slow[i - 1]!();
      while ((await count()) > 0);
    }
    const socket = connect(port, '127.0.0.1');
    socket.write(get('/ping').repeat(15) + get('/ping', true));
    let text = '';
    for await (const chunk of socket.setEncoding('latin1')) text += String(chunk);
    assert.equal(text.match(/pong/g)?.length, 16);
  });

  test('are not started while nobody reads what comes first', T, async (t) => {
    let started = 0;
    const body = 'x'.repeat(32 * MB);
    const open = await listen(t, () => ({ status: 200, headers: {}, body: (started++, body) }));
    const socket = open();
    socket.write(get('/').repeat(1900));
    await until(t, () => started > 0);
    for (let i = 0; i < 50; i++) await turn();
    assert.equal(started, 1);
    socket.destroy();
  });

  test('beyond what may wait cut the client off, and nobody else', T, async (t) => {
    let go = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    const answer: HttpHandler = async ({ path }) => {
      if (path === '/slow') await gone;
      return { status: 200, headers: {}, body: 'done' };
    };
    const open = await listen(t, answer, { maxPipelinedRequests: 10 });
    const [greedy, modest] = [open(), open()];
    modest.write(get('/slow') + get('/').repeat(3) + get('/', true));
    await turn();
    greedy.write(get('/slow') + get('/').repeat(11));
    await once(greedy.resume(), 'close');
    go();
    let text = '';
    for await (const chunk of modest.setEncoding('latin1')) text += String(chunk);
    assert.equal(text.match(/done/g)?.length, 5);
    const again = open(); // what the greedy one had waiting counts no more
    again.write(get('/').repeat(9) + get('/', true));
    text = '';
    for await (const chunk of again.setEncoding('latin1')) text += String(chunk);
    assert.equal(text.match(/done/g)?.length, 10);
  });

  test('of a client that leaves hold no middleware', T, async (t) => {
    let entered = 0;
    const middleware = toKoaMiddleware(() => new Promise(() => undefined));
    let left = 0;
    const server = createServer((req, res) => {
      entered++;
      void middleware({ req, res }, () => Promise.resolve()).finally(() => left++);
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(get('/').repeat(20));
    await until(t, () => entered === 20);
    socket.destroy();
    await until(t, () => left === 20);
  });
});

describe('answers that nobody reads', () => {
  test('are cut off past the budget, the longest-waiting first', T, async (t) => {
    const order: number[] = [];
    let connections = 0;
    let answered = 0;
    const answer = () => ({ status: 200, headers: {}, body: (answered++, new Uint8Array(24 * MB)) });
    const open = await listen(t, answer, { maxUnsentBytes: 50 * MB }, (socket) => {
      const number = connections++;
      socket.on('close', () => order.push(number));
    });
    const sockets: Socket[] = [];
    for (let i = 0; i < 5; i++) {
      const socket = open().pause();
      sockets.push(socket);
      socket.write(get(`/?${i}`));
      await until(t, () => answered === i + 1);
    }
    await until(t, () => order.length >= 2);
    for (let i = 0; i < 10; i++) await turn();
    assert.deepEqual(order, [0, 1, 2, 3].slice(0, order.length));
    assert.ok(order.length <= 4);
    for (const socket of sockets) socket.destroy();
  });

  test('count once where all wait for the same bytes, until the last of them has gone', T, async (t) => {
    const closed = new Set<number>();
    let answered = 0;
    const versions = [new Uint8Array(24 * MB), new Uint8Array(24 * MB), new Uint8Array(24 * MB)];
    const answer = ({ query }: HttpRequest) => ({
      status: 200,
      headers: {},
      body: (answered++, versions[Number(query)]!),
    });
    let connections = 0;
    const open = await listen(t, answer, { maxUnsentBytes: 50 * MB }, (socket) => {
      const number = connections++;
      socket.on('close', () => closed.add(number));
    });
    const sockets: Socket[] = [];
    const ask = async (version: number) => {
      const count = answered;
      const socket = open().pause();
      sockets.push(socket);
      socket.write(get(`/?${version}`));
      await until(t, () => answered === count + 1);
      for (let i = 0; i < 10; i++) await turn();
    };
    for (const version of [0, 0, 0, 1, 1, 0]) await ask(version);
    assert.deepEqual([...closed], []);
    sockets[5]!.destroy();
    await until(t, () => closed.size === 1);
    await ask(2);
    await until(t, () => closed.size === 4);
    assert.deepEqual([...closed].sort(), [0, 1, 2, 5], 'all who held the oldest, and nobody else');
    for (const socket of sockets) socket.destroy();
  });

  for (const isEndless of [false, true]) {
    test(`have a deadline, ${isEndless ? 'unless they are endless' : 'though a little is read'}`, T, async (t) => {
      const timers = new ManualClock();
      let next = () => {};
      const body = async function* () {
        for (;;) {
          yield 'more';
          await new Promise<void>((resolve) => (next = resolve));
        }
      };
      const open = await listen(t, () => ({ status: 200, headers: {}, body: body(), isEndless }), {
        answerTimeoutMs: 1000,
        timers,
      });
      const socket = open();
      let isClosed = false;
      socket.on('close', () => (isClosed = true));
      socket.write(get('/'));
      await once(socket, 'data');
      timers.advance(999);
      next();
      await once(socket, 'data');
      timers.advance(1);
      if (!isEndless) {
        await until(t, () => isClosed);
        return;
      }
      next();
      await once(socket, 'data');
      socket.destroy();
    });
  }

  test('that are read leave no timer', T, async (t) => {
    const waiting = new Set<unknown>();
    const timers = {
      setTimeout: (callback: () => void) => {
        waiting.add(callback);
        return callback;
      },
      clearTimeout: (handle: unknown) => void waiting.delete(handle),
    };
    const open = await listen(t, () => ({ status: 200, headers: {}, body: new Uint8Array(8 * MB) }), { timers });
    const socket = open();
    socket.write(get('/', true));
    await once(socket.resume(), 'close');
    await until(t, () => waiting.size === 0);
  });
});
