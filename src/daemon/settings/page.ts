import { BOOLEAN } from '../setting-kinds.js';
import { row } from './setting.js';

/** What there is to look at. */
export const PAGE_SETTINGS = {
  ui: row(BOOLEAN, true, "serve a live page of the topology at /ui, and refuse writes from other sites' pages", {
    option: 'ui',
    atLimit: '403 `OTHER_SITE`',
  }),
};
