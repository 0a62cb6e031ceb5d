import { concat } from '../base/bytes.js';
import type { Feed } from './feed.js';
import { toId } from './sse.js';
import type { WatchedTopic } from './topic-events.js';
import type { TakeEvents } from './watchers.js';

/** Events are joined up to about so many bytes. */
const PIECE_BYTES = 64 * 1024;

/**
 * What one watcher of some topics gets, who knows what was so at the index. An event has an id only when there is no other left to
 * tell, and else an id follows by itself as soon as there is none: a client that resumes from it has missed none.
 */
export function createTakeTopics(feed: Feed, watched: readonly WatchedTopic[], index: string): TakeEvents {
  // What the client knows already is not sent again before it has changed. Then it is, also if it was looked up when a peer had
  // left or fallen silent and that was not told yet: what is new to the client is not to who looks it up again.
  const known = watched.map(({ topic, changes }) => (index !== '' && !feed.isNewSince(topic, index) ? changes : -1));
  const told = watched.map(() => 0);
  const isKnown = (i: number) => watched[i]!.changesTold <= known[i]!;
  /** Where to begin: those that change all the time do not keep the others from their turn. */
  let start = 0;
  let isIdOwed = false;
  return () => {
    const news: WatchedTopic[] = [];
    let bytes = 0;
    let looked = 0;
    for (; looked < watched.length && bytes < PIECE_BYTES; looked++) {
      const i = (start + looked) % watched.length;
      const each = watched[i]!;
      if (each.version === told[i]) continue;
      if (isKnown(i)) {
        each.isAwaited = true;
        continue;
      }
      told[i] = each.version;
      news.push(each);
      bytes += each.latest!.event.length;
    }
    start = (start + looked) % watched.length;
    const last = news.pop();
    if (!last && !isIdOwed) return undefined;
    const isTold = (each: WatchedTopic, i: number) => each.isCurrent && (each.version === told[i] || isKnown(i));
    const untold = watched.find((each, i) => each !== last && !isTold(each, i));
    // One that has not changed for long has an index from which nobody can go on.
    isIdOwed = untold !== undefined || (last !== undefined && feed.since(last.latest!.index, 0).isGone);
    if (untold) untold.isAwaited = true;
    if (!last) return isIdOwed ? undefined : toId(feed.index);
    const end = isIdOwed ? last.latest!.bare : last.latest!.event;
    return news.length > 0 ? concat([...news.map(({ latest }) => latest!.bare), end]) : end;
  };
}
