import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import { WorkQueue } from '../base/work-queue.js';

/** How much of what a connection sends is parsed in one turn of the event loop: some hundred requests. */
const BYTES_PER_TURN = 4096;
/** A request that is no longer than most is parsed at once. */
export const MAX_SHORT_BYTES = 1024;
/** So much of a head is about a microsecond's work. */
const BYTES_PER_STEP = 32;
const END_OF_HEAD = '\r\n\r\n';

/**
 * Has a server parse long chunks in slices, a turn of the event loop each, and of all connections together no more in a turn than
 * a `WorkQueue` has steps for. `node:http` parses all of 64 KiB in one go, which may be 1,900 requests, and goes on though the
 * connection was paused at the first. Where the server is not Node's own, nothing changes.
 */
export function sliceReads(server: Server | HttpsServer): void {
  const event = 'setSecureContext' in server ? 'secureConnection' : 'connection';
  const [usual] = server.listeners(event) as ((socket: Socket) => void)[];
  if (!(server instanceof NetServer) || !usual) return;
  const work = new WorkQueue();
  server.off(event, usual);
  server.on(event, (socket: Socket) => {
    usual.call(server, socket);
    slice(socket, work);
  });
}

/** What `node:http` keeps with a connection. */
export interface HttpSocket extends Socket {
  /** None when it has let go of it, as after a CONNECT. */
  readonly parser?: unknown;
  /** Whether it waits for the client to read: it throws at what comes then, whoever has resumed the connection. */
  readonly _paused?: boolean;
}

/** Stands between a connection and the listener with which `node:http` parses. */
function slice(socket: HttpSocket, work: WorkQueue): void {
  const [parse] = socket.listeners('data') as ((bytes: Buffer) => void)[];
  if (!parse) return;
  let goingOn: NodeJS.Immediate | undefined;
  let mayParse = false;
  let isWaiting = false;
  const parseNext = () => {
    isWaiting = false;
    mayParse = true;
    socket.resume();
  };
  const hold = (bytes: Buffer) => socket.pause().unshift(bytes);
  socket.off('data', parse);
  socket.on('data', (bytes: Buffer) => {
    clearImmediate(goingOn);
    if (!socket.parser || socket.destroyed) return;
    if (socket._paused === true) return hold(bytes);
    if (isWaiting) return hold(bytes);
    if (bytes.length > MAX_SHORT_BYTES && !mayParse) {
      const steps = Math.min(bytes.length, BYTES_PER_TURN) / BYTES_PER_STEP;
      if (!work.isFree) {
        isWaiting = true;
        void work.turn(steps).then(parseNext);
        return hold(bytes);
      }
      work.spend(steps);
    }
    mayParse = false;
    const end = socket.readableEnded ? bytes.length : endOfSlice(bytes); // nothing can be put back behind the end
    parse(bytes.subarray(0, end));
    if (end === bytes.length || !socket.parser || socket.destroyed) return;
    const isPaused = socket.isPaused(); // by who will resume it
    hold(bytes.subarray(end));
    if (!isPaused) goingOn = setImmediate(() => socket.resume());
  });
}

/** Behind the last head in the slice, if there is one. A request that is held back has not begun, and its time does not run. */
export function endOfSlice(bytes: Buffer, most = BYTES_PER_TURN): number {
  const end = bytes.lastIndexOf(END_OF_HEAD, most - END_OF_HEAD.length);
  return end < 0 ? Math.min(bytes.length, most) : end + END_OF_HEAD.length;
}
