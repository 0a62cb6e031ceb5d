import { toPair } from '../base/host-port.js';
import type { Clock, PeerInfo } from '../registry/index.js';

/** Where consumers are sent. */
export type AnnouncedAddress = Pick<PeerInfo, 'broadcastAddress' | 'tcpPort'>;

/** So many arrivals within that time are a peer that reconnects over and over. */
export const MANY_ARRIVALS = 5;
const ARRIVALS_WITHIN_MS = 600_000;
/** Of so many addresses arrivals are known; the one that has not arrived for longest is forgotten. */
const MAX_ADDRESSES = 10_000;

/** `broadcast address:TCP port`, where consumers are sent. */
export function addressOf({ broadcastAddress, tcpPort }: AnnouncedAddress): string {
  return toPair(broadcastAddress.includes(':') ? `[${broadcastAddress}]` : broadcastAddress, tcpPort);
}

/** When peers last arrived, by the address that they announce. */
export class Arrivals {
  readonly #times = new Map<string, readonly number[]>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Somebody has arrived. */
  note(peer: AnnouncedAddress): void {
    const address = addressOf(peer);
    const known = this.#times.get(address);
    const now = this.#clock();
    const times = known ? [...known.slice(1 - MANY_ARRIVALS), now] : [now]; // most hold one, and to push would make place for 17
    this.#times.delete(address); // the order is that of the last arrivals
    this.#times.set(address, times);
    if (this.#times.size > MAX_ADDRESSES) this.#times.delete(this.#times.keys().next().value!);
  }

  /** Each address that has arrived often of late, with the time that it took, in milliseconds. */
  *often(): Generator<{ readonly address: string; readonly withinMs: number }, void, undefined> {
    const now = this.#clock();
    for (const [address, times] of this.#times) {
      const first = times[0]!;
      if (times.length < MANY_ARRIVALS || now - first > ARRIVALS_WITHIN_MS) continue;
      yield { address, withinMs: now - first };
    }
  }
}
