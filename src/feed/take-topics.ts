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
  // What the client knows already is not sent again.
  const known = watched.map((each) => index !== '' && !feed.isNewSince(each.topic, index));
  const told = watched.map((each, i) => (known[i] ? each.version : 0));
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
      const isFirst = told[i] === 0 && known[i] && each.version === 1;
      told[i] = each.version;
      // It was first looked up for this watcher, who knows it, unless it has changed since.
      if (isFirst && !feed.isNewSince(each.topic, index)) continue;
      news.push(each);
      bytes += each.event.length;
    }
    start = (start + looked) % watched.length;
    const last = news.pop();
    if (!last && !isIdOwed) return undefined;
    const untold = watched.find((each, i) => each !== last && (each.version !== told[i] || !each.isCurrent));
    // One that has not changed for long has an index from which nobody can go on.
    isIdOwed = untold !== undefined || (last !== undefined && feed.since(last.index, 0).isGone);
    if (untold) untold.isAwaited = true;
    if (!last) return isIdOwed ? undefined : toId(feed.index);
    const end = isIdOwed ? last.bare : last.event;
    return news.length > 0 ? concat([...news.map(({ bare }) => bare), end]) : end;
  };
}
