import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RegistrationDB, Topology, WorkQueue, type PeerInfo } from 'nsqlookupd/registry';
import { createWarmRestart, UnreadableError, type RegistryStore } from 'nsqlookupd/store';
import { createPeer, ManualClock } from 'nsqlookupd/testing';
import { runs } from './support/runs.js';

/** A store in memory that a test can look into, break and hold up. */
class MemoryStore implements RegistryStore {
  saved: string | undefined;
  saves = 0;
  asides: string[] = [];
  onSaved = () => {};
  fails: Error | undefined;
  chunkLength = Infinity;

  load(): Promise<AsyncIterable<string> | undefined> {
    return Promise.resolve(this.saved === undefined ? undefined : cut(this.saved, this.chunkLength));
  }

  async save(chunks: AsyncIterable<string>): Promise<void> {
    let text = '';
    for await (const chunk of chunks) text += chunk;
    this.saves++;
    if (this.fails) throw this.fails;
    this.saved = text;
    this.onSaved();
  }

  setAside(why: string): Promise<void> {
    this.asides.push(why);
    this.saved = undefined;
    return Promise.resolve();
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* cut(text: string, length: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length);
}

function topologyAt(clock: ManualClock, options: object = {}): Topology {
  return new Topology({ db: new RegistrationDB(), clock: clock.now, ...options });
}

/** What a registry holds, in whatever order and at whatever revision. */
function contents(topology: Topology): unknown {
  const { peers, registrations } = topology.db.snapshot();
  const named = registrations.map(({ producers, ...rest }) => ({
    ...rest,
    producers: [...producers].sort((a, b) => (a.peer < b.peer ? -1 : 1)),
  }));
  const byName = named.map((each) => [`${each.category} ${each.key} ${each.subkey}`, each] as const);
  return { peers, registrations: byName.sort(([a], [b]) => (a < b ? -1 : 1)) };
}

function joined(topology: Topology, host: string, ...topics: readonly string[]): PeerInfo {
  const peer = createPeer(`${host}:4150`, { lastUpdateMs: topology.clock() });
  topology.join(peer);
  for (const topic of topics) topology.register(peer, topic);
  return peer;
}

/** A lookupd that was saved and started again: its topology, after `downMs`. */
async function restarted(store: RegistryStore, clock: ManualClock, options: object = {}) {
  const topology = topologyAt(clock);
  const lines: string[] = [];
  const tell = (line: string) => void lines.push(line);
  const log = { info: tell, warn: tell, error: tell };
  const keeper = createWarmRestart({ topology, store, timers: clock, log, ...options });
  await keeper.restore();
  return { topology, keeper, lines };
}

/** What is there is saved, as of a lookupd that began empty. */
async function saved(store: RegistryStore, topology: Topology): Promise<void> {
  const nothing: RegistryStore = { load: () => Promise.resolve(undefined), save: (chunks) => store.save(chunks) };
  const keeper = createWarmRestart({ topology, store: nothing });
  await keeper.restore();
  topology.createTopic('a-change');
  topology.deleteTopic('a-change');
  await keeper.close();
}

describe('a restart', () => {
  test('brings back topics, channels, producers and tombstones at once', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    before.createChannel('made', 'by-hand');
    joined(before, 'alpha', 'orders', 'parcels');
    joined(before, 'beta', 'orders');
    before.tombstone('orders', 'beta:4151');
    const told = before.lookup('orders');
    await saved(store, before);

    const { topology, lines } = await restarted(store, clock);
    assert.deepEqual(contents(topology), contents(before));
    assert.deepEqual(topology.lookup('orders')?.producers, told?.producers);
    assert.deepEqual(lines, ['RESTORE: 8 registrations and producers, 2 peers'.replace('8', String(topology.db.size))]);
  });

  test('counts the time that it was away for tombstones, and not for peers', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    joined(before, 'alpha', 'orders');
    joined(before, 'beta', 'orders');
    before.tombstone('orders', 'beta:4151');
    await saved(store, before);

    clock.advance(44_999);
    const { topology } = await restarted(store, clock);
    assert.deepEqual(
      topology.lookup('orders')?.producers.map((peer) => peer.broadcastAddress),
      ['alpha'],
    );
    clock.advance(1);
    assert.equal(topology.lookup('orders')?.producers.length, 2);

    clock.advance(1_000_000);
    const later = await restarted(store, clock);
    assert.equal(later.topology.lookup('orders')?.producers.length, 2, 'an hour away is no silence of theirs');
  });

  test('a system clock that was set back in between hides nobody for longer, and nobody less', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    joined(before, 'alpha', 'orders');
    before.tombstone('orders', 'alpha:4151');
    await saved(store, before);
    clock.set(clock.now() - 3_600_000);
    const { topology } = await restarted(store, clock, { restoreGraceMs: 60_000 });
    assert.equal(topology.lookup('orders')?.producers.length, 0);
    clock.advance(45_000);
    assert.equal(topology.lookup('orders')?.producers.length, 1);
  });

  test('lets those go who have not come back when the grace ends, as if they had left', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    joined(before, 'alpha', 'orders');
    joined(before, 'beta', 'orders');
    await saved(store, before);

    const { topology, keeper, lines } = await restarted(store, clock, { restoreGraceMs: 10_000 });
    joined(topology, 'beta', 'orders');
    clock.advance(9_999);
    assert.equal(topology.lookup('orders')?.producers.length, 2);
    clock.advance(1);
    assert.deepEqual(
      topology.lookup('orders')?.producers.map((peer) => peer.broadcastAddress),
      ['beta'],
    );
    assert.equal(topology.nodes().length, 1);
    assert.equal(lines.at(-1), 'RESTORE: peers that have not come back: 1');
    assert.equal(keeper.status.restoredPeers, 0);
  });

  test('counts those that are not back yet without a look at each', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    for (let i = 0; i < 100; i++) joined(before, `h${i}`, 'orders');
    await saved(store, before);
    const { topology, keeper } = await restarted(store, clock);
    topology.ping(joined(topology, 'h0', 'orders'));
    topology.leave(joined(topology, 'h1'));
    let looks = 0;
    const keyOf = topology.db.keyOf.bind(topology.db);
    topology.db.keyOf = (peer) => (looks++, keyOf(peer));
    assert.equal(keeper.status.restoredPeers, 98);
    assert.equal(looks, 0);
    clock.advance(45_000);
    assert.equal(keeper.status.restoredPeers, 0);
    await keeper.close();
  });

  test('gives what the registry is when the saving ends, whatever changes meanwhile', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    // So many producers that their registrations are written in parts, from the first to the last.
    const crowd = Array.from({ length: 100 }, (_, i) => `crowd-${i}`);
    const one = fc.constantFrom(...[0, 50, 99].map((i) => crowd[i]!));
    const action = fc.oneof(
      fc.tuple(fc.constantFrom('register', 'unregister', 'leave', 'tombstone'), one, name, fc.constantFrom('', 'x')),
      fc.tuple(fc.constantFrom('leave-all', 'join-all'), name, name, fc.constant('')),
      fc.tuple(fc.constant('register'), name, name, fc.constantFrom('', 'x', 'y')),
      fc.tuple(fc.constant('unregister'), name, name, fc.constantFrom('', 'x', 'y')),
      fc.tuple(fc.constantFrom('join', 'leave'), name, name, fc.constant('')),
      fc.tuple(fc.constantFrom('create', 'delete', 'tombstone'), name, name, fc.constantFrom('', 'x')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 40 }),
        fc.nat(20),
        fc.integer({ min: 1, max: 9 }),
        async (run, at, length) => {
          const clock = new ManualClock();
          const rest = run.slice();
          const peers = new Map<string, PeerInfo>();
          const act = () => {
            const [what, host, topic, channel] = rest.shift() ?? [];
            if (what === undefined) return;
            const peer = peers.get(host);
            if (what === 'join-all')
              for (const each of crowd) if (!peers.has(each)) peers.set(each, joined(topology, each, topic));
            if (what === 'leave-all') {
              for (const each of peers.values()) topology.leave(each);
              peers.clear();
            }
            if (what === 'join' && !peer) peers.set(host, joined(topology, host));
            if (what === 'create') topology.createChannel(topic, channel === '' ? 'z' : channel);
            if (what === 'delete') topology.deleteTopic(topic);
            if (what === 'tombstone') topology.tombstone(topic, `${host}:4151`);
            if (!peer) return;
            if (what === 'register') topology.register(peer, topic, channel);
            if (what === 'unregister') topology.unregister(peer, topic, channel);
            if (what === 'leave') {
              topology.leave(peer);
              peers.delete(host);
            }
          };
          const work = new WorkQueue({
            stepsPerTurn: 1,
            nextTurn: (callback) => setImmediate(() => (act(), callback())),
          });
          const topology = topologyAt(clock, { work });
          // Long enough to be written in several chunks, between which the rest is done.
          for (let i = 0; i < 100; i++) topology.createTopic(`${i}-${'long'.repeat(14)}`);
          for (const host of crowd) peers.set(host, joined(topology, host, 'a', 'b'));
          for (let i = 0; i < at; i++) act();
          const store = new MemoryStore();
          store.chunkLength = length * length;
          let kept: unknown;
          store.onSaved = () => (kept = contents(topology));
          await saved(store, topology);
          const { topology: after } = await restarted(store, clock);
          assert.deepEqual(contents(after), kept);
        },
      ),
      {
        numRuns: runs(60),
        examples: [
          [
            [
              ['create', 'a', 'c', ''],
              ['join', 'c', 'a', ''],
              ['register', 'c', 'c', ''],
            ],
            1,
            1,
          ],
        ],
      },
    );
  });
});

test('a registration of many producers is saved in parts, with a turn between', async () => {
  const clock = new ManualClock();
  let turns = 0;
  const work = new WorkQueue({ stepsPerTurn: 500, nextTurn: (callback) => setImmediate(() => (turns++, callback())) });
  const topology = topologyAt(clock, { work });
  for (let i = 0; i < 3000; i++) joined(topology, `h${i}`, 'orders');
  const lengths: number[] = [];
  const store = new MemoryStore();
  const save = store.save.bind(store);
  store.save = (chunks) =>
    save(
      (async function* () {
        for await (const chunk of chunks) {
          lengths.push(chunk.length);
          yield chunk;
        }
      })(),
    );
  turns = 0;
  await saved(store, topology);
  assert.ok(Math.max(...lengths) < 20_000, `${Math.max(...lengths)} characters at once`);
  assert.ok(turns > 20, `${turns} turns`);
  const longest = Math.max(...store.saved!.split('\n').map((line) => line.length));
  assert.ok(longest < 5000, `a line of ${longest} characters`);
});

test('a registration that changes while it is saved in parts is saved as it is then', async () => {
  const changes: Record<string, (topology: Topology, peers: readonly PeerInfo[]) => void> = {
    'is deleted': (topology) => topology.deleteTopic('orders'),
    'is deleted, and made again': (topology, [peer]) => {
      topology.deleteTopic('orders');
      topology.register(peer!, 'orders');
    },
    'loses all': (topology, peers) => peers.forEach((peer) => topology.leave(peer)),
    'loses all, who come back': (topology, peers) =>
      peers.forEach((peer) => {
        topology.unregister(peer, 'orders');
        topology.register(peer, 'orders');
      }),
  };
  for (const [what, change] of Object.entries(changes)) {
    for (let changesAt = 1, isOver = false; !isOver; changesAt++) {
      const clock = new ManualClock();
      let turn = 0;
      const nextTurn = (callback: () => void) => {
        setImmediate(() => {
          if (++turn === changesAt) change(topology, peers);
          callback();
        });
      };
      const topology = topologyAt(clock, { work: new WorkQueue({ stepsPerTurn: 300, nextTurn }) });
      const peers = Array.from({ length: 400 }, (_, i) => createPeer(`h${i}:4150`, { lastUpdateMs: clock.now() }));
      for (const peer of peers) topology.register(peer, 'orders');
      const store = new MemoryStore();
      let kept: unknown;
      store.onSaved = () => (kept = contents(topology));
      await saved(store, topology);
      isOver = turn < changesAt;
      assert.deepEqual(contents((await restarted(store, clock)).topology), kept, `${what} in turn ${changesAt}`);
      assert.ok(changesAt < 100);
    }
  }
});

describe('saving', () => {
  const start = async (options: object = {}) => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const lines: string[] = [];
    const tell = (line: string) => void lines.push(line);
    const topology = topologyAt(clock);
    const log = { info: tell, warn: tell, error: tell };
    const keeper = createWarmRestart({ topology, store, timers: clock, log, ...options });
    await keeper.restore();
    return { clock, store, topology, keeper, lines };
  };

  test('happens once a second at the most, and only when something has changed', async () => {
    const { clock, store, topology, keeper } = await start();
    await clock.advanceAsync(10_000);
    assert.equal(store.saves, 0);
    for (let i = 0; i < 100; i++) topology.createTopic(`t${i}`);
    await clock.advanceAsync(999);
    assert.equal(store.saves, 0);
    await clock.advanceAsync(1);
    assert.equal(store.saves, 1);
    assert.equal(keeper.status.savedAtMs, clock.now());
    topology.createTopic('another');
    await clock.advanceAsync(999);
    assert.equal(store.saves, 1);
    await clock.advanceAsync(10_000);
    assert.equal(store.saves, 2);
    await keeper.close();
    assert.equal(store.saves, 2);
    assert.equal(clock.pending, 0);
  });

  test('of a registry that takes long happens less often', async () => {
    const { clock, store, topology } = await start();
    store.onSaved = () => clock.set(clock.now() + 3000);
    topology.createTopic('a');
    await clock.advanceAsync(1000);
    topology.createTopic('b');
    await clock.advanceAsync(29_999);
    assert.equal(store.saves, 1);
    await clock.advanceAsync(1);
    assert.equal(store.saves, 2);
  });

  test('that fails is told once, counted, and tried again', async () => {
    const { clock, store, topology, keeper, lines } = await start();
    store.fails = new Error('no space left on device');
    topology.createTopic('a');
    await clock.advanceAsync(3000);
    assert.equal(store.saves, 3);
    assert.deepEqual(lines, ['SAVE: the registry could not be saved, trying again - no space left on device']);
    assert.deepEqual(keeper.status, {
      restoredPeers: 0,
      savedAtMs: undefined,
      failures: 3,
      failure: 'no space left on device',
    });
    store.fails = undefined;
    await clock.advanceAsync(1000);
    assert.equal(lines.at(-1), 'SAVE: the registry is saved again');
    assert.equal(keeper.status.failure, undefined);
    await clock.advanceAsync(10_000);
    assert.equal(store.saves, 4);
  });

  test('happens when it is closed, without waiting, and for the last time', async () => {
    const { clock, store, topology, keeper } = await start();
    joined(topology, 'alpha', 'orders');
    const closing = keeper.close();
    await closing;
    topology.createTopic('too-late');
    await keeper.close();
    await clock.advanceAsync(10_000);
    assert.equal(store.saves, 1);
    const { topology: after } = await restarted(store, clock);
    assert.deepEqual(after.topics(), ['orders']);
  });

  test('that takes too long when it is closed is given up, and the former stays', async () => {
    const { clock, store, topology, keeper } = await start();
    const peer = joined(topology, 'alpha', 'orders');
    await clock.advanceAsync(1000);
    const former = store.saved;
    let goOn = () => {};
    store.save = async (chunks) => {
      await new Promise<void>((resolve) => (goOn = resolve));
      return MemoryStore.prototype.save.call(store, chunks);
    };
    topology.createTopic('another');
    const closing = keeper.close(5000);
    await clock.advanceAsync(5000);
    await closing;
    topology.leave(peer);
    goOn();
    await clock.advanceAsync(1000);
    assert.equal(store.saved, former);
    assert.equal(store.saves, 1);
    assert.equal(clock.pending, 0);
  });

  test('that fails when it is closed rejects nobody', async () => {
    const { store, topology, keeper, lines } = await start();
    store.fails = new Error('gone');
    Object.assign(store, { close: () => Promise.reject(new Error('closed badly')) });
    topology.createTopic('a');
    await keeper.close();
    assert.deepEqual(lines.slice(1), ['SAVE: the store could not be closed - Error: closed badly']);
  });
});

describe('what was saved and cannot be read', () => {
  const written = async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    joined(before, 'alpha', 'orders', 'parcels');
    await saved(store, before);
    return { clock, store, text: store.saved! };
  };

  test('is set aside wherever it is cut, with one line, and the start goes on empty', async () => {
    const { clock, store, text } = await written();
    for (let length = 0; length < text.length; length++) {
      store.saved = text.slice(0, length);
      store.asides = [];
      const { topology, lines, keeper } = await restarted(store, clock);
      // All but the last line break is all.
      const isWhole = length === text.length - 1;
      assert.equal(topology.db.size > 0, isWhole, `cut at ${length}`);
      assert.deepEqual(topology.db.indexSizes.peers, isWhole ? 1 : 0);
      assert.equal(store.asides.length, isWhole ? 0 : 1);
      assert.equal(lines.length, 1);
      if (!isWhole) assert.match(lines[0]!, /^RESTORE: what was saved cannot be read, starting empty - it /);
      await keeper.close();
    }
  });

  test('names why', async () => {
    const { clock, store, text } = await written();
    const [head = '', ...rest] = text.split('\n');
    const cases: readonly (readonly [string, string])[] = [
      ['PK\u0003\u0004', 'foreign'],
      ['{}\n', 'foreign'],
      [[head.replace('"format":1', '"format":2'), ...rest].join('\n'), 'newer'],
      [[head.replace('"format":1', '"format":"x"'), ...rest].join('\n'), 'corrupt'],
      [text.replace('"alpha"', '5'), 'corrupt'],
      [text.replace('["add","topic","orders"', '["add","topic","no such name"'), 'corrupt'],
      [text.replace('["add","topic"', '["add","tropic"'), 'corrupt'],
      [text.replace(/\[0\]\]/, '[7]]'), 'corrupt'],
      [`${text}["left",0]\n`, 'corrupt'],
      [[head, ...rest.slice(1)].join('\n'), 'corrupt'],
      [`${head}\n["add","__proto__","",""]\n`, 'corrupt'],
      ['x'.repeat(2 * 1024 * 1024), 'foreign'],
    ];
    for (const [bad, why] of cases) {
      store.saved = bad;
      store.asides = [];
      const { topology, keeper } = await restarted(store, clock);
      assert.deepEqual(store.asides, [why], bad.slice(0, 300));
      assert.equal(topology.db.size, 0);
      await keeper.close();
    }
  });

  test('goes on although it cannot be set aside; a store that cannot be used at all rejects', async () => {
    const { clock, store } = await written();
    store.saved = 'rubbish';
    store.setAside = () => Promise.reject(new Error('read-only'));
    const { lines } = await restarted(store, clock);
    assert.equal(lines[1], 'RESTORE: it could not be set aside - Error: read-only');
    store.load = () => Promise.reject(new Error('no such bucket'));
    await assert.rejects(restarted(store, clock), /no such bucket/);
    store.load = () => Promise.reject(new UnreadableError('corrupt', 'by the store'));
    assert.match((await restarted(store, clock)).lines[0]!, /it is not as it was written: by the store$/);
  });

  test('is read in slices', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    for (let i = 0; i < 5000; i++) before.createTopic(`t${i}`);
    await saved(store, before);
    let turns = 0;
    const work = new WorkQueue({
      stepsPerTurn: 100,
      nextTurn: (callback) => setImmediate(() => (turns++, callback())),
    });
    const topology = topologyAt(clock, { work });
    await createWarmRestart({ topology, store, timers: clock }).restore();
    assert.equal(topology.topics().length, 5000);
    assert.ok(turns >= 10, `${turns} turns`);
  });
});

describe('a restart with less room than before', () => {
  for (const options of [{ maxRegistrations: 50 }, { maxRegistryBytes: 50_000 }]) {
    test(`keeps to ${JSON.stringify(options)}, says so, and goes on`, async () => {
      const clock = new ManualClock();
      const store = new MemoryStore();
      const before = topologyAt(clock);
      for (let i = 0; i < 300; i++) before.createTopic(`idle${i}`);
      joined(before, 'alpha', ...Array.from({ length: 300 }, (_, i) => `t${i}`));
      await saved(store, before);

      const topology = topologyAt(clock, options);
      const lines: string[] = [];
      const log = { warn: (line: string) => void lines.push(line) };
      await createWarmRestart({ topology, store, timers: clock, log }).restore();
      assert.ok(topology.db.size > 10 && topology.db.size <= (options.maxRegistrations ?? Infinity));
      assert.ok(topology.db.bytes <= (options.maxRegistryBytes ?? Infinity) + 2000, `${topology.db.bytes} bytes`);
      assert.match(lines.at(-1) ?? '', /^RESTORE: registrations and producers that did not fit: \d+$/);
      clock.advance(45_000);
      assert.equal(joined(topology, 'beta', 'orders').broadcastAddress, 'beta');
      assert.equal(topology.lookup('orders')?.producers.length, 1);
    });
  }

  test('does not refuse a peer that comes back for what its former self has', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore();
    const before = topologyAt(clock);
    const topics = ['a', 'b', 'c'];
    for (const host of ['alpha', 'beta']) joined(before, host, ...topics);
    await saved(store, before);
    const { size, bytes } = before.db;

    for (const options of [{ maxRegistrations: size }, { maxRegistryBytes: bytes + 2047 }]) {
      const topology = topologyAt(clock, options);
      await createWarmRestart({ topology, store, timers: clock }).restore();
      assert.equal(topology.db.size, size);
      for (const host of ['alpha', 'beta']) {
        const peer = createPeer(`${host}:4150`, { lastUpdateMs: clock.now() });
        assert.equal(topology.join(peer), true);
        for (const topic of topics) assert.equal(topology.register(peer, topic), true, topic);
        assert.equal(topology.register(peer, 'new'), false);
        topology.ping(peer);
      }
      assert.deepEqual([topology.db.size, topology.db.bytes], [size, bytes]);
    }
  });
});

test('what is ephemeral, and was on its way out when it was saved, does not come back', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const lines = [
    '{"nsqlookupd":"registry","format":1,"clockMs":0,"wallMs":0}',
    '["add","topic","orders","",0,[]]',
    '["add","channel","orders","left#ephemeral",0,[]]',
    '["add","channel","orders","made#ephemeral",1,[]]',
    '["add","topic","t#ephemeral","",0,[]]',
    '["add","channel","t#ephemeral","c",0,[]]',
  ];
  store.saved = `${lines.join('\n')}\n{"end":${lines.length}}\n`;
  const { topology } = await restarted(store, clock);
  assert.deepEqual(topology.topics(), ['orders']);
  assert.deepEqual(topology.channels('orders'), ['made#ephemeral']);
  assert.equal(topology.db.size, 2);
});

test('a line of many producers is as many steps', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const before = topologyAt(clock);
  const topics = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  for (let i = 0; i < 400; i++) joined(before, `h${i}`, ...topics);
  await saved(store, before);
  let turns = 0;
  const work = new WorkQueue({ stepsPerTurn: 100, nextTurn: (callback) => setImmediate(() => (turns++, callback())) });
  const topology = topologyAt(clock, { work });
  await createWarmRestart({ topology, store, timers: clock }).restore();
  assert.equal(topology.lookup('a')?.producers.length, 400);
  assert.ok(turns >= 5, `${turns} turns`);
});

test('peers that have not come back go in slices, as do those of a text that ends badly', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const before = topologyAt(clock);
  for (let i = 0; i < 2000; i++) joined(before, `h${i}`, 'orders');
  await saved(store, before);
  const text = store.saved!;
  for (const isCut of [false, true]) {
    let most = 0;
    let inTurn = 0;
    const nextTurn = (callback: () => void) => {
      setImmediate(() => {
        inTurn = 0;
        callback();
      });
    };
    const topology = topologyAt(clock, { work: new WorkQueue({ stepsPerTurn: 200, nextTurn }) });
    topology.db.onChange(({ type }) => {
      if (type === 'producerRemoved') most = Math.max(most, ++inTurn);
    });
    store.saved = isCut ? text.slice(0, -10) : text;
    await createWarmRestart({ topology, store, timers: clock }).restore();
    assert.equal(topology.nodes().length, isCut ? 0 : 2000);
    clock.advance(45_000);
    while (topology.work.size > 0) await new Promise(setImmediate);
    assert.equal(topology.nodes().length, 0);
    assert.ok(most < 1000, `${most} in one turn`);
  }
});

describe('a store that lies', () => {
  async function started(store: RegistryStore) {
    const clock = new ManualClock();
    const topology = topologyAt(clock);
    const keeper = createWarmRestart({ topology, store, timers: clock });
    await keeper.restore();
    return { clock, topology, keeper };
  }

  test('about having taken all is found out, and leaves nobody who follows changes', async () => {
    let begun = 0;
    const { clock, topology, keeper } = await started({
      load: () => Promise.resolve(undefined),
      save: async (chunks) => {
        await chunks[Symbol.asyncIterator]().next();
        begun++;
      },
    });
    let listeners = 0;
    const onChange = topology.db.onChange.bind(topology.db);
    topology.db.onChange = (listener) => {
      listeners++;
      const stop = onChange(listener);
      return () => (listeners--, stop());
    };
    for (let i = 0; i < 3000; i++) topology.createTopic(`topic-with-a-long-name-${i}`);
    for (let i = 0; i < 5; i++) await clock.advanceAsync(10_000);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    assert.ok(begun > 1);
    assert.equal(listeners, 0);
    assert.equal(keeper.status.savedAtMs, undefined);
    assert.equal(keeper.status.failure, 'the store has not taken all of it');
    assert.equal(keeper.status.failures, begun);
  });

  test('about closing keeps nobody', async () => {
    const { clock, keeper } = await started({
      load: () => Promise.resolve(undefined),
      save: () => Promise.resolve(),
      close: () => new Promise(() => {}),
    });
    const closed = keeper.close(5000);
    await clock.advanceAsync(5000);
    await closed;
    assert.equal(clock.pending, 0);
  });

  test('about text is told what it is to load', async () => {
    const load = () => Promise.resolve([new Uint8Array(5)] as unknown as string[]);
    await assert.rejects(started({ load, save: () => Promise.resolve() }), {
      name: 'TypeError',
      message: 'a store must load text, in chunks',
    });
  });
});

describe('a store that says nothing', () => {
  const never = () => new Promise<never>(() => {});
  const stuck = async function* (): AsyncGenerator<string> {
    yield '{"nsqlookupd":"registry","format":1,"clockMs":0,"wallMs":0}\n["add","topic","orders","",1,[]]\n';
    await never();
  };
  const set = (store: Partial<RegistryStore>) => {
    const clock = new ManualClock();
    const topology = topologyAt(clock);
    const lines: string[] = [];
    const tell = (line: string) => void lines.push(line);
    const log = { info: tell, warn: tell, error: tell };
    const whole = { load: () => Promise.resolve(undefined), save: never, ...store };
    return { clock, topology, lines, keeper: createWarmRestart({ topology, store: whole, timers: clock, log }) };
  };

  for (const [when, load] of [
    ['at once', never],
    ['in the middle', () => Promise.resolve(stuck())],
  ] as const) {
    test(`as it loads, ${when}, is given up, at the end of its time or of the start`, async () => {
      for (const isAborted of [false, true]) {
        const { clock, topology, keeper } = set({ load });
        const stop = new AbortController();
        const restored = assert.rejects(
          keeper.restore(stop.signal),
          isAborted ? /stopped/ : /^Error: the store has said nothing for 60000 ms$/,
        );
        if (isAborted) stop.abort(new Error('stopped'));
        else await clock.advanceAsync(60_000);
        await restored;
        assert.equal(topology.db.size, 0);
        await keeper.close();
        assert.equal(clock.pending, 0);
      }
    });
  }

  test('as it saves is told once, and waited for; the end waits no longer than it is to', async () => {
    const { clock, topology, keeper, lines } = set({});
    await keeper.restore();
    topology.createTopic('orders');
    await clock.advanceAsync(61_000);
    topology.createTopic('parcels');
    await clock.advanceAsync(600_000);
    assert.deepEqual(lines, ['SAVE: the store has said nothing for 60000 ms, still waiting']);
    assert.equal(keeper.status.failure, 'the store has said nothing for 60000 ms');
    const closed = keeper.close(5000);
    await clock.advanceAsync(5000);
    await closed;
    assert.equal(clock.pending, 0);
  });

  test('as it takes one piece after the other is not told of, and tells when it is done', async () => {
    let take = () => {};
    const { clock, topology, keeper, lines } = set({
      save: async (chunks) => {
        const iterator = chunks[Symbol.asyncIterator]();
        for (;;) {
          await new Promise<void>((resolve) => (take = resolve));
          if ((await iterator.next()).done === true) return;
        }
      },
    });
    await keeper.restore();
    for (let i = 0; i < 3000; i++) topology.createTopic(`topic-with-a-long-name-${i}`);
    for (let i = 0; i < 20 && keeper.status.savedAtMs === undefined; i++) {
      await clock.advanceAsync(50_000);
      take();
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    }
    assert.ok(keeper.status.savedAtMs !== undefined);
    assert.deepEqual(lines, []);
    await keeper.close();
    assert.equal(clock.pending, 0);
  });
});

test('wrong options are told by name', () => {
  const topology = topologyAt(new ManualClock());
  const store = new MemoryStore();
  for (const [options, message] of [
    [{ store }, /topology must be a Topology/],
    [{ topology }, /store must be a RegistryStore/],
    [{ topology, store, grace: 5 }, /has no option "grace"/],
    [{ topology, store, restoreGraceMs: -1 }, /restoreGraceMs must be a number from 0 on/],
    [{ topology, store, timers: {} }, /timers must be/],
  ] as const)
    assert.throws(() => createWarmRestart(options as never), message);
});
