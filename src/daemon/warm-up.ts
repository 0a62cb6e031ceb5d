import { EventEmitter } from 'node:events';
import { callGuarded } from '../base/error-report.js';
import { createHttpHandler, createLogDecorator, decorate, orNotFound } from '../http/index.js';
import { encodePeerMessage, type PeerMessage } from '../protocol/index.js';
import { RegistrationDB, Topology, type OnError } from '../registry/index.js';
import { createTcpHandler } from '../tcp/index.js';
import { loadSoon } from './load-soon.js';

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
/** By then those are answered who waited for it to listen. */
const LOAD_SOON_MS = 500;
const PATHS = ['/ping', '/lookup', '/channels', '/topics', '/nodes'];

/**
 * Does once what a peer and a client will ask for, in a registry of its own and without a socket, one thing in a turn of the event loop:
 * the engine compiles what runs for the first time, for which the first peer would wait. What is not for peers it loads a little later;
 * `onError` is told if it is not there any more, as while another version is put in its place.
 */
export function warmUp(onError: OnError): void {
  const topology = new Topology({ db: new RegistrationDB() });
  const nothing = () => undefined;
  const log = { info: nothing, error: nothing };
  const logged = createLogDecorator({ log, clock: topology.clock });
  const handler = decorate(createHttpHandler({ topology }), logged, orNotFound);
  const peer = new EventEmitter();
  const stream = { write: () => true, end: nothing, destroy: nothing, pause: nothing, resume: nothing };
  const say = (message: PeerMessage) => peer.emit('data', encodePeerMessage(message));
  const steps = [
    () => createTcpHandler({ topology, announce: HERE, log })(Object.assign(peer, stream)),
    ...MESSAGES.map((message) => () => say(message)),
    ...PATHS.map((path) => () => handler({ method: 'GET', path, query: `topic=${TOPIC.topic}`, headers: {} })),
    () => say({ type: 'unregister', ...TOPIC }),
    () => peer.emit('close'),
  ];
  const next = (): void => {
    steps.shift()?.();
    if (steps.length > 0) setImmediate(next).unref();
  };
  setImmediate(next).unref();
  setTimeout(() => callGuarded(onError, 'a part of the command could not be loaded', loadSoon), LOAD_SOON_MS).unref();
}
