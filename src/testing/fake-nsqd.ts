import { connectTcp, PeerConnection, type ClientTimers } from '../client/index.js';
import type { Announcement, Identity } from '../protocol/index.js';
import type { ByteStream } from '../tcp/index.js';
import { checkOptions, clientTimers, number } from '../base/options.js';
import { createIdentity, IDENTITY_CHECKS } from './identity.js';

/**
 * An nsqd as a lookupd sees it: it speaks the protocol over any stream of bytes, and does only what it is told. What the
 * lookupd refuses rejects with a `RefusedError` that has the `code`; what is not answered before the connection ends,
 * with a `ClosedError`.
 *
 * @example
 * ```js
 * import { createMemoryLookupd, FakeNsqd } from 'nsqlookupd/testing';
 *
 * const lookupd = createMemoryLookupd();
 * const nsqd = new FakeNsqd('host-1:4150', lookupd.connect());
 * await nsqd.identify();
 * await nsqd.register('orders', 'billing');
 * console.log(lookupd.topology.lookup('orders')?.channels); // [ 'billing' ]
 * nsqd.drop();
 * ```
 */
export class FakeNsqd {
  /** What it tells about itself with IDENTIFY. */
  readonly identity: Identity;
  readonly #connection: PeerConnection;
  #stopPings: () => void = () => undefined;

  /**
   * `name`: `host:port` of its TCP side, from which the rest of what it tells about itself follows; `fields` replace
   * parts of that. Throws a TypeError for another name, and for a field that is unknown or of the wrong kind.
   */
  constructor(name: string, stream: ByteStream, fields: Partial<Identity> = {}) {
    this.identity = { ...createIdentity(name), ...checkOptions('FakeNsqd', fields, IDENTITY_CHECKS) };
    this.#connection = new PeerConnection(stream);
  }

  /** One on a real socket, for a lookupd that listens at `address` (`host:port`). Not yet identified. */
  static async connect(address: string, name: string, fields: Partial<Identity> = {}): Promise<FakeNsqd> {
    return new FakeNsqd(name, await connectTcp(address, new AbortController().signal), fields);
  }

  /** Resolves, with the reason, when the connection has ended. */
  get closed(): Promise<Error> {
    return this.#connection.closed;
  }

  /** Sends the magic and IDENTIFY; answers what the lookupd tells about itself. To be called once, first. */
  identify(): Promise<Announcement> {
    return this.#connection.identify(this.identity);
  }

  /** REGISTER. The name is sent as it is, legal or not. */
  register(topic: string, channel = ''): Promise<void> {
    return this.#connection.send({ type: 'register', topic, channel });
  }

  /** UNREGISTER. Without a channel, the topic goes with all its channels. */
  unregister(topic: string, channel = ''): Promise<void> {
    return this.#connection.send({ type: 'unregister', topic, channel });
  }

  /** PING. */
  ping(): Promise<void> {
    return this.#connection.send({ type: 'ping' });
  }

  /** Bytes as they are, to try what a lookupd makes of them. */
  sendBytes(bytes: Uint8Array): void {
    this.#connection.sendBytes(bytes);
  }

  /** Pings every so many milliseconds of those timers (nsqd: 15,000), until it goes silent or is dropped. */
  pingEvery(ms: number, timers: ClientTimers): void {
    number(1)('ms', ms);
    clientTimers('timers', timers);
    this.goSilent();
    const next = () => {
      const handle = timers.setTimeout(() => {
        next();
        this.ping().catch(() => this.goSilent());
      }, ms);
      this.#stopPings = () => timers.clearTimeout(handle);
    };
    next();
  }

  /** Stops the pings; the connection stays, as with a machine that hangs. */
  goSilent(): void {
    this.#stopPings();
  }

  /** Ends the connection at once, as when a process dies. */
  drop(): void {
    this.goSilent();
    this.#connection.destroy();
  }
}
