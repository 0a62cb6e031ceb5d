import { toIdentity, toPeerInfo } from '../base/identity.js';
import {
  channelRegistration,
  isChannelName,
  isTopicName,
  RegistrationDB,
  Topology,
  topicRegistration,
  type Category,
  type Lifetimes,
  type PeerInfo,
} from '../registry/index.js';

/** A producer as `/debug` tells of it. */
type DebugProducer = Readonly<Record<string, unknown>>;
/** Asks a lookupd for a route, and gives its JSON and the time that it is there: milliseconds since 1970. */
export type AskJson = (route: string) => Promise<{ readonly value: unknown; readonly nowMs: number }>;

/** Of topics that nobody carries, so many are asked for their channels. */
const MAX_ASKED_TOPICS = 1000;

/** Where a lookupd answers with something that none would. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
}

/** The topology of a lookupd elsewhere, also of the original, as its HTTP side tells it. */
export async function readTopology(ask: AskJson, lifetimes: Partial<Lifetimes>): Promise<Topology> {
  const debug = await ask('/debug');
  const clock = () => debug.nowMs;
  const topology = new Topology({ db: new RegistrationDB(), clock, wallClock: clock, ...lifetimes });
  const { db } = topology;
  const peers = new Map<string, PeerInfo>();
  for (const [name, producers] of Object.entries(anObject(debug.value, '/debug'))) {
    const [category = '', key = '', subkey = ''] = name.split(':');
    if (!['client', 'topic', 'channel'].includes(category) || !Array.isArray(producers))
      throw new RemoteError(`/debug names ${JSON.stringify(name.slice(0, 200))}, as no lookupd does`);
    const registration = { category: category as Category, key, subkey };
    for (const producer of producers as readonly unknown[]) {
      const fields = anObject(producer, '/debug');
      const peer = toPeer(fields);
      const known = peers.get(peer.id) ?? peer;
      peers.set(peer.id, known);
      db.addProducer(registration, known);
      if (fields['tombstoned'] === true) db.tombstone(registration, known, Number(fields['tombstoned_at']) / 1e6);
    }
  }
  const { topics } = anObject((await ask('/topics')).value, '/topics');
  let asked = 0;
  for (const topic of Array.isArray(topics) ? (topics as readonly unknown[]) : []) {
    if (!isTopicName(String(topic)) || db.hasRegistration(topicRegistration(String(topic)))) continue;
    db.addRegistration(topicRegistration(String(topic)));
    if (++asked > MAX_ASKED_TOPICS) continue;
    const route = `/channels?topic=${encodeURIComponent(String(topic))}`;
    const { channels } = anObject((await ask(route)).value, '/channels');
    for (const channel of Array.isArray(channels) ? (channels as readonly unknown[]) : [])
      if (isChannelName(String(channel))) db.addRegistration(channelRegistration(String(topic), String(channel)));
  }
  return topology;
}

function toPeer(fields: DebugProducer): PeerInfo {
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '');
  const port = (name: string) => (Number.isInteger(fields[name]) ? Number(fields[name]) : 0);
  const id = text('id'); // which is its remote address, in nsqlookupd
  const lastUpdateMs = Number(fields['last_update']) / 1e6 || 0;
  return toPeerInfo(toIdentity(text, port), { id, remoteAddress: id, lastUpdateMs });
}

export function anObject(value: unknown, route: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new RemoteError(`${route} answered no JSON object, as no lookupd does`);
}
