import { createHttpHandler, createLogDecorator, decorate, orNotFound } from '../http/index.js';
import { encodePeerMessage, type PeerMessage } from '../protocol/index.js';
import { RegistrationDB, Topology } from '../registry/index.js';
import { createStreamPair, createTcpHandler } from '../tcp/index.js';

const HERE = { broadcastAddress: 'localhost', tcpPort: 1, httpPort: 1 };
const IDENTITY = { ...HERE, hostname: 'localhost', version: '-', topologyZone: '', topologyRegion: '' };
const TOPIC = { topic: 'warm-up', channel: 'warm-up' };
const MESSAGES: readonly PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: IDENTITY },
  { type: 'ping' },
  { type: 'register', ...TOPIC },
];
const PATHS = ['/ping', '/lookup', '/channels', '/topics', '/nodes'];

/**
 * Does once what a peer and a client will ask for, in a registry of its own and without a socket, one thing in a turn of the event loop:
 * the engine compiles what runs for the first time, for which the first peer would wait.
 */
export function warmUp(): void {
  const topology = new Topology({ db: new RegistrationDB() });
  const log = { info: () => undefined, error: () => undefined };
  const logged = createLogDecorator({ log, clock: topology.clock });
  const handler = decorate(createHttpHandler({ topology }), logged, orNotFound);
  const [ours, theirs] = createStreamPair();
  const say = (message: PeerMessage) => theirs.write(encodePeerMessage(message));
  const steps = [
    () => createTcpHandler({ topology, announce: HERE, log })(ours),
    ...MESSAGES.map((message) => () => say(message)),
    ...PATHS.map((path) => () => handler({ method: 'GET', path, query: `topic=${TOPIC.topic}`, headers: {} })),
    () => say({ type: 'unregister', ...TOPIC }),
    () => theirs.destroy(),
  ];
  const next = (): void => {
    steps.shift()?.();
    if (steps.length > 0) setImmediate(next).unref();
  };
  setImmediate(next).unref();
}
