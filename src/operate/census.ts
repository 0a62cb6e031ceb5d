import { isThenable } from '../base/error-report.js';
import type { Steps } from '../base/work-queue.js';
import { ANY, isHeardOf, isTombstoned, type Topology } from '../registry/index.js';

/** What the registry holds, counted. */
export interface Census {
  /** By category. */
  readonly registrations: Readonly<Record<'client' | 'topic' | 'channel', number>>;
  /** Of topics: named by lookups, silent for too long, or hidden by a tombstone. */
  readonly producers: Readonly<Record<'active' | 'inactive' | 'tombstoned', number>>;
}

/** A count is good for so long: who asks again and again has it made once. */
const KEPT_MS = 1000;
/** What is smaller is counted anew each time. */
const KEPT_SIZE = 1000;

/** Counts what the registry holds, in steps that others have their turns between; those who ask meanwhile share the count. */
export function createCensus(topology: Topology): () => Census | Promise<Census> {
  let kept: { readonly census: Census; readonly atMs: number } | undefined;
  let pending: Promise<Census> | undefined;
  const keep = (census: Census): Census => {
    if (topology.db.size >= KEPT_SIZE) kept = { census, atMs: topology.clock() };
    return census;
  };
  return () => {
    const ageMs = kept ? topology.clock() - kept.atMs : -1;
    if (kept && ageMs >= 0 && ageMs < KEPT_MS) return kept.census;
    if (pending) return pending;
    const census = topology.work.result(counting(topology));
    if (!isThenable(census)) return keep(census);
    return (pending = census.then(keep).finally(() => (pending = undefined)));
  };
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
