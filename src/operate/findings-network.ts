import { setTimer, type Timers } from '../base/timers.js';
import type { PeerInfo, WorkQueue } from '../registry/index.js';
import { remoteIp, toIp } from './findings-address.js';
import { addressOf } from './findings-arrivals.js';
import type { CheckedPeers } from './findings-checks.js';
import type { FindingList } from './findings.js';

/** The addresses of a name, none if there is no such name. Rejects when there is no answer. */
export type Resolve = (name: string) => Promise<readonly string[]>;
/** Whether somebody listens there. */
export type Probe = (host: string, port: number) => Promise<boolean>;

const MAX_NAMES = 1000;
const MAX_PORTS = 2000;
const STEPS_OF_A_PEER = 4;
/** A resolver of the system's may block a thread of few for as long as it waits. */
const NAMES_AT_ONCE = 2;
const PORTS_AT_ONCE = 16;

/** A number of askers at work, of all rounds together: what does not come back is not asked again and again. */
export class Askers {
  #active = 0;
  readonly #timers: Timers;
  readonly #limitMs: number;

  constructor(timers: Timers, limitMs: number) {
    this.#timers = timers;
    this.#limitMs = limitMs;
  }

  /** Does it for each item, some at once, until all are done or the time is up; answers how many are not. */
  async each<T>(items: readonly T[], atOnce: number, ask: (item: T) => Promise<void>): Promise<number> {
    let isOver = false;
    let done = 0;
    let next = 0;
    const work = async () => {
      while (!isOver && next < items.length) {
        this.#active++;
        const isDone = await ask(items[next++]!).then(
          () => true,
          () => false,
        );
        this.#active--;
        if (isDone && !isOver) done++;
      }
    };
    const workers = Array.from({ length: Math.max(0, atOnce - this.#active) }, work);
    await new Promise<void>((resolve) => {
      void Promise.all(workers).then(() => resolve());
      const timer = setTimer(this.#timers, resolve, this.#limitMs) as { unref?: () => void } | undefined;
      timer?.unref?.();
    });
    isOver = true;
    return items.length - done;
  }
}

/** Asks for the names that peers announce, and compares with where they speak from. */
export async function checkNames(
  named: CheckedPeers['named'],
  { resolve, askers, work }: { resolve: Resolve; askers: Askers; work: WorkQueue },
  list: FindingList,
): Promise<void> {
  const names = [...named.keys()].slice(0, MAX_NAMES);
  const found = new Map<string, readonly string[]>();
  const missed = await askers.each(names, NAMES_AT_ONCE, async (name) => {
    found.set(name, await resolve(name));
  });
  list.unchecked += named.size - names.length + missed;
  for (const [name, addresses] of [...found]) {
    for (const peer of named.get(name)!) {
      await work.turn(STEPS_OF_A_PEER);
      const remote = remoteIp(peer.remoteAddress);
      if (addresses.length === 0)
        list.add('address-unresolved', addressOf(peer), () => `${JSON.stringify(name)} does not resolve`);
      else if (remote !== undefined && !addresses.some((address) => toIp(address) === remote)) {
        const seen = () => `resolves to ${addresses.slice(0, 3).join(', ')}, and connects from ${peer.remoteAddress}`;
        list.add('address-elsewhere', addressOf(peer), seen);
      }
    }
  }
}

/** Connects to the ports that peers announce. */
export async function checkPorts(
  peers: readonly PeerInfo[],
  probe: Probe,
  askers: Askers,
  list: FindingList,
): Promise<void> {
  const all = new Map(
    peers.flatMap((peer) =>
      [peer.tcpPort, peer.httpPort].map((port) => [addressOf({ ...peer, tcpPort: port }), { peer, port }]),
    ),
  );
  const ports = [...all].slice(0, MAX_PORTS);
  const closed: string[] = [];
  const missed = await askers.each(ports, PORTS_AT_ONCE, async ([address, { peer, port }]) => {
    if (!(await probe(peer.broadcastAddress, port))) closed.push(address);
  });
  list.unchecked += all.size - ports.length + missed;
  for (const address of [...closed]) list.add('port-unreachable', address, () => 'no connection from here');
}
