import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createLookupd } from 'nsqlookupd/daemon';
import { createSharedMemory } from 'nsqlookupd/store';
import { allowTokens, createHttpHandler, decorate, underPrefix, type HttpRequest } from 'nsqlookupd/http';
import { pageRoutes, refuseOtherSites, type PageOptions } from 'nsqlookupd/page';
import { isTombstoned, RegistrationDB, Topology, topicRegistration } from 'nsqlookupd/registry';
import { ManualClock } from 'nsqlookupd/testing';
import { peerOf } from './support/peers.js';

function setUp(options: Partial<PageOptions> = {}) {
  const clock = new ManualClock();
  const topology = new Topology({ db: new RegistrationDB(), clock: clock.now });
  const { authorize } = options;
  const routes = pageRoutes({ topology, clock: clock.now, ...options });
  const handler = createHttpHandler({ topology, routes, authorize });
  const ask = async (path: string, request: Partial<HttpRequest> = {}) => {
    const result = await handler({ method: 'GET', path, query: '', headers: {}, ...request });
    assert.ok(result, path);
    return { ...result, body: result.body as string };
  };
  return { clock, topology, handler, ask };
}

const inside = (html: string, tag: string) => new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)?.[1] ?? '';
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');

describe('the page', () => {
  test('is one document that asks nobody else, and may not', async () => {
    const { body, headers } = await setUp().ask('/ui');
    const policy = headers['Content-Security-Policy'] ?? '';
    assert.match(policy, /^default-src 'none';/);
    assert.ok(policy.includes(`script-src 'sha256-${sha256(inside(body, 'script'))}'`), policy);
    assert.ok(policy.includes(`style-src 'sha256-${sha256(inside(body, 'style'))}'`), policy);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.doesNotMatch(body, /<(?:script|img|iframe)[^>]+src=|@import|url\(|innerHTML=|\son\w+="/);
    assert.doesNotMatch(body.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\/|(?:src|href)="\//);
  });

  test('is at most 60 kB gzipped', async () => {
    const { body } = await setUp().ask('/ui');
    assert.ok(gzipSync(body).length <= 60_000);
  });

  test('is not sent again to who has it', async () => {
    const { ask } = setUp();
    const { ETag: tag = '' } = (await ask('/ui')).headers;
    const again = await ask('/ui', { headers: { 'if-none-match': `W/${tag}` } });
    assert.deepEqual([again.status, again.body], [304, '']);
    assert.equal((await ask('/ui', { headers: { 'if-none-match': '"other"' } })).status, 200);
  });

  test('is the same under any mount', async () => {
    const { handler, ask } = setUp();
    const mounted = await decorate(
      handler,
      underPrefix('/a/b'),
    )({ method: 'GET', path: '/a/b/ui', query: '', headers: {} });
    assert.equal(mounted?.body, (await ask('/ui')).body);
  });

  test('is told who serves, and what the one who looks may do', async () => {
    const authorize = allowTokens({ reads: 'read', writes: 'write' });
    const { ask, clock, topology } = setUp({ authorize, sharing: 'by hand', oldestIndex: () => 'a.1' });
    clock.advance(5000);
    const about = async (token: string) => {
      const { status, body } = await ask('/ui/about', { headers: { authorization: `Bearer ${token}` } });
      return { status, ...(JSON.parse(body) as Record<string, unknown>) } as Record<string, unknown>;
    };
    assert.equal((await ask('/ui/about')).status, 401);
    const reader = await about('reads');
    assert.deepEqual([reader['may'], reader['asks_token'], reader['sharing']], [[], false, 'by hand']);
    assert.deepEqual([reader['uptime_ms'], reader['epoch'], reader['oldest_index']], [5000, topology.db.epoch, 'a.1']);
    const writer = await about('writes');
    assert.equal((writer['may'] as string[]).length, 6);
  });

  test('is told of what a token would let one do', async () => {
    const authorize = (_: unknown, { kind }: { kind: string }) =>
      kind === 'read' ? (true as const) : { status: 401 as const, challenge: 'Bearer' };
    const { body } = await setUp({ authorize }).ask('/ui/about');
    const { may, asks_token: asks } = JSON.parse(body) as Record<string, unknown>;
    assert.deepEqual([may, asks], [[], true]);
  });

  test('is told when the producers of a topic, and those at a node, were last heard of', async () => {
    const { topology, ask, clock } = setUp();
    const peer = peerOf('host-1', { broadcastAddress: 'host-1', httpPort: 4151, lastUpdateMs: clock.now() });
    topology.join(peer);
    topology.register(peer, 'orders');
    clock.advance(1000);
    topology.ping(peer);
    const told = JSON.stringify({ last_update_ms: { [topology.db.keyOf(peer)!]: clock.now() } });
    assert.equal((await ask('/ui/topic', { query: 'topic=orders' })).body, told);
    assert.equal((await ask('/ui/node', { query: 'node=host-1:4151' })).body, told);
    assert.equal((await ask('/ui/node', { query: 'node=host-2:4151' })).body, '{"last_update_ms":{}}');
    assert.equal((await ask('/ui/topic')).status, 400);
  });

  test('is told apart who is restored, and who is at another lookupd', async () => {
    const { topology, ask } = setUp();
    for (const key of ['gone/1', 'other/1']) {
      const peer = peerOf(key, { broadcastAddress: key.replace('/', '-') });
      const change = {
        revision: 1,
        type: 'producerAdded',
        registration: topicRegistration('orders'),
        producer: { peer },
      };
      topology.db.apply({ ...change, peer, peerKey: key } as never);
    }
    topology.liveOrigins.add('other');
    const about = JSON.parse((await ask('/ui/about')).body) as Record<string, unknown>;
    assert.deepEqual([about['restored'], about['other_origins']], [['gone/1'], ['other']]);
  });

  test('ends a tombstone', async () => {
    const { topology, ask, clock } = setUp();
    const peer = peerOf('host-1', { broadcastAddress: 'host-1', httpPort: 4151, lastUpdateMs: clock.now() });
    topology.join(peer);
    topology.register(peer, 'orders');
    topology.tombstone('orders', 'host-1:4151');
    assert.equal(topology.lookup('orders')?.producers.length, 0);
    const query = 'topic=orders&node=host-1:4151';
    assert.equal((await ask('/topic/untombstone', { query })).status, 405);
    assert.equal((await ask('/topic/untombstone', { method: 'POST', query })).status, 200);
    assert.equal(topology.lookup('orders')?.producers.length, 1);
    const producer = topology.db.getProducer(topicRegistration('orders'), peer)!;
    assert.equal(
      isTombstoned(producer, clock.now(), 365 * 86_400_000),
      false,
      'nor with a longer lifetime after a restart',
    );
    assert.equal(topology.untombstone('orders', 'host-2:4151'), 0);
  });

  test('throws for what is wrong with its options', () => {
    assert.throws(() => pageRoutes({} as never), /TypeError/);
    assert.throws(() => setUp({ sharing: 1 } as never), /sharing/);
    assert.throws(() => setUp({ other: 1 } as never), /other/);
    assert.throws(() => refuseOtherSites(undefined as never), /TypeError/);
  });
});

describe('writes of a browser', () => {
  const cases: [string, Record<string, string>, number][] = [
    ['what is no browser', {}, 200],
    ['the page itself', { origin: 'http://lookupd:4161' }, 200],
    ['another site', { origin: 'http://evil.example' }, 403],
    ['another port', { origin: 'http://lookupd:80' }, 403],
    ['a name that begins alike', { origin: 'http://lookupd:4161.evil.example' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    [
      'the page, behind a proxy that writes another Host',
      { origin: 'https://ops.example', 'sec-fetch-site': 'same-origin' },
      200,
    ],
    ['another site, by what the browser says', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a sibling site', { origin: 'http://lookupd:4161', 'sec-fetch-site': 'same-site' }, 403],
  ];
  for (const [who, headers, status] of cases) {
    test(`from ${who}: ${status}`, async () => {
      const { handler, topology } = setUp();
      const request = { method: 'POST', path: '/topic/create', query: 'topic=orders' };
      const guarded = decorate(handler, refuseOtherSites);
      const result = await guarded({ ...request, headers: { host: 'lookupd:4161', ...headers } });
      assert.equal(result?.status, status);
      assert.equal(topology.topics().length, status === 200 ? 1 : 0);
      const read = await guarded({
        ...request,
        method: 'GET',
        path: '/topics',
        headers: { host: 'lookupd:4161', ...headers },
      });
      assert.equal(read?.status, 200);
    });
  }
});

describe('a lookupd with its page', () => {
  const addresses = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', broadcastAddress: 'localhost' };

  test('opens it without a token, shows nothing in it, and counts no refusal of what the page asks', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'page-'));
    const authTokenFile = join(folder, 'tokens');
    writeFileSync(authTokenFile, 'looks read\n', { mode: 0o600 });
    await using lookupd = createLookupd({ ...addresses, ui: true, authTokenFile });
    const base = `http://${(await lookupd.listen()).httpAddress}`;
    assert.equal((await fetch(`${base}/ui`)).status, 200);
    assert.equal((await fetch(`${base}/ui/about`)).status, 401);
    const { unauthorized, forbidden } = lookupd.refusals;
    const headers = { authorization: 'Bearer looks' };
    const about = (await (await fetch(`${base}/ui/about`, { headers })).json()) as { may: string[] };
    assert.deepEqual(about.may, []);
    assert.deepEqual({ ...lookupd.refusals }, { unauthorized, forbidden, peers: 0 });
    rmSync(folder, { recursive: true });
  });

  test('says where the registry is kept, and with whom it is shared', async () => {
    const sharedRegistry = createSharedMemory(Date.now).registry();
    for (const [options, told] of [
      [{}, 'in memory'],
      [{ store: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() } }, 'kept over restarts'],
      [{ sharedRegistry }, 'shared with other lookupds'],
    ] as const) {
      await using lookupd = createLookupd({ ...addresses, ui: true, ...options });
      const about = await fetch(`http://${(await lookupd.listen()).httpAddress}/ui/about`);
      assert.equal(((await about.json()) as { sharing: string }).sharing, told);
    }
  });

  test('refuses the writes of other sites, and has neither page nor that unless asked', async () => {
    for (const ui of [true, false]) {
      await using lookupd = createLookupd({ ...addresses, ui });
      const base = `http://${(await lookupd.listen()).httpAddress}`;
      const headers = { origin: 'http://evil.example' };
      const { status } = await fetch(`${base}/topic/create?topic=orders`, { method: 'POST', headers });
      assert.equal(status, ui ? 403 : 200);
      assert.equal((await fetch(`${base}/ui`)).status, ui ? 200 : 404);
    }
  });
});
