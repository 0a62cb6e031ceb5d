import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { LookupClient } from 'nsqlookupd/client';
import { createLookupd, runCommand } from 'nsqlookupd/daemon';
import { createFeed, createWatchRoutes } from 'nsqlookupd/feed';
import { createHttpHandler, toFetchHandler, zoneByNetwork, type HttpHandlerOptions } from 'nsqlookupd/http';
import { createFindings } from 'nsqlookupd/operate';
import { RegistrationDB, Topology, type PeerInfo } from 'nsqlookupd/registry';
import { ManualClock } from 'nsqlookupd/testing';

type Options = Omit<HttpHandlerOptions, 'topology'>;

let number = 0;

function peerIn(topologyZone: string, topologyRegion = '', lastUpdateMs = 0): PeerInfo {
  const id = `10.0.0.1:${++number}`;
  const broadcastAddress = `${topologyRegion}/${topologyZone}`;
  const of = { id, remoteAddress: id, hostname: 'h', broadcastAddress, version: '1.3.0' };
  return { ...of, tcpPort: 4150, httpPort: 4151, topologyZone, topologyRegion, lastUpdateMs };
}

function setUp(options: Options = {}, places = ['a eu', 'b eu', 'c us', ' ']) {
  const clock = new ManualClock();
  const topology = new Topology({ db: new RegistrationDB(), clock: clock.now });
  const peers = places.map((place) => {
    const [zone, region] = place.split(' ');
    return peerIn(zone!, region, clock.now());
  });
  for (const peer of peers) {
    topology.join(peer);
    topology.register(peer, 'orders');
  }
  const handler = createHttpHandler({ topology, ...options });
  const answer = async (query: string, address?: string) =>
    (await handler({ method: 'GET', path: '/lookup', query, headers: {}, caller: { address } }))!;
  const lookup = async (query = '', address?: string) => {
    const { status, body } = await answer(`topic=orders${query}`, address);
    assert.equal(status, 200);
    const { producers } = JSON.parse(new TextDecoder().decode(body as Uint8Array)) as {
      producers: readonly { broadcast_address: string }[];
    };
    return producers.map(({ broadcast_address: name }) => name).join(' ');
  };
  return { clock, topology, peers, handler, answer, lookup };
}

const ALL = 'eu/a eu/b us/c /';

describe('zones', () => {
  test('make no difference, not even another answer, while the policy is off or nobody says one', async () => {
    const off = setUp({ zoneOf: () => ({ zone: 'a' }) });
    const plain = await off.answer('topic=orders');
    assert.equal(await off.answer('topic=orders&zone=a&region=eu'), plain);
    const { answer } = setUp({ zonePolicy: 'prefer' });
    const first = await answer('topic=orders');
    for (const query of ['topic=orders', 'topic=orders&zone=nowhere', 'topic=orders&zone=&region=']) {
      assert.equal(await answer(query), first, query);
    }
  });

  test('prefer: those of the zone, else of the region, else all', async () => {
    const { lookup, peers, topology, clock } = setUp({ zonePolicy: 'prefer' });
    assert.equal(await lookup('&zone=a&region=eu'), 'eu/a');
    assert.equal(await lookup('&region=eu'), 'eu/a eu/b');
    assert.equal(await lookup('&zone=z&region=eu'), 'eu/a eu/b');
    assert.equal(await lookup('&zone=z&region=z'), ALL);
    assert.equal(await lookup('&%7aone=c'), 'us/c');
    topology.tombstone('orders', 'eu/a:4151');
    assert.equal(await lookup('&zone=a&region=eu'), 'eu/b');
    clock.advance(topology.lifetimes.tombstoneLifetimeMs);
    assert.equal(await lookup('&zone=a&region=eu'), 'eu/a');
    clock.advance(topology.lifetimes.inactiveProducerTimeoutMs - topology.lifetimes.tombstoneLifetimeMs);
    for (const peer of peers.slice(1)) topology.ping(peer);
    clock.advance(1);
    assert.equal(await lookup('&zone=a&region=eu'), 'eu/b');
    topology.leave(peers[1]!);
    assert.equal(await lookup('&zone=a&region=eu'), 'us/c /');
  });

  test('order: all, the nearest first', async () => {
    const { lookup } = setUp({ zonePolicy: 'order' }, [' ', 'c us', 'b eu', 'a eu']);
    assert.equal(await lookup(), '/ us/c eu/b eu/a');
    assert.equal(await lookup('&zone=a&region=eu'), 'eu/a eu/b / us/c');
    assert.equal(await lookup('&zone=c'), 'us/c / eu/b eu/a');
  });

  test('are those of the smallest network that has the caller, unless it says its own', async () => {
    const zones = { '10.0.0.0/8': { region: 'eu' }, '10.0.1.0/24': 'a', '10.0.1.7': { zone: 'c', region: 'us' } };
    const { lookup } = setUp({ zonePolicy: 'prefer', zoneOf: zoneByNetwork(zones) });
    assert.equal(await lookup('', '10.9.9.9:1'), 'eu/a eu/b');
    assert.equal(await lookup('', '10.0.1.8:1'), 'eu/a');
    assert.equal(await lookup('', '[::ffff:10.0.1.8]:1'), 'eu/a');
    assert.equal(await lookup('', '10.0.1.7:1'), 'us/c');
    assert.equal(await lookup('', '192.168.0.1:1'), ALL);
    assert.equal(await lookup('&zone=b', '10.0.1.7:1'), 'eu/b');
    assert.equal(await lookup('', undefined), ALL);
    for (const host of Array.from({ length: 1500 }, (_, i) => (i % 2 === 0 ? `10.9.0.9:${i}` : `10.0.1.8:${i}`))) {
      const expected = host.startsWith('10.9') ? 'eu/a eu/b' : 'eu/a';
      for (let again = 0; again < 2; again++) assert.equal(await lookup('', host), expected);
    }
  });

  test('that are none are refused at once, and what a function gives wrongly is answered 500', async () => {
    assert.throws(() => zoneByNetwork({ nowhere: 'a' }), TypeError);
    assert.throws(() => zoneByNetwork({ '10.0.0.0/8': 7 as never }), TypeError);
    for (const again of ['10.255.0.1/8', '::ffff:10.0.0.0/104']) {
      const twice = { '10.0.0.0/8': 'a', [again]: 'b' };
      assert.throws(() => zoneByNetwork(twice), {
        name: 'TypeError',
        message: /^zones has one network twice, 10\S+ and /,
      });
    }
    zoneByNetwork({ '10.0.0.0/8': 'a', '10.0.0.0/9': 'b', '11.0.0.0/8': 'c', '0a00::/8': 'd' });
    assert.throws(() => zoneByNetwork({ '10.0.0.0/8': { zoen: 'a' } as never }), TypeError);
    assert.throws(() => setUp({ zonePolicy: 'near' as never }), TypeError);
    const onError = () => undefined;
    const { answer } = setUp({ zonePolicy: 'prefer', zoneOf: () => ({ zone: 7 as never }), onError });
    assert.equal((await answer('topic=orders')).status, 500);
  });

  test('keep an answer for each zone that has producers, and nothing for what callers make up', async () => {
    const { answer } = setUp({ zonePolicy: 'prefer' });
    const [a, all] = [await answer('topic=orders&zone=a'), await answer('topic=orders')];
    for (let i = 0; i < 1000; i++) assert.equal(await answer(`topic=orders&zone=a&region=${i}`), a);
    for (let i = 0; i < 1000; i++) assert.equal(await answer(`topic=orders&zone=${i}&region=${i}`), all);
    assert.equal((await answer('topic=unknown&zone=a')).status, 404);
  });

  test('are heeded by /watch and said by a LookupClient', async () => {
    const { topology } = setUp();
    const feed = createFeed(topology);
    const watching = createWatchRoutes(feed, { zonePolicy: 'prefer' });
    const handler = createHttpHandler({ topology, zonePolicy: 'prefer', routes: watching.rows });
    const urls: string[] = [];
    const answer = toFetchHandler(handler);
    const fetch = async (url: string, init: RequestInit) => {
      urls.push(new URL(url).search);
      return (await answer(new Request(url, init))) ?? new Response(null, { status: 404 });
    };
    const client = new LookupClient({ lookupds: ['a:4161'], fetch, zone: 'a b', region: 'eu' });
    assert.equal((await client.lookup('orders')).producers.length, 2);
    await client.channels('orders');
    for await (const { producers } of client.watch('orders')) {
      assert.equal(producers.length, 2);
      break;
    }
    const place = '&zone=a%20b&region=eu';
    assert.deepEqual(urls, [`?topic=orders${place}`, '?topic=orders', `?topic=orders${place}`]);
    watching.close();
    feed.close();
  });

  test('that are alone with their producers are a finding, with prefer', async () => {
    const found = async (zonePolicy: 'prefer' | 'order', places: readonly string[], idle: readonly string[] = []) => {
      const { topology } = setUp({}, [...places]);
      for (const place of idle) topology.join(peerIn(place.split(' ')[0]!, place.split(' ')[1], topology.clock()));
      const { findings } = await createFindings({ topology, zonePolicy }).read();
      return findings.filter(({ kind }) => kind === 'zone-alone').map(({ subject, seen }) => `${subject}: ${seen}`);
    };
    const seen = 'orders: producers in a, b are named to no consumer of another zone';
    assert.deepEqual(await found('prefer', ['a eu', 'b eu']), [seen]);
    assert.deepEqual(await found('order', ['a eu', 'b eu']), []);
    assert.deepEqual(await found('prefer', ['a eu']), []);
    assert.deepEqual(await found('prefer', ['a eu', 'b eu'], ['c eu']), []);
    assert.deepEqual(await found('prefer', ['a eu', 'b eu'], ['c us']), []);
    assert.deepEqual(await found('prefer', ['a eu', 'b eu', 'd us'], ['c us']), [seen]);
  });

  for (const httpFastPath of [true, false]) {
    test(`are those of whom a trusted proxy names, whatever else is said; fast path ${httpFastPath}`, async () => {
      const zones = {
        '127.0.0.0/8': 'c',
        '192.0.2.0/24': 'a',
        '192.0.2.128/25': 'b',
        '::ffff:198.51.100.0/120': 'b',
        '2001:db8::/32': 'a',
        '2001:db8:1::/48': 'b',
      };
      const named = {
        '192.0.2.5': 'a',
        '192.0.2.127': 'a',
        '192.0.2.128': 'b',
        '::ffff:192.0.2.5': 'a',
        '198.51.100.9': 'b',
        '[::ffff:198.51.100.9]:80': 'b',
        '2001:db8:2::1': 'a',
        '2001:DB8:1::1': 'b',
        '192.0.2.200, 192.0.2.5': 'a',
        '192.0.2.5, 203.0.113.1': 'abc',
        '192.0.2.5, unknown': 'abc',
        '192.0.2.5,': 'abc',
        '': 'abc',
      };
      for (const trustedProxies of [['127.0.0.1'], undefined]) {
        const addresses = { tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' };
        const lookupd = createLookupd({ ...addresses, httpFastPath, zonePolicy: 'prefer', zones, trustedProxies });
        const { httpAddress } = await lookupd.listen();
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        try {
          for (const zone of ['a', 'b', 'c']) {
            const peer = peerIn(zone, '', lookupd.topology.clock());
            lookupd.topology.join(peer);
            lookupd.topology.register(peer, 'orders');
          }
          const zonesFor = async (headers: Record<string, string>, query = '') => {
            const url = `http://${httpAddress}/lookup?topic=orders${query}`;
            const [response] = (await once(get(url, { agent, headers }), 'response')) as [IncomingMessage];
            const { producers } = (await json(response)) as { producers: { topology_zone: string }[] };
            return producers.map(({ topology_zone: zone }) => zone).join('');
          };
          for (const [forwarded, zone] of Object.entries(named)) {
            assert.equal(await zonesFor({}), 'c');
            const headers = { 'X-Forwarded-For': forwarded };
            assert.equal(await zonesFor(headers), trustedProxies ? zone : 'c', forwarded);
            assert.equal(await zonesFor(headers, '&zone=b'), 'b');
          }
        } finally {
          agent.destroy();
          await lookupd.close();
        }
      }
    });
  }

  test('by address hold over the sockets of a lookupd, where every request is of the caller that makes it', async () => {
    const zones = { '127.0.0.0/8': 'a' };
    const lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      zonePolicy: 'prefer',
      zones,
    });
    const { httpAddress } = await lookupd.listen();
    try {
      for (const zone of ['a', 'b']) {
        const peer = peerIn(zone, '', lookupd.topology.clock());
        lookupd.topology.join(peer);
        lookupd.topology.register(peer, 'orders');
      }
      const named = async (query = '') => {
        const response = await fetch(`http://${httpAddress}/lookup?topic=orders${query}`);
        const { producers } = (await response.json()) as { producers: { topology_zone: string }[] };
        return producers.map(({ topology_zone: zone }) => zone).join();
      };
      assert.deepEqual([await named(), await named('&zone=b'), await named()], ['a', 'b', 'a']);
    } finally {
      await lookupd.close();
    }
    assert.throws(() => createLookupd({ zones: { x: 'a' } }), /zones/);
    assert.throws(() => createLookupd({ zones, zoneOf: () => undefined }), /not both/);
    assert.equal(await runCommand(['-zone-policy=near']), 2);
  });
});
