import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Nothing that a lookupd reads is as long: 1 MiB. */
const MAX_BYTES = 1024 * 1024;

/**
 * What a file has, of one open file, whatever becomes of its path meanwhile; nothing that would not end, as a pipe does. Throws an
 * error that names the option and the file.
 */
export function readSmallFile(option: string, path: string): { text: string; mode: number } {
  try {
    const file = openSync(path, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0)); // a pipe would wait
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw new Error('not a file');
      return { text: readAll(file), mode: stats.mode };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new Error(`${option} ${path} cannot be read - ${(error as Error).message}`, { cause: error });
  }
}

/** However long it was said to be. */
function readAll(file: number): string {
  const bytes = Buffer.allocUnsafe(MAX_BYTES + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length <= MAX_BYTES; length += read)
    read = readSync(file, bytes, length, bytes.length - length, null);
  if (length > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`);
  return bytes.toString('utf8', 0, length);
}
