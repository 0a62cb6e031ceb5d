import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createRouter } from 'nsqlookupd/http';
import { createFindings, FINDING_KINDS, type FindingsOptions } from 'nsqlookupd/operate';
import { RegistrationDB, Topology, WorkQueue, type PeerInfo } from 'nsqlookupd/registry';
import { ManualClock } from 'nsqlookupd/testing';

let number = 0;

function peerOf(fields: Partial<PeerInfo> = {}): PeerInfo {
  number++;
  const remoteAddress = fields.remoteAddress ?? `10.0.0.${number % 250}:${40_000 + number}`;
  return {
    id: remoteAddress,
    remoteAddress,
    hostname: `h${number}`,
    broadcastAddress: `nsqd-${number}.example.com`,
    tcpPort: 4150,
    httpPort: 4151,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
    lastUpdateMs: 0,
    ...fields,
  };
}

function setUp(options: Partial<FindingsOptions> = {}) {
  const clock = new ManualClock();
  const work = new WorkQueue();
  const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, work });
  const source = createFindings({ topology, maxAgeMs: 0, ...options });
  const join = (fields: Partial<PeerInfo> = {}, topics: Readonly<Record<string, readonly string[]>> = {}) => {
    const peer = peerOf({ lastUpdateMs: clock.now(), ...fields });
    topology.join(peer);
    for (const [topic, channels] of Object.entries(topics)) {
      topology.register(peer, topic);
      for (const channel of channels) topology.register(peer, topic, channel);
    }
    return peer;
  };
  const found = async () => (await source.read()).findings.map(({ kind, subject }) => `${kind} ${subject}`);
  return { clock, topology, source, join, found };
}

describe('findings', () => {
  test('are none of a topology that is as it should be', async () => {
    const { source, join } = setUp({ resolve: () => Promise.resolve(['10.0.0.7']) });
    for (let i = 0; i < 3; i++)
      join({ broadcastAddress: `a${i}`, remoteAddress: '10.0.0.7:5000' }, { orders: ['billing'], empty: [] });
    assert.deepEqual(await source.read(), { findings: [], leftOut: {}, unchecked: 0 });
  });

  test('name an address that is local where the peer is not', async () => {
    const remoteAddress = '10.1.2.3:5000';
    const bad = ['127.0.0.1', '127.9.9.9', 'localhost', 'LOCALHOST.', 'a.localhost', '::1', '0:0:0:0:0:0:0:1', '[::1]'];
    bad.push('::ffff:127.0.0.1', '0.0.0.0', '::', '169.254.1.2', 'fe80::1', 'fe80::1%eth0', 'febf::1');
    for (const broadcastAddress of bad) {
      const { join, found } = setUp();
      join({ broadcastAddress, remoteAddress });
      assert.match((await found()).join(), /^address-local /, broadcastAddress);
    }
    for (const [broadcastAddress, from] of [
      ['127.0.0.1', '127.0.0.1:5000'],
      ['localhost', '[::1]:5000'],
      ['10.1.2.3', remoteAddress],
      ['::ffff:10.1.2.3', remoteAddress],
      ['2001:db8::1', '[2001:db8:0::1]:9'],
      ['nsqd', 'a peer in memory'],
      ['fec0::1', '127.0.0.1:1'],
      ['localhosts', remoteAddress],
      ['me@127.0.0.1', remoteAddress],
      ['127.0.0.1/a', remoteAddress],
      ['127.0.0.1:80', remoteAddress],
    ] as const) {
      const { join, found } = setUp();
      join({ broadcastAddress, remoteAddress: from });
      assert.deepEqual(await found(), [], broadcastAddress);
    }
    const { join, found } = setUp();
    join({ broadcastAddress: '0.0.0.0', remoteAddress: '127.0.0.1:1' });
    assert.equal((await found()).length, 1);
  });

  test('name a container’s id, and an address of another host', async () => {
    const { join, found } = setUp();
    join({ broadcastAddress: '0123456789ab', remoteAddress: '172.17.0.2:1' });
    join({ broadcastAddress: '0123456789ab', tcpPort: 1, httpPort: 2, remoteAddress: '127.0.0.1:1' });
    join({ broadcastAddress: '10.9.9.9', remoteAddress: '10.9.9.8:1' });
    join({ broadcastAddress: '0123456789xy', remoteAddress: '172.17.0.3:1' });
    assert.deepEqual(await found(), ['address-container 0123456789ab:4150', 'address-elsewhere 10.9.9.9:4150']);
  });

  test('name what does not resolve or resolves elsewhere, and count what has no answer', async () => {
    const answers: Record<string, readonly string[]> = { gone: [], other: ['10.5.5.5'], right: ['10.1.1.1', '::1'] };
    const { join, source } = setUp({
      resolve: (name) => (answers[name] ? Promise.resolve(answers[name]) : Promise.reject(new Error('EAI_AGAIN'))),
    });
    for (const broadcastAddress of ['gone', 'other', 'right', 'unknown'])
      join({ broadcastAddress, remoteAddress: '10.1.1.1:5' });
    join({ broadcastAddress: 'other', tcpPort: 5, httpPort: 6, remoteAddress: '127.0.0.1:5' });
    const { findings, unchecked } = await source.read();
    assert.deepEqual(
      findings.map(({ kind, subject, seen }) => [kind, subject, seen]),
      [
        ['address-unresolved', 'gone:4150', '"gone" does not resolve'],
        ['address-elsewhere', 'other:4150', 'resolves to 10.5.5.5, and connects from 10.1.1.1:5'],
      ],
    );
    assert.equal(unchecked, 1);
  });

  test('wait for names no longer than told, and ask at most two at a time, of all rounds together', async () => {
    const clock = new ManualClock();
    let open = 0;
    let most = 0;
    const resolve = () => {
      most = Math.max(most, ++open);
      return new Promise<never>(() => undefined);
    };
    const { join, source } = setUp({ resolve, networkTimeoutMs: 5000, timers: clock });
    for (let i = 0; i < 20; i++) join({});
    for (let round = 0; round < 3; round++) {
      const reading = source.read();
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
      clock.advance(5000);
      assert.equal((await reading).unchecked, 20);
    }
    assert.equal(most, 2);
  });

  test('name two peers at one address, whichever port it is', async () => {
    const { join, found } = setUp();
    for (const ports of [
      { tcpPort: 4150, httpPort: 4151 },
      { tcpPort: 4150, httpPort: 9 },
      { tcpPort: 8, httpPort: 4151 },
      { tcpPort: 6, httpPort: 7 },
      { tcpPort: 5, httpPort: 5 },
    ])
      join({ broadcastAddress: 'a', ...ports });
    assert.deepEqual(await found(), ['address-shared a:4150', 'address-shared a:4151']);
  });

  test('name ports that nobody listens at, when told to look', async () => {
    const { join, found } = setUp({ probe: (host, port) => Promise.resolve(port === 4150) });
    join({ broadcastAddress: 'a' });
    assert.deepEqual(await found(), ['port-unreachable a:4151']);
  });

  test('name topics with channels that no active producer carries', async () => {
    const { clock, topology, join, found } = setUp({ pingIntervalMs: 1e9 });
    topology.createChannel('lost', 'c');
    topology.createTopic('new');
    join({}, { silent: ['c'], both: ['c'] });
    clock.advance(400_000);
    join({}, { both: ['c'] });
    assert.deepEqual(await found(), ['topic-without-producer lost', 'topic-without-producer silent']);
  });

  test('name channels that a producer lacks, and who, but no ephemeral ones', async () => {
    const { topology, join, source } = setUp();
    join({}, { t: ['a', 'b', 'e#ephemeral'] });
    join({ broadcastAddress: 'second' }, { t: ['a'] });
    topology.createChannel('t', 'nowhere');
    const { findings } = await source.read();
    assert.deepEqual(
      findings.map(({ subject }) => subject),
      ['t/b', 't/nowhere'],
    );
    assert.equal(findings[0]?.seen, '1 of 2 producers have it; second:4150 lack it');
    assert.match(findings[1]?.seen ?? '', /^0 of 2 producers have it; nsqd-.*, second:4150 lack it$/);
  });

  test('name versions that differ, peers that are silent, tombstones in force and limits that are near', async () => {
    const limits = [
      { name: 'near', most: 10, used: () => 9 },
      { name: 'far', most: 10, used: () => 8 },
      { name: 'none', most: Infinity, used: () => 8 },
    ];
    const { clock, topology, join, source } = setUp({ limits, maxRegistrationsPerPeer: 4 });
    join({ broadcastAddress: 'a', version: '1.2.1' });
    clock.advance(31_000);
    join({ broadcastAddress: 'b' }, { t: ['c'], u: [] });
    topology.tombstone('t', 'b:4151');
    clock.advance(1000);
    const { findings } = await source.read();
    assert.deepEqual(
      findings.map(({ kind, subject, seen }) => `${kind} ${subject}: ${seen}`),
      [
        'topic-without-producer t: 1 channel, and no active producer',
        'version-skew versions: 1.2.1 (1), 1.3.0 (1)',
        'silent a:4150: silent for 32 seconds',
        'tombstone-ending t: b:4150 carries it still, and is named again in 44 s',
        'limit-near b:4150: 4 of 4 are used (maxRegistrationsPerPeer)',
        'limit-near near: 9 of 10 are used (near)',
      ],
    );
    for (const { kind, why, advice } of findings) assert.deepEqual({ why, advice }, FINDING_KINDS[kind]);
  });

  test('name who connects over and over, until it has stayed for long', async () => {
    const { clock, found, source } = setUp();
    const connect = (broadcastAddress = 'a') => source.arrived({ broadcastAddress, tcpPort: 4150 });
    for (let i = 0; i < 4; i++) connect();
    assert.deepEqual(await found(), []);
    clock.advance(1000);
    connect();
    assert.deepEqual(await found(), ['reconnecting a:4150']);
    clock.advance(600_000);
    assert.deepEqual(await found(), []);
    for (let i = 0; i < 5; i++) connect();
    assert.equal((await found()).length, 1);
    for (let i = 0; i < 10_000; i++) connect(`other-${i}`); // past a bound the address that has not arrived for longest is forgotten
    assert.deepEqual(await found(), []);
  });

  test('list fifty of a kind, and count the rest', async () => {
    const { topology, source } = setUp();
    for (let i = 0; i < 120; i++) topology.createChannel(`t${i}`, 'c');
    const { findings, leftOut } = await source.read();
    assert.equal(findings.length, 50);
    assert.deepEqual(leftOut, { 'topic-without-producer': 70 });
  });

  test('are looked for once, in slices, however many ask, and told again for a while', async () => {
    let turns = 0;
    const work = new WorkQueue({ nextTurn: (callback) => (turns++, setImmediate(callback)) });
    const clock = new ManualClock();
    const db = new RegistrationDB();
    const topology = new Topology({ db, clock: clock.now, work });
    const peer = peerOf({ lastUpdateMs: clock.now() });
    topology.join(peer);
    for (let i = 0; i < 40_000; i++) db.addProducer({ category: 'channel', key: 't', subkey: `c${i}` }, peer);
    db.addProducer({ category: 'topic', key: 't', subkey: '' }, peer);
    const source = createFindings({ topology });
    const [first, second] = [source.read(), source.read()];
    assert.equal(await first, await second);
    assert.ok(turns >= 20, `${turns}`);
    topology.createChannel('lost', 'c');
    assert.equal(await source.read(), await first);
    clock.advance(10_000);
    assert.equal((await source.read()).findings.length, 1);
    topology.deleteTopic('lost');
    clock.set(clock.now() - 50_000_000); // a clock that was set back does not keep an answer for ever
    assert.equal((await source.read()).findings.length, 0);
  });

  test('are looked for again after a failure', async () => {
    let isBroken = true;
    const used = () => {
      if (isBroken) throw new Error('broken');
      return 0;
    };
    const { source } = setUp({ limits: [{ name: 'a', most: 1, used }] });
    await assert.rejects(source.read(), /broken/);
    isBroken = false;
    assert.deepEqual((await source.read()).findings, []);
  });

  test('are JSON over HTTP, whatever a peer calls itself', async () => {
    const { source, join } = setUp();
    join({ broadcastAddress: '0.0.0.0', hostname: '</script>"\n' });
    const handler = createRouter(source.routes);
    const answer = await handler({ method: 'GET', path: '/findings', query: '', headers: {} });
    assert.equal(answer?.headers['Content-Type'], 'application/json; charset=utf-8');
    const { findings, left_out, unchecked } = JSON.parse(answer?.body as string) as Record<string, unknown>;
    assert.deepEqual([(findings as unknown[]).length, left_out, unchecked], [1, {}, 0]);
  });

  test('are all in the guide', () => {
    const page = readFileSync('docs/findings.md', 'utf8');
    for (const [kind, { why, advice }] of Object.entries(FINDING_KINDS))
      for (const text of [`\`${kind}\``, why, advice]) assert.ok(page.includes(text), text);
  });

  test('refuse what they cannot work with, at once', () => {
    assert.throws(() => createFindings({} as FindingsOptions), /topology must be a Topology/);
    const { topology } = setUp();
    assert.throws(() => createFindings({ topology, prob: 1 } as never), /no option "prob"/);
  });
});
