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
import type { DaemonLogger } from './stderr-logger.js';

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

const NAME = /\b[a-z]+(?:[A-Z][a-z]*)+\b|\blimits\.\w+/g;
/** What a part or a client does is told behind its name, and may be in words of theirs. */
const OF_OTHERS = /^(?:[A-Z ]+: |client\(|\[)/;

/** The same logger for who has set flags, where the lines name options. */
export function nameFlags(log: DaemonLogger): DaemonLogger {
  const named = (['warn', 'error', 'fatal'] as const).flatMap((level) => {
    const write = log[level]?.bind(log);
    const toLine = (line: string) => (OF_OTHERS.test(line) ? line : line.replace(NAME, toFlag));
    return write ? [[level, (line: string) => write(toLine(line))] as const] : [];
  });
  return Object.assign(Object.create(log) as DaemonLogger, Object.fromEntries(named));
}

function toFlag(option: string): string {
  const [flag] = Object.entries<Setting<unknown>>(SETTINGS).find(([, setting]) => setting.option === option) ?? [];
  return flag === undefined ? option : `-${flag}`;
}
