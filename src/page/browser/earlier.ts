import type { Api } from './api.js';
import { readEvents } from './stream.js';
import type { ChangeJson } from './watch-json.js';

/** By when what is earlier must have come, or some more of it. */
const PATIENCE_MS = 15_000;
/** While one asks, the oldest change may have been dropped: then it is asked again. */
const TRIES = 3;

export interface Earlier {
  readonly api: Api;
  /** The index of the oldest change that the server still has, asked for now; null for none. */
  readonly askOldest: () => Promise<string | null | undefined>;
  /** Before which change; undefined for none. */
  readonly before: ChangeJson | undefined;
  /** The index after all that is known; `''` for nothing. */
  readonly lastId: string;
}

/** The changes that the server still has from before, in order; undefined where they are not to be had. */
export async function readEarlier({ api, askOldest, before, lastId }: Earlier): Promise<ChangeJson[] | undefined> {
  for (let i = 0; i < TRIES; i++) {
    const oldest = await askOldest();
    if (typeof oldest !== 'string' || lastId === '') return undefined;
    if (oldest === lastId) return [];
    const changes: ChangeJson[] = [];
    let isGone = false;
    const ending = await readEvents({
      ...{ api, route: `watch?index=${encodeURIComponent(oldest)}`, lastId: '', patienceMs: PATIENCE_MS },
      onEvent: ({ name, id, data }) => {
        isGone = name === 'snapshot';
        if (name !== 'change') return !isGone;
        const change = JSON.parse(data) as ChangeJson;
        if (before && change.revision >= before.revision) return false;
        changes.push(change);
        return id !== lastId;
      },
    }).catch(() => undefined);
    if (ending === 'ended' && !isGone) return changes;
  }
  return undefined;
}
