/** A process of its own for what needs no sockets; prints one JSON number. Run with --expose-gc. */
import { encodePeerMessage } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology, topicRegistration, type PeerInfo } from 'nsqlookupd/registry';
import { Session } from 'nsqlookupd/tcp';
import { identityOf, peerOf } from '../support/peers.js';

const PEERS = 10;
const LINES_A_CHUNK = 100;
const UNLIMITED = { maxRegistrations: Infinity, maxRegistrationsPerPeer: Infinity };
const complete = { broadcastAddress: 'l', hostname: 'l', tcpPort: 1, httpPort: 1, version: '1.3.0' };

const what = process.argv[2] ?? '';
const size = Number(process.argv[3] ?? 100_000);

/** Registers `topics` topics from each of 10 peers and takes them back, and says how many of both a second. */
function sessionRate(topics: number, db = new RegistrationDB()): number {
  const topology = new Topology({ db, clock: Date.now, ...UNLIMITED });
  const sessions = Array.from({ length: PEERS }, (_, i) => {
    const session = new Session({ topology, announce: () => complete, remoteAddress: `peer-${i}` });
    session.receive(encodePeerMessage({ type: 'magic' }));
    session.receive(encodePeerMessage({ type: 'identify' }));
    session.receive(encodePeerMessage({ type: 'identity', identity: identityOf(`h${i}`) }));
    return session;
  });
  const chunks = (command: string) =>
    Array.from({ length: Math.ceil(topics / LINES_A_CHUNK) }, (_, c) =>
      Buffer.from(
        Array.from(
          { length: Math.min(LINES_A_CHUNK, topics - c * LINES_A_CHUNK) },
          (_, i) => `${command} topic_${c * LINES_A_CHUNK + i}\n`,
        ).join(''),
      ),
    );
  const all = [...chunks('REGISTER'), ...chunks('UNREGISTER')];
  return rate(2 * topics * PEERS, () => {
    for (const chunk of all) for (const session of sessions) session.receive(chunk);
  });
}

function registryRate(topics: number, db = new RegistrationDB()): number {
  const peers = Array.from({ length: PEERS }, (_, i) => peerOf(`h${i}`));
  const registrations = Array.from({ length: topics }, (_, i) => topicRegistration(`topic_${i}`));
  return rate(2 * topics * PEERS, () => {
    for (const registration of registrations) for (const peer of peers) db.addProducer(registration, peer);
    for (const registration of registrations) for (const peer of peers) db.removeProducer(registration, peer);
  });
}

/** A db with so many registrations of 10 peers that stay. */
function dbWith(registrations: number): RegistrationDB {
  const db = new RegistrationDB();
  const peers = Array.from({ length: PEERS }, (_, i) => peerOf(`staying-${i}`));
  for (let i = 0; i < registrations; i++) {
    db.addProducer(topicRegistration(`staying_${Math.floor(i / PEERS)}`), peers[i % PEERS]!);
  }
  return db;
}

/** Operations a second, over at least half a second, after a warm-up. */
function rate(operations: number, run: () => void): number {
  run();
  let done = 0;
  const start = performance.now();
  do {
    run();
    done += operations;
  } while (performance.now() - start < 500);
  return done / ((performance.now() - start) / 1000);
}

function bytesPerRegistration(topics: number): number {
  const { gc } = globalThis;
  const names = Array.from({ length: topics }, (_, i) => `topic_${i}`);
  const peers: PeerInfo[] = Array.from({ length: PEERS }, (_, i) => peerOf(`h${i}`));
  gc?.();
  const before = process.memoryUsage().heapUsed;
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now, ...UNLIMITED });
  for (const peer of peers) for (const name of names) topology.register(peer, name);
  gc?.();
  const bytes = process.memoryUsage().heapUsed - before;
  return bytes / (topology.topics().length * PEERS);
}

const work: Readonly<Record<string, (size: number) => number>> = {
  sessionRate,
  registryRate,
  sessionRateBeside: (registrations) => sessionRate(100, dbWith(registrations)),
  registryRateBeside: (registrations) => registryRate(100, dbWith(registrations)),
  bytesPerRegistration,
};
process.stdout.write(JSON.stringify(work[what]!(size)));
