import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PeerMessage, Reply } from 'nsqlookupd/protocol';
import { loadScenarios, playScenario } from 'nsqlookupd/testing';
import { identityOf, peerOf } from '../support/peers.js';
import { createWorkerdLookupd, startWorkerd, type Workerd } from './workerd-lookupd.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const NSQ_TYPE = 'nsq; version=1.0';

const scenarios = await loadScenarios();

let workerd: Workerd;
before(async () => void (workerd = await startWorkerd()));
after(() => workerd[Symbol.asyncDispose]());

async function ask(method: string, target: string) {
  const { status, headers, text } = await workerd.http(method, target);
  const isJson = headers['content-type'] === JSON_TYPE;
  assert.equal(headers['x-nsq-content-type'], isJson || text === '' ? NSQ_TYPE : undefined, target);
  return [status, isJson ? (JSON.parse(text) as unknown) : text];
}

const get = (target: string) => ask('GET', target);
const post = (target: string) => ask('POST', target);

test('there is nothing of Node in there', async () => {
  const names = ['process', 'Buffer', 'global', 'setImmediate', 'require', 'Request', 'setTimeout'];
  assert.deepEqual(await workerd.call('globals', names), ['Request', 'setTimeout']);
});

describe('the HTTP handler and the registry', () => {
  const node = (host: string) => ({
    remote_address: `${host}:50000`,
    hostname: host,
    broadcast_address: `${host}.test`,
    tcp_port: 4150,
    http_port: 4151,
    version: '1.3.0',
    topology_zone: '',
    topology_region: '',
  });

  test('answer about what was created', async () => {
    await workerd.call('reset', {});
    assert.deepEqual(await get('/ping'), [200, 'OK']);
    assert.deepEqual(await get('/info'), [200, { version: '1.3.0' }]);
    assert.deepEqual(await get('/lookup?topic=orders'), [404, { message: 'TOPIC_NOT_FOUND' }]);
    assert.deepEqual(await post('/topic/create?topic=orders'), [200, '']);
    assert.deepEqual(await post('/channel/create?topic=orders&channel=billing'), [200, '']);
    assert.deepEqual(await get('/topics'), [200, { topics: ['orders'] }]);
    assert.deepEqual(await get('/channels?topic=orders'), [200, { channels: ['billing'] }]);
    assert.deepEqual(await get('/lookup?topic=orders'), [200, { channels: ['billing'], producers: [] }]);
    assert.deepEqual(await post('/channel/delete?topic=orders&channel=none'), [404, { message: 'CHANNEL_NOT_FOUND' }]);
    assert.deepEqual(await post('/topic/delete?topic=orders'), [200, '']);
    assert.deepEqual(await get('/topics'), [200, { topics: [] }]);
  });

  test('answer about peers, their tombstones and their silence', async () => {
    await workerd.call('reset', {});
    await workerd.call('fill', [
      [peerOf('h1'), { orders: ['billing', 'tail#ephemeral'], bills: [] }],
      [peerOf('h2'), { orders: [] }],
    ]);
    const channels = ['billing', 'tail#ephemeral'];
    const nodes = (tombstoned: boolean) => ({
      producers: [
        { ...node('h1'), tombstones: [tombstoned, false], topics: ['orders', 'bills'] },
        { ...node('h2'), tombstones: [false], topics: ['orders'] },
      ],
    });
    assert.deepEqual(await get('/lookup?topic=orders'), [200, { channels, producers: [node('h1'), node('h2')] }]);
    assert.deepEqual(await get('/nodes'), [200, nodes(false)]);
    assert.deepEqual(await post('/topic/tombstone?topic=orders&node=h1.test:4151'), [200, '']);
    assert.deepEqual(await get('/nodes'), [200, nodes(true)]);
    assert.deepEqual(await get('/lookup?topic=orders'), [200, { channels, producers: [node('h2')] }]);
    await workerd.call('sleep', 45_001);
    assert.deepEqual(await get('/nodes'), [200, nodes(false)]);
    await workerd.call('sleep', 300_000);
    assert.deepEqual(await get('/nodes'), [200, { producers: [] }]);
    assert.deepEqual(await get('/lookup?topic=orders'), [200, { channels, producers: [] }]);
  });

  test('answer to what is not theirs, or not so', async () => {
    await workerd.call('reset', {});
    for (const path of ['/', '/nope', '/topic', '/__proto__']) {
      assert.deepEqual(await get(path), [404, { message: 'NOT_FOUND' }]);
    }
    assert.deepEqual(await get('/lookup'), [400, { message: 'MISSING_ARG_TOPIC' }]);
    assert.deepEqual(await post('/topic/create?topic=a%20b'), [400, { message: 'INVALID_ARG_TOPIC' }]);
    const refused = await workerd.http('POST', '/lookup?topic=t');
    assert.deepEqual([refused.status, refused.headers['allow']], [405, 'GET, HEAD, OPTIONS']);
    const options = await workerd.http('OPTIONS', '/topic/create');
    assert.deepEqual([options.status, options.headers['allow'], options.text], [200, 'OPTIONS, POST', '']);
    const head = await workerd.http('HEAD', '/topics');
    assert.deepEqual([head.status, head.headers['content-type'], head.text], [200, JSON_TYPE, '']);
  });

  test('redirect to the path that was meant', async () => {
    const moved = await workerd.http('GET', '/LookUp?topic=a&b');
    assert.deepEqual([moved.status, moved.headers['location']], [301, '/lookup?topic=a&b']);
    assert.equal(moved.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(moved.text, '<a href="/lookup?topic=a&#38;b">Moved Permanently</a>.\n\n');
    const posted = await workerd.http('POST', '/Topic/Create?topic=a');
    assert.deepEqual([posted.status, posted.headers['location'], posted.text], [307, '/topic/create?topic=a', '']);
  });

  test('stream a large registry', async () => {
    await workerd.call('reset', {});
    const carried = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`topic-${i}`, ['c']]));
    await workerd.call('fill', [
      [peerOf('h1'), carried],
      [peerOf('h2'), carried],
    ]);
    const { status, headers, text } = await workerd.http('GET', '/debug');
    assert.deepEqual([status, headers['content-type']], [200, JSON_TYPE]);
    assert.equal(headers['content-length'], undefined);
    const all = JSON.parse(text) as Record<string, { id: string }[]>;
    assert.equal(Object.keys(all).length, 1001);
    for (const producers of Object.values(all)) {
      assert.deepEqual(producers.map(({ id }) => id).sort(), ['h1:50000', 'h2:50000']);
    }
  });
});

test('the protocol goes both ways, byte by byte', async () => {
  const messages: PeerMessage[] = [
    { type: 'magic' },
    { type: 'identify' },
    { type: 'identity', identity: identityOf('h1', { topologyZone: 'zürich', hostname: '日本' }) },
    { type: 'ping' },
    { type: 'register', topic: 'orders', channel: 'tail#ephemeral' },
    { type: 'unregister', topic: 'orders', channel: '' },
  ];
  assert.deepEqual(await workerd.call('peerMessages', messages), messages);
  const announcement = { broadcastAddress: 'l', hostname: 'ü', tcpPort: 1, httpPort: 2, version: '1.3.0' };
  const replies: Reply[] = [
    { type: 'ok' },
    { type: 'announcement', announcement },
    { type: 'error', code: 'E_BAD_TOPIC', reason: 'because' },
  ];
  assert.deepEqual(await workerd.call('replies', replies), replies);
});

describe('recorded from nsqlookupd 1.3.0, with sessions and the HTTP handler', () => {
  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      await using lookupd = await createWorkerdLookupd(workerd, scenario);
      await playScenario(scenario, lookupd);
    });
  }
});
