import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodePeerMessage, type PeerMessage } from 'nsqlookupd/protocol';
import { identityOf } from '../support/peers.js';

const GREETING: PeerMessage[] = [
  { type: 'magic' },
  { type: 'identify' },
  { type: 'identity', identity: identityOf('h1') },
];
const AT_ONCE = 200;

/** Peers that have introduced themselves. */
export async function greet(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const bytes = Buffer.concat(GREETING.map(encodePeerMessage));
  const one = async () => {
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
            if (received < 6) return;
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
