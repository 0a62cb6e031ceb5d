import { createHash } from 'node:crypto';
import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The longest path of a socket that every system takes. */
const MAX_SOCKET_PATH = 90;
const ATTEMPTS = 5;
/** What follows the name of a socket that is not the first. */
const NUMBER = /^(\.[1-9]\d{0,14})?$/;

/** A folder that this process has. */
export interface FolderLock {
  /** Whether it still has: somebody may have removed the folder, or put another in its place, which another process has. */
  isHeld(): Promise<boolean>;
  /** Lets go of it. */
  release(): Promise<void>;
}

/**
 * Takes a folder for this process. It is held by a socket in the folder, which nobody answers at when the process has ended,
 * however it ended: the next one then has a socket of the next number, as to remove one by its name might remove one that is
 * new. Rejects when another process has it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = await toSocketPath(folder);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const last = Math.max(-1, ...(await numbersOf(path)));
    if (last >= 0 && (await isAnswered(nameOf(path, last)))) break;
    try {
      const lock = await hold(nameOf(path, last + 1));
      if (await isAlone(path, last + 1)) return lock;
      await lock.release();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error; // else another was quicker
    }
  }
  throw new Error(`another process has the folder ${folder}`);
}

function nameOf(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/** Of the sockets that are there. */
async function numbersOf(path: string): Promise<number[]> {
  if (process.platform === 'win32') return []; // a pipe goes with its process
  const names = await readdir(dirname(path));
  const numbers = names
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => name.slice(basename(path).length));
  return numbers.filter((number) => NUMBER.test(number)).map((number) => Number(number.slice(1)));
}

/** Whether nobody answers at another; what was left there by processes that have ended is removed. */
async function isAlone(path: string, own: number): Promise<boolean> {
  for (const number of await numbersOf(path)) {
    if (number === own) continue;
    if (await isAnswered(nameOf(path, number))) return false;
    // It may stay: what cannot be removed, as a folder of that name, is in nobody's way.
    if (number < own) await rm(nameOf(path, number)).catch(() => undefined);
  }
  return true;
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
