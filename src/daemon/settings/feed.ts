import { DEFAULT_MAX_WATCHERS } from '../../feed/index.js';
import { integer } from '../setting-kinds.js';
import { row } from './setting.js';

/** Who is told of changes. */
export const FEED_SETTINGS = {
  'max-watchers': row(
    integer(),
    DEFAULT_MAX_WATCHERS,
    'the most clients that watch at once, over /watch, or wait in a read with an index; with 0 no changes are kept',
    {
      option: 'maxWatchers',
      atLimit: '503 `TOO_MANY_WATCHERS`',
    },
  ),
};
