import type { OnError } from '../base/error-report.js';
import type { Logger } from '../base/logger.js';
import { SafeEmitter } from '../base/safe-emitter.js';
import { finish, type Steps } from '../base/work-queue.js';
import { Capacity } from './capacity.js';
import { withoutBrackets } from './peer-info.js';
import { channelRegistration, topicRegistration, type Registration } from './registration.js';
import { describe, removing, removingChannels, toLine } from './removal.js';
import type { OperatorWrite } from './topology-answers.js';
import { DEFAULT_MAX_REGISTRATIONS, DEFAULT_MAX_REGISTRY_BYTES, type TopologyOptions } from './topology-options.js';
import { TopologyReads } from './topology-reads.js';

/** The part of the registry that what is made without a producer does not get. */
const RESERVED_FOR_PEERS = 0.1;

/** What operators write to a `Topology`. */
export class OperatorWrites extends TopologyReads {
  /** What the registry may hold. */
  readonly capacity: Capacity;
  readonly #log: Logger;
  readonly #events: SafeEmitter<{ writes: (write: OperatorWrite) => void }>;

  /** Takes options that have been checked, with a logger that never throws. */
  constructor(options: TopologyOptions & { readonly log: Logger; readonly onError: OnError }) {
    super(options);
    const {
      db,
      log,
      maxRegistrations: size = DEFAULT_MAX_REGISTRATIONS,
      maxRegistryBytes: bytes = DEFAULT_MAX_REGISTRY_BYTES,
    } = options;
    this.#log = log;
    this.#events = new SafeEmitter(options.onError);
    this.capacity = new Capacity(db, { size, bytes }, (registration) =>
      log.warn?.(`DB: removing ${describe(registration)} to make room`),
    );
  }

  /** Adds a topic that needs no producer. False, with nothing changed, if that would pass a limit. */
  createTopic(topic: string): boolean {
    return this.#create(topicRegistration(topic));
  }

  /** Adds a channel, and its topic, that need no producer. False, with nothing changed, if that would pass a limit. */
  createChannel(topic: string, channel: string): boolean {
    return this.#create(channelRegistration(topic, channel), topicRegistration(topic));
  }

  /** Removes a topic with its channels; its producers come back when they register again. */
  deleteTopic(topic: string): void {
    finish(this.deletingTopic(topic));
  }

  /** The same in steps, as a topic may have many channels, and many producers. */
  *deletingTopic(topic: string): Steps {
    this.#told({ type: 'delete', topic, channel: '' });
    yield* removingChannels(this.db, this.#log, topic);
    yield* removing(this.db, this.#log, topicRegistration(topic));
  }

  /** Removes a channel. False if there is none. */
  deleteChannel(topic: string, channel: string): boolean {
    return finish(this.deletingChannel(topic, channel));
  }

  /** The same in steps, as a channel may have many producers. */
  *deletingChannel(topic: string, channel: string): Steps<boolean> {
    this.#told({ type: 'delete', topic, channel });
    return yield* removing(this.db, this.#log, channelRegistration(topic, channel));
  }

  /**
   * Hides the producers of a topic at a node from lookups for the tombstone lifetime, and answers how many.
   * `node` is `broadcast address:http port`, an IPv6 address with or without brackets.
   */
  tombstone(topic: string, node: string): number {
    return this.#tombstone('tombstone', topic, node);
  }

  /**
   * Ends the tombstones of a topic's producers at a node, which `tombstone` names alike, before their time, and answers how many.
   */
  untombstone(topic: string, node: string): number {
    return this.#tombstone('untombstone', topic, node);
  }

  /**
   * Calls the listener before each write of an operator's, also one that will change nothing. Answers a function that ends it. What
   * it throws goes to `onError`.
   */
  onWrite(listener: (write: OperatorWrite) => void): () => void {
    const own = (write: OperatorWrite) => listener(write);
    this.#events.on('writes', own);
    return () => void this.#events.off('writes', own);
  }

  #create(...registrations: readonly Registration[]): boolean {
    const { db } = this;
    const added = registrations.filter((registration) => !db.hasRegistration(registration));
    const create = () => {
      for (const { key, subkey } of registrations) this.#told({ type: 'create', topic: key, channel: subkey });
      for (const registration of registrations) {
        db.renewIdle(registration);
        this.#log.info?.(toLine('adding', registration));
      }
      for (const registration of added) db.addRegistration(registration);
    };
    return this.capacity.grow(added, 0, create, RESERVED_FOR_PEERS);
  }

  #told(write: OperatorWrite): void {
    this.#events.emit('writes', write);
  }

  #tombstone(type: 'tombstone' | 'untombstone', topic: string, node: string): number {
    this.#told({ type, topic, node });
    const isEnd = type === 'untombstone';
    const now = this.clock();
    const atMs = isEnd ? Math.min(0, now - this.lifetimes.tombstoneLifetimeMs) : now;
    this.#log.info?.(`DB: ${isEnd ? 'ending' : 'setting'} tombstone for producer@${node} of topic(${topic})`);
    const { db } = this;
    const registration = topicRegistration(topic);
    return db.peersAt(withoutBrackets(node)).filter((peer) => {
      const isMeant = !isEnd || db.getProducer(registration, peer)?.tombstonedAtMs !== undefined;
      return isMeant && db.tombstone(registration, peer, atMs);
    }).length;
  }
}
