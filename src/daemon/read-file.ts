import { readFileSync, statSync } from 'node:fs';

/** Nothing that a lookupd reads is as long: 1 MiB. */
const MAX_BYTES = 1024 * 1024;

/** What a file has; nothing that would not end, as a pipe does. Throws an error that names the option and the file. */
export function readSmallFile(option: string, path: string): { text: string; mode: number } {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error('not a file');
    if (stats.size > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`);
    return { text: readFileSync(path, 'utf8'), mode: stats.mode };
  } catch (error) {
    throw new Error(`${option} ${path} cannot be read - ${(error as Error).message}`, { cause: error });
  }
}
