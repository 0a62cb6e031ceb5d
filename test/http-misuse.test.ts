import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { createLookupd } from 'nsqlookupd/daemon';
import {
  createHttpHandler,
  createLogDecorator,
  createRouter,
  decorate,
  orNotFound,
  toFastifyPlugin,
  toFetchHandler,
  toHonoMiddleware,
  toKoaMiddleware,
  toNodeHandler,
  underPrefix,
} from 'nsqlookupd/http';
import { toOpenApi } from 'nsqlookupd/operate';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';

const topology = new Topology({ db: new RegistrationDB(), clock: () => 0 });
const handler = createHttpHandler({ topology });
/** As a host in JavaScript may. */
const loose = (call: unknown) => call as (...args: unknown[]) => unknown;
const adapters = { toNodeHandler, toFetchHandler, toFastifyPlugin, toKoaMiddleware, toHonoMiddleware };

describe('a misuse is told at once, by name', () => {
  for (const [name, adapt] of Object.entries(adapters)) {
    test(name, () => {
      for (const none of [undefined, null, {}, 'handler'])
        assert.throws(() => loose(adapt)(none), /TypeError: handler must/);
      assert.throws(() => loose(adapt)(handler, { onErr: 1 }), new RegExp(`^TypeError: ${name} has no option "onErr"`));
      assert.throws(() => loose(adapt)(handler, { onError: 1 }), /onError must be a function, and is 1/);
    });
  }

  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['topology', () => loose(createHttpHandler)({ topology: {} }), /topology must be a Topology/],
    ['routes', () => loose(createHttpHandler)({ topology, routes: {} }), /routes must be an array/],
    ['rows of a router', () => loose(createRouter)({ routes: [] }), /rows must be an array/],
    ['rows to describe', () => loose(toOpenApi)(undefined, '1'), /rows must be an array/],
    ['maxCacheBytes', () => loose(createHttpHandler)({ topology, maxCacheBytes: '64' }), /maxCacheBytes .* "64"/],
    ['an option', () => loose(createHttpHandler)({ topology, cache: 1 }), /has no option "cache"/],
    ['a budget', () => toNodeHandler(handler, { maxUnsentBytes: NaN }), /maxUnsentBytes must be a number from 0 on/],
    ['timers', () => loose(toNodeHandler)(handler, { timers: {} }), /timers must be/],
    ['no clock', () => loose(createLogDecorator)({ log: console }), /clock must be a function/],
    ['no options', () => loose(createLogDecorator)(), /log must be/],
    ['a decorator', () => loose(decorate)(handler, undefined), /a decorator must be a function, and is undefined/],
    ['no handler to decorate', () => loose(decorate)(undefined), /handler must be a function/],
    ['what a decorator gives', () => decorate(handler, loose(() => 5) as never), /handler must be a function/],
    ['no request', () => loose(handler)(null), /request must be an object/],
    ['no request, decorated', () => loose(decorate(handler))(), /request must be an object/],
    ['under a prefix', () => loose(underPrefix('/a'))(undefined), /handler must be a function/],
    ['or not found', () => loose(orNotFound)(undefined), /handler must be a function/],
    ['a prefix', () => loose(underPrefix)(5), /prefix must be like/],
  ];
  for (const [name, misuse, message] of cases) {
    test(name, () =>
      assert.throws(misuse, (error: Error) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, message);
        return true;
      }),
    );
  }

  for (const option of ['httpRequestTimeoutMs', 'httpIdleTimeoutMs', 'httpAnswerTimeoutMs']) {
    test(`${option} is a time that timers can keep`, () => {
      for (const value of [Infinity, 2 ** 31, 0, NaN, '5'])
        assert.throws(() => createLookupd({ [option]: value }), new RegExp(`${option} must be a number`));
    });
  }
});

test('what a logger throws goes to onError, and the client gets its answer', async () => {
  const errors: string[] = [];
  const boom = () => {
    throw new Error('boom');
  };
  const logged = createLogDecorator({
    log: { info: boom },
    clock: () => 0,
    onError: (error) => errors.push(String(error)),
  });
  const answer = await decorate(handler, logged)({ method: 'GET', path: '/ping', query: '', headers: {} });
  assert.deepEqual([answer?.status, errors], [200, ['Error: boom']]);
});

test('the log has the target as it was sent', async () => {
  const lines: string[] = [];
  const logged = createLogDecorator({ log: { info: (line) => lines.push(line) }, clock: () => 0 });
  const ask = (path: string) =>
    decorate(handler, logged, underPrefix('/a'))({ method: 'GET', path, query: '', headers: {} });
  await ask('/a//%70ing/');
  assert.match(lines.join(), /^200 GET \/a\/\/%70ing\/ /);
});

test(
  'TCP asks after a silent client as late as in Go',
  { skip: process.platform !== 'linux', timeout: 10_000 },
  async () => {
    const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
    const port = Number((await lookupd.listen()).httpAddress.split(':')[1]);
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /ping HTTP/1.1\r\nHost: h\r\n\r\n');
    await once(socket, 'data');
    const end = (number: number | undefined) => `:${number!.toString(16).toUpperCase().padStart(4, '0')}`;
    const line = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((text) => text.trim().split(/\s+/))
      .find(([, local, remote]) => local?.endsWith(end(port)) && remote?.endsWith(end(socket.localPort)));
    const [kind, ticks = ''] = line?.[5]?.split(':') ?? [];
    assert.equal(kind, '02', 'a keep-alive timer');
    const seconds = parseInt(ticks, 16) / 100;
    assert.ok(seconds > 100 && seconds <= 141, `in ${seconds} s`);
    socket.destroy();
    await lookupd.close();
  },
);
