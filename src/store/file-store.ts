import { text } from '../base/options.js';
import type { RegistryStore } from './registry-store.js';

/**
 * Keeps a registry in a folder, which is made if it is not there, as the file `registry.snapshot`: written whole to another
 * one, with a checksum, and renamed when it is on the disk. What cannot be read is set aside, as
 * `registry.snapshot.cut-…` or the like. One process at a time may have the folder: resolves when it has been taken; rejects
 * when another one has it, or with the system's error. Throws a TypeError for what is no path.
 *
 * @example
 * ```js
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { createFileStore } from 'nsqlookupd/store';
 *
 * const store = await createFileStore(await mkdtemp(join(tmpdir(), 'registry-')));
 * console.log(await store.load()); // undefined
 * await store.close?.();
 * ```
 */
export async function createFileStore(folder: string): Promise<RegistryStore> {
  text('folder', folder);
  const { openFileStore } = await import('./node-file-store.js');
  return openFileStore(folder);
}
