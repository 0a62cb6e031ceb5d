import type { Peer } from './model.js';
import type { PeerJson } from './watch-json.js';

/** How it stands with a producer, by what matters most. */
export const STATES = ['active', 'restored', 'other', 'silent', 'tombstoned'] as const;
export type State = (typeof STATES)[number];

export const STATE_NAMES: Readonly<Record<State, string>> = {
  active: 'active',
  restored: 'restored, not back yet',
  other: 'of another lookupd',
  silent: 'silent',
  tombstoned: 'tombstoned',
};

/** What the server says of itself, at `/ui/about`. */
export interface About {
  readonly version: string;
  readonly package_version: string;
  readonly uptime_ms: number;
  readonly now_ms: number;
  readonly epoch: string;
  readonly sharing: string;
  readonly inactive_producer_timeout_ms: number;
  readonly tombstone_lifetime_ms: number;
  readonly restored: readonly string[];
  readonly other_origins: readonly string[];
  readonly oldest_index: string | null;
  readonly may: readonly string[];
  readonly asks_token: boolean;
}

/** By so much what the page takes for the server's time may be wrong. */
const SLACK_MS = 2000;

const UNTOLD: About = {
  version: '',
  package_version: '?',
  uptime_ms: 0,
  now_ms: 0,
  epoch: '',
  sharing: '',
  inactive_producer_timeout_ms: Infinity,
  tombstone_lifetime_ms: 0,
  restored: [],
  other_origins: [],
  oldest_index: null,
  may: [],
  asks_token: false,
};

/** What a server says of itself: one of another version perhaps less than is wanted. */
export function toAbout(told: unknown): About | undefined {
  if (typeof told !== 'object' || told === null) return undefined;
  const isFit = ([name, value]: [string, unknown]) => {
    const wanted = UNTOLD[name as keyof About];
    return wanted === null
      ? typeof value === 'string'
      : typeof value === typeof wanted && Array.isArray(value) === Array.isArray(wanted);
  };
  const about = { now_ms: Date.now(), ...Object.fromEntries(Object.entries(told).filter(isFit)) };
  return { ...UNTOLD, ...about };
}

/** Judges producers by what the server said last. */
export class Judge {
  #about: About | undefined;
  #offsetMs = 0;
  #restored = new Set<string>();
  #otherOrigins = new Set<string>();
  /** When it was told of each when it was last heard of: what that means depends on what the server says of itself. */
  readonly #told = new WeakMap<Peer, { readonly heardMs: number; readonly atMs: number }>();
  /** Peers that are silent, by name, as findings say. */
  silent = new Set<string>();

  get about(): About | undefined {
    return this.#about;
  }

  set about(about: About | undefined) {
    this.#about = about;
    if (!about) return;
    this.#offsetMs = about.now_ms - Date.now();
    this.#restored = new Set(about.restored);
    this.#otherOrigins = new Set(about.other_origins);
  }

  /** What time it is at the server. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  get tombstoneLifetimeMs(): number {
    return this.#about?.tombstone_lifetime_ms ?? 0;
  }

  may(action: string): boolean {
    return this.#about?.may.includes(action) ?? false;
  }

  /** How it stands with the peer itself. */
  ofPeer(peer: Peer): State {
    if (this.#restored.has(peer.key)) return 'restored';
    const { last_update_ms: heardMs } = peer.info;
    if (this.silent.has(peer.name)) return 'silent';
    // Pings are not told, but silence is, with when the peer was last heard of.
    const told = this.#told.get(peer);
    if (told?.heardMs === heardMs && this.#isLate(heardMs, told.atMs)) return 'silent';
    return this.#otherOrigins.size > 0 && this.#otherOrigins.has(originOf(peer)) ? 'other' : 'active';
  }

  /** The server has just told when it was last heard of. */
  told(peer: Peer): void {
    this.#told.set(peer, { heardMs: peer.info.last_update_ms, atMs: Date.now() });
  }

  /** Whether one that has just been told of is silent. */
  isLate(peer: PeerJson | undefined): boolean {
    return peer !== undefined && this.#isLate(peer.last_update_ms, Date.now());
  }

  /** Whether it was long ago, `atMs` by the page's clock, that it was heard of. */
  #isLate(heardMs: number, atMs: number): boolean {
    const limitMs = this.#about?.inactive_producer_timeout_ms ?? Infinity;
    const slackMs = Math.min(500, limitMs / 4); // a short limit leaves less doubt of who has just been heard of
    return atMs + this.#offsetMs - heardMs >= limitMs - slackMs;
  }

  /** How it stands with a peer as the producer of a topic. */
  of(peer: Peer, tombstonedAtMs: number): State {
    return this.isTombstoned(tombstonedAtMs) ? 'tombstoned' : this.ofPeer(peer);
  }

  /** Whether that was told of a tombstone that was ended: its time is from before the server was there. */
  isEnded(tombstonedAtMs: number): boolean {
    const startMs = this.#about ? this.#about.now_ms - this.#about.uptime_ms : 0;
    return tombstonedAtMs < startMs && this.now() - tombstonedAtMs > this.tombstoneLifetimeMs - SLACK_MS;
  }

  isTombstoned(atMs: number): boolean {
    return atMs > 0 && this.now() - atMs < this.tombstoneLifetimeMs;
  }
}

/** Which lookupd a peer is connected to. */
function originOf({ key }: Peer): string {
  return key.slice(0, key.lastIndexOf('/'));
}
