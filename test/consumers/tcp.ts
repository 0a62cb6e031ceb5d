import { encodePeerMessage, ReplyDecoder } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import {
  createTcpHandler,
  Session,
  type AnnounceOptions,
  type ByteStream,
  type ConnectionInfo,
  type SessionOutput,
  type TcpHandler,
  type Timers,
} from 'nsqlookupd/tcp';

type Listener = Parameters<ByteStream['on']>[1];

export function claims(): Record<string, boolean> {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 0 });
  const announce: AnnounceOptions = { broadcastAddress: 'lookupd', tcpPort: 4160, httpPort: 4161 };

  const listeners = new Map<string, Listener>();
  const answers = new ReplyDecoder();
  let destroyed = false;
  const stream: ByteStream = {
    on: (event, listener) => listeners.set(event, listener),
    write: (bytes) => {
      answers.push(bytes);
      return true;
    },
    end: () => undefined,
    destroy: () => (destroyed = true),
    pause: () => undefined,
    resume: () => undefined,
  };
  const noTimers: Timers = { setTimeout: () => undefined };
  const handler: TcpHandler = createTcpHandler({ topology, announce, timers: noTimers, maxConnections: 1 });
  const info: ConnectionInfo = { remoteAddress: 'host:50000' };
  handler(stream, info);
  const open = handler.connections;

  const identity = { broadcastAddress: 'host', hostname: 'host', tcpPort: 1, httpPort: 2, version: '1.3.0' };
  const where = { topologyZone: '', topologyRegion: '' };
  listeners.get('data')?.(encodePeerMessage({ type: 'magic' }));
  listeners.get('data')?.(encodePeerMessage({ type: 'identify' }));
  listeners.get('data')?.(encodePeerMessage({ type: 'identity', identity: { ...identity, ...where } }));
  const answer = answers.next();
  const [node] = topology.nodes();
  handler.close();

  const session = new Session({
    topology,
    announce: () => ({ ...announce, hostname: 'lookupd', version: '1.3.0' }),
    remoteAddress: 'host:50001',
  });
  const output: SessionOutput = session.receive(encodePeerMessage({ type: 'ping' }));

  return {
    'a connection is open': open === 1,
    'a peer is answered': answer?.type === 'announcement' && answer.announcement.httpPort === 4161,
    'a peer is a node': node?.peer.remoteAddress === 'host:50000',
    'close ends the connections': destroyed && handler.connections === 0 && topology.nodes().length === 0,
    'a session without a stream': output.close && !session.isIdentified,
  };
}
