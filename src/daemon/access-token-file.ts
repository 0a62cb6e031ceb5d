import { allowTokens, type Access, type AccessTable } from '../http/index.js';
import { readSmallFile } from './read-file.js';

/** What a file of tokens says. */
export interface TokenFile {
  readonly tokens: AccessTable;
  /** Who may what by the name in a certificate. */
  readonly names: AccessTable;
  /** What is unwise about it. */
  readonly warnings: readonly string[];
}

const OTHERS_MAY_READ = 0o004;
const OTHERS_MAY_WRITE = 0o002;
/** Fewer can be guessed. */
const SHORT_LENGTH = 16;
const NAME = 'cn:';

/**
 * Reads lines `TOKEN read`, `TOKEN write` and `cn:NAME read|write`; empty ones, and those that begin with `#`, say nothing. Throws an
 * error that names the file and the line and shows no token: for another line, the same token twice, or none at all; for a file
 * that others may write to.
 */
export function readTokenFile(path: string, option = 'authTokenFile'): TokenFile {
  const { text, mode } = readSmallFile(option, path);
  const fail = (what: string): never => {
    throw new Error(`${option} ${path}: ${what}`);
  };
  if (process.platform !== 'win32' && mode & OTHERS_MAY_WRITE) fail('anybody may write to it');
  const tokens = new Map<string, Access>();
  const names = new Map<string, Access>();
  const warnings: string[] = [];
  if (process.platform !== 'win32' && mode & OTHERS_MAY_READ) warnings.push(`${option} ${path}: anybody may read it`);
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, who = '', access] = /^\s*([!-~]{1,256})[ \t]+(read|write)\s*$/.exec(line) ?? [];
    if (access === undefined || who === NAME) fail(`line ${i + 1} is not TOKEN read or TOKEN write`);
    const isName = who.startsWith(NAME);
    const table = isName ? names : tokens;
    const key = isName ? who.slice(NAME.length) : who;
    if (table.has(key)) fail(`line ${i + 1} has what an earlier line has`);
    if (!isName && key.length < SHORT_LENGTH)
      warnings.push(`${option} ${path}: the token of line ${i + 1} is short enough to be guessed`);
    table.set(key, access as Access);
  }
  if (tokens.size + names.size === 0) fail('there is no token in it');
  const known = { tokens: Object.fromEntries(tokens), names: Object.fromEntries(names) };
  try {
    allowTokens(known.tokens); // which takes only so many
  } catch (error) {
    fail((error as Error).message);
  }
  return { ...known, warnings };
}
