import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { lockFolder, type FolderLock } from './node-folder-lock.js';
import { UnreadableError, type RegistryStore, type UnreadableReason } from './registry-store.js';

const FILE = 'registry.snapshot';
const NEW_FILE = 'registry.snapshot.new';
/** The last line: a checksum of all before it. */
const CHECKSUM = /^sha256 ([0-9a-f]{64})\n$/;
const CHECKSUM_LENGTH = 'sha256 \n'.length + 64;
/** How every file begins. */
const HEAD = '{"nsqlookupd":"registry"';

const READ_BYTES = 256 * 1024;

/** What a disk says that cannot be written to now: it may be later. */
const UNWRITABLE = ['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT', 'EIO'];

/** Takes a folder, which is made if it is not there. One that cannot be written to is taken with the first save that can. */
export async function openFileStore(folder: string): Promise<FileStore> {
  const store = new FileStore(folder);
  await store.take().catch((error: unknown) => {
    if (!UNWRITABLE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  });
  return store;
}

/** A `RegistryStore` in a folder, which `createFileStore` makes. */
export class FileStore implements RegistryStore {
  readonly #folder: string;
  #lock: FolderLock | undefined;

  /** @internal */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder and takes it, unless it has it. Rejects when another process does, or with the system's error. @internal */
  async take(): Promise<void> {
    if (this.#lock && (await this.#lock.isHeld())) return;
    await this.close();
    await makeFolder(resolve(this.#folder));
    this.#lock = await lockFolder(this.#folder);
  }

  /** What was saved last, when its checksum is right; undefined if nothing was. Rejects with an UnreadableError. */
  async load(): Promise<AsyncIterable<string> | undefined> {
    let file: FileHandle;
    try {
      file = await open(join(this.#folder, FILE), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const length = await verify(file);
      return readText(file, length);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** See `RegistryStore`. */
  async save(chunks: AsyncIterable<string>): Promise<void> {
    await this.take();
    const path = join(this.#folder, NEW_FILE);
    // What a process that was killed has left there, or somebody has put there, as a link to what is not ours.
    await rm(path, { recursive: true, force: true });
    const file = await open(path, 'wx', 0o600);
    try {
      const hash = createHash('sha256');
      for await (const chunk of chunks) {
        const bytes = Buffer.from(chunk);
        hash.update(bytes);
        await file.writeFile(bytes);
      }
      await file.writeFile(`sha256 ${hash.digest('hex')}\n`);
      await file.sync();
    } catch (error) {
      await file.close();
      await rm(path, { force: true }).catch(() => undefined);
      throw error;
    }
    await file.close();
    await rename(path, join(this.#folder, FILE));
    await syncFolder(this.#folder);
  }

  /** Renames what cannot be read, so that it can be looked at. */
  async setAside(why: UnreadableReason): Promise<void> {
    const when = new Date().toISOString().replaceAll(':', '-');
    await rename(join(this.#folder, FILE), join(this.#folder, `${FILE}.${why}-${when}`));
  }

  /** Lets others have the folder. */
  async close(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }
}

/** As `mkdir -p`; Node's own never ends below `/proc`. */
async function makeFolder(path: string, isLast = false): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere =
      code === 'ENOENT'
        ? false
        : await stat(path).then(
            (found) => found.isDirectory(),
            () => false,
          );
    if (isThere) return;
    if (code !== 'ENOENT' || isLast || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path, true);
  }
}

/** How long the text is before its checksum. Throws an UnreadableError if that is not right. */
async function verify(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const length = Math.max(0, size - CHECKSUM_LENGTH);
  const [, expected] = CHECKSUM.exec((await readAt(file, length, size)).toString('latin1')) ?? [];
  if (expected === undefined) throw new UnreadableError((await isForeign(file)) ? 'foreign' : 'cut');
  const hash = createHash('sha256');
  for await (const bytes of readBytes(file, length)) hash.update(bytes);
  if (hash.digest('hex') !== expected) throw new UnreadableError('corrupt');
  return length;
}

async function isForeign(file: FileHandle): Promise<boolean> {
  const start = (await readAt(file, 0, HEAD.length)).toString('latin1');
  return !HEAD.startsWith(start);
}

async function readAt(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
  return buffer.subarray(0, bytesRead);
}

async function* readBytes(file: FileHandle, length: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < length;) {
    const bytes = await readAt(file, at, Math.min(length, at + READ_BYTES));
    if (bytes.length === 0) throw new UnreadableError('cut');
    at += bytes.length;
    yield bytes;
  }
}

async function* readText(file: FileHandle, length: number): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  try {
    for await (const bytes of readBytes(file, length)) yield decoder.decode(bytes, { stream: true });
  } finally {
    await file.close();
  }
}

/** Not before the folder is on the disk does the file have its new name after a power failure. Windows has no such thing. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
