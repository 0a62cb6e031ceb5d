import { DEFAULT_SHARED_GRACE_MS, DEFAULT_SHARED_NAME } from '../../store/index.js';
import { SHARED_NAME } from '../../base/shared-name.js';
import { STRING, duration, type Kind } from '../setting-kinds.js';
import { row } from './setting.js';

const REDIS_URL: Kind<string> = {
  ...STRING,
  parse: (text) => (text === '' || /^rediss?:\/\/./.test(text) ? text : undefined),
  like: 'url',
  allowed: 'a URL that begins with redis:// or rediss://, or nothing',
  example: '"redis://127.0.0.1:6379"',
};

const NAME: Kind<string> = {
  ...STRING,
  parse: (text) => (SHARED_NAME.test(text) ? text : undefined),
  allowed: 'text without braces, and not empty',
};

/** What several lookupds share. */
export const SHARED_SETTINGS = {
  'shared-redis': row(
    REDIS_URL,
    '',
    'redis:// or rediss:// URL over which lookupds share their registry (none if empty)',
    {
      option: 'sharedRedis',
      none: '',
    },
  ),
  'shared-name': row(
    NAME,
    DEFAULT_SHARED_NAME,
    'the name that separates the shared registry from others in the same Redis',
    {
      option: 'sharedName',
    },
  ),
  'shared-grace': row(
    duration(),
    DEFAULT_SHARED_GRACE_MS,
    'how long the peers of a lookupd that is gone stay in the answers if they do not come to another',
    { option: 'sharedGraceMs' },
  ),
};
