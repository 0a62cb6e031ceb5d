import { toIdentity } from '../base/identity.js';

/** A producer as a lookupd names it. */
export interface FoundProducer {
  /** Where it is reached: a host name or an IP address. */
  readonly broadcastAddress: string;
  /** The name of its machine. */
  readonly hostname: string;
  /** Where it speaks the nsqd protocol. */
  readonly tcpPort: number;
  /** Where it answers HTTP. */
  readonly httpPort: number;
  /** Of its software. */
  readonly version: string;
  /** `address:port` from which it has connected to the first lookupd. */
  readonly remoteAddress: string;
  /** `''` if it told none. */
  readonly topologyZone: string;
  /** `''` if it told none. */
  readonly topologyRegion: string;
  /** The lookupds that name it, as they were given, without a query. */
  readonly lookupds: readonly string[];
}

/** A node, with what it carries. */
export interface FoundNode extends FoundProducer {
  /** Each topic that a lookupd says it carries, and whether all of them that do say so hide it. */
  readonly topics: readonly { readonly topic: string; readonly isTombstoned: boolean }[];
}

/** A lookupd that could not be asked, and why. */
export interface LookupFailure {
  /** As it was given, without a query. */
  readonly address: string;
  /** What `fetch` rejected with, if it does not show a query; or a `LookupError`. */
  readonly error: Error;
}

/** An answer that may lack some lookupds. */
export interface WithFailures {
  /** The lookupds that are not in the answer, and why; of a watch, those that are in it as they last answered. */
  readonly failures: readonly LookupFailure[];
}

export type Json = Readonly<Record<string, unknown>>;

/** What one lookupd said. */
export interface Said {
  readonly address: string;
  readonly json: Json;
}

const string = (value: unknown) => (typeof value === 'string' ? value : '');
const number = (value: unknown) => (typeof value === 'number' ? value : 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The strings of a list that each may have under that name: each once, sorted. */
export function mergeStrings(said: readonly Said[], name: string): string[] {
  const all = said.flatMap(({ json }) => list(json[name]).filter((item) => typeof item === 'string'));
  return [...new Set(all)].sort();
}

/** Producers are the same that have the same broadcast address and TCP port; the first lookupd's word stands. */
export function mergeProducers(said: readonly Said[]): FoundProducer[] {
  return [...group(said).values()].map(({ json, lookupds }) => toProducer(json[0]!, lookupds));
}

export function mergeNodes(said: readonly Said[]): FoundNode[] {
  return [...group(said).values()].map(({ json, lookupds }) => {
    const hidden = new Map<string, boolean>();
    for (const { topics, tombstones } of json) {
      list(topics).forEach((topic, i) => {
        if (typeof topic === 'string') hidden.set(topic, (hidden.get(topic) ?? true) && list(tombstones)[i] === true);
      });
    }
    const merged = [...hidden].map(([topic, isTombstoned]) => ({ topic, isTombstoned }));
    return { topics: merged.sort((a, b) => (a.topic < b.topic ? -1 : 1)), ...toProducer(json[0]!, lookupds) };
  });
}

function group(said: readonly Said[]): Map<string, { json: Json[]; lookupds: string[] }> {
  const groups = new Map<string, { json: Json[]; lookupds: string[] }>();
  for (const { address, json } of said) {
    for (const item of list(json['producers'])) {
      if (typeof item !== 'object' || item === null) continue;
      const producer = item as Json;
      const host = string(producer['broadcast_address']).replace(/^\[(.*)\]$/, '$1');
      const key = `${host} ${number(producer['tcp_port'])}`;
      const same = groups.get(key);
      if (!same) groups.set(key, { json: [producer], lookupds: [address] });
      else {
        same.json.push(producer);
        if (!same.lookupds.includes(address)) same.lookupds.push(address);
      }
    }
  }
  return groups;
}

function toProducer(json: Json, lookupds: readonly string[]): FoundProducer {
  const identity = toIdentity(
    (name) => string(json[name]),
    (name) => number(json[name]),
  );
  // The spread comes last: what is added behind it would give each a shape of its own.
  return { remoteAddress: string(json['remote_address']), lookupds, ...identity };
}
