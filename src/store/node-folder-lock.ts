import { createHash } from 'node:crypto';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path of a socket that every system takes. */
const MAX_SOCKET_PATH = 100;

/** A folder that this process has. */
export interface FolderLock {
  /** Whether it still has: somebody may have removed the folder, or put another in its place, which another process has. */
  isHeld(): Promise<boolean>;
  /** Lets go of it. */
  release(): Promise<void>;
}

/**
 * Takes a folder for this process. It is held by a socket in the folder, which nobody answers at when the process has ended,
 * however it ended. Rejects when another process has it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = await toSocketPath(folder);
  for (let attempt = 0; ; attempt++) {
    try {
      return await hold(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (attempt === 3 || !(await clearAway(path))) throw new Error(`another process has the folder ${folder}`);
    }
  }
}

/** In the folder; elsewhere, under a name of its own, where that would be too long. */
async function toSocketPath(folder: string): Promise<string> {
  const real = await realpath(folder);
  const name = `nsqlookupd-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const inside = join(real, 'lock');
  return Buffer.byteLength(inside) <= MAX_SOCKET_PATH ? inside : join(tmpdir(), name);
}

async function hold(path: string): Promise<FolderLock> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve);
  });
  const own = await identify(path);
  return {
    isHeld: async () => (await identify(path)) === own,
    // To close it removes what has its name, which is not to be another's.
    release: async () => {
      const there = await identify(path);
      if (there === own || there === undefined)
        await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** Tells one file from another of the same name; undefined for none. */
async function identify(path: string): Promise<string | undefined> {
  if (process.platform === 'win32') return path; // a pipe is there for as long as its server
  const found = await stat(path).catch(() => undefined);
  return found && `${found.dev} ${found.ino} ${found.birthtimeMs}`;
}

/** Whether what was left there by a process that has ended is out of the way. */
async function clearAway(path: string): Promise<boolean> {
  if (await isAnswered(path)) return false;
  // Another process may be at this as well: only one of us gets it by its name, and it may be the other's new one.
  const aside = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // the disk is read-only, say
    return true;
  }
  if (await isAnswered(aside)) {
    await rename(aside, path);
    return false;
  }
  await rm(aside, { force: true });
  return true;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // Any other error, as of a queue that is full or a socket of another user, says that there is somebody.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
