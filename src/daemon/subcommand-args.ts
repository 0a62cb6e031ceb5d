import { parseFlags, SettingError, usage } from './flags.js';
import type { SettingTable, ValuesOf } from './settings/setting.js';

/** The flags of a subcommand and its one argument, a URL, which stands first or last. Throws a SettingError. */
export function parseSubcommand<T extends SettingTable>(args: readonly string[], table: T) {
  const rest = [...args];
  let text: string | undefined;
  if (rest[0]?.startsWith('-') === false) text = rest.shift();
  else if (isAlone(rest, table)) text = rest.pop();
  const flags: Partial<ValuesOf<T>> = parseFlags(rest, table);
  return { flags, url: text === undefined ? undefined : toUrl(text) };
}

/** Whether the last is no flag, nor the value of the one before it. */
function isAlone(args: readonly string[], table: SettingTable): boolean {
  const [before = '', last = '-'] = args.slice(-2).length === 2 ? args.slice(-2) : ['', args[0]];
  if (last.startsWith('-')) return false;
  const kind = table[before.replace(/^--?/, '')]?.kind;
  return !before.startsWith('-') || before.includes('=') || kind?.like === '';
}

/** `http://` is meant where no scheme is given. */
function toUrl(text: string): URL {
  try {
    const url = new URL(/^https?:\/\//.test(text) ? text : `http://${text}`);
    if (url.hostname !== '') return url;
  } catch {
    // said below
  }
  throw new SettingError(`not a URL such as http://127.0.0.1:4161: ${JSON.stringify(text)}`);
}

/** The URL of a route, below the path of `base`. */
export function routeAt(base: URL, route: string): string {
  return `${base.origin}${base.pathname.replace(/\/$/, '')}${route}`;
}

/** What `-help` of a subcommand prints. */
export function subcommandUsage(line: string, table: SettingTable): string {
  return usage(table).replace(/^.*\n/, `Usage: ${line}\n`);
}
