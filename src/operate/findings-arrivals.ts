import type { PeerInfo, Topology } from '../registry/index.js';

/** So many arrivals within that time are a peer that reconnects over and over. */
export const MANY_ARRIVALS = 5;
export const ARRIVALS_WITHIN_MS = 600_000;
/** Of so many addresses arrivals are known; the one that has not arrived for longest is forgotten. */
const MAX_ADDRESSES = 10_000;

/** `broadcast address:TCP port`, where consumers are sent. */
export function addressOf({ broadcastAddress, tcpPort }: PeerInfo): string {
  return `${broadcastAddress.includes(':') ? `[${broadcastAddress}]` : broadcastAddress}:${tcpPort}`;
}

/** When peers last arrived, by the address that they announce. */
export class Arrivals {
  readonly #times = new Map<string, readonly number[]>();
  readonly #topology: Topology;
  /** Ends the listening. */
  readonly close: () => void;

  constructor(topology: Topology) {
    this.#topology = topology;
    this.close = topology.db.onChange((change) => {
      if (change.type === 'producerAdded' && change.registration.category === 'client') this.#note(change.peer);
    });
  }

  #note(peer: PeerInfo): void {
    const address = addressOf(peer);
    const times = [...(this.#times.get(address) ?? []), this.#topology.clock()].slice(-MANY_ARRIVALS);
    this.#times.delete(address); // the order is that of the last arrivals
    this.#times.set(address, times);
    if (this.#times.size > MAX_ADDRESSES) this.#times.delete(this.#times.keys().next().value!);
  }

  /** Each address that has arrived often of late, with the time that it took, in milliseconds. */
  *often(): Generator<{ readonly address: string; readonly withinMs: number }, void, undefined> {
    const now = this.#topology.clock();
    for (const [address, times] of this.#times) {
      const first = times[0]!;
      if (times.length < MANY_ARRIVALS || now - first > ARRIVALS_WITHIN_MS) continue;
      yield { address, withinMs: now - first };
    }
  }
}
