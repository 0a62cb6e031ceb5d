import { createHttpHandler, toFetchHandler } from '../http/index.js';
import { anObject, checkOptions, withMethods, type Checks } from '../base/options.js';
import { RegistrationDB, Topology, TOPOLOGY_CHECKS, type TopologyOptions } from '../registry/index.js';
import { createStreamPair, createTcpHandler, type AnnounceOptions, type ByteStream } from '../tcp/index.js';
import { FakeNsqd } from './fake-nsqd.js';
import { ManualClock } from './manual-clock.js';

/** What a lookupd in memory is made of. */
export interface MemoryLookupdOptions extends Partial<Omit<TopologyOptions, 'clock'>> {
  /** Default: a new one. The TCP side's deadlines go by it, too. */
  readonly clock?: ManualClock | undefined;
  /** What peers are told on IDENTIFY. Default: `memory.test`, ports 4160 and 4161. */
  readonly announce?: AnnounceOptions | undefined;
}

const CHECKS: Checks<MemoryLookupdOptions> = {
  ...TOPOLOGY_CHECKS,
  db: (name, value) => TOPOLOGY_CHECKS.db(name, value),
  clock: withMethods('a ManualClock', 'now', 'advance', 'setTimeout', 'clearTimeout'),
  announce: anObject,
};

/** A lookupd without sockets. */
export interface MemoryLookupd {
  /** What its deadlines and lifetimes go by. */
  readonly clock: ManualClock;
  /** What it knows. */
  readonly db: RegistrationDB;
  /** Its reads and writes. */
  readonly topology: Topology;
  /** Its HTTP side, for a client under test: whatever the host in the URL. A TypeError while it is down, as of `fetch`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Opens a connection to its TCP side. Throws an error with the code `ECONNREFUSED` while it is down. */
  readonly connect: () => ByteStream;
  /** An nsqd that has connected and identified itself. `name`: `host:port`. */
  readonly nsqd: (name: string) => Promise<FakeNsqd>;
  /** As when its process is killed: all connections end, and what it knew is forgotten. */
  readonly goDown: () => void;
  /** As when it is started again, knowing nothing. */
  readonly comeUp: () => void;
}

/**
 * Makes a lookupd in memory: the same handlers as the daemon's, and a clock to turn by hand. Throws a TypeError that
 * names the option when one is unknown or of the wrong kind.
 *
 * @example
 * ```js
 * import { LookupClient } from 'nsqlookupd/client';
 * import { createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const lookupd = createMemoryLookupd();
 * const nsqd = await lookupd.nsqd('host-1:4150');
 * await nsqd.register('orders');
 * const client = new LookupClient({ lookupds: ['memory.test:4161'], fetch: lookupd.fetch });
 * console.log((await client.lookup('orders')).producers[0]?.broadcastAddress); // host-1
 * ```
 */
export function createMemoryLookupd(options: MemoryLookupdOptions = {}): MemoryLookupd {
  const {
    clock = new ManualClock(),
    db = new RegistrationDB(),
    announce = { broadcastAddress: 'memory.test', tcpPort: 4160, httpPort: 4161 },
    ...rest
  } = checkOptions('createMemoryLookupd', options, CHECKS);
  const topology = new Topology({ ...rest, db, clock: clock.now });
  const serve = createTcpHandler({ topology, announce, timers: clock });
  const answer = toFetchHandler(createHttpHandler({ topology }));
  let isUp = true;
  let connections = 0;

  const connect = () => {
    if (!isUp) throw Object.assign(new Error('the lookupd is down'), { code: 'ECONNREFUSED' });
    const [ours, theirs] = createStreamPair();
    serve(ours, { remoteAddress: `memory:${++connections}` });
    return theirs;
  };

  return {
    clock,
    db,
    topology,
    connect,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      if (!isUp) throw new TypeError('fetch failed', { cause: new Error('the lookupd is down') });
      return answer(request);
    },
    nsqd: async (name) => {
      const nsqd = new FakeNsqd(name, connect());
      await nsqd.identify();
      return nsqd;
    },
    goDown: () => {
      isUp = false;
      serve.close();
      for (const [registration] of [...db.entries()]) db.removeRegistration(registration);
    },
    comeUp: () => {
      isUp = true;
    },
  };
}
