import { concat } from '../base/bytes.js';
import type { Feed } from './feed.js';
import type { WatchedTopic } from './topic-events.js';
import type { TakeEvents } from './watchers.js';

/** Events are joined up to about so many bytes. */
const PIECE_BYTES = 64 * 1024;

/**
 * What one watcher of some topics gets, who knows what was so at the index. An event has an id only when there is no other left to
 * tell: a client that resumes from it has missed none.
 */
export function createTakeTopics(feed: Feed, watched: readonly WatchedTopic[], index: string): TakeEvents {
  // What the client knows already is not sent again.
  const known = watched.map((each) => index !== '' && !feed.isNewSince(each.topic, index));
  const told = watched.map((each, i) => (known[i] ? each.version : 0));
  return () => {
    const news: WatchedTopic[] = [];
    let bytes = 0;
    for (const [i, each] of watched.entries()) {
      if (bytes >= PIECE_BYTES) break;
      if (each.version === told[i]) continue;
      const isFirst = told[i] === 0 && known[i] && each.version === 1;
      told[i] = each.version;
      // It was first looked up for this watcher, who knows it, unless it has changed since.
      if (isFirst && !feed.isNewSince(each.topic, index)) continue;
      news.push(each);
      bytes += each.event.length;
    }
    const last = news.pop();
    if (!last) return undefined;
    const isAll = watched.every((each, i) => each === last || (each.version === told[i] && each.isCurrent));
    const end = isAll ? last.event : last.bare;
    return news.length > 0 ? concat([...news.map(({ bare }) => bare), end]) : end;
  };
}
