import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodePeerMessage, ReplyDecoder, type PeerMessage, type Reply } from 'nsqlookupd/protocol';
import { identityOf } from '../support/peers.js';

/** A peer that comes and goes at one host name, and what a naive model knows of it. */
export class PeerSlot {
  /** Counts up before and after every change, so that who looked in between can tell. */
  version = 0;
  /** What it carries by the answers it got: topic, and channels of it. */
  readonly carries = new Map<string, Set<string>>();
  readonly host: string;
  readonly #tcpPort: number;
  #socket: Socket | undefined;
  #replies = new ReplyDecoder();

  constructor(host: string, tcpPort: number) {
    this.host = host;
    this.#tcpPort = tcpPort;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Connects and identifies itself, in as many pieces as it likes. */
  async arrive(pieces: number): Promise<void> {
    this.version++;
    const socket = connect(this.#tcpPort, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    this.#replies = new ReplyDecoder();
    const hello: PeerMessage[] = [
      { type: 'magic' },
      { type: 'identify' },
      { type: 'identity', identity: identityOf(this.host) },
    ];
    const bytes = Buffer.concat(hello.map(encodePeerMessage));
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size));
    this.#socket = socket;
    await this.#reply();
    this.version++;
  }

  async register(topic: string, channel: string): Promise<void> {
    this.version++;
    await this.#ask({ type: 'register', topic, channel });
    const channels = this.carries.get(topic) ?? new Set<string>();
    this.carries.set(topic, channel === '' ? channels : channels.add(channel));
    this.version++;
  }

  async unregister(topic: string): Promise<void> {
    this.version++;
    await this.#ask({ type: 'unregister', topic, channel: '' });
    this.carries.delete(topic);
    this.version++;
  }

  ping(): Promise<void> {
    return this.#ask({ type: 'ping' });
  }

  /** Leaves, politely or not. It is gone from the model before it is from the lookupd. */
  leave(way: 'end' | 'reset' | 'nonsense' | 'cut'): void {
    const socket = this.#socket!;
    this.version += 2; // before and after at once: odd is only what is under way
    this.#socket = undefined;
    this.carries.clear();
    if (way === 'reset') socket.resetAndDestroy();
    else if (way === 'cut') socket.destroy();
    else socket.resume().end(way === 'nonsense' ? 'REGISTER ! \n' : 'PING\nREGISTER half-a-li');
  }

  async #ask(message: PeerMessage): Promise<void> {
    this.#socket!.write(encodePeerMessage(message));
    const reply = await this.#reply();
    if (reply.type !== 'ok') throw new Error(`${this.host}: ${JSON.stringify(reply)} to ${JSON.stringify(message)}`);
  }

  async #reply(): Promise<Reply> {
    for (;;) {
      const reply = this.#replies.next();
      if (reply?.type === 'fault') throw new Error(`${this.host}: ${reply.reason}`);
      if (reply) return reply;
      const [bytes] = (await once(this.#socket!, 'data')) as [Buffer];
      this.#replies.push(bytes);
    }
  }
}
