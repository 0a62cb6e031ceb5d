import { DEFAULT_RESTORE_GRACE_MS } from '../../store/index.js';
import { duration, STRING } from '../setting-kinds.js';
import { row } from './setting.js';

/** What outlives the process. */
export const KEEPING_SETTINGS = {
  'data-path': row(STRING, '', 'a folder in which the registry outlives a restart (nothing is saved if empty)', {
    option: 'dataPath',
    none: '',
  }),
  'restore-grace': row(
    duration(),
    DEFAULT_RESTORE_GRACE_MS,
    'how long producers of before a restart are answered for if they do not come back',
    { option: 'restoreGraceMs' },
  ),
};
