import { encodePeerMessage, ReplyDecoder, type Fault, type PeerMessage, type Reply } from 'nsqlookupd/protocol';
import type { ByteStream } from 'nsqlookupd/tcp';
import { identityOf } from './peers.js';

/** A peer on any stream of bytes: sends messages, awaits answers. */
export class StreamPeer {
  readonly #stream: ByteStream;
  readonly #replies = new ReplyDecoder();
  /** Resolves when the lookupd has ended the conversation, well or badly. */
  readonly over: Promise<void>;
  #wake = () => {};

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.over = new Promise((resolve) => {
      for (const event of ['end', 'close', 'error']) stream.on(event, () => resolve());
    });
    stream.on('data', (bytes: Uint8Array) => {
      this.#replies.push(bytes);
      this.#wake();
    });
  }

  async ask(...messages: PeerMessage[]): Promise<Reply | Fault> {
    for (const message of messages) this.#stream.write(encodePeerMessage(message));
    for (;;) {
      const reply = this.#replies.next();
      if (reply) return reply;
      const more = new Promise<'more'>((resolve) => (this.#wake = () => resolve('more')));
      if ((await Promise.race([more, this.over])) !== 'more') throw new Error('the stream is over');
    }
  }

  /** Magic and IDENTIFY. */
  join(host: string): Promise<Reply | Fault> {
    return this.ask({ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity: identityOf(host) });
  }

  register(topic: string, channel = ''): Promise<Reply | Fault> {
    return this.ask({ type: 'register', topic, channel });
  }

  end(): void {
    this.#stream.end();
  }

  drop(): void {
    this.#stream.destroy();
  }
}
