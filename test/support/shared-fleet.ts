import { setImmediate } from 'node:timers/promises';
import { RegistrationDB, Topology, type PeerInfo } from 'nsqlookupd/registry';
import {
  createSharedTopology,
  type SharedConnection,
  type SharedRegistry,
  type SharedTopology,
} from 'nsqlookupd/store';
import { createPeer, type ManualClock } from 'nsqlookupd/testing';

/** A lookupd without its listeners. */
export interface FleetMember {
  readonly topology: Topology;
  readonly shared: SharedTopology;
  readonly lines: string[];
  /** Ends it without a word, as kill -9 does. */
  kill(): void;
}

/** Makes and starts one over a registry that it shares with others. */
export async function startMember(
  registry: SharedRegistry,
  clock: ManualClock,
  options: object = {},
): Promise<FleetMember> {
  const topology = new Topology({ db: new RegistrationDB(), clock: clock.now, ...options });
  const lines: string[] = [];
  const tell = (line: string) => void lines.push(line);
  const log = { info: tell, warn: tell, error: tell };
  const kept: SharedConnection[] = [];
  const connect: SharedRegistry['connect'] = async (listener, signal) => {
    const connection = await registry.connect(listener, signal);
    kept.push(connection);
    return connection;
  };
  const shared = createSharedTopology({ topology, registry: { connect }, timers: clock, log });
  const started = shared.start();
  await settled();
  await Promise.race([started, settled()]);
  const kill = () => {
    for (const connection of kept) connection.close();
    void shared.close(0);
  };
  return { topology, shared, lines, kill };
}

/** Lets everything that is under way happen, as long as no time passes. */
export async function settled(turns = 30): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await setImmediate();
}

/** Lets time pass, a second at a time. */
export async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1000);
    await settled(5);
  }
  await settled();
}

/** A peer of a member, at that host. */
export function joined({ topology }: FleetMember, host: string, ...topics: readonly string[]): PeerInfo {
  const peer = createPeer(`${host}:4150`, { lastUpdateMs: topology.clock() });
  topology.join(peer);
  for (const topic of topics) {
    const [name = '', channel] = topic.split(' ');
    topology.register(peer, name, channel);
  }
  return peer;
}

/** The hosts that carry a topic, as a member answers. */
export function producersOf({ topology }: FleetMember, topic: string): readonly string[] {
  return (topology.producers(topic)?.producers ?? []).map(({ broadcastAddress }) => broadcastAddress).sort();
}

/** What a lookupd answers, in an order of its own. */
export function answers({ topology }: Pick<FleetMember, 'topology'>): unknown {
  const topics = topology.topics().sort();
  const nodes = topology.nodes().map(({ peer, topics }) => ({
    at: `${peer.broadcastAddress}:${peer.tcpPort}`,
    topics: [...topics].sort((a, b) => (a.topic < b.topic ? -1 : 1)),
  }));
  return {
    topics: topics.map((topic) => ({
      topic,
      channels: topology.channels(topic).sort(),
      producers: topology
        .producers(topic)!
        .producers.map(({ broadcastAddress, tcpPort }) => `${broadcastAddress}:${tcpPort}`)
        .sort(),
    })),
    nodes: nodes.sort((a, b) => (a.at < b.at ? -1 : 1)),
  };
}
