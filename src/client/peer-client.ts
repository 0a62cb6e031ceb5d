import { isChannelName, isTopicName, type OnError } from '../registry/index.js';
import { callGuarded, printError } from '../base/error-report.js';
import {
  aFunction,
  aPort,
  atLeast,
  checkOptions,
  clientTimers,
  nested,
  number,
  required,
  text,
  type Checks,
} from '../base/options.js';
import { SafeEmitter } from '../base/safe-emitter.js';
import type { Announcement, Identity, TopicMessage } from '../protocol/index.js';
import { parseTcpAddress } from '../base/host-port.js';
import { someLookupds } from './address.js';
import { LookupdLink, type Connect } from './lookupd-link.js';
import { connectTcp, connectTls } from './node-connect.js';
import { TLS_CLIENT_CHECKS, type TlsClientOptions } from '../base/tls-options.js';
import { DEFAULT_TIMERS, type ClientTimers } from '../base/timers.js';

/** How often nsqd pings. */
export const DEFAULT_PING_INTERVAL_MS = 15_000;
/** By when a lookupd must answer. */
export const DEFAULT_PEER_TIMEOUT_MS = 5000;
/** The pause after a first failure. */
export const DEFAULT_MIN_BACKOFF_MS = 100;
/** The longest pause. */
export const DEFAULT_MAX_BACKOFF_MS = 15_000;

/** Who is announced. What is left out is empty; `hostname` is the `broadcastAddress`. */
export type AnnouncedIdentity = Pick<Identity, 'broadcastAddress' | 'tcpPort' | 'httpPort'> & Partial<Identity>;

/** Who is announced, and to whom. */
export interface PeerClientOptions {
  /** `host:port` of the TCP side of each lookupd. */
  readonly lookupds: readonly string[];
  /** Where consumers find the producer. */
  readonly identity: AnnouncedIdentity;
  /** How often each lookupd is pinged. Default 15,000, as nsqd does; a lookup leaves out who is silent for 300,000. */
  readonly pingIntervalMs?: number | undefined;
  /** By when a connection must be up, and a command answered; else the connection is given up. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** The pause after a first failure; it doubles with each, and each is cut by up to half at random. Default 100. */
  readonly minBackoffMs?: number | undefined;
  /** The longest pause. Default 15,000. */
  readonly maxBackoffMs?: number | undefined;
  /** Opens the streams. Default: TCP, in Node. */
  readonly connect?: Connect | undefined;
  /** How lookupds are spoken to over TLS, in Node: by which CA, with which certificate. Default: without TLS. Not with `connect`. */
  readonly tls?: TlsClientOptions | undefined;
  /** What pings, deadlines and pauses go by. Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /** From 0 to 1, for the pauses. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Gets what a listener threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<PeerClientOptions> = {
  lookupds: required(someLookupds),
  identity: required(
    nested<AnnouncedIdentity>({
      broadcastAddress: required(text),
      tcpPort: required(aPort),
      httpPort: required(aPort),
      hostname: text,
      version: text,
      topologyZone: text,
      topologyRegion: text,
    }),
  ),
  pingIntervalMs: number(1),
  timeoutMs: number(1),
  minBackoffMs: number(0),
  maxBackoffMs: number(0),
  connect: aFunction,
  tls: nested(TLS_CLIENT_CHECKS),
  timers: clientTimers,
  random: aFunction,
  onError: aFunction,
};

/** What a `PeerClient` tells. */
export interface PeerClientEvents {
  /** The lookupd at that address knows all that is registered. */
  connected: (address: string, announcement: Announcement) => void;
  /** A connection ended, or could not be had; the next attempt follows by itself. */
  disconnected: (address: string, error: Error) => void;
}

/** How it stands with one lookupd. */
export interface LookupdStatus {
  /** As it was given. */
  readonly address: string;
  /** Whether it knows all that is registered, and the connection is up. */
  readonly isConnected: boolean;
  /** Why the last connection or attempt ended, or what the lookupd has refused; undefined while connected. */
  readonly lastError: Error | undefined;
}

/**
 * Announces a producer to several lookupds over TCP, as nsqd does, so that a service that is not nsqd can be found:
 * connects to each, registers topics and channels, pings, and after any failure connects again, with growing pauses,
 * and registers everything anew. What a full lookupd refuses, and keeps the connection, is tried again with each ping.
 *
 * @example
 * ```js
 * import { PeerClient } from 'nsqlookupd/client';
 * import { createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const lookupd = createMemoryLookupd();
 * const peer = new PeerClient({
 *   lookupds: ['lookupd-1:4160'],
 *   identity: { broadcastAddress: 'gateway.example.com', tcpPort: 9000, httpPort: 9001 },
 *   connect: () => lookupd.connect(), // leave it out, and it is TCP
 * });
 * await peer.register('orders', 'billing');
 * await peer.start();
 * console.log(lookupd.topology.lookup('orders')?.producers[0]?.broadcastAddress); // gateway.example.com
 * await peer.close();
 * ```
 */
export class PeerClient extends SafeEmitter<PeerClientEvents> implements AsyncDisposable {
  readonly #wanted = new Map<string, TopicMessage>();
  readonly #links: readonly LookupdLink[];
  readonly #addresses: readonly string[];
  #state: 'new' | 'started' | 'closed' = 'new';
  #closing: Promise<unknown> | undefined;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. Connects to nothing before `start`. */
  constructor(options: PeerClientOptions) {
    super(checkOptions('PeerClient', options, CHECKS).onError);
    const {
      lookupds,
      tls,
      connect = tls ? (address: string, signal: AbortSignal) => connectTls(address, signal, tls) : connectTcp,
      timers = DEFAULT_TIMERS,
      random = Math.random,
      pingIntervalMs = DEFAULT_PING_INTERVAL_MS,
      timeoutMs = DEFAULT_PEER_TIMEOUT_MS,
      minBackoffMs = DEFAULT_MIN_BACKOFF_MS,
      maxBackoffMs = DEFAULT_MAX_BACKOFF_MS,
      onError = printError,
    } = options;
    atLeast(minBackoffMs, 'maxBackoffMs', maxBackoffMs);
    const identity = toIdentity(options.identity);
    const backoffMs = (failures: number) => {
      let cut = 0;
      callGuarded(onError, 'random threw', () => void (cut = random() / 2));
      return Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(failures, 30)) * (1 - cut);
    };
    this.#addresses = [...new Set(lookupds)];
    if (options.connect && tls) throw new TypeError('PeerClient takes tls or a connect, not both');
    if (!options.connect || connect === connectTcp) this.#addresses.forEach(parseTcpAddress);
    this.#links = this.#addresses.map(
      (address) =>
        new LookupdLink({
          address,
          identity,
          connect,
          timers,
          pingIntervalMs,
          timeoutMs,
          backoffMs,
          wanted: () => this.#wanted.values(),
          onConnected: (announcement) => this.emit('connected', address, announcement),
          onDisconnected: (error) => this.emit('disconnected', address, error),
        }),
    );
  }

  /**
   * Begins to announce. Resolves when each lookupd has been tried once: those that are up then know what is registered;
   * those that are down get it when they are back. Never rejects for a lookupd that is down.
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new TypeError(`a PeerClient starts once, and this one is ${this.#state}`);
    this.#state = 'started';
    await Promise.all(this.#links.map((link) => link.start()));
  }

  /**
   * Adds a topic, or a channel with its topic. Resolves when each lookupd that is up has answered; it may be called before
   * `start`. Throws a TypeError for a name that is not legal.
   */
  async register(topic: string, channel = ''): Promise<void> {
    const message = toMessage('register', topic, channel);
    // A channel's topic is registered with it, and stays when the channel is taken back.
    for (const wanted of [toMessage('register', topic, ''), message]) {
      this.#wanted.set(`${topic} ${wanted.channel}`, wanted);
    }
    await this.#toAll(message);
  }

  /** Takes a topic back, with its channels, or one channel of it. Resolves when each lookupd that is up has answered. */
  async unregister(topic: string, channel = ''): Promise<void> {
    const message = toMessage('unregister', topic, channel);
    for (const [key, wanted] of this.#wanted) {
      if (wanted.topic === topic && (channel === '' || wanted.channel === channel)) this.#wanted.delete(key);
    }
    await this.#toAll(message);
  }

  /** How it stands with each lookupd, in the order in which they were given. */
  get status(): readonly LookupdStatus[] {
    return this.#links.map(({ isConnected, lastError }, i) => ({
      address: this.#addresses[i]!,
      isConnected,
      lastError,
    }));
  }

  /**
   * Ends all connections. Resolves when the lookupds have forgotten the producer, or have not answered within `timeoutMs`.
   * Nothing can be registered after it.
   */
  async close(): Promise<void> {
    this.#state = 'closed';
    await (this.#closing ??= Promise.all(this.#links.map((link) => link.close())));
  }

  /** `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #toAll(message: TopicMessage): Promise<void> {
    if (this.#state === 'closed') throw new TypeError('the PeerClient is closed');
    await Promise.all(this.#links.map((link) => link.send(message)));
  }
}

function toMessage(type: TopicMessage['type'], topic: string, channel: string): TopicMessage {
  if (!isTopicName(topic)) throw new TypeError(`not a legal topic name: ${JSON.stringify(topic)}`);
  if (channel !== '' && !isChannelName(channel)) {
    throw new TypeError(`not a legal channel name: ${JSON.stringify(channel)}`);
  }
  return { type, topic, channel };
}

function toIdentity(identity: AnnouncedIdentity): Identity {
  const { broadcastAddress, tcpPort, httpPort } = identity;
  if (broadcastAddress === '') throw new TypeError('identity must have a broadcastAddress');
  const { hostname = broadcastAddress, version, topologyZone = '', topologyRegion = '' } = identity;
  // A lookupd refuses a version that is empty.
  return { broadcastAddress, tcpPort, httpPort, hostname, version: version || 'unknown', topologyZone, topologyRegion };
}
