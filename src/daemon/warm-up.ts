import { EventEmitter } from 'node:events';
import { callGuarded } from '../base/error-report.js';
import { createBlockingReads, createFeed } from '../feed/index.js';
import { createHttpHandler, createLogDecorator, decorate, orNotFound } from '../http/index.js';
import { createFindings, Meters } from '../operate/index.js';
import { encodePeerMessage, type PeerMessage } from '../protocol/index.js';
import { RegistrationDB, Topology, type OnError } from '../registry/index.js';
import { createTcpHandler, type Admit } from '../tcp/index.js';
import { loadSoon } from './load-soon.js';
import { createProcessClock } from './system-clock.js';

const HERE = { broadcastAddress: 'localhost', tcpPort: 1, httpPort: 1 };
const IDENTITY = { ...HERE, hostname: 'localhost', version: '-', topologyZone: '', topologyRegion: '' };
const nothing = () => undefined;
const STREAM = { write: () => true, end: nothing, destroy: nothing, pause: nothing, resume: nothing };
const TOPIC = { topic: 'warm-up', channel: 'warm-up' };
const MESSAGES: readonly PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: IDENTITY },
  { type: 'ping' },
  { type: 'register', ...TOPIC },
];
/** Who has waited for it to listen is served first, and would only wait for this. */
const WARM_UP_MS = 40;
/** By then those are answered who waited for it to listen. */
const LOAD_SOON_MS = 500;
const PATHS = ['/ping', '/lookup', '/channels', '/topics', '/nodes'];

/**
 * Does once what a peer and a client will ask for, in a registry of its own and without a socket, one thing in a turn of the event loop:
 * the engine compiles what runs for the first time, for which the first peer would wait. What is not for peers it loads a little later;
 * `onError` is told if it is not there any more, as while another version is put in its place.
 */
export function warmUp(onError: OnError): void {
  const steps = warmingUp();
  const next = (): void => {
    if (steps.next().done !== true) setImmediate(next);
  };
  setTimeout(next, WARM_UP_MS).unref();
  setTimeout(() => callGuarded(onError, 'a part of the command could not be loaded', loadSoon), LOAD_SOON_MS).unref();
}

function* warmingUp(): Generator<void, void, void> {
  const clock = createProcessClock();
  const topology = new Topology({ db: new RegistrationDB(), clock });
  const log = { info: nothing, error: nothing };
  const meters = new Meters({ clock });
  const feed = createFeed(topology);
  feed.since(feed.oldestIndex); // from now on it records
  const findings = createFindings({ topology });
  const admit: Admit = (identity) => {
    findings.arrived(identity);
    return identity;
  };
  const peer = Object.assign(new EventEmitter(), STREAM);
  createTcpHandler({ topology, announce: HERE, admit, observe: meters.peers, log })(peer);
  const say = (message: PeerMessage) => void peer.emit('data', encodePeerMessage(message));
  for (const message of MESSAGES) yield say(message);
  const routed = createHttpHandler({ topology });
  const logged = createLogDecorator({ log, clock });
  const metered = meters.decorator(() => routed.routes);
  const handler = decorate(routed, logged, metered, orNotFound, createBlockingReads(feed));
  yield;
  for (const path of PATHS) yield void handler({ method: 'GET', path, query: `topic=${TOPIC.topic}`, headers: {} });
  yield say({ type: 'unregister', ...TOPIC });
  peer.emit('close');
  feed.close();
}
