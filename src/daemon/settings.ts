import type { LookupdOptions } from './lookupd-options.js';
import { ACCESS_SETTINGS } from './settings/access.js';
import { FEED_SETTINGS } from './settings/feed.js';
import { GENERAL_SETTINGS } from './settings/general.js';
import { DIAGNOSE_SETTINGS } from './settings/diagnose.js';
import { KEEPING_SETTINGS } from './settings/keeping.js';
import { LIMIT_SETTINGS } from './settings/limits.js';
import { OPERATE_SETTINGS } from './settings/operate.js';
import { PAGE_SETTINGS } from './settings/page.js';
import { SHARED_SETTINGS } from './settings/shared.js';
import type { Setting, ValuesOf } from './settings/setting.js';
import { TLS_SETTINGS } from './settings/tls.js';
import { UNION_SETTINGS } from './settings/union.js';
import { ZONE_SETTINGS } from './settings/zones.js';

/** All settings, in the order of the help. */
export const SETTINGS = {
  ...GENERAL_SETTINGS,
  ...TLS_SETTINGS,
  ...ACCESS_SETTINGS,
  ...UNION_SETTINGS,
  ...ZONE_SETTINGS,
  ...OPERATE_SETTINGS,
  ...DIAGNOSE_SETTINGS,
  ...PAGE_SETTINGS,
  ...LIMIT_SETTINGS,
  ...FEED_SETTINGS,
  ...KEEPING_SETTINGS,
  ...SHARED_SETTINGS,
};

export type Settings = ValuesOf<typeof SETTINGS>;

/** The options of `createLookupd` that the settings become, with the defaults of those that are not given. */
export function toLookupdOptions(given: Partial<Settings>): LookupdOptions {
  const options: Record<string, unknown> = {};
  for (const [flag, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const value = given[flag as keyof Settings] ?? (setting.onlyGiven ? undefined : setting.default);
    if (setting.option === undefined || value === undefined || value === setting.none) continue;
    const [option = '', part] = setting.option.split('.');
    options[option] = part === undefined ? value : { ...(options[option] as object | undefined), [part]: value };
  }
  return options;
}

/** A message that names options, for who has set flags. */
export function toFlagNames(message: string): string {
  const flags = new Map<string | undefined, string>();
  for (const [flag, { option }] of Object.entries<Setting<unknown>>(SETTINGS)) flags.set(option, flag);
  return message.replace(/\b[a-z]+(?:[A-Z][a-z]*)+\b|\blimits\.\w+/g, (option) => {
    const flag = flags.get(option);
    return flag === undefined ? option : `-${flag}`;
  });
}
