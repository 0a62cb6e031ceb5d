/** What can be wrong with a topology, with why it hurts and what to do about it. */
export const FINDING_KINDS = {
  'address-local': {
    why: 'consumers elsewhere are sent to an address that means their own machine, or none, and never reach this nsqd',
    advice: 'start nsqd with -broadcast-address set to a name or address that consumers reach',
  },
  'address-container': {
    why: 'the name is the id of a container, which consumers outside its network cannot resolve',
    advice: 'start nsqd with -broadcast-address, or give the container a hostname that consumers resolve',
  },
  'address-unresolved': {
    why: 'a consumer whose resolver answers the same cannot connect to this nsqd',
    advice: 'fix the name in the DNS, or start nsqd with -broadcast-address set to one that resolves',
  },
  'address-elsewhere': {
    why: "consumers are sent to another host than that of the nsqd's connection",
    advice:
      'check whether the address leads to this nsqd, as it may through NAT or a proxy; if not, set its -broadcast-address',
  },
  'address-shared': {
    why: 'consumers cannot tell the two apart: they reach one of them, and the messages of the other wait',
    advice:
      'give each nsqd a -broadcast-address or ports of its own; of one that has just restarted the old connection will go',
  },
  'port-unreachable': {
    why: 'a consumer on this network cannot connect to this nsqd, or nsqadmin cannot ask it',
    advice: 'open the port in the firewall, publish it from the container, or correct -broadcast-address and the ports',
  },
  'topic-without-producer': {
    why: 'its consumers find no nsqd, though there may be messages for its channels on one that is away',
    advice: 'bring the nsqd back; if the topic is not used any more, delete it',
  },
  'channel-not-everywhere': {
    why: 'messages that these nsqds get are not kept for the channel until a consumer of it connects to them',
    advice:
      'let a consumer of the channel reach each nsqd, or create the channel there; if it is not used any more, delete it',
  },
  'zone-alone': {
    why: 'with the zone policy prefer, only consumers that say these zones, or none, are sent to their producers',
    advice: 'run consumers of each channel in each of these zones, or set the zone policy to order',
  },
  'version-skew': {
    why: 'nsqds of several versions may behave differently, and few try their combinations',
    advice: 'bring all to one version, unless an upgrade is under way',
  },
  reconnecting: {
    why: 'each time its topics disappear from lookups for a moment, and consumers may drop it',
    advice: 'look into its log and the network between; something ends its connection, or the nsqd restarts',
  },
  silent: {
    why: 'it may be gone, and consumers are still sent to it until the inactive producer timeout has passed',
    advice: 'check whether the nsqd runs, hangs or is cut off from this lookupd',
  },
  'tombstone-ending': {
    why: 'the nsqd still carries the topic and is named again when the tombstone ends, so that the topic comes back',
    advice: 'delete the topic at the nsqd before that, and stop those who publish it there',
  },
  'shared-registry-away': {
    why: 'what changes at other lookupds is not known here, and what changes here is not known there',
    advice: 'check whether Redis runs and this lookupd reaches it; all agree again by themselves when it does',
  },
  'union-lookupd-down': {
    why: 'what it alone knows is in no answer once its grace is over, and writes do not reach it',
    advice: 'bring it back, or take it out of the list',
  },
  'shared-lookupd-gone': {
    why: 'its nsqds are on their way to other lookupds; those that do not come are left out when the grace ends',
    advice: 'bring it back if it is missed; after a restart it has a new name, and the old one goes by itself',
  },
  'certificate-expiring': {
    why: 'once it has expired, clients that check it, and those that a root signed that has, cannot connect over TLS',
    advice:
      'put a new one in its file, with its key, or take it out if it is not needed; the files are read again by themselves',
  },
  'limit-near': {
    why: 'what comes once the limit is met is refused',
    advice: 'raise the limit, or find out what fills it',
  },
} as const;

/** What kind of thing is wrong. */
export type FindingKind = keyof typeof FINDING_KINDS;

/** Something about a topology that is probably not as it was meant. */
export interface Finding {
  /** What kind of thing it is. */
  readonly kind: FindingKind;
  /** What it is about: a peer as `broadcast address:TCP port`, a topic, `topic/channel`, a limit's name. */
  readonly subject: string;
  /** What was seen. */
  readonly seen: string;
  /** Why it hurts. */
  readonly why: string;
  /** What to do. */
  readonly advice: string;
}

/** What was found. */
export interface Findings {
  /** At most 50 of a kind. */
  readonly findings: readonly Finding[];
  /** How many more there are of a kind. */
  readonly leftOut: Readonly<Partial<Record<FindingKind, number>>>;
  /** How many names or ports of peers were not looked at, as there was no time or no answer. */
  readonly unchecked: number;
}

const MAX_OF_A_KIND = 50;

/** Collects findings; past a number of a kind it only counts them. */
export class FindingList {
  readonly #counts = new Map<FindingKind, number>();
  readonly #findings: Finding[] = [];
  unchecked = 0;

  /** Whether one more of that kind would be listed. */
  takes(kind: FindingKind): boolean {
    return (this.#counts.get(kind) ?? 0) < MAX_OF_A_KIND;
  }

  /** What was seen is put together only if it is listed. */
  add(kind: FindingKind, subject: string, seen: () => string): void {
    if (this.takes(kind)) this.#findings.push({ kind, subject, seen: seen(), ...FINDING_KINDS[kind] });
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  /** Those of a kind stand together, in the order of `FINDING_KINDS`. */
  toFindings(): Findings {
    const order = Object.keys(FINDING_KINDS);
    const findings = [...this.#findings].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    const over = [...this.#counts].filter(([, count]) => count > MAX_OF_A_KIND);
    const leftOut = Object.fromEntries(over.map(([kind, count]) => [kind, count - MAX_OF_A_KIND]));
    return { findings, leftOut, unchecked: this.unchecked };
  }
}
