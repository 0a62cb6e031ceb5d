import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Registry } from 'prom-client';
import { createLookupd, createProcessMetrics } from 'nsqlookupd/daemon';
import { createHttpHandler, createRouter, decorate, orNotFound } from 'nsqlookupd/http';
import { createMetrics, Meters, metricsRoutes, type Metric } from 'nsqlookupd/operate';
import { isActive, RegistrationDB, Topology, WorkQueue } from 'nsqlookupd/registry';
import { createTcpHandler } from 'nsqlookupd/tcp';
import { createTopology, ManualClock } from 'nsqlookupd/testing';
import { ask } from './support/ask.js';
import { fetchRaw } from './support/command-lookupd.js';
import { MemoryStream } from './support/memory-stream.js';
import { skipWithout } from './support/program.js';

const OPEN_METRICS = {
  accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1',
};

/** Both sides of a lookupd in memory, metered, and what `/metrics` tells of them. */
function createMetered({ clock = new ManualClock(), maxRegistrations = 1000 } = {}) {
  const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, maxRegistrations });
  const meters = new Meters({ clock: clock.now });
  const limits = [{ name: 'maxRegistrations', most: maxRegistrations, used: () => topology.db.size }];
  const metrics = createMetrics({ topology, meters, limits, others: createProcessMetrics().metrics });
  const announce = { broadcastAddress: 'l.test', tcpPort: 4160, httpPort: 4161 };
  const serve = createTcpHandler({
    ...{ topology, announce, observe: meters.peers, timers: clock, maxConnections: 3 },
    ...{ identifyTimeoutMs: 1000, silenceTimeoutMs: 5000, drainTimeoutMs: 2000, maxUnfinishedBytes: 100_000 },
    admit: (identity) => (identity.broadcastAddress === 'evil' ? { refused: 'no' } : identity),
  });
  const routed = createHttpHandler({
    topology,
    routes: metricsRoutes({ metrics, clock: clock.now }),
    authorize: (_, { kind }) => kind === 'read' || { status: 403 },
  });
  const handler = decorate(
    routed,
    meters.decorator(() => routed.routes),
    orNotFound,
  );
  const connect = () => {
    const stream = new MemoryStream();
    serve(stream);
    return stream;
  };
  return { clock, topology, meters, metrics, serve, handler, connect };
}

const identify = (address: string) => {
  const body = JSON.stringify({ broadcast_address: address, tcp_port: 4150, http_port: 4151, version: '1.3.0' });
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  return `  V1IDENTIFY\n${size.toString('latin1')}${body}`;
};

/** The values of a metric by its labels, as JSON. */
async function read(metrics: readonly Metric[], name: string): Promise<Record<string, number>> {
  const samples = await metrics.find((metric) => metric.name === `nsqlookupd_${name}`)!.samples();
  return Object.fromEntries(
    [...samples].map(({ labels, value, suffix = '' }) => [Object.values(labels).join(' ') + suffix, value]),
  );
}

/** The samples of a text, without their values, and what it is made of. */
function linesOf(text: string) {
  const lines = text.split('\n').filter((line) => line !== '');
  const samples = lines.filter((line) => !line.startsWith('#'));
  return { samples: samples.map((line) => line.replace(/ [^ ]*$/, '')), lines };
}

describe('the metrics of peers', () => {
  test('count commands by name and result, errors by code, refusals', async () => {
    const { connect, metrics } = createMetered();
    const [peer, other, evil] = [connect(), connect(), connect()];
    peer.send(`${identify('h1')}PING\nPING\nREGISTER orders billing\nUNREGISTER orders billing\nREGISTER not!legal\n`);
    other.send('  V1NONSENSE\n');
    evil.send(identify('evil'));
    const commands = await read(metrics, 'commands_total');
    assert.deepEqual(commands, {
      ...{ 'identify OK': 1, 'identify E_INVALID': 1, 'register OK': 1, 'register E_BAD_TOPIC': 1 },
      ...{ 'unregister OK': 1, 'ping OK': 2 },
    });
    assert.deepEqual(await read(metrics, 'protocol_errors_total'), {
      ...{ E_INVALID: 2, E_BAD_BODY: 0, E_BAD_TOPIC: 1, E_BAD_CHANNEL: 0, E_BAD_PROTOCOL: 0 },
    });
    assert.deepEqual(await read(metrics, 'refusals_total'), { tcp: 1, http: 0 });
  });

  test('count every limit of the TCP handler', async () => {
    const { connect, clock, serve, metrics } = createMetered({ maxRegistrations: 8 });
    const met = async () => {
      await new Promise((resolve) => setImmediate(resolve)); // what is long is answered in a later turn
      const counts = Object.entries(await read(metrics, 'limits_met_total'));
      return Object.fromEntries(counts.filter(([, count]) => count > 0));
    };
    const peer = connect();
    peer.send(identify('h1'));
    for (const topic of 'abcdefgh') peer.send(`REGISTER ${topic}\n`);
    assert.equal((await met())['maxRegistrations']! > 0, true);
    const errors = await read(metrics, 'protocol_errors_total');
    assert.equal(errors['E_INVALID'], (await met())['maxRegistrations']);
    connect();
    connect();
    connect();
    assert.equal((await met())['maxConnections'], 1);
    clock.advance(3000);
    assert.equal((await met())['identifyTimeoutMs'], 2);
    clock.advance(5000);
    assert.equal((await met())['silenceTimeoutMs'], 1);
    serve.close();
    for (const [limit, bytes] of Object.entries({
      maxLineBytes: `  V1${'x'.repeat(70_000)}`,
      maxBodyBytes: '  V1IDENTIFY\n\x7f\xff\xff\xff',
      maxFieldLength: identify('h'.repeat(300)),
    })) {
      const stream = connect();
      stream.send(Buffer.from(bytes, 'latin1'));
      assert.equal((await met())[limit], 1, limit);
      stream.destroy();
    }
    const [one, two] = [connect(), connect()];
    for (const stream of [one, two]) stream.send(`  V1${'x'.repeat(60_000)}`);
    assert.equal((await met())['maxUnfinishedBytes'], 1);
    for (const stream of [one, two]) stream.destroy();
    const slow = connect();
    slow.wantsMore = false;
    const drained = (await met())['drainTimeoutMs'] ?? 0;
    slow.send(`${identify('h2')}PING\n`);
    clock.advance(5000);
    assert.equal((await met())['drainTimeoutMs'], drained + 1);
  });

  test('cost a connection, and nothing else, when the observer throws', () => {
    const topology = createTopology({});
    const errors: unknown[] = [];
    const fail = () => {
      throw new Error('out of order');
    };
    const serve = createTcpHandler({
      topology,
      announce: { broadcastAddress: 'l', tcpPort: 1, httpPort: 1 },
      observe: { command: fail, error: fail, refused: fail, limit: fail },
      onError: (error) => errors.push(error),
    });
    const stream = new MemoryStream();
    serve(stream);
    stream.send('  V1PING\n');
    assert.equal(stream.destroyed, true);
    assert.equal(serve.connections, 0);
    assert.equal(errors.length > 0, true);
  });
});

describe('the metrics of HTTP', () => {
  test('count by route and status, and time', async () => {
    const { handler, metrics, clock, topology } = createMetered();
    topology.createTopic('orders');
    await ask(handler, '/lookup', { query: 'topic=orders' });
    await ask(handler, '//lookup/', { query: 'topic=none' });
    await ask(handler, '/topic/create', { method: 'POST', query: 'topic=x' });
    await ask(handler, '/LOOKUP');
    await ask(handler, '/nope');
    assert.deepEqual(await read(metrics, 'http_requests_total'), {
      '/lookup 200': 1,
      '/lookup 404': 1,
      '/topic/create 403': 1,
      'other 301': 1,
      'other 404': 1,
    });
    assert.equal((await read(metrics, 'refusals_total'))['http'], 1);
    const durations = await read(metrics, 'http_request_duration_seconds');
    assert.equal(durations['/lookup_count'], 2);
    assert.equal(durations['+Inf /lookup_bucket'], 2);

    const routed = createRouter([
      {
        method: 'GET',
        path: '/slow',
        action: { name: 'slow', kind: 'read' },
        answer: async () => {
          await Promise.resolve();
          clock.advance(70);
          return { status: 200, headers: {}, body: '' };
        },
      },
    ]);
    const meters = new Meters({ clock: clock.now });
    await ask(
      decorate(
        routed,
        meters.decorator(() => routed.routes),
      ),
      '/slow',
    );
    const slow = await read(meters.metrics, 'http_request_duration_seconds');
    assert.deepEqual([slow['0.05 /slow_bucket'], slow['0.1 /slow_bucket'], slow['/slow_sum']], [0, 1, 0.07]);
  });

  test('have no label that a peer or client can make up', async () => {
    const { handler, connect, topology, clock } = createMetered();
    const secret = 'h4x0r';
    const peer = connect();
    peer.send(`${identify(secret)}REGISTER ${secret} ${secret}\nREGISTER ${secret}!\n`);
    connect().send(`  V1${secret} ${secret}\n`);
    connect().send(secret);
    topology.createTopic(secret);
    for (const path of [`/${secret}`, '/lookup', `/lookup/${secret}`, '/__proto__', '/topic/create']) {
      for (const method of ['GET', 'POST', secret.toUpperCase(), 'HEAD', 'OPTIONS']) {
        await ask(handler, path, { method, query: `topic=${secret}&${secret}=1`, headers: { [secret]: secret } });
      }
    }
    const { body } = await ask(handler, '/metrics');
    assert.equal(body.toLowerCase().includes(secret), false);
    assert.equal(body.includes('__proto__'), false);
    const { samples } = linesOf(body);
    for (let i = 0; i < 1000; i++) await ask(handler, `/${secret}/${i}`);
    clock.advance(1000);
    // But for the series of what was asked for the first time: /metrics itself, and other with its 404s.
    assert.equal(linesOf((await ask(handler, '/metrics')).body).samples.length - samples.length <= 25, true);
  });
});

describe('the metrics of the registry', () => {
  test('count what is there as a look at each would', async () => {
    const clock = new ManualClock();
    const topology = createTopology(
      { 'h1:4150': { orders: ['a', 'b'], parcels: [] }, 'h2:4150': { orders: ['a'] }, 'h3:4150': { letters: [] } },
      { clock: clock.now, inactiveProducerTimeoutMs: 1000 },
    );
    topology.tombstone('orders', 'h2:4151');
    const [, , silent] = topology.nodePeers();
    clock.advance(1001);
    for (const peer of topology.db.peers()) if (peer !== silent) topology.ping(peer);
    const metrics = createMetrics({ topology });
    assert.deepEqual(await read(metrics, 'registrations'), { client: 1, topic: 3, channel: 2 });
    assert.deepEqual(await read(metrics, 'producers'), { active: 2, inactive: 1, tombstoned: 1 });
    const now = topology.clock();
    const active = topology.db
      .findRegistrations('topic', '*', '')
      .flatMap((each) => [...topology.db.producersOf(each)]);
    assert.equal(active.filter((producer) => isActive(producer, now, topology.lifetimes)).length, 2);
    assert.equal((await read(metrics, 'peers'))[''], 3);
  });

  test('are counted in turns, once for all who ask, and again when the count is old', async () => {
    const turns: (() => void)[] = [];
    const clock = new ManualClock();
    const work = new WorkQueue({ stepsPerTurn: 100, nextTurn: (turn) => turns.push(turn) });
    const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
    for (let i = 0; i < 2000; i++) topology.createTopic(`t${i}`);
    for (const turn of turns.splice(0)) turn();
    const metrics = createMetrics({ topology });
    const readings = Promise.all([
      read(metrics, 'registrations'),
      read(metrics, 'producers'),
      read(metrics, 'registrations'),
    ]);
    let count = 0;
    for (; turns.length > 0; count++) {
      turns.shift()!();
      await Promise.resolve();
    }
    assert.equal((await readings)[0]['topic'], 2000);
    assert.equal(count >= 4 && count <= 8, true, `${count} turns for three who ask`);
    topology.createTopic('one-more');
    assert.equal((await read(metrics, 'registrations'))['topic'], 2000);
    clock.advance(1001);
    const again = read(metrics, 'registrations');
    while (turns.length > 0) {
      turns.shift()!();
      await Promise.resolve();
    }
    assert.equal((await again)['topic'], 2001);
  });
});

describe('/metrics', () => {
  test('is told in the format that the client wants', async () => {
    const { handler } = createMetered();
    const text = 'text/plain; version=0.0.4; charset=utf-8';
    const open = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
    const types: Record<string, string> = {
      '': text,
      '*/*': text,
      'text/plain': text,
      [OPEN_METRICS.accept]: open,
      'application/openmetrics-text': open,
      'APPLICATION/OpenMetrics-Text; version=1.0.0': open,
      'application/openmetrics-text;q=0.2,text/plain;q=0.9': text,
      'application/openmetrics-text;q=0,*/*': text,
      'application/openmetrics-text;q=nonsense': text,
      [',;=,'.repeat(4000)]: text,
    };
    for (const [accept, type] of Object.entries(types)) {
      const { headers } = await ask(handler, '/metrics', { headers: { accept } });
      assert.equal(headers['Content-Type'], type, accept.slice(0, 80));
    }
  });

  test('gives no sample twice, and each counter its _total, in both formats, whichever is asked for first', async () => {
    const { handler, connect, clock } = createMetered();
    connect().send(`${identify('h1')}REGISTER orders\nPING\n`);
    await ask(handler, '/nope');
    for (const headers of [OPEN_METRICS, {}, OPEN_METRICS, {}]) {
      clock.advance(1000);
      const { body } = await ask(handler, '/metrics', { headers });
      const { samples, lines } = linesOf(body);
      assert.deepEqual(
        samples.filter((sample, i) => samples.indexOf(sample) !== i),
        [],
      );
      assert.equal(samples.filter((sample) => sample.startsWith('nsqlookupd_commands_total{')).length, 4);
      assert.equal(body.includes('_total_total'), false);
      assert.equal(body.endsWith('# EOF\n'), headers === OPEN_METRICS);
      const types = lines.filter((line) => line.startsWith('# TYPE'));
      assert.deepEqual(types, [...new Set(types)]);
      assert.equal(
        samples.every((sample) => sample.startsWith('nsqlookupd_')),
        true,
      );
    }
  });

  test('is clean to promtool', { skip: skipWithout('promtool') }, async () => {
    const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', metrics: true });
    const { httpAddress } = await lookupd.listen();
    await fetch(`http://${httpAddress}/ping`);
    const input = await (await fetch(`http://${httpAddress}/metrics`)).text();
    await lookupd.close();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  });

  test('is told with what else is in a registry of the host, which stays as it is', async () => {
    const { Gauge } = await import('prom-client');
    const registry = new Registry();
    new Gauge({ name: 'mine', help: 'of the host', registers: [registry] }).set(5);
    const metrics = createMetrics({ topology: createTopology({}) });
    const handler = createRouter(metricsRoutes({ metrics, registry }));
    const { body, headers } = await ask(handler, '/metrics', { headers: OPEN_METRICS });
    assert.match(body, /^mine 5$/m);
    assert.match(body, /^nsqlookupd_peers 0$/m);
    assert.equal(headers['Content-Type'], Registry.PROMETHEUS_CONTENT_TYPE);
    assert.equal(registry.contentType, Registry.PROMETHEUS_CONTENT_TYPE);
    assert.throws(() => metricsRoutes({ metrics, registry }), /nsqlookupd_registrations has already been registered/);
  });

  test('is 501, and says so once, where prom-client is not installed; the rest goes on', () => {
    const hide = `import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(\`export function resolve(name, context, next) {
        if (name === 'prom-client') throw Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' });
        return next(name, context);
      }\`));`;
    const code = `import { createRouter, RegistrationDB, Topology } from 'nsqlookupd';
      import { createMetrics, metricsRoutes } from 'nsqlookupd/operate';
      const metrics = createMetrics({ topology: new Topology({ db: new RegistrationDB() }) });
      const said = [];
      const handler = createRouter(metricsRoutes({ metrics, onError: (_, what) => said.push(what) }));
      const ask = (accept) => handler({ method: 'GET', path: '/metrics', query: '', headers: { accept } });
      const answers = [await ask('*/*'), await ask('application/openmetrics-text')];
      console.log(JSON.stringify([answers.map(({ status, body }) => [status, body]), said]));`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(hide)}`, '--input-type=module', '-e', code];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const answer = [501, '{"message":"PROM_CLIENT_NOT_INSTALLED"}'];
    assert.deepEqual(JSON.parse(stdout || stderr), [
      [answer, answer],
      ['no metrics without prom-client: npm install prom-client'],
    ]);
  });

  test('does not load prom-client before it is asked', () => {
    const code = `import { createRequire } from 'node:module';
      import { createLookupd } from 'nsqlookupd/daemon';
      createLookupd({ metrics: true });
      console.log(Object.keys(createRequire('${process.cwd()}/x.js').cache).filter((file) => /prom-client/.test(file)).length);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    assert.equal(stdout.trim(), '0');
  });

  test('makes one text for all who ask within a second, and after a clock that was set back', async () => {
    let asked = 0;
    const samples = () => {
      asked++;
      return [{ labels: {}, value: 1 }];
    };
    const metrics = [{ name: 'x', help: 'x', type: 'gauge', samples } as const];
    const clock = new ManualClock();
    const handler = createRouter(metricsRoutes({ metrics, clock: clock.now }));
    await Promise.all(Array.from({ length: 100 }, () => ask(handler, '/metrics')));
    clock.advance(999);
    await ask(handler, '/metrics');
    assert.equal(asked, 1);
    clock.advance(1);
    await ask(handler, '/metrics');
    assert.equal(asked, 2);
    clock.set(clock.now() - 5000);
    await ask(handler, '/metrics');
    assert.equal(asked, 3);
  });

  test('refuses what is misused', () => {
    const topology = createTopology({});
    const bad = [
      () => createMetrics({} as never),
      () => createMetrics({ topology, others: [{ name: 'x' }] as never }),
      () =>
        createMetrics({ topology, others: [{ name: 'nsqlookupd_peers', help: '', type: 'gauge', samples: () => [] }] }),
      () => metricsRoutes({ metrics: {} } as never),
      () => metricsRoutes({ metrics: [], registry: {} } as never),
      () => metricsRoutes({ metrics: [], registri: {} } as never),
      () => new Meters({ clock: 5 } as never),
      () => createLookupd({ metrics: 'yes' } as never),
    ];
    for (const misuse of bad) assert.throws(misuse, TypeError);
  });
});

describe('docs/metrics.md', () => {
  const page = readFileSync('docs/metrics.md', 'utf8');
  const rows = [...page.matchAll(/^\| `(nsqlookupd_\w+)` +\| (\w+)/gm)].map(([, name, type]) => `${name} ${type}`);

  test('has every metric of the daemon, and no other', async () => {
    const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', metrics: true });
    const { httpAddress } = await lookupd.listen();
    const { text } = await fetchRaw(Number(httpAddress.split(':')[1]), 'GET', '/metrics');
    await lookupd.close();
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    assert.deepEqual(rows.sort(), types.sort());
  });
});
