import { DEFAULT_RESTORE_GRACE_MS } from '../../store/index.js';
import { duration, STRING } from '../setting-kinds.js';
import { row } from './setting.js';

/** What outlives the process. */
export const KEEPING_SETTINGS = {
  'data-path': row(STRING, '', 'the folder where the registry is saved across restarts (nothing is saved if empty)', {
    option: 'dataPath',
    none: '',
  }),
  'restore-grace': row(
    duration(),
    DEFAULT_RESTORE_GRACE_MS,
    'how long producers from before a restart stay in the answers if they do not come back',
    { option: 'restoreGraceMs' },
  ),
};
