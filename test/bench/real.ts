/** Work for a command over TCP, ours or the one that `NSQLOOKUPD_BIN` names. */
import type { Socket } from 'node:net';
import { encodePeerMessage } from 'nsqlookupd/protocol';
import { startQuietly, type QuietCommand } from './quiet-command.js';
import { exchange, greet, order } from './tcp-load.js';
import { CHANGE_EVERY_MS, changeAt, CHANGES_AT_ONCE, NODES, registrationsOf, WORLDS } from './worlds.js';

const LINES_AT_ONCE = 500;

/** Fills it over TCP, as nsqds do. */
export async function fill({ tcpPort }: QuietCommand, world: string): Promise<Socket[]> {
  const peers = await greet(tcpPort, NODES);
  const lines = peers.map((): Uint8Array[] => []);
  for (const { node, topic, channel } of registrationsOf(WORLDS[world]!)) {
    lines[node]!.push(encodePeerMessage({ type: 'register', topic, channel }));
  }
  await Promise.all(
    peers.map(async (peer, i) => {
      for (let at = 0; at < lines[i]!.length; at += LINES_AT_ONCE) {
        await order(peer, lines[i]!.slice(at, at + LINES_AT_ONCE));
      }
    }),
  );
  return peers;
}

/** Changes it 5,000 times a second. */
export function change(peer: Socket, isItself: boolean): NodeJS.Timeout {
  let turn = 0;
  peer.resume();
  return setInterval(() => {
    const lines = Array.from({ length: CHANGES_AT_ONCE }, () =>
      encodePeerMessage({ ...changeAt(turn++, isItself), channel: '' }),
    );
    peer.write(Buffer.concat(lines));
  }, CHANGE_EVERY_MS);
}

export async function realTcp(
  program: string,
  count: number,
  lineOf: (socket: number, i: number) => string,
  ms: number,
): Promise<number> {
  await using command = await startQuietly([], program);
  const sockets = await greet(command.tcpPort, count);
  try {
    return await exchange(sockets, lineOf, ms);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
