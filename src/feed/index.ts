export {
  createFeed,
  DEFAULT_FEED_CAPACITY,
  DEFAULT_FEED_MAX_BYTES,
  type Feed,
  type FeedOptions,
  type Replay,
  type WaitOptions,
} from './feed.js';
export { watchLookup, type WatchLookupOptions } from './watch-lookup.js';
export { watchChanges, type WatchChangesOptions, type WatchedChanges } from './watch-changes.js';
export { createBlockingReads, DEFAULT_WAIT_MS, type BlockingReadsOptions } from './blocking-reads.js';
export { createWatchRoutes, DEFAULT_MAX_WATCHERS, type WatchRoutes, type WatchRoutesOptions } from './watch-routes.js';
export { toChange, type ChangeJson, type PeerJson } from './change-json.js';
export { createRegistryMirror } from './registry-mirror.js';
export type { SnapshotPartJson, SnapshotRegistrationJson } from './registry-events.js';
export type { Watch } from './wakeable.js';
