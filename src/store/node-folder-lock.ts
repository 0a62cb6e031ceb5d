import { createHash } from 'node:crypto';
import { realpath, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The longest path of a socket that every system takes. */
const MAX_SOCKET_PATH = 100;

/**
 * Takes a folder for this process, and gives what lets go of it. It is held by a socket in the folder, which nobody answers
 * at when the process has ended, however it ended. Rejects when another process has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
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

function hold(path: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref().once('error', reject);
    server.listen(path, () => resolve(() => letGo(server)));
  });
}

function letGo(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** Whether what was left there by a process that has ended is out of the way. */
async function clearAway(path: string): Promise<boolean> {
  if (await isAnswered(path)) return false;
  // Another process may be at this as well: only one of us gets it by its name, and it may be the other's new one.
  const aside = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    await rename(path, aside);
  } catch {
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
