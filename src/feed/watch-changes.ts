import { aSignal, checkOptions, text, type Checks } from '../base/options.js';
import type { Change } from '../registry/index.js';
import { ALL, Feed } from './feed.js';
import { Wakeable, type Watch } from './wakeable.js';

/** From where, and until when, changes are watched. */
export interface WatchChangesOptions {
  /** After which index. Default: from now on. */
  readonly since?: string | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Changes in order, up to an index; or that some were missed, so that the registry is to be looked at anew. */
export type WatchedChanges =
  | { readonly isGone: false; readonly changes: readonly Change[]; readonly index: string }
  | { readonly isGone: true; readonly index: string };

const CHECKS: Checks<WatchChangesOptions> = { since: text, signal: aSignal };

/** The most changes that are given at once. */
const MOST = 1000;

/**
 * Every change of a feed, in order, until the signal, the end of the loop, or of the feed. Who is slower than the feed can
 * remember is told that some were missed (`isGone`), and goes on from now. Throws a TypeError for what is wrong with the options.
 *
 * @example
 * ```js
 * import { createFeed, watchChanges } from 'nsqlookupd/feed';
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const feed = createFeed(topology);
 * const watch = watchChanges(feed);
 * topology.createTopic('orders');
 * const { value } = await watch.next();
 * if (value && !value.isGone) console.log(value.changes[0]?.type); // registrationAdded
 * feed.close();
 * ```
 */
export function watchChanges(feed: Feed, options: WatchChangesOptions = {}): Watch<WatchedChanges> {
  if (!(feed instanceof Feed)) throw new TypeError('feed must be what createFeed makes');
  const { since = feed.index, signal } = checkOptions('watchChanges', options, CHECKS);
  let index = since;
  const take = (): { readonly value: WatchedChanges } | undefined => {
    const replay = feed.since(index, MOST);
    if (replay.isGone) {
      index = feed.index;
      return { value: { isGone: true, index } };
    }
    const { changes } = replay;
    if (changes.length === 0) {
      if (feed.isClosed) watch.finish();
      return undefined;
    }
    index = feed.indexOf(changes.at(-1)!.revision);
    return { value: { isGone: false, changes, index } };
  };
  const stop = feed.listen(ALL, () => watch.wake());
  const watch = new Wakeable(take, () => stop(), signal);
  return watch;
}
