import type { Clock } from '../base/clock.js';
import type { Steps } from '../base/work-queue.js';
import {
  channelRegistration,
  CLIENT,
  isChannelName,
  isTopicName,
  RegistrationDB,
  topicRegistration,
  type PeerInfo,
  type Registration,
  type WorkQueue,
} from '../registry/index.js';
import type { HttpLookupd } from './address.js';
import { mergeNodes, mergeStrings } from './found.js';
import type { LookupdHttp } from './lookupd-http.js';

/** Of so many topics the channels are asked for at most in a round: first of those that were asked for longest ago. */
const MAX_ASKED_TOPICS = 1000;
const ASKED_AT_ONCE = 8;

/** How a lookupd is read. */
interface Polling {
  readonly http: LookupdHttp;
  readonly clock: Clock;
  /** What shares long work out over the turns of the event loop. */
  readonly work: WorkQueue;
  readonly signal: AbortSignal;
}

/** What a lookupd holds that does not tell of changes, such as the original: asked again and again. */
export class PolledRegistry {
  readonly db = new RegistrationDB();
  readonly #peers = new Map<string, PeerInfo>();
  /** Topics, those whose channels were asked for longest ago in front. */
  readonly #topics = new Set<string>();

  /** Makes the db what the lookupd answers now. Rejects when it does not. */
  async read(lookupd: HttpLookupd, { http, clock, work, signal }: Polling): Promise<void> {
    const ask = async (route: string, name: string, topic?: string) => {
      const { json } = await http.list(lookupd.toUrl(route, topic), name, { signal });
      return [{ address: '', json }];
    };
    const topics = mergeStrings(await ask('topics', 'topics'), 'topics').filter(isTopicName);
    const nodes = mergeNodes(await ask('nodes', 'producers'));
    const asked = this.#nextTopics(topics);
    const channels = new Map<string, readonly string[]>();
    const next = asked.values();
    const askNext = async () => {
      for (const topic of next) {
        channels.set(topic, mergeStrings(await ask('channels', 'channels', topic), 'channels').filter(isChannelName));
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askNext));
    await work.result(this.#taking(topics, channels, nodes, clock(), signal));
  }

  *#taking(
    topics: readonly string[],
    channels: ReadonlyMap<string, readonly string[]>,
    nodes: ReturnType<typeof mergeNodes>,
    now: number,
    signal: AbortSignal,
  ): Steps {
    for (const steps of [this.#takingTopics(topics, channels), this.#takingNodes(nodes, now)])
      for (const step of steps) {
        if (signal.aborted) return;
        yield step;
      }
  }

  #nextTopics(topics: readonly string[]): readonly string[] {
    const there = new Set(topics);
    for (const topic of this.#topics) if (!there.has(topic)) this.#topics.delete(topic);
    const isNew = topics.filter((topic) => !this.#topics.has(topic));
    const asked = [...isNew, ...this.#topics].slice(0, MAX_ASKED_TOPICS);
    for (const topic of asked) {
      this.#topics.delete(topic);
      this.#topics.add(topic);
    }
    return asked;
  }

  *#takingTopics(topics: readonly string[], channels: ReadonlyMap<string, readonly string[]>): Steps {
    const { db } = this;
    const there = new Set(topics);
    for (const { key } of db.findRegistrations('topic', '*', '')) {
      yield;
      if (there.has(key)) continue;
      yield* removing(db, db.findRegistrations('channel', key, '*'));
      db.removeRegistration(topicRegistration(key));
    }
    for (const topic of topics) {
      db.addRegistration(topicRegistration(topic));
      yield;
    }
    for (const [topic, names] of channels) {
      const kept = new Set(names);
      const before = db.findRegistrations('channel', topic, '*');
      yield* removing(
        db,
        before.filter(({ subkey }) => !kept.has(subkey)),
      );
      for (const name of names) {
        db.addRegistration(channelRegistration(topic, name));
        yield;
      }
    }
  }

  *#takingNodes(nodes: ReturnType<typeof mergeNodes>, now: number): Steps {
    const { db } = this;
    const before = new Map(this.#peers);
    for (const { topics, ...node } of nodes) {
      const { lookupds, ...fields } = node; // one, which it was read from
      const key = JSON.stringify([fields, lookupds.length]);
      const peer = before.get(key) ?? { id: fields.remoteAddress, lastUpdateMs: now, ...fields };
      before.delete(key);
      this.#peers.set(key, peer);
      db.addProducer(CLIENT, peer);
      const carried = new Set(topics.map(({ topic }) => topic));
      for (const { topic } of [...db.topicsOf(peer)])
        if (!carried.has(topic)) db.removeProducer(topicRegistration(topic), peer);
      for (const { topic, isTombstoned } of topics) {
        const registration = topicRegistration(topic);
        db.addProducer(registration, peer);
        const was = db.getProducer(registration, peer)?.tombstonedAtMs ?? 0;
        // It does not say when; it is hidden for as long as it says so.
        if (isTombstoned !== was > 0) db.tombstone(registration, peer, isTombstoned ? now : 0);
        yield;
      }
      yield;
    }
    for (const [key, peer] of before) {
      this.#peers.delete(key);
      yield db.removePeer(peer).length;
    }
  }
}

function* removing(db: RegistrationDB, registrations: readonly Registration[]): Steps {
  for (const registration of registrations) {
    db.removeRegistration(registration);
    yield;
  }
}
