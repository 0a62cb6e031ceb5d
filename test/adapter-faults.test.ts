import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import Fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import {
  createHttpHandler,
  decorate,
  toFastifyPlugin,
  toFetchHandler,
  toHonoMiddleware,
  toKoaMiddleware,
  toNodeHandler,
  type HttpHandler,
} from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { ManualClock } from 'nsqlookupd/testing';

const T = { timeout: 10_000 };
const lookupd = () => createHttpHandler({ topology: new Topology({ db: new RegistrationDB(), clock: Date.now }) });

/** Koa's listener, which promises what nobody waits for. */
function callbackOf(app: Koa): RequestListener {
  const serve = app.callback();
  return (request, response) => void serve(request, response);
}

/** A response that takes nothing until it is told to drain. */
class MemoryResponse extends EventEmitter {
  headersSent = false;
  destroyed = false;
  writableLength = 0;
  writeHead(): void {
    this.headersSent = true;
  }
  write(): boolean {
    return false;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

async function listen(t: TestContext, listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, path: string, options: object = {}, body = '') {
  const call = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options });
  call.end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return { status: response.statusCode, headers: response.headers, text };
}

/** Sends bytes; gives all that comes until the end. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.end(bytes, 'latin1');
  let text = '';
  for await (const chunk of socket.setEncoding('latin1')) text += String(chunk);
  return text;
}

const throwing =
  (what: unknown): HttpHandler =>
  () => {
    throw what;
  };

describe('a client that is gone before its turn', () => {
  test('does not hold a Koa middleware for ever', T, async (t) => {
    let settled = false;
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    let over = () => {};
    const closed = new Promise<void>((resolve) => (over = resolve));
    const app = new Koa();
    app.use(async (context, next) => {
      arrived();
      await once(context.res, 'close'); // as a slow check of the host's would
      try {
        await next();
      } finally {
        settled = true; // gives back a connection of a pool, say
      }
    });
    app.use(async (_, next) => {
      over();
      await next();
    });
    app.use(toKoaMiddleware(lookupd()));
    const port = await listen(t, callbackOf(app));
    const call = httpRequest({ host: '127.0.0.1', port, path: '/topics', agent: false }).on('error', () => undefined);
    call.end();
    await arrival;
    call.destroy();
    await closed;
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(settled, true);
  });

  test('does not hold a Hono middleware for ever', T, async (t) => {
    let settled = false;
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    let over = () => {};
    const closed = new Promise<void>((resolve) => (over = resolve));
    const app = new Hono<{ Bindings: { outgoing: ServerResponse } }>();
    app.use(async (context, next) => {
      arrived();
      await once(context.env.outgoing, 'close');
      over();
      try {
        await next();
      } finally {
        settled = true;
      }
    });
    app.use(toHonoMiddleware(lookupd()) as never);
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const call = httpRequest({ host: '127.0.0.1', port, path: '/topics', agent: false }).on('error', () => undefined);
    call.end();
    await arrival;
    call.destroy();
    await closed;
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(settled, true);
  });

  test('ends the body that it would have got', T, async (t) => {
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    let isEnded = false;
    let isStarted = false;
    let goOn = () => {};
    const gone = new Promise<void>((resolve) => (goOn = resolve));
    const body = async function* () {
      isStarted = await Promise.resolve(true);
      try {
        for (;;) yield 'more';
      } finally {
        isEnded = true;
      }
    };
    const listener = toNodeHandler(async () => {
      arrived();
      await gone;
      return { status: 200, headers: {}, body: body() };
    });
    const port = await listen(t, (request, response) => {
      response.on('close', () => goOn());
      listener(request, response);
    });
    const call = httpRequest({ host: '127.0.0.1', port, agent: false }).on('error', () => undefined);
    call.end();
    await arrival;
    call.destroy();
    await gone;
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(isEnded || !isStarted, true, 'the body waits for a drain that cannot come');
  });
});

describe('a body', () => {
  for (const [what, fail] of [
    ['rejects', () => Promise.reject(new Error('return'))],
    [
      'throws',
      () => {
        throw new Error('return');
      },
    ],
  ] as const) {
    test(`whose return ${what} when the client goes is reported, and ends nothing`, T, async (t) => {
      const reported: unknown[] = [];
      const body = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: fail }),
      };
      let wake = () => {};
      const told = new Promise<void>((resolve) => (wake = resolve));
      const onError = (error: unknown) => {
        reported.push(error);
        wake();
      };
      const listener = toNodeHandler(() => ({ status: 200, headers: {}, body }), { onError });
      const port = await listen(t, (request, response) => {
        listener(request, response);
        response.flushHeaders();
      });
      const stray: unknown[] = [];
      const note = (error: unknown) => {
        stray.push(error);
        wake();
      };
      process.on('unhandledRejection', note).on('uncaughtException', note);
      const call = httpRequest({ host: '127.0.0.1', port, agent: false }).on('error', () => undefined);
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      response.on('error', () => undefined);
      call.destroy();
      await told;
      process.off('unhandledRejection', note).off('uncaughtException', note);
      assert.deepEqual([stray.map(String), reported.map(String)], [[], ['Error: return']]);
    });
  }

  test('of a Response that is cancelled between chunks is no failure', T, async () => {
    const reported: unknown[] = [];
    let give = () => {};
    const body = async function* () {
      yield 'one';
      await new Promise<void>((resolve) => (give = resolve));
      yield 'two';
    };
    const fetch = toFetchHandler(() => ({ status: 200, headers: {}, body: body() }), {
      onError: (error) => reported.push(error),
    });
    const reader = (await fetch(new Request('http://h/'))).body!.getReader();
    await reader.read();
    await turn();
    void reader.cancel();
    give();
    for (let i = 0; i < 10; i++) await turn();
    assert.deepEqual(reported.map(String), []);
  });

  for (const status of [204, 205, 304]) {
    test(`of none, with ${status}, is that in a Response too`, T, async (t) => {
      const handler = decorate(lookupd(), () => () => ({
        status,
        headers: { 'Access-Control-Allow-Origin': '*' },
        body: '',
      }));
      const port = await listen(t, toNodeHandler(handler));
      const onNode = await ask(port, '/topics');
      assert.equal(onNode.status, status);
      const response = await toFetchHandler(handler, { onError: () => undefined })(new Request('http://h/topics'));
      assert.equal(response.status, status);
    });
  }

  for (const status of [204, 304])
    test(`${status} has no Content-Length (RFC 9110, 8.6)`, T, async (t) => {
      const port = await listen(
        t,
        toNodeHandler(() => ({ status, headers: {}, body: '' })),
      );
      assert.equal((await ask(port, '/')).headers['content-length'], undefined);
    });

  test('ends where it does, whatever the headers of a host say', T, async (t) => {
    const chunks = async function* () {
      await turn();
      yield 'three';
    };
    const bodies = ['three', new Uint8Array(5).fill(97), chunks];
    for (const headers of [{ 'Content-Length': '5' }, { 'content-length': '3' }, { 'Transfer-Encoding': 'chunked' }])
      for (const body of bodies) {
        const handler: HttpHandler = () => ({
          status: 200,
          headers: { 'X-A': 'a', ...headers },
          body: typeof body === 'function' ? body() : body,
        });
        const answer = await ask(await listen(t, toNodeHandler(handler)), '/');
        assert.equal(answer.text.length, 5);
        assert.equal(answer.headers['content-length'], typeof body === 'function' ? undefined : '5');
        assert.equal(answer.headers['x-a'], 'a');
        const response = await toFetchHandler(handler)(new Request('http://h/'));
        assert.deepEqual(
          [...response.headers.keys()].filter((name) => name !== 'content-type'),
          ['x-a'],
        );
        assert.equal((await response.text()).length, 5);
      }
  });
});

describe('an answer that cannot be sent', () => {
  for (const [what, answer] of [
    ['a status below 200', { status: 99 }],
    ['a status above 599', { status: 1000 }],
    ['a status that is no number', { status: '200' as never }],
    ['a line break in a header', { headers: { 'X-A': 'a\r\nX-B: b' } }],
    ['a header without a name', { headers: { '': 'a' } }],
  ] as const) {
    test(`for ${what} is answered 500, and told of`, T, async (t) => {
      const handler: HttpHandler = () => ({ status: 200, headers: {}, body: 'a', ...answer });
      const told: unknown[] = [];
      const port = await listen(t, toNodeHandler(handler, { onError: (error) => told.push(error) }));
      const response = await raw(port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      assert.match(response, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
      assert.doesNotMatch(response, /X-[AB]/);
      assert.match(response, /{"message":"INTERNAL_ERROR"}$/);
      assert.equal(told.length, 1);
      if (!('status' in answer)) return; // some runtimes look at headers later
      const fetch = toFetchHandler(handler, { onError: (error) => told.push(error) });
      assert.equal((await fetch(new Request('http://h/'))).status, 500);
    });
  }

  for (const status of [200, 204, 304])
    test(`with status ${status} leaves a connection that another request can use`, T, async (t) => {
      const answers = [{ status, headers: { 'X-A': 'a\r\nb' }, body: '' }];
      const handler: HttpHandler = () => answers.pop() ?? { status: 200, headers: {}, body: 'a' };
      const port = await listen(t, toNodeHandler(handler, { onError: () => undefined }));
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      assert.equal((await ask(port, '/', { agent })).status, 500);
      assert.equal((await ask(port, '/', { agent })).status, 200);
    });
});

describe('what a host makes an answer of', () => {
  test('may be changed for the next answer: no header of the last one is sent', T, async (t) => {
    const headers: Record<string, string> = {};
    const body = Buffer.from('the same bytes');
    const handler: HttpHandler = ({ path }) => {
      headers['X-Caller'] = path;
      return { status: 200, headers, body };
    };
    const port = await listen(t, toNodeHandler(handler));
    for (const path of ['/a', '/b']) assert.equal((await ask(port, path)).headers['x-caller'], path);
  });

  test('is given back where it is not sent: the chunks of an answer to HEAD', T, async (t) => {
    let released = 0;
    const body = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('nobody wants it')),
        return: () => Promise.resolve({ done: true as const, value: released++ }),
      }),
    };
    const handler: HttpHandler = () => ({ status: 200, headers: {}, body });
    const port = await listen(t, toNodeHandler(handler));
    assert.equal((await ask(port, '/', { method: 'HEAD' })).status, 200);
    assert.equal(released, 1);
    await toFetchHandler(handler)(new Request('http://h/', { method: 'HEAD' }));
    assert.equal(released, 2);
    const gone = Object.assign(new MemoryResponse(), { destroyed: true });
    toNodeHandler(handler)({ method: 'GET', url: '/', headers: {}, socket: {} }, gone);
    await turn();
    assert.equal(released, 3, 'for a client that has gone meanwhile');
  });

  test('counts against what may wait to be read only where it is sent, and not in answer to HEAD', () => {
    const answer: HttpHandler = () => ({ status: 200, headers: {}, body: new Uint8Array(1_000_000) });
    const handler = toNodeHandler(answer, { maxUnsentBytes: 500_000 });
    const ask = (method: string, writableLength: number) => {
      const response = Object.assign(new MemoryResponse(), { writableLength });
      handler({ method, url: '/', headers: {}, socket: {} }, response);
      return response.destroyed;
    };
    assert.deepEqual([ask('HEAD', 200), ask('GET', 1_000_200)], [false, true]);
  });

  test('that is endless has a deadline for each piece that is not read', async () => {
    const clock = new ManualClock();
    const body = async function* () {
      for (;;) yield await Promise.resolve('more');
    };
    const handler = toNodeHandler(() => ({ status: 200, headers: {}, body: body(), isEndless: true }), {
      timers: clock,
      answerTimeoutMs: 1000,
    });
    const response = new MemoryResponse();
    handler({ method: 'GET', url: '/', headers: {}, socket: {} }, response);
    for (let i = 0; i < 20; i++) {
      await turn();
      await clock.advanceAsync(900);
      assert.equal(response.destroyed, false, `${i}`);
      response.emit('drain');
    }
    await turn();
    assert.ok(clock.pending <= 1);
    await clock.advanceAsync(1001);
    assert.equal(response.destroyed, true);
    await turn();
    assert.equal(clock.pending, 0);
  });
});

describe('what is thrown', () => {
  for (const [name, what] of [
    ['a text', 'no entry'],
    ['an object', { status: 401 }],
    ['nothing', undefined],
    ['null', null],
  ] as const) {
    test(`${name}, is a 500 in Fastify`, T, async () => {
      const app = Fastify();
      await app.register(toFastifyPlugin(throwing(what), { onError: () => undefined }));
      const { statusCode, body } = await app.inject('/topics');
      assert.deepEqual([statusCode, body.includes('no entry')], [500, false], `${statusCode} ${body}`);
    });
    if (what === null) continue; // which Koa itself takes for no error
    test(`${name}, is a 500 in Koa`, T, async (t) => {
      const app = new Koa();
      app.silent = true;
      app.use(toKoaMiddleware(throwing(what), { onError: () => undefined }));
      app.use((context) => {
        context.body = 'the next';
      });
      const port = await listen(t, callbackOf(app));
      const { status, text } = await ask(port, '/topics');
      assert.equal(status, 500, `${status} ${text}`);
    });
  }
});

describe('hostile targets', () => {
  for (const target of ['/Topics?a=\f', '/Topics?a=\t', '/TOPICS?\u0080\u00ff', '/Topics?a=%0d%0aX-Evil:1']) {
    test(`${JSON.stringify(target)} is answered, and is no fault of the host's`, T, async (t) => {
      const reported: unknown[] = [];
      const port = await listen(t, toNodeHandler(lookupd(), { onError: (error) => reported.push(error) }));
      const answer = await raw(port, `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
      assert.deepEqual(reported.map(String), []);
      assert.match(answer, /^HTTP\/1\.1 (301|400)/);
    });
  }
});

describe('Fastify', () => {
  test('headers that the host’s hooks have set are sent', T, async () => {
    const app = Fastify();
    app.addHook('onRequest', async (_, reply) => {
      reply.header('X-Request-Id', '7');
    });
    app.get('/own', () => 'own');
    await app.register(toFastifyPlugin(lookupd()), { prefix: '/nsq' });
    assert.equal((await app.inject('/own')).headers['x-request-id'], '7');
    assert.equal((await app.inject('/nsq/topics')).headers['x-request-id'], '7');
  });

  for (const type of ['application/json;', 'multipart/form-data', 'text/unheard-of']) {
    test(`a body of type ${JSON.stringify(type)} is ignored`, T, async () => {
      const app = Fastify();
      await app.register(toFastifyPlugin(lookupd()));
      const { statusCode, body } = await app.inject({
        method: 'POST',
        url: '/topic/create?topic=t',
        headers: { 'content-type': type },
        payload: 'a',
      });
      assert.equal(statusCode, 200, body);
    });
  }

  for (const prefix of ['/nsq/', '/']) {
    test(`prefix ${prefix}`, T, async () => {
      const app = Fastify();
      await app.register(toFastifyPlugin(lookupd()), { prefix });
      const { statusCode } = await app.inject(`${prefix}topics`);
      assert.equal(statusCode, 200);
    });
  }

  test('two mounts, hooks, HEAD, OPTIONS', T, async () => {
    const app = Fastify();
    const seen: string[] = [];
    app.addHook(
      'onResponse',
      async (request, reply) => void seen.push(`${request.method} ${request.url} ${reply.statusCode}`),
    );
    await app.register(toFastifyPlugin(lookupd()), { prefix: '/a' });
    await app.register(toFastifyPlugin(lookupd()), { prefix: '/b' });
    assert.equal((await app.inject({ method: 'POST', url: '/a/topic/create?topic=t' })).statusCode, 200);
    assert.equal((await app.inject('/a/topics')).body, '{"topics":["t"]}');
    assert.equal((await app.inject('/b/topics')).body, '{"topics":[]}');
    assert.equal((await app.inject({ method: 'HEAD', url: '/a/topics' })).body, '');
    assert.equal((await app.inject({ method: 'OPTIONS', url: '/a/topics' })).headers.allow, 'GET, HEAD, OPTIONS');
    assert.equal(seen.length, 5, seen.join('\n'));
  });
});

describe('Koa', () => {
  test('respond: false of the host’s own stays', T, async (t) => {
    const app = new Koa();
    const errors: unknown[] = [];
    app.on('error', (error) => errors.push(error));
    app.use(async (context, next) => {
      context.respond = false;
      await next();
      setImmediate(() => context.res.writeHead(200).end('mine')); // an event stream, say
    });
    app.use(toKoaMiddleware(lookupd()));
    const port = await listen(t, callbackOf(app));
    assert.equal((await ask(port, '/mine')).text, 'mine');
  });

  test('middlewares around it', T, async (t) => {
    const app = new Koa();
    const errors: unknown[] = [];
    app.on('error', (error) => errors.push(error));
    app.use(async (context, next) => {
      context.set('X-Before', '1');
      context.status = 202;
      context.body = 'before';
      await next();
      context.set('X-After', '1');
      context.status = 203;
      context.body = { after: true };
      context.type = 'text/html';
    });
    app.use(toKoaMiddleware(lookupd()));
    const port = await listen(t, callbackOf(app));
    const { status, text, headers } = await ask(port, '/topics');
    assert.deepEqual(
      [status, text, headers['x-before'], headers['content-length'], headers['content-type']],
      [200, '{"topics":[]}', '1', '13', 'application/json; charset=utf-8'],
    );
    assert.deepEqual(errors, []);
  });
});
