import type { Feed } from '../feed/index.js';
import type { Authorize, HttpDecorator, RouteRow } from '../http/index.js';
import { pageRoutes, refuseOtherSites } from '../page/index.js';
import type { Clock, Topology } from '../registry/index.js';
import type { LookupdOptions } from './lookupd-options.js';

interface Parts {
  readonly topology: Topology;
  readonly feed: Feed;
  readonly authorize: Authorize | undefined;
  readonly clock: Clock;
}

/** The page of a lookupd. */
export function createPage(
  options: LookupdOptions,
  { topology, feed, authorize, clock }: Parts,
): { readonly routes: readonly RouteRow[]; readonly decorators: readonly HttpDecorator[] } {
  const oldestIndex = () => feed.oldestIndex;
  oldestIndex(); // from now on it records, for who opens the page later
  const routes = pageRoutes({ topology, authorize, sharing: sharingOf(options), oldestIndex, clock });
  return { routes, decorators: [refuseOtherSites] };
}

function sharingOf({ dataPath, store, sharedRedis, sharedRegistry }: LookupdOptions): string {
  if (sharedRegistry !== undefined) return 'shared with other lookupds';
  if (sharedRedis !== undefined) return 'shared over Redis';
  return dataPath === undefined && store === undefined ? 'in memory' : 'kept over restarts';
}
