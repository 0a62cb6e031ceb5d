import {
  createHttpHandler,
  createTcpHandler,
  encodePeerMessage,
  RegistrationDB,
  Session,
  toFetchHandler,
  Topology,
  type HttpHandler,
  type PeerMessage,
  type TcpHandlerOptions,
  type TopologyOptions,
} from 'nsqlookupd';
import { Topology as SameTopology } from 'nsqlookupd/registry';

export async function claims(): Promise<Record<string, boolean>> {
  const options: TopologyOptions = { db: new RegistrationDB(), clock: () => 0 };
  const topology = new Topology(options);
  // What one subpath makes, another takes: to the compiler as well, which private fields make strict.
  const same: SameTopology = topology;

  const handler: HttpHandler = createHttpHandler({ topology: same });
  const announce = { broadcastAddress: 'lookupd', hostname: 'lookupd', tcpPort: 4160, httpPort: 4161, version: '1' };
  const tcp: TcpHandlerOptions = { topology: same, announce };
  const ping: PeerMessage = { type: 'ping' };
  const session = new Session({ topology, announce: () => announce, remoteAddress: '' });
  session.receive(encodePeerMessage({ type: 'magic' }));

  const created = new Request('http://lookup.test/topic/create?topic=orders', { method: 'POST' });
  const { status } = await toFetchHandler(handler)(created);
  return {
    'the parts work together': status === 200 && topology.topics().join() === 'orders',
    'peers are handled': createTcpHandler(tcp).connections === 0 && !session.receive(encodePeerMessage(ping)).close,
    'one class, by whatever subpath': topology instanceof SameTopology,
  };
}
