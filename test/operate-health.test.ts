import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { createLogger, createLookupd, type LookupdOptions } from 'nsqlookupd/daemon';
import { createRouter, type HttpResponse } from 'nsqlookupd/http';
import { createMetrics, healthRoutes, statsRoutes } from 'nsqlookupd/operate';
import { createTopology, FakeNsqd, ManualClock } from 'nsqlookupd/testing';
import { ask } from './support/ask.js';
import { fetchRaw, startCommand } from './support/command-lookupd.js';

const LOOPBACK = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
const ALL: LookupdOptions = { metrics: true, healthz: true, readyz: true, stats: true, discovery: true, openApi: true };
const PATHS = ['/metrics', '/healthz', '/readyz', '/stats', '/sd/nsqd', '/openapi.json'];

function portOf(address: string | undefined): number {
  return Number(address?.split(':').at(-1));
}

describe('/healthz and /readyz', () => {
  test('are 200, or 503 with what is in the way, asked each time', async () => {
    const reasons: (string | undefined)[] = [undefined, undefined];
    const handler = createRouter(healthRoutes({ conditions: [() => reasons[0], () => reasons[1]] }));
    const ready = async () => {
      const { status, body } = await ask(handler, '/readyz');
      return [status, JSON.parse(body)] as unknown[];
    };
    assert.deepEqual(await ready(), [200, { ready: true, reasons: [] }]);
    reasons[1] = 'restoring';
    assert.deepEqual(await ready(), [503, { ready: false, reasons: ['restoring'] }]);
    reasons[0] = 'no store';
    assert.deepEqual(await ready(), [503, { ready: false, reasons: ['no store', 'restoring'] }]);
    assert.equal((await ask(handler, '/healthz')).body, 'OK');
  });

  test('count a condition that throws as one that is in the way, and report it', async () => {
    const said: string[] = [];
    const condition = () => {
      throw new Error('out of order');
    };
    const handler = createRouter(healthRoutes({ conditions: [condition], onError: (_, what) => said.push(what) }));
    assert.equal((await ask(handler, '/readyz')).status, 503);
    assert.deepEqual(said, ['a condition threw']);
    assert.equal((await ask(handler, '/healthz')).status, 200);
  });

  test('say of a lookupd that it starts, serves, waits for a condition, and closes', { timeout: 10_000 }, async () => {
    let isRestoring = true;
    let finish: ((answer: HttpResponse) => void) | undefined;
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const hang = {
      method: 'GET',
      path: '/hang',
      action: { name: 'hang', kind: 'read' as const },
      answer: () => {
        isAsked();
        return new Promise<HttpResponse>((resolve) => (finish = resolve));
      },
    };
    const lookupd = createLookupd({
      ...LOOPBACK,
      ...{ readyz: true, routes: [hang], readyWhen: [() => (isRestoring ? 'restoring' : undefined)] },
    });
    const listening = lookupd.listen();
    while (lookupd.httpAddress === undefined) await new Promise((resolve) => setImmediate(resolve));
    const early = fetchRaw(portOf(lookupd.httpAddress), 'GET', '/readyz');
    await listening;
    const port = portOf(lookupd.httpAddress);
    assert.match((await early).text, /"ready":false/);
    assert.deepEqual(JSON.parse((await fetchRaw(port, 'GET', '/readyz')).text), {
      ready: false,
      reasons: ['restoring'],
    });
    isRestoring = false;
    assert.equal((await fetchRaw(port, 'GET', '/readyz')).status, 200);

    const socket = connect(port, '127.0.0.1');
    const answers = text(socket);
    socket.write('GET /hang HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked;
    void lookupd.close();
    finish?.({ status: 200, headers: {}, body: 'done' });
    assert.match(await answers, /done[^]*HTTP\/1.1 503 [^]*"reasons":\["closing"\]/);
    await lookupd.closed;
  });
});

describe('createLookupd', () => {
  test('answers none of it unless told to, and each by itself', async () => {
    for (const [i, option] of [undefined, ...Object.keys(ALL)].entries()) {
      await using lookupd = createLookupd({ ...LOOPBACK, ...(option !== undefined && { [option]: true }) });
      const { httpAddress } = await lookupd.listen();
      for (const [j, path] of PATHS.entries()) {
        const { status } = await fetchRaw(portOf(httpAddress), 'GET', path);
        assert.equal(status === 404, i !== j + 1, `${option} ${path} ${status}`);
      }
    }
  });

  test('counts what real peers and clients do', { timeout: 10_000 }, async () => {
    await using lookupd = createLookupd({ ...LOOPBACK, ...ALL, maxConnections: 4, maxRegistrations: 100 });
    const { tcpAddress, httpAddress } = await lookupd.listen();
    const nsqd = await FakeNsqd.connect(tcpAddress, 'host-1:4150');
    await nsqd.identify();
    await nsqd.register('orders', 'billing');
    const port = portOf(httpAddress);
    await fetchRaw(port, 'GET', '/lookup?topic=orders');
    const body = new Array(70_000).fill('x').join('');
    await fetch(`http://${httpAddress}/topic/create?topic=a`, { method: 'POST', body });
    const metrics = (await fetchRaw(port, 'GET', '/metrics')).text.split('\n');
    for (const line of [
      'nsqlookupd_connections{listener="tcp"} 1',
      'nsqlookupd_commands_total{command="register",result="OK"} 1',
      'nsqlookupd_http_requests_total{route="/lookup",status="200"} 1',
      'nsqlookupd_limits_met_total{limit="httpMaxBodyBytes"} 1',
      'nsqlookupd_limit{limit="maxConnections"} 4',
      'nsqlookupd_limit_used_ratio{limit="maxConnections"} 0.25',
      'nsqlookupd_ready 1',
    ]) {
      assert.equal(metrics.includes(line), true, line);
    }
    const stats = JSON.parse((await fetchRaw(port, 'GET', '/stats')).text) as {
      ready: boolean;
      uptime_seconds: number;
      limits: { name: string; used: number; most: number; used_ratio: number }[];
      metrics: Record<string, { labels: object; value: number }[]>;
    };
    assert.equal(stats.ready, true);
    assert.equal(stats.uptime_seconds > 0, true);
    assert.deepEqual(
      stats.limits.find(({ name }) => name === 'maxRegistrations'),
      {
        ...{ name: 'maxRegistrations', most: 100, used: lookupd.db.size, used_ratio: lookupd.db.size / 100 },
      },
    );
    const told = metrics.flatMap((line) => /^# TYPE (\w+)/.exec(line)?.[1] ?? []);
    assert.deepEqual(Object.keys(stats.metrics).sort(), told.sort());
    nsqd.drop();
  });

  test('has been up since before it listened, whenever it is asked first', { timeout: 10_000 }, async () => {
    await using lookupd = createLookupd({ ...LOOPBACK, ...ALL });
    const { httpAddress } = await lookupd.listen();
    const listened = performance.now();
    await fetchRaw(portOf(httpAddress), 'GET', '/ping');
    const elapsedMs = performance.now() - listened;
    const { text } = await fetchRaw(portOf(httpAddress), 'GET', '/stats');
    const { uptime_seconds } = JSON.parse(text) as { uptime_seconds: number };
    assert.equal(uptime_seconds * 1000 > elapsedMs, true);
  });

  test('counts the limits that Node answers at', { timeout: 10_000 }, async () => {
    const limits = { httpMaxHeaderBytes: 1000, httpRequestTimeoutMs: 200 };
    await using lookupd = createLookupd({ ...LOOPBACK, ...ALL, ...limits });
    const { httpAddress } = await lookupd.listen();
    const port = portOf(httpAddress);
    const long = await fetchRaw(port, 'GET', `/${'x'.repeat(1000)}`);
    assert.equal(long.status, 431);
    const slow = connect(port, '127.0.0.1');
    slow.write('GET /ping HTTP/1.1\r\nHost:');
    assert.match(await text(slow), /^$|^HTTP\/1\.1 408 /);
    const metrics = await fetchRaw(port, 'GET', '/metrics');
    for (const limit of Object.keys(limits))
      assert.match(metrics.text, new RegExp(`^nsqlookupd_limits_met_total{limit="${limit}"} [1-9]`, 'm'));
  });

  test('refuses misuse', () => {
    for (const options of [
      { healthz: 1 },
      { readyWhen: 5 },
      { metricsRegistry: {} },
      { readyWhen: [5], readyz: true },
    ]) {
      assert.throws(() => createLookupd(options as never), TypeError);
    }
  });
});

describe('/stats', () => {
  test('has the time since it was made, and no number that JSON has not', async () => {
    const clock = new ManualClock();
    const metrics = createMetrics({ topology: createTopology({}) });
    const limits = [
      { name: 'none', most: Infinity, used: () => 5 },
      { name: 'nothing', most: 0, used: () => 0 },
    ];
    const handler = createRouter(statsRoutes({ metrics, limits, clock: clock.now, conditions: [() => 'starting'] }));
    clock.advance(1500);
    const stats = JSON.parse((await ask(handler, '/stats')).body) as Record<string, unknown>;
    assert.equal(stats['uptime_seconds'], 1.5);
    assert.deepEqual([stats['ready'], stats['reasons']], [false, ['starting']]);
    assert.deepEqual(stats['limits'], [
      { name: 'none', most: null, used: 5, used_ratio: 0 },
      { name: 'nothing', most: 0, used: 0, used_ratio: 1 },
    ]);
  });
});

describe('the command', () => {
  test('answers all of it but /stats, and less when it is told so', { timeout: 30_000 }, async () => {
    {
      await using command = await startCommand();
      const answers = await Promise.all(PATHS.map((path) => fetchRaw(command.httpPort, 'GET', path)));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 404, 503, 200],
      );
    }
    const off = ['-metrics=false', '-healthz=false', '-readyz=false', '-stats', '-discovery=false', '-openapi=false'];
    await using command = await startCommand(off);
    const answers = await Promise.all(PATHS.map((path) => fetchRaw(command.httpPort, 'GET', path)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [404, 404, 404, 200, 404, 404],
    );
  });

  test('logs objects, one a line, with -log-format=json', { timeout: 30_000 }, async () => {
    await using command = await startCommand(['-log-format=json', '-log-level=debug']);
    const socket = connect(command.tcpPort, '127.0.0.1');
    socket.end('GET "\u0007\u2028 \n');
    await once(socket.resume(), 'close');
    await fetchRaw(command.httpPort, 'GET', '/lookup?topic="%0a');
    await command.stop();
    const lines = command.log().trimEnd().split('\n');
    assert.equal(lines.length > 5, true);
    const numbers = new Set<number>();
    for (const line of lines) {
      const { level, time, pid, hostname, name, msg, ...others } = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual(others, {});
      assert.deepEqual(
        [pid, name, typeof hostname, typeof msg],
        [command.process.pid, 'nsqlookupd', 'string', 'string'],
      );
      assert.equal(Math.abs(Number(time) - Date.now()) < 60_000 && Number.isInteger(time), true);
      numbers.add(Number(level));
    }
    assert.deepEqual([...numbers].sort(), [30, 50]);
  });
});

describe('createLogger', () => {
  test('numbers levels as pino does', () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'debug', format: 'json', clock: () => 5.7, write: (line) => lines.push(line) });
    log.debug?.('a');
    log.info?.('b');
    log.warn?.('c');
    log.error?.('d');
    log.fatal('e "quoted"\n');
    const objects = lines.map((line) => JSON.parse(line) as { level: number; msg: string; time: number });
    assert.deepEqual(
      objects.map(({ level }) => level),
      [20, 30, 40, 50, 60],
    );
    assert.deepEqual([objects[4]?.msg, objects[4]?.time], ['e "quoted"\\u000a', 5]);
    assert.equal(log.linesLost, 0);
    assert.throws(() => createLogger({ format: 'xml', clock: Date.now } as never), /format must be one of text, json/);
  });
});
