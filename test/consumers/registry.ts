import {
  ANY,
  channelRegistration,
  isActive,
  isEphemeral,
  isTopicName,
  NSQLOOKUPD_VERSION,
  RegistrationDB,
  SILENT_LOGGER,
  Topology,
  topicRegistration,
  type Clock,
  type Lifetimes,
  type LookupResult,
  type TopologyNode,
  type PeerInfo,
  type Producer,
  type Registration,
  type RegistrationDBEvents,
  type TopologyOptions,
} from 'nsqlookupd/registry';

export function claims(): Record<string, boolean> {
  let now = 1_000;
  const clock: Clock = () => now;
  const problems: unknown[] = [];
  const db = new RegistrationDB({ onError: (error) => problems.push(error) });
  const options: TopologyOptions = { db, clock, log: SILENT_LOGGER, tombstoneLifetimeMs: 100 };
  const topology = new Topology(options);

  const added: string[] = [];
  const onAdded: RegistrationDBEvents['producerAdded'] = ({ category, key }, { peer: { id } }) =>
    added.push(`${category} ${key} ${id}`);
  db.on('producerAdded', onAdded);
  db.once('registrationAdded', () => {
    throw new Error('a listener that fails');
  });

  const peer: PeerInfo = {
    id: 'host:50000',
    remoteAddress: 'host:50000',
    hostname: 'host',
    broadcastAddress: 'host.example.com',
    tcpPort: 4150,
    httpPort: 4151,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
    lastUpdateMs: now,
  };
  topology.join(peer);
  topology.register(peer, 'orders', 'billing');
  const found: LookupResult | undefined = topology.lookup('orders');
  const nodes: readonly TopologyNode[] = topology.nodes();
  const producer: Producer | undefined = db.getProducer(topicRegistration('orders'), peer);
  const channels: Registration[] = db.findRegistrations('channel', ANY, 'billing');
  const lifetimes: Lifetimes = topology.lifetimes;
  const active = producer !== undefined && isActive(producer, now, lifetimes);

  const hidden = topology.tombstone('orders', 'host.example.com:4151');
  const whileHidden = topology.lookup('orders')?.producers.length;
  now += 101;
  const afterwards = topology.lookup('orders')?.producers.length;
  db.off('producerAdded', onAdded);
  topology.leave(peer);

  return {
    'a lookup finds the producer': found?.producers[0] === peer && found.channels[0] === 'billing',
    'a node has its topics': nodes[0]?.topics[0]?.topic === 'orders',
    'a producer is active': active,
    'a find with a wildcard': channels.length === 1 && channels[0]?.key === 'orders',
    'a tombstone hides for a while': hidden === 1 && whileHidden === 0 && afterwards === 1,
    'events tell': added.join() === 'client  host:50000,channel orders host:50000,topic orders host:50000',
    'what a listener throws is reported': problems.length === 1 && problems[0] instanceof Error,
    'who leaves is gone': db.indexSizes.peers === 0 && db.hasRegistration(channelRegistration('orders', 'billing')),
    names: isTopicName('a.b') && !isTopicName('a b') && isEphemeral('a#ephemeral') && NSQLOOKUPD_VERSION === '1.3.0',
  };
}
