import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { LookupClient, PeerClient, type LookupClientOptions } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';

const T = { timeout: 20_000 };
const EVERYTHING = '{"topics":[],"channels":[],"producers":[]}';

async function urlsAsked(lookupd: string): Promise<string[]> {
  const asked: string[] = [];
  const fetch = (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(EVERYTHING));
  };
  const client = new LookupClient({ lookupds: [lookupd], fetch });
  await client.lookup('orders');
  await client.channels('orders');
  await client.topics();
  await client.nodes();
  return asked;
}

const all = (base: string, query = '') => [
  `${base}/lookup?${query && `${query}&`}topic=orders`,
  `${base}/channels?${query && `${query}&`}topic=orders`,
  `${base}/topics${query && `?${query}`}`,
  `${base}/nodes${query && `?${query}`}`,
];

describe('a LookupClient asks at the URL it is given', () => {
  for (const [given, base, query] of [
    ['a:4161', 'http://a:4161', ''],
    ['[::1]:4161', 'http://[::1]:4161', ''],
    ['http://a:4161', 'http://a:4161', ''],
    ['https://a.test/nsq/', 'https://a.test/nsq', ''],
    ['https://a.test/nsq/lookup?token=s3cret', 'https://a.test/nsq', 'token=s3cret'],
    ['https://a.test/lookup/?token=s3cret&b=1', 'https://a.test', 'token=s3cret&b=1'],
    ['http://a:4161?token=s3cret', 'http://a:4161', 'token=s3cret'],
    ['http://a:4161/my-lookup', 'http://a:4161/my-lookup', ''],
  ] as const) {
    test(given, async () => assert.deepEqual(await urlsAsked(given), all(base, query)));
  }

  test('a topic in its query gives way to the one that is asked for', async () => {
    const [lookup] = await urlsAsked('http://a/lookup?topic=other&token=s3cret');
    assert.deepEqual([...new URL(lookup!).searchParams].sort(), [
      ['token', 's3cret'],
      ['topic', 'orders'],
    ]);
  });
});

describe('nobody is shown a query, a user or a password', () => {
  const SECRET = 's3cret';
  const GIVEN = `http://127.0.0.1:1/nsq/lookup?token=${SECRET}/%20${SECRET}&x`;
  const failing: Readonly<Record<string, NonNullable<LookupClientOptions['fetch']> | undefined>> = {
    "the runtime's own fetch, where nobody listens": undefined,
    'a fetch that names the URL': (url) => Promise.reject(new TypeError(`cannot fetch ${url}`)),
    'a fetch that names it in the cause': (url) =>
      Promise.reject(new TypeError('fetch failed', { cause: new Error(`no route to ${url}`) })),
    'a fetch that names it in a field': (url) => Promise.reject(Object.assign(new Error('down'), { path: url })),
    'a fetch that decodes it': (url) => Promise.reject(new Error(decodeURIComponent(url))),
    'a fetch that throws text': (url) => {
      throw url as unknown as Error;
    },
    'a proxy that repeats it': (url) =>
      Promise.resolve(new Response(JSON.stringify({ message: `no such page: ${url}` }), { status: 502 })),
  };

  for (const [what, fetch] of Object.entries(failing)) {
    test(what, T, async () => {
      const client = new LookupClient({ lookupds: [GIVEN], fetch });
      for (const asked of [client.lookup('orders'), client.topics()]) {
        const error: unknown = await asked.catch((reason: unknown) => reason);
        assert.ok(error instanceof AggregateError);
        assert.match(error.message, /http:\/\/127\.0\.0\.1:1\/nsq\/lookup: \S/);
        assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(SECRET), inspect(error));
      }
    });
  }

  test('in failures and producers', async () => {
    const good = `http://good/lookup?token=${SECRET}`;
    const producers = [{ broadcast_address: 'x', tcp_port: 1, http_port: 2 }];
    const fetch = (url: string) =>
      url.startsWith('http://good/')
        ? Promise.resolve(new Response(JSON.stringify({ channels: [], producers })))
        : Promise.reject(new Error(url));
    const found = await new LookupClient({ lookupds: [good, GIVEN], fetch }).lookup('orders');
    assert.deepEqual(found.producers[0]?.lookupds, ['http://good/lookup']);
    assert.equal(found.failures[0]?.address, 'http://127.0.0.1:1/nsq/lookup');
    assert.ok(!inspect(found, { depth: Infinity }).includes(SECRET));
  });

  for (const given of [
    `http://user:${SECRET}@a:1`,
    `http://${SECRET}@a:1/lookup`,
    `http://a:1/?t=${SECRET}#x`,
    `http://a b/?t=${SECRET}`,
    `ftp://user:${SECRET}@a:1`,
    `a:1/lookup?token=${SECRET}`,
  ]) {
    test(`${given} is refused without it`, () => {
      assert.throws(
        () => new LookupClient({ lookupds: [given] }),
        (error) => error instanceof TypeError && !inspect(error).includes(SECRET),
      );
    });
  }
});

/** A port on loopback that `fetch` forbids. */
async function listenAtForbiddenPort(server: Server): Promise<number | undefined> {
  for (const port of [4190, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080]) {
    server.listen(port, '127.0.0.1');
    const error = await Promise.race([once(server, 'listening').then(() => undefined), once(server, 'error')]).catch(
      (reason: unknown) => reason,
    );
    if (error === undefined) return port;
  }
  return undefined;
}

test('a LookupClient asks at ports that fetch forbids', T, async (t) => {
  const tokens: unknown[] = [];
  const server = createServer((request, response) => {
    tokens.push(request.headers.authorization);
    if (request.url === '/nodes') response.writeHead(204).end();
    else response.end('{"topics":["orders"]}');
  });
  const port = await listenAtForbiddenPort(server);
  if (port === undefined) return t.skip('all such ports are taken');
  const client = new LookupClient({ lookupds: [`127.0.0.1:${port}`], token: 'a' });
  try {
    assert.deepEqual((await client.topics()).topics, ['orders']);
    assert.deepEqual(tokens, ['Bearer a']);
    await assert.rejects(client.nodes(), /status 204/);
    await assert.rejects(client.topics({ signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
  await assert.rejects(client.topics(), /ECONNREFUSED/);
});

test('an IPv6 address is the same producer with brackets and without', async () => {
  const answers = ['::1', '[::1]', '::2'].map((broadcast_address) => ({
    broadcast_address,
    tcp_port: 1,
    http_port: 2,
  }));
  const fetch = (url: string) =>
    Promise.resolve(new Response(JSON.stringify({ producers: [answers[Number(new URL(url).port) - 1]] })));
  const client = new LookupClient({ lookupds: ['a:1', 'a:2', 'a:3'], fetch });
  const found = (await client.lookup('orders')).producers.map((producer) => [
    producer.broadcastAddress,
    producer.lookupds,
  ]);
  assert.deepEqual(found, [
    ['::1', ['a:1', 'a:2']],
    ['::2', ['a:3']],
  ]);
});

test('a PeerClient says so when its lookupd is an HTTP port, ours or another', T, async () => {
  await using lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
  await lookupd.listen();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const addresses = [lookupd.httpAddress!, `127.0.0.1:${(other.address() as AddressInfo).port}`];
  const client = new PeerClient({
    lookupds: addresses,
    identity: { broadcastAddress: 's', tcpPort: 1, httpPort: 1 },
    minBackoffMs: 60_000,
    maxBackoffMs: 60_000,
  });
  await client.start();
  await client.close();
  other.close();
  for (const { lastError } of client.status)
    assert.match(String(lastError), /not a lookupd: an HTTP server answers there/);
});
