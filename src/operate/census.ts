import type { Steps } from '../base/work-queue.js';
import { ANY, isHeardOf, isTombstoned, type Topology } from '../registry/index.js';
import { keptForASecond } from './kept.js';

/** What the registry holds, counted. */
export interface Census {
  /** By category. */
  readonly registrations: Readonly<Record<'client' | 'topic' | 'channel', number>>;
  /** Of topics: named by lookups, silent for too long, or hidden by a tombstone. */
  readonly producers: Readonly<Record<'active' | 'inactive' | 'tombstoned', number>>;
}

/** Counts what the registry holds, in steps that others have their turns between. */
export function createCensus(topology: Topology): () => Census | Promise<Census> {
  return keptForASecond(topology.clock, () => topology.work.result(counting(topology)));
}

function* counting({ db, clock, lifetimes }: Topology): Steps<Census> {
  const registrations = { client: 0, topic: 0, channel: 0 };
  const producers = { active: 0, inactive: 0, tombstoned: 0 };
  for (const category of ['client', 'topic', 'channel'] as const) {
    for (const registration of db.eachRegistration(category, ANY, ANY)) {
      registrations[category]++;
      let steps = 1;
      if (category === 'topic') {
        const now = clock();
        for (const producer of db.producersOf(registration)) {
          steps++;
          if (!isHeardOf(producer.peer, now, lifetimes.inactiveProducerTimeoutMs)) producers.inactive++;
          else if (isTombstoned(producer, now, lifetimes.tombstoneLifetimeMs)) producers.tombstoned++;
          else producers.active++;
        }
      }
      yield steps / 4; // to count is less work than to tell
    }
  }
  return { registrations, producers };
}
