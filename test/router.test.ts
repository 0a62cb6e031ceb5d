import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createHttpHandler,
  createRouter,
  decorate,
  orNotFound,
  toFetchHandler,
  underPrefix,
  type Authorize,
  type HttpDecorator,
  type HttpHandler,
  type RouteRow,
} from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { HOSTS, type Host } from './support/hosts.js';
import { runs } from './support/runs.js';

const newTopology = () => new Topology({ db: new RegistrationDB(), clock: () => 1000 });
const request = { method: 'GET', path: '/mine', query: '', headers: {} };
const mine: RouteRow = {
  method: 'GET',
  path: '/mine',
  action: { name: 'mine', kind: 'read' },
  answer: () => ({ status: 200, headers: {}, body: 'mine' }),
};

/** Ways to write a path, most of which reach its route. */
function spellings(path: string): fc.Arbitrary<string> {
  const letter = (c: string) => {
    const code = c.charCodeAt(0).toString(16);
    const odd = fc.constantFrom(`%${code}`, `%${code.toUpperCase()}`, c.toUpperCase(), `%25${code}`);
    return fc.oneof({ weight: 20, arbitrary: fc.constant(c) }, { weight: 1, arbitrary: odd });
  };
  const slash = fc.constantFrom('/', '/', '/', '//', '/%2F', '%2f/', '/./', '/x/../');
  const parts = path.split(/(?:)/).map((c) => (c === '/' ? slash : letter(c)));
  const tail = fc.constantFrom('', '', '/', '//', '%2f', '/.', '/..', '%00');
  return fc.tuple(fc.tuple(...parts), tail).map(([all, end]) => all.join('') + end);
}

const guardOf =
  (...paths: string[]): HttpDecorator =>
  (handler) =>
  (request) =>
    paths.includes(request.path) ? { status: 403, headers: {}, body: '' } : handler(request);

describe('however a path is written', () => {
  for (const prefix of ['', '/nsq']) {
    test(`${prefix}/topic/delete is refused where it would be reached`, async () => {
      const topology = newTopology();
      const mounted = (handler: HttpHandler, ...guards: HttpDecorator[]) =>
        prefix === '' ? decorate(handler, ...guards) : decorate(handler, underPrefix(prefix), ...guards);
      const open = mounted(createHttpHandler({ topology }));
      const authorize: Authorize = (_, { name }) => name !== 'topic/delete' || { status: 403 };
      const refusing = mounted(createHttpHandler({ topology, authorize }));
      const inside = mounted(createHttpHandler({ topology }), guardOf('/topic/delete'));
      const outside = decorate(open, guardOf(`${prefix}/topic/delete`));
      let reached = 0;
      await fc.assert(
        fc.asyncProperty(spellings('/topic/delete'), async (spelling) => {
          const path = prefix + spelling;
          const asked = { ...request, method: 'POST', path, query: 'topic=t' };
          const answer = await open(asked);
          if (answer?.status === 200) reached++;
          const status = answer?.status === 200 ? 403 : answer?.status;
          assert.equal((await refusing(asked))?.status, status, path);
          assert.equal((await inside(asked))?.status, status, path);
          if (answer?.status === 200) assert.equal((await outside(asked))?.status, 403, path);
        }),
        { numRuns: runs(2000) },
      );
      assert.ok(reached > 20, String(reached));
    });
  }

  for (const [name, start] of Object.entries(HOSTS)) {
    test(`it is refused alike where a host has mounted the handler: ${name}`, { timeout: 60_000 }, async () => {
      const authorize: Authorize = (_, { name }) => name !== 'topic/delete' || { status: 403 };
      const open = await start(createHttpHandler({ topology: newTopology() }), '/nsq');
      const refusing = await start(createHttpHandler({ topology: newTopology(), authorize }), '/nsq');
      const agent = new Agent({ keepAlive: true });
      const ask = async ({ port }: Host, path: string) => {
        const asked = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: `${path}?topic=t`, agent }).end();
        const [response] = (await once(asked, 'response')) as [IncomingMessage];
        await once(response.resume(), 'end');
        return response.statusCode;
      };
      let reached = 0;
      for (const spelling of fc.sample(spellings('/topic/delete'), runs(200))) {
        const path = `/nsq${spelling}`;
        const status = await ask(open, path);
        if (status === 200) reached++;
        assert.equal(await ask(refusing, path), status === 200 ? 403 : status, path);
      }
      agent.destroy();
      await Promise.all([open.close(), refusing.close()]);
      assert.ok(reached > 0);
    });
  }

  test('a path is unescaped once, also behind decorators', async () => {
    const handler = decorate(createHttpHandler({ topology: newTopology() }), (inner) => inner, underPrefix('/a'));
    for (const path of ['/a/%2570ing', '/a/%252fping', '/a/%25']) {
      assert.equal(await handler({ ...request, path }), undefined, path);
    }
  });
});

describe('a refusal', () => {
  const refusing = (authorize: Authorize) => createRouter([mine], { authorize, onError: () => undefined });

  test('is JSON, with a challenge where nobody is known', async () => {
    const answer = await refusing(() => ({ status: 401, challenge: 'Bearer realm="nsq"' }))(request);
    assert.deepEqual(
      [answer?.status, answer?.headers['WWW-Authenticate'], answer?.body],
      [401, 'Bearer realm="nsq"', '{"message":"UNAUTHORIZED"}'],
    );
    const other = await refusing(() => Promise.resolve({ status: 403, message: 'NOT_YOURS' }))(request);
    assert.deepEqual([other?.status, other?.body], [403, '{"message":"NOT_YOURS"}']);
  });

  test('comes before arguments are looked at, and knows caller and action', () => {
    const asked: unknown[] = [];
    const authorize: Authorize = (caller, action) => {
      asked.push(caller.address, action);
      return { status: 403 };
    };
    const handler = createHttpHandler({ topology: newTopology(), authorize });
    const answer = handler({ ...request, path: '/lookup', remoteAddress: '10.0.0.1:9' });
    assert.ok(answer && 'status' in answer && answer.status === 403);
    assert.deepEqual(asked, ['10.0.0.1:9', { name: 'lookup', kind: 'read' }]);
  });

  for (const verdict of [false, undefined, null, 'yes', { status: 200 }, { status: 401 }]) {
    test(`${JSON.stringify(verdict)} is none, and nobody gets in`, async () => {
      assert.equal((await refusing(() => verdict as never)(request))?.status, 500);
      assert.equal((await refusing(() => Promise.resolve(verdict as never))(request))?.status, 500);
    });
  }

  test('a throw lets nobody in, now or later', async () => {
    const boom = () => {
      throw new Error('boom');
    };
    assert.equal((await refusing(boom)(request))?.status, 500);
    assert.equal((await refusing(() => Promise.reject(new Error('boom')))(request))?.status, 500);
  });
});

describe('a router', () => {
  test('answers at once where all do, and takes the host’s rows', () => {
    const handler = createHttpHandler({ topology: newTopology(), routes: [mine], authorize: () => true });
    for (const path of ['/mine', '/ping', '/topics']) {
      const answer = handler({ ...request, path });
      assert.ok(answer && 'status' in answer && answer.status === 200, path);
    }
  });

  test('costs no promise where all do, with authorize and without', (t) => {
    let promises = 0;
    const hook = createHook({ init: (_id, type) => (promises += Number(type === 'PROMISE')) }).enable();
    void Promise.resolve();
    if (promises === 0) return t.skip('this runtime does not count promises');
    promises = 0;
    for (const more of [{}, { authorize: () => true as const }, { authorize: () => ({ status: 403 }) as const }]) {
      const handler = decorate(createHttpHandler({ topology: newTopology(), ...more }), orNotFound);
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        for (const path of ['/ping', '/topics', '/lookup', '/nodes', '//debug/', '/topic/create', '/Topics', '/none']) {
          void handler({ method, path, query: 'topic=t', headers: {} });
        }
      }
    }
    hook.disable();
    assert.equal(promises, 0);
  });

  test('takes no row that is none', () => {
    for (const row of [
      { ...mine, method: 'get' },
      { ...mine, path: '/Mine' },
      { ...mine, path: '/mine/' },
      { ...mine, path: undefined },
      { ...mine, action: undefined },
      { ...mine, answer: undefined },
      { ...mine, method: 'HEAD' },
      { ...mine, method: 'OPTIONS' },
      { ...mine, path: '/mine?topic=t' },
      { ...mine, path: '/mine#part' },
      { ...mine, path: '/mine/../other' },
      { ...mine, path: '/.' },
      { ...mine, path: '/mi\nne' },
      { ...mine, path: ['/mine'] },
      { ...mine, args: 'topic' },
      { ...mine, args: [null] },
      { ...mine, args: [{}] },
      { ...mine, args: [{ name: '' }] },
      { ...mine, args: [{ name: 'topic', isLegal: /t/ }] },
      { ...mine, args: [{ name: 'topic' }, { name: 'topic' }] },
    ]) {
      assert.throws(() => createRouter([row as RouteRow]), TypeError);
    }
    assert.throws(() => createRouter([mine, mine]), /two rows for GET \/mine/);
    const ping = { ...mine, path: '/ping' };
    assert.throws(() => createHttpHandler({ topology: newTopology(), routes: [ping] }), /two rows for GET \/ping/);
    assert.throws(() => createRouter([mine], { authorise: () => true } as never), /has no option "authorise"/);
  });
});

describe('a client that leaves', () => {
  for (const [name, start] of Object.entries(HOSTS)) {
    test(`aborts the signal of its request: ${name}`, { timeout: 10_000 }, async () => {
      let arrive: (address: string | undefined) => void = () => {};
      const arrived = new Promise<string | undefined>((resolve) => (arrive = resolve));
      let leave = () => {};
      const left = new Promise<void>((resolve) => (leave = resolve));
      const handler: HttpHandler = ({ path, signal, caller }) => {
        if (path !== '/mine') return undefined;
        signal?.addEventListener('abort', leave);
        arrive(caller?.address);
        return left.then(() => undefined);
      };
      const host = await start(handler, '');
      const socket = connect(host.port, '127.0.0.1').on('error', () => undefined);
      socket.write('GET /mine HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.match((await arrived) ?? '', /^127\.0\.0\.1:\d+$/);
      socket.destroy();
      await left;
      await host.close();
    });

    test(`has the head of its answer before the first chunk: ${name}`, { timeout: 10_000 }, async () => {
      let go = () => {};
      const gone = new Promise<void>((resolve) => (go = resolve));
      const body = async function* () {
        await gone;
        yield 'late';
      };
      const host = await start(
        ({ path }) => (path === '/mine' ? { status: 200, headers: {}, body: body() } : undefined),
        '',
      );
      const socket = connect(host.port, '127.0.0.1');
      socket.write('GET /mine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const [head] = (await once(socket.setEncoding('latin1'), 'data')) as [string];
      assert.match(head, /^HTTP\/1\.1 200 /);
      go();
      let text = head;
      for await (const chunk of socket) text += String(chunk);
      assert.match(text, /late/);
      await host.close();
    });
  }

  test('aborts the signal of its request: fetch', () => {
    let seen: AbortSignal | undefined;
    const leaving = new AbortController();
    void toFetchHandler((request) => {
      seen = request.signal;
      return undefined;
    })(new Request('http://h/mine', { signal: leaving.signal }));
    assert.equal(seen?.aborted, false);
    leaving.abort();
    assert.equal(seen?.aborted, true);
  });
});

test('an argument is legal only if isLegal says true', async () => {
  for (const isLegal of [(v: string) => v.match(/^ok$/), () => Promise.resolve(false), () => undefined, () => 1]) {
    const row = { ...mine, args: [{ name: 'v', isLegal: isLegal as never }] };
    const handler = createRouter([row]);
    assert.equal((await handler({ ...request, query: 'v=evil' }))?.status, 400);
  }
});
