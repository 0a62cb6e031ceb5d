import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createHttpHandler,
  createLogDecorator,
  decorate,
  toFetchHandler,
  toNodeHandler,
  type HttpDecorator,
  type HttpHandler,
  type HttpHandlerOptions,
} from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { bodyOf } from './support/body.js';
import { fetchRaw } from './support/command-lookupd.js';
import { peerOf } from './support/peers.js';
import { runs } from './support/runs.js';
import type { SyncHttpHandler } from './support/sync-handler.js';

function setUp(options: Partial<HttpHandlerOptions> = {}) {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 1000 });
  const handler = createHttpHandler({ topology, ...options }) as SyncHttpHandler;
  const ask = (method: string, target: string) => {
    const [path = '', query = ''] = target.split('?');
    return handler({ method, path, query, headers: {} });
  };
  return { topology, handler, ask, get: (target: string) => ask('GET', target) };
}

async function serve(handler: HttpHandler, run: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(toNodeHandler(handler)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

/** All bytes of one answer. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(request);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk as string;
  return text;
}

describe('createHttpHandler', () => {
  test('leaves a path that is not its own to the host', () => {
    const { ask } = setUp();
    for (const path of ['/', '', '/nope', '/lookup/x', '/topic', '/constructor', '/__proto__', '/%zz', '*']) {
      for (const method of ['GET', 'POST', 'OPTIONS', 'constructor']) assert.equal(ask(method, path), undefined, path);
    }
  });

  test('prints times in /debug as exact nanoseconds', () => {
    const { topology, get } = setUp();
    const peer = peerOf('h1', { lastUpdateMs: 1_790_000_000_123.25 });
    topology.join(peer);
    topology.register(peer, 't');
    topology.tombstone('t', 'h1.test:4151');
    const body = bodyOf(get('/debug'));
    assert.match(
      body,
      /"client::":\[\{[^}]*"last_update":1790000000123250000,[^}]*"tombstoned_at":-6795364578871345152,/,
    );
    assert.match(body, /"topic:t:":\[\{[^}]*"tombstoned":true,"tombstoned_at":1000000000,/);
    assert.doesNotThrow(() => JSON.parse(body));
  });

  test('tells a large registry in chunks, whole', { timeout: 20_000 }, async () => {
    const { topology, handler } = setUp();
    for (let p = 0; p < 3; p++) {
      const peer = peerOf(`h${p}`, { lastUpdateMs: 1_790_000_000_123 });
      topology.join(peer);
      for (let i = 0; i < 500; i++) topology.register(peer, `topic-${i}`, 'c');
    }
    topology.createTopic('nobody');
    await serve(handler, async (port) => {
      const { text } = await fetchRaw(port, 'GET', '/debug');
      assert.ok(text.length > 500_000);
      const all = JSON.parse(text) as Record<string, { id: string }[]>;
      assert.equal(Object.keys(all).length, 1001);
      for (const producers of Object.values(all)) {
        assert.deepEqual(producers.map(({ id }) => id).sort(), ['h0:50000', 'h1:50000', 'h2:50000']);
      }
    });
  });

  test('a body that nobody waits for any more is let go', { timeout: 20_000 }, async () => {
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    let returned = () => {};
    const isReturned = new Promise<void>((resolve) => (returned = resolve));
    const never: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          asked();
          return new Promise(() => {});
        },
        return: () => {
          returned();
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    await serve(
      () => ({ status: 200, headers: {}, body: never }),
      async (port) => {
        const socket = connect(port, '127.0.0.1');
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
        await isAsked;
        socket.destroy();
        await isReturned;
      },
    );
  });

  test('escapes what HTML could trip over', () => {
    const { topology, get } = setUp();
    topology.join(peerOf('h1', { hostname: '<b>&\u2028' }));
    assert.match(bodyOf(get('/nodes')), /"hostname":"\\u003cb\\u003e\\u0026\\u2028"/);
  });

  test('answers a path with doubled or trailing slashes or escapes directly', () => {
    const { get } = setUp();
    for (const path of ['/ping/', '//ping', '/%70ing', '/topics//', '//nodes/']) {
      assert.equal(get(path)?.status, 200, path);
    }
  });

  test('redirects where only letter case or dot segments differ', () => {
    const { ask } = setUp();
    const cases: [string, string, number, string][] = [
      ['GET', '/Lookup?topic=T', 301, '/lookup?topic=T'],
      ['HEAD', '/TOPICS', 301, '/topics'],
      ['POST', '/topic/Create?topic=t', 307, '/topic/create?topic=t'],
      ['GET', '/x/../ping', 301, '/ping'],
    ];
    for (const [method, target, status, location] of cases) {
      const response = ask(method, target);
      assert.deepEqual([response?.status, response?.headers['Location']], [status, location], target);
    }
    assert.equal(ask('GET', '/Topic/Create'), undefined);
  });

  test('HEAD is as GET, and every 405 says so', () => {
    const { ask } = setUp();
    assert.equal(ask('HEAD', '/ping')?.status, 200);
    assert.equal(ask('HEAD', '/lookup?topic=t')?.status, 404);
    assert.equal(ask('POST', '/ping')?.headers['Allow'], 'GET, HEAD, OPTIONS');
    assert.equal(ask('HEAD', '/topic/create?topic=t')?.status, 405);
    assert.equal(ask('HEAD', '/topic/create?topic=t')?.headers['Allow'], 'OPTIONS, POST');
  });

  describe('orders check their arguments', () => {
    const long = 'x'.repeat(65);
    const cases: [string, number, string][] = [
      ['/topic/create', 400, 'MISSING_ARG_TOPIC'],
      ['/topic/create?topic=', 400, 'INVALID_ARG_TOPIC'],
      ['/topic/create?topic=*', 400, 'INVALID_ARG_TOPIC'],
      [`/topic/create?topic=${long}`, 400, 'INVALID_ARG_TOPIC'],
      ['/topic/create?topic=%zz', 400, 'INVALID_REQUEST'],
      ['/channel/create?topic=t', 400, 'MISSING_ARG_CHANNEL'],
      ['/channel/create?channel=c', 400, 'MISSING_ARG_TOPIC'],
      ['/channel/create?topic=t&channel=*', 400, 'INVALID_ARG_CHANNEL'],
      ['/channel/create?topic=t!&channel=*', 400, 'INVALID_ARG_TOPIC'],
      ['/channel/delete?topic=t', 400, 'MISSING_ARG_CHANNEL'],
      ['/channel/delete?topic=t&channel=a%20b', 400, 'INVALID_ARG_CHANNEL'],
      ['/channel/delete?topic=t&channel=c', 404, 'CHANNEL_NOT_FOUND'],
      ['/topic/tombstone?topic=t', 400, 'MISSING_ARG_NODE'],
      ['/topic/tombstone?topic=a;b&node=n', 400, 'INVALID_REQUEST'],
    ];
    for (const [target, status, message] of cases) {
      test(`${target} → ${message}`, () => {
        const { ask } = setUp();
        const response = ask('POST', target);
        assert.deepEqual([response?.status, JSON.parse(bodyOf(response))], [status, { message }]);
      });
    }
  });

  test('reads a query as Go does', () => {
    const { topology, get } = setUp();
    for (const topic of ['a', 'b', 'a#ephemeral', '__proto__']) topology.createTopic(topic);
    const found = ['topic=a', 'topic=a&topic=nope', 'x=1&topic=b&y', 'topic=%61', 't%6Fpic=a', 'topic=a%23ephemeral'];
    for (const query of [...found, 'topic=__proto__', '&&topic=a&', 'topic=a&__proto__=x']) {
      assert.equal(get(`/lookup?${query}`)?.status, 200, query);
    }
    for (const query of ['topic=a+', 'topic=A', 'topic=%ff', 'topic==a', 'topic=nope&topic=a', 'topic=toString']) {
      assert.equal(get(`/lookup?${query}`)?.status, 404, query);
    }
    for (const query of ['topic=a;', 'topic=a&%', 'topic=a&%1', '%g0=1&topic=a', 'a;b=1&topic=a']) {
      assert.equal(get(`/lookup?${query}`)?.status, 400, query);
    }
  });

  test('whatever is asked, it answers or leaves it, and never throws', () => {
    const errors: unknown[] = [];
    const { topology, handler } = setUp({ onError: (error) => errors.push(error) });
    topology.join(peerOf('h1'));
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
    const paths = fc.oneof(
      text.map((tail) => `/${tail}`),
      fc.constantFrom('/lookup', '/channels', '/topic/create', '/topic/tombstone', '/channel/delete', '/Nodes'),
      fc.array(fc.constantFrom('/', '..', '.', '%2e', '%', 'lookup', 'TOPIC', 'create', '%2F')).map((p) => p.join('')),
    );
    const queries = fc
      .array(fc.oneof(text, fc.constantFrom('topic=', 'channel=', 'node=', '&', '=', ';', '%', '%zz', '%41', '+', '*')))
      .map((parts) => parts.join(''));
    const methods = fc.oneof(fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'constructor', '__proto__'), text);
    fc.assert(
      fc.property(methods, paths, queries, (method, path, query) => {
        const response = handler({ method, path, query, headers: {} });
        if (response) assert.ok(response.status >= 200 && response.status < 500, String(response.status));
      }),
      { numRuns: runs(2000) },
    );
    assert.deepEqual(errors, []);
  });

  test('refuses what it cannot work with, at once', () => {
    assert.throws(() => createHttpHandler({} as HttpHandlerOptions), TypeError);
    assert.throws(() => createHttpHandler(undefined as unknown as HttpHandlerOptions), /topology must be a Topology/);
    for (const adapt of [toNodeHandler, toFetchHandler]) {
      assert.throws(() => adapt({} as HttpHandler), /handler must be a function/);
    }
  });
});

describe('decorate', () => {
  test('wraps in order, the first outermost, and a decorator may take its time', async () => {
    const { handler } = setUp();
    const order: string[] = [];
    const note =
      (name: string): HttpDecorator =>
      (inner) =>
      async (request) => {
        order.push(name);
        return inner(request);
      };
    const check: HttpDecorator = (inner) => (request) =>
      request.headers['authorization'] === 'Bearer t' ? inner(request) : { status: 401, headers: {}, body: '' };
    const decorated = decorate(handler, note('a'), check, note('b'));
    const ping = { method: 'GET', path: '/ping', query: '' };
    assert.equal((await decorated({ ...ping, headers: {} }))?.status, 401);
    assert.equal((await decorated({ ...ping, headers: { authorization: 'Bearer t' } }))?.status, 200);
    assert.deepEqual(order, ['a', 'a', 'b']);
  });

  test('a log line for each answer, in the shape of nsqlookupd', async () => {
    const { handler } = setUp();
    const lines: string[] = [];
    let now = 0;
    const clock = () => (now += 0.01336);
    const logged = createLogDecorator({ log: { info: (line) => void lines.push(line) }, clock });
    const request = { method: 'GET', path: '/lookup', query: 'topic=t', headers: {}, remoteAddress: '127.0.0.1:1' };
    await decorate(handler, logged)(request);
    await decorate(handler, logged)({ ...request, path: '/host', query: '' });
    await decorate((r) => Promise.resolve(handler(r)), logged)({ ...request, path: '/ping', query: '' });
    assert.deepEqual(lines, ['404 GET /lookup?topic=t (127.0.0.1:1) 13.36µs', '200 GET /ping (127.0.0.1:1) 13.36µs']);
  });
});

describe('toNodeHandler', () => {
  test('sends names and lengths as nsqlookupd does', { timeout: 10_000 }, async () => {
    const { handler } = setUp();
    await serve(handler, async (port) => {
      const answer = await raw(port, 'GET /topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(answer, /\r\nX-Nsq-Content-Type: nsq; version=1\.0\r\n/);
      assert.match(answer, /\r\nContent-Type: application\/json; charset=utf-8\r\n/);
      assert.match(answer, /\r\nContent-Length: 13\r\n/);
      assert.match(answer, /\r\n\r\n\{"topics":\[\]\}$/);
      const head = await raw(port, 'HEAD /topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      assert.match(head, /\r\nContent-Length: 13\r\n/);
      assert.match(head, /\r\n\r\n$/);
    });
  });

  test('serves absolute URLs and answers 404 to what is not ours', { timeout: 10_000 }, async () => {
    const { handler } = setUp();
    await serve(handler, async (port) => {
      assert.equal((await fetchRaw(port, 'GET', 'http://other.test/ping?x=1')).text, 'OK');
      const answer = await fetchRaw(port, 'GET', '/nope');
      assert.deepEqual([answer.status, answer.text], [404, '{"message":"NOT_FOUND"}']);
    });
  });

  test('hands what is not ours, and errors, to next', { timeout: 10_000 }, async () => {
    const { handler } = setUp();
    const boom = new Error('boom');
    const failing = decorate(handler, (inner) => (request) => {
      if (request.path === '/info') throw boom;
      if (request.path === '/topics') return Promise.reject(boom);
      return inner(request);
    });
    const listener = toNodeHandler(failing);
    const errors: unknown[] = [];
    const server = createServer((request, response) => {
      listener(request, response, (error) => {
        errors.push(error);
        response.end('the host');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const path of ['/mine', '/info', '/topics'])
      assert.equal((await fetchRaw(port, 'GET', path)).text, 'the host');
    assert.deepEqual(errors, [undefined, boom, boom]);
    assert.equal((await fetchRaw(port, 'GET', '/ping')).text, 'OK');
    server.close();
    await serve(failing, async (port) => {
      for (const path of ['/info', '/topics']) {
        const { status, text } = await fetchRaw(port, 'GET', path);
        assert.deepEqual([status, text], [500, '{"message":"INTERNAL_ERROR"}']);
      }
    });
  });

  test('streams a body that takes time', { timeout: 10_000 }, async () => {
    async function* slow() {
      for (let i = 0; i < 40; i++) {
        await Promise.resolve();
        yield i % 2 === 0 ? 'x'.repeat(20_000) : new Uint8Array(20_000).fill(121);
      }
    }
    await serve(
      () => ({ status: 200, headers: {}, body: slow() }),
      async (port) => {
        const { text } = await fetchRaw(port, 'GET', '/');
        assert.equal(text, ('x'.repeat(20_000) + 'y'.repeat(20_000)).repeat(20));
      },
    );
  });
});

describe('toFetchHandler', () => {
  test('answers a Request with a Response', async () => {
    const { topology, handler } = setUp();
    const fetch = toFetchHandler(handler);
    const created = await fetch(new Request('http://l.test/topic/create?topic=a%23ephemeral', { method: 'POST' }));
    assert.equal(created.status, 200);
    assert.deepEqual(topology.topics(), ['a#ephemeral']);
    const response = await fetch(new Request('http://l.test/topics'));
    assert.equal(response.headers.get('x-nsq-content-type'), 'nsq; version=1.0');
    assert.deepEqual(await response.json(), { topics: ['a#ephemeral'] });
    const head = await fetch(new Request('http://l.test/topics', { method: 'HEAD' }));
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  test('a body that throws is reported, by either adapter', { timeout: 20_000 }, async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const failing: HttpHandler = () => {
      const body = (async function* () {
        yield await Promise.resolve('a');
        throw new Error('boom');
      })();
      return { status: 200, headers: {}, body };
    };
    const response = await toFetchHandler(failing, { onError })(new Request('http://l.test/'));
    await assert.rejects(response.text());
    assert.equal(errors.length, 1);
    const server = createServer(toNodeHandler(failing, { onError })).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await assert.rejects(fetchRaw((server.address() as AddressInfo).port, 'GET', '/'));
    assert.equal(errors.length, 2);
    server.close();
  });

  test('what is not ours goes to the fallback', async () => {
    const { handler } = setUp();
    const request = new Request('http://l.test/nope');
    assert.equal((await toFetchHandler(handler)(request)).status, 404);
    const seen: Request[] = [];
    const fetch = toFetchHandler(handler, {
      fallback: (request) => {
        seen.push(request);
        return new Response('the host');
      },
    });
    assert.equal(await (await fetch(request)).text(), 'the host');
    assert.deepEqual(seen, [request]);
  });

  test('a handler that throws is a 500, and a stream stays a stream', async () => {
    const failing = toFetchHandler(() => Promise.reject(new Error('boom')));
    assert.equal((await failing(new Request('http://l.test/'))).status, 500);
    async function* slow() {
      yield 'a';
      await Promise.resolve();
      yield Uint8Array.of(98);
    }
    const streaming = toFetchHandler(() => ({ status: 200, headers: {}, body: slow() }));
    assert.equal(await (await streaming(new Request('http://l.test/'))).text(), 'ab');
  });
});
