import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';

/** How much of what a connection sends is parsed in one turn of the event loop: some hundred requests. */
const BYTES_PER_TURN = 4096;

/**
 * Has a server parse long chunks in slices, a turn of the event loop each. `node:http` parses all of 64 KiB in one go, which may be
 * 1,900 requests, and goes on though the connection was paused at the first. Where the server is not Node's own, nothing changes.
 */
export function sliceReads(server: Server | HttpsServer): void {
  const event = 'setSecureContext' in server ? 'secureConnection' : 'connection';
  const [usual] = server.listeners(event) as ((socket: Socket) => void)[];
  if (!(server instanceof NetServer) || !usual) return;
  server.off(event, usual);
  server.on(event, (socket: Socket) => {
    usual.call(server, socket);
    slice(socket);
  });
}

/** Stands between a connection and the listener with which `node:http` parses. */
function slice(socket: Socket): void {
  const [parse] = socket.listeners('data') as ((bytes: Buffer) => void)[];
  if (!parse) return;
  socket.off('data', parse);
  socket.on('data', (bytes: Buffer) => {
    if (!('parser' in socket && socket.parser)) return; // `node:http` has let go of it, as after a CONNECT
    if (bytes.length <= BYTES_PER_TURN) return parse(bytes);
    parse(bytes.subarray(0, BYTES_PER_TURN));
    const isPaused = socket.isPaused(); // as it is while requests wait; then it goes on when they do not
    if (!isPaused) socket.pause();
    socket.unshift(bytes.subarray(BYTES_PER_TURN));
    if (!isPaused) setImmediate(() => socket.resume());
  });
}
