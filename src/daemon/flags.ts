import type { Setting, SettingTable, ValuesOf } from './settings/setting.js';
import { BOOLEAN, type Kind } from './setting-kinds.js';

/** A flag or config value that cannot be taken, in one line. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/**
 * Reads the command line as Go's flag package does: one dash or two, `-flag value` or `-flag=value`, a boolean
 * alone; what a flag of a list or a table is given again is added. Unlike nsqlookupd it refuses an argument that is no flag.
 * Throws a SettingError.
 */
export function parseFlags<T extends SettingTable>(args: readonly string[], table: T): Partial<ValuesOf<T>> {
  const values: Record<string, unknown> = {};
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--' && i === args.length - 1) break;
    const [, given, value] = /^--?([^-=][^=]*)(?:=([^]*))?$/.exec(args[i]!) ?? [];
    if (given === undefined) throw new SettingError(`${JSON.stringify(args[i])} is not a flag`);
    const name = given === 'h' ? 'help' : given;
    const kind = find(table, name)?.kind;
    if (!kind) throw new SettingError(`flag provided but not defined: -${name}`);
    const text = value ?? (kind === BOOLEAN ? 'true' : args[++i]);
    if (text === undefined) throw new SettingError(`flag needs an argument: -${name}`);
    const read = parse(kind, text, `flag -${name}`);
    values[name] = added(kind, values[name], read);
  }
  return values as Partial<ValuesOf<T>>;
}

/** Reads the parsed config file. Throws a SettingError that names the key. */
export function readConfig<T extends SettingTable>(
  config: Readonly<Record<string, unknown>>,
  table: T,
): Partial<ValuesOf<T>> {
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = key.replaceAll('_', '-');
    const setting = key.includes('-') ? undefined : find(table, name);
    if (!setting || setting.commandLineOnly) throw new SettingError(`unknown key ${JSON.stringify(key)}`);
    values[name] = readValue(setting.kind, value, key);
  }
  return values as Partial<ValuesOf<T>>;
}

/** What `-help` prints. */
export function usage(table: SettingTable): string {
  const lines = Object.entries(table).map(([name, { kind, default: value, defaultText, help }]) => {
    const shown = kind.show(value);
    const note = kind === BOOLEAN ? '' : ` (default ${defaultText === undefined ? shown : `${shown}, ${defaultText}`})`;
    return `  -${`${name} ${kind.like}`.trim()}\n        ${help}${note}`;
  });
  return `Usage of nsqlookupd:\n${lines.join('\n')}\n`;
}

/** What to say besides of a line of a config file that is no TOML: a text without quotes is shown with them. */
export function explainLine(line: string, table: SettingTable): string {
  const [, key = '', value = ''] = /^\s*(\w+)\s*=\s*([^\s"'#[\]]+)\s*(?:#.*)?$/.exec(line) ?? [];
  const kind = find(table, key.replaceAll('_', '-'))?.kind;
  return kind?.toml === 'string' && !kind.item ? `; in quotes: ${key} = ${JSON.stringify(value)}` : '';
}

function find(table: SettingTable, name: string): Setting<unknown> | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** What a flag says that is given again. */
function added(kind: Kind<unknown>, before: unknown, read: unknown): unknown {
  if (kind.item) return [...((before as unknown[] | undefined) ?? []), ...(read as unknown[])];
  return kind.toml === 'table' ? { ...(before as object | undefined), ...(read as object) } : read;
}

function readTable({ isEntry, example = '' }: Kind<unknown>, value: unknown, key: string): unknown {
  const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isTable || Object.values(value).some((each) => typeof each !== 'string' && isEntry?.(each) !== true)) {
    throw new SettingError(`key ${key} must be a table of strings, such as ${example}`);
  }
  return value;
}

function readValue(kind: Kind<unknown>, value: unknown, key: string): unknown {
  const { toml, item } = kind;
  if (toml === 'table') return readTable(kind, value, key);
  const { example } = item ?? kind;
  const values = item && Array.isArray(value) ? (value as unknown[]) : [value];
  if (values.some((each) => typeof each !== toml) || (item && !Array.isArray(value))) {
    const such = example === undefined ? '' : `, such as ${example}`;
    throw new SettingError(`key ${key} must be ${item ? `an array, each a ${toml}` : `a ${toml}`}${such}`);
  }
  const read = values.map((each) => parse(item ?? kind, String(each), `key ${key}`));
  return item ? read : read[0];
}

function parse<T>(kind: Kind<T>, text: string, where: string): T {
  const value = kind.parse(text);
  if (value !== undefined) return value;
  const { allowed = kind.like } = kind;
  throw new SettingError(`invalid value ${JSON.stringify(text)} for ${where}${allowed && `: not ${allowed}`}`);
}
