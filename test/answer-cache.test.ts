import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createHttpHandler } from 'nsqlookupd/http';
import { CLIENT, RegistrationDB, Topology, type Category, type PeerInfo } from 'nsqlookupd/registry';
import { bodyOf } from './support/body.js';
import { peerOf } from './support/peers.js';
import { runs } from './support/runs.js';
import type { SyncHttpHandler } from './support/sync-handler.js';

const TOPICS = ['a', 'b', 'c#ephemeral'];
const CHANNELS = ['', 'x', 'y#ephemeral'];
/** The last is one of the others that is connected once more. */
const HOSTS = ['h1', 'h2', 'h2 again'];
const TARGETS = [
  '/topics',
  '/nodes',
  ...[...TOPICS, '*', 'nope'].flatMap((topic) => {
    const name = encodeURIComponent(topic);
    return [`/lookup?topic=${name}`, `/channels?topic=${name}`];
  }),
];

/** A topology in which anything can happen, with a clock that is turned. */
class World {
  now = 1_000_000;
  readonly topology = new Topology({ db: new RegistrationDB(), clock: () => this.now });
  readonly #peers = new Map<string, PeerInfo>();

  peer(host: string): PeerInfo {
    let peer = this.#peers.get(host);
    if (!peer) {
      const remoteAddress = `${host}:50000`;
      const given = { id: remoteAddress, remoteAddress, lastUpdateMs: this.now };
      this.#peers.set(host, (peer = peerOf(host.split(' ')[0]!, given)));
      this.topology.join(peer);
    }
    return peer;
  }

  /** Another lookupd tells of a peer of its own. */
  bring(type: 'producerAdded' | 'producerRemoved', topic: string, category: Category): void {
    const registration =
      category === 'client' ? CLIENT : { category, key: topic, subkey: category === 'channel' ? 'x' : '' };
    const peer = peerOf('h1', { remoteAddress: 'other:1', lastUpdateMs: this.now });
    const producer = { peer, tombstonedAtMs: undefined };
    const revision = this.topology.db.revision + 1;
    this.topology.db.apply({ revision, type, registration, peer, peerKey: 'other/1', producer });
  }

  leave(host: string): void {
    this.topology.leave(this.peer(host));
    this.#peers.delete(host);
  }
}

const topics = fc.constantFrom(...TOPICS);
const channels = fc.constantFrom(...CHANNELS);
const hosts = fc.constantFrom(...HOSTS);
type Event = (world: World) => unknown;
const events = fc.oneof(
  fc.tuple(hosts, topics, channels).map(
    ([h, t, c]): Event =>
      (w) =>
        w.topology.register(w.peer(h), t, c),
  ),
  fc.tuple(hosts, topics, channels).map(
    ([h, t, c]): Event =>
      (w) =>
        w.topology.unregister(w.peer(h), t, c),
  ),
  hosts.map(
    (h): Event =>
      (w) =>
        w.leave(h),
  ),
  hosts.map(
    (h): Event =>
      (w) =>
        w.topology.ping(w.peer(h)),
  ),
  topics.map(
    (t): Event =>
      (w) =>
        w.topology.createTopic(t),
  ),
  topics.map(
    (t): Event =>
      (w) =>
        w.topology.deleteTopic(t),
  ),
  fc.tuple(topics, hosts).map(
    ([t, h]): Event =>
      (w) =>
        w.topology.tombstone(t, `${h}.test:4151`),
  ),
  fc
    .tuple(fc.constantFrom('producerAdded', 'producerRemoved'), topics, fc.constantFrom('client', 'topic', 'channel'))
    .map(
      ([type, t, category]): Event =>
        (w) =>
          w.bring(type, t, category),
    ),
  // To the moment, to just before and after it, and back.
  fc.constantFrom(1, 44_999, 45_000, 1000, 150_000, 299_999, 300_000, 300_001, -1, -50_000, -400_000).map(
    (ms): Event =>
      (w) =>
        (w.now += ms),
  ),
);

describe('answers that are kept', () => {
  for (const maxCacheBytes of [undefined, 1000]) {
    test(`are the answers that would be made anew, with ${maxCacheBytes ?? 'the default'} bytes to keep them in`, () => {
      fc.assert(
        fc.property(fc.array(events, { maxLength: 40, size: 'max' }), (all) => {
          const world = new World();
          const { topology } = world;
          const cached = createHttpHandler({ topology, maxCacheBytes }) as SyncHttpHandler;
          const fresh = createHttpHandler({ topology, maxCacheBytes: 0 }) as SyncHttpHandler;
          for (const event of all) {
            event(world);
            for (const target of TARGETS) {
              const [path = '', query = ''] = target.split('?');
              const request = { method: 'GET', path, query, headers: {} };
              const [one, other] = [cached(request), fresh(request)];
              assert.deepEqual([one?.status, bodyOf(one)], [other?.status, bodyOf(other)], target);
            }
          }
        }),
        { numRuns: runs(1000) },
      );
    });
  }

  test('are in an order in which another connection of the same nsqd does not count', () => {
    const world = new World();
    const nodes = ({ maxCacheBytes }: { maxCacheBytes?: number } = {}) => {
      const handler = createHttpHandler({ topology: world.topology, maxCacheBytes }) as SyncHttpHandler;
      return () => bodyOf(handler({ method: 'GET', path: '/nodes', query: '', headers: {} }));
    };
    const [cached, fresh] = [nodes(), nodes({ maxCacheBytes: 0 })];
    world.peer('h2');
    world.now += 300_000;
    for (const host of ['h1', 'h2 again']) world.topology.register(world.peer(host), 'a');
    world.bring('producerAdded', 'a', 'client');
    const before = cached();
    world.now++; // the first connection is silent for too long
    assert.deepEqual([cached(), fresh()], [before, before]);
  });

  test('are the same object until they change, and a ping is no change', () => {
    const world = new World();
    const handler = createHttpHandler({ topology: world.topology });
    const lookup = () => handler({ method: 'GET', path: '/lookup', query: 'topic=a', headers: {} });
    world.topology.register(world.peer('h1'), 'a');
    const first = lookup();
    world.now += 15_000;
    world.topology.ping(world.peer('h1'));
    world.topology.register(world.peer('h2'), 'b');
    assert.equal(lookup(), first);
    world.topology.register(world.peer('h2'), 'a');
    assert.notEqual(lookup(), first);
  });
});
