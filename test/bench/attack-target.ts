import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fetchRaw } from '../support/command-lookupd.js';
import type { Probe } from './probe.js';
import type { QuietCommand } from './quiet-command.js';
import { greet, order } from './tcp-load.js';

const AT_ONCE = 20_000;

/** The command under attack, and all connections that an attack has to it. */
export class AttackTarget {
  readonly command: QuietCommand;
  readonly probe: Probe;
  readonly #sockets: Socket[] = [];

  readonly #onBegin: () => void;

  constructor(command: QuietCommand, probe: Probe, onBegin: () => void) {
    this.command = command;
    this.probe = probe;
    this.#onBegin = onBegin;
  }

  /** From here on the attack is measured, by a probe that asks for that path. */
  async begin(path?: string): Promise<void> {
    await this.probe.start(path);
    this.#onBegin();
  }

  async peers(count: number): Promise<Socket[]> {
    const peers = await greet(this.command.tcpPort, count);
    this.#keep(...peers);
    return peers;
  }

  /** Connections that have said nothing so far. */
  connections(count: number, port: number): Socket[] {
    return Array.from({ length: count }, () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      this.#keep(socket);
      return socket;
    });
  }

  /** Has a peer write `count` lines, some thousands at once, each answered `OK`. */
  async tell(peer: Socket, count: number, lineOf: (i: number) => string): Promise<void> {
    for (let from = 0; from < count; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, count - from);
      await order(
        peer,
        Array.from({ length }, (_, i) => Buffer.from(`${lineOf(from + i)}\n`)),
      );
    }
  }

  /** As many peers, each with `each` registrations by those lines. */
  async filled(peers: number, each: number, lineOf: (peer: number, i: number) => string): Promise<Socket[]> {
    const sockets = await this.peers(peers);
    await Promise.all(sockets.map((socket, p) => this.tell(socket, each, (i) => lineOf(p, i))));
    return sockets;
  }

  /** As many peers whose five fields are that text; answers how many were taken. */
  async introduce(count: number, field: string): Promise<number> {
    const names = ['broadcast_address', 'hostname', 'version', 'topology_zone', 'topology_region'];
    const fields = Object.fromEntries(names.map((name) => [name, field]));
    const body = Buffer.from(JSON.stringify({ ...fields, tcp_port: 4150, http_port: 4151 }));
    const size = Buffer.alloc(4);
    size.writeInt32BE(body.length);
    const bytes = Buffer.concat([Buffer.from('  V1IDENTIFY\n'), size, body]);
    let taken = 0;
    for (const socket of this.connections(count, this.command.tcpPort)) {
      socket.write(bytes);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      if (!answer.includes('E_')) taken++;
    }
    return taken;
  }

  /** Makes one request, and reads its answer to the end. */
  ask(path: string, method = 'GET') {
    return fetchRaw(this.command.httpPort, method, path);
  }

  /** Ends every connection of the attack. */
  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(...sockets: Socket[]): void {
    // The attacked one may throw out whom it wants.
    for (const socket of sockets) this.#sockets.push(socket.on('error', () => {}));
  }
}

/** Waits for as many answers to pipelined requests, or the end of the connection. */
export function answers(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    let tail = '';
    const onData = (bytes: Buffer) => {
      const text = tail + bytes.toString('latin1');
      seen += text.split('HTTP/1.1 ').length - 1;
      tail = text.slice(-8);
      if (seen >= count) settle();
    };
    const settle = () => {
      socket.off('data', onData).off('close', settle);
      resolve();
    };
    socket.on('data', onData).on('close', settle);
  });
}
