import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodePeerMessage, type PeerMessage } from 'nsqlookupd/protocol';
import { identityOf } from '../support/peers.js';

const greeting = (host: string): PeerMessage[] => [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: identityOf(host) },
];
const AT_ONCE = 200;
/** `OK` with its length before it. */
const OK_BYTES = 6;

/** Peers that have introduced themselves, as `host-0` and so on. */
export async function greet(port: number, count: number, host = 'host'): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const one = async (_: unknown, i: number) => {
    const bytes = Buffer.concat(greeting(`${host}-${sockets.length + i}`).map(encodePeerMessage));
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.write(bytes);
    await once(socket, 'data');
    return socket;
  };
  while (sockets.length < count) {
    const batch = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, one))));
  }
  return sockets;
}

/** Lines answered a second, one at a time on each socket. `lineOf` gives the next line of a socket. */
export async function exchange(
  sockets: Socket[],
  lineOf: (socket: number, i: number) => string,
  ms: number,
): Promise<number> {
  let answered = 0;
  const start = performance.now();
  const end = start + ms;
  await Promise.all(
    sockets.map(
      (socket, s) =>
        new Promise<void>((resolve) => {
          let i = 0;
          let received = 0;
          const onData = (bytes: Buffer) => {
            received += bytes.length;
            if (received < OK_BYTES) return;
            received = 0;
            answered++;
            if (performance.now() < end) socket.write(lineOf(s, i++));
            else {
              socket.off('data', onData);
              resolve();
            }
          };
          socket.on('data', onData);
          socket.write(lineOf(s, i++));
        }),
    ),
  );
  return answered / ((performance.now() - start) / 1000);
}

/** Writes so many lines to a peer's socket, and waits until each is answered `OK`. */
export async function order(socket: Socket, lines: readonly Uint8Array[]): Promise<void> {
  socket.write(Buffer.concat(lines));
  for (let left = lines.length * OK_BYTES; left > 0;) left -= ((await once(socket, 'data')) as [Buffer])[0].length;
}
