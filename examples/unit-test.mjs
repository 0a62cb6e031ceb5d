// A unit test of what depends on a topology: no sockets, no waiting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTopology, ManualClock } from 'nsqlookupd/testing';

/** What is under test: picks the producer of a topic that is to get the next message. */
function pickProducer(fleet, topic, turn) {
  const producers = fleet.lookup(topic)?.producers ?? [];
  return producers[turn % producers.length]?.broadcastAddress;
}

test('producers take turns', () => {
  const fleet = createTopology({ 'host-1:4150': { orders: [] }, 'host-2:4150': { orders: [] } });
  const picked = [0, 1, 2].map((turn) => pickProducer(fleet, 'orders', turn));
  assert.deepEqual(picked, ['host-1', 'host-2', 'host-1']);
});

test('a producer that has gone silent gets nothing', () => {
  const clock = new ManualClock();
  const fleet = createTopology({ 'host-1:4150': { orders: [] } }, { clock: clock.now });
  clock.advance(300_001);
  assert.equal(pickProducer(fleet, 'orders', 0), undefined);
});

test('a tombstoned producer gets nothing for a while', () => {
  const clock = new ManualClock();
  const fleet = createTopology({ 'host-1:4150': { orders: [] } }, { clock: clock.now });
  fleet.tombstone('orders', 'host-1:4151');
  assert.equal(pickProducer(fleet, 'orders', 0), undefined);
  clock.advance(45_000);
  assert.equal(pickProducer(fleet, 'orders', 0), 'host-1');
});
