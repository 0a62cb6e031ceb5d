import {
  createMemoryLookupd,
  createPeer,
  FakeNsqd,
  ManualClock,
  playScenario,
  createTopology,
  type MemoryLookupd,
  type Scenario,
  type ScenarioTarget,
  type TopologyLiteral,
} from 'nsqlookupd/testing';

export function claims(): Record<string, boolean> {
  const literal: TopologyLiteral = { 'host-1:4150': { orders: ['billing', 'audit'] } };
  const clock = new ManualClock();
  const fleet = createTopology(literal, { clock: clock.now });
  const before = fleet.lookup('orders')?.producers.length;
  clock.advance(300_001);

  const lookupd: MemoryLookupd = createMemoryLookupd({ clock });
  const nsqd = new FakeNsqd('host-2:4150', lookupd.connect(), { version: '2' });
  const play = (scenario: Scenario, target: ScenarioTarget): Promise<void> => playScenario(scenario, target);
  nsqd.drop();

  return {
    'a literal fills a registry': before === 1 && fleet.channels('orders').length === 2,
    'a clock is turned': fleet.lookup('orders')?.producers.length === 0,
    'a peer is named': createPeer('host-3:4150').httpPort === 4151 && nsqd.identity.version === '2',
    'scenarios can be played': typeof play === 'function',
  };
}
