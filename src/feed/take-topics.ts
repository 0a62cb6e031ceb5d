import { concat } from '../base/bytes.js';
import type { Feed } from './feed.js';
import { toId } from './sse.js';
import type { WatchedTopic } from './topic-events.js';
import type { TakeEvents } from './watchers.js';

/** Events are joined up to about so many bytes. */
const PIECE_BYTES = 64 * 1024;

/**
 * What one watcher of some topics gets that was told all up to the index. An event has an id only when nothing else is left to tell;
 * otherwise an id follows on its own as soon as nothing is. So a client that resumes from an id has missed nothing.
 */
export function createTakeTopics(feed: Feed, watched: readonly WatchedTopic[], index: string): TakeEvents {
  // How many changes of each the client knows; -1 if it has yet to be told of the topic. Changes are counted, and events not
  // compared: one may have been made when a peer had left or fallen silent, and that change not told yet.
  const known = watched.map(({ topic, changes }) => (index !== '' && !feed.isNewSince(topic, index) ? changes : -1));
  const told = watched.map(() => 0);
  const isNews = (each: WatchedTopic, i: number) => each.version !== told[i] && each.changesTold > known[i]!;
  /** Where to begin: topics that change all the time do not keep the others from their turn. */
  let start = 0;
  let isIdOwed = false;
  return () => {
    const news: WatchedTopic[] = [];
    let bytes = 0;
    let looked = 0;
    for (; looked < watched.length && bytes < PIECE_BYTES; looked++) {
      const i = (start + looked) % watched.length;
      const each = watched[i]!;
      if (isNews(each, i)) {
        told[i] = each.version;
        news.push(each);
        bytes += each.latest!.withId.length;
      } else if (each.version !== told[i]) each.isAwaited = true;
    }
    start = (start + looked) % watched.length;
    const last = news.pop();
    if (!last && !isIdOwed) return undefined;
    const untold = watched.find((each, i) => each !== last && (!each.isCurrent || isNews(each, i)));
    if (untold) untold.isAwaited = true;
    // An event made long ago has an index from which nobody can go on.
    isIdOwed = untold !== undefined || (last !== undefined && feed.since(last.latest!.index, 0).isGone);
    if (!last) return isIdOwed ? undefined : toId(feed.index);
    const end = isIdOwed ? last.latest!.withoutId : last.latest!.withId;
    return news.length > 0 ? concat([...news.map(({ latest }) => latest!.withoutId), end]) : end;
  };
}
