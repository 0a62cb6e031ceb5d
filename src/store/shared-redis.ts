import { checkOptions, number, required, withMethods, type Checks } from '../base/options.js';
import { sharedName } from '../base/shared-name.js';
import { toLeaving } from './shared-memory.js';
import { openRedis, type RedisClient, type RedisConnection } from './shared-redis-client.js';
import { isOrigin, LEAVE, PUBLISH, readBatch, readRecord, SHARED_FORMAT, writeBatch } from './shared-redis-text.js';
import type {
  NameRecord,
  SharedBatch,
  SharedConnection,
  SharedListener,
  SharedOrigin,
  SharedRegistry,
} from './shared-registry.js';

/** `nsqlookupd`: what the keys in Redis begin with, in braces, so that a cluster keeps them together. */
export const DEFAULT_SHARED_NAME = 'nsqlookupd';
/** 2,000: the entries that the stream keeps; who is further behind reads all anew. */
export const DEFAULT_SHARED_STREAM_LENGTH = 2000;

/** A day: how long names outlive the last lookupd. */
const NAMES_MS = 24 * 3600 * 1000;
const BLOCK_MS = 2000;
/** Entries that are asked for at once. */
const READ_COUNT = 50;
const SCAN_COUNT = 1000;

/** What a registry in Redis is made of. */
export interface RedisRegistryOptions {
  /** A client of `@redis/client`, `redis` or `ioredis`, also of a cluster or sentinels, connected or not: it is duplicated, and itself left alone. */
  readonly client: RedisClient;
  /** What tells this registry from others in the same Redis, without braces. Default `nsqlookupd`. */
  readonly name?: string | undefined;
  /** How many changes the stream keeps, about: from 1 on. Default 2,000. */
  readonly streamLength?: number | undefined;
}

const CHECKS: Checks<RedisRegistryOptions> = {
  client: required(withMethods('a client of @redis/client or ioredis', 'duplicate')),
  name: sharedName,
  streamLength: number(1),
};

/**
 * What carries a shared registry in Redis or Valkey: a hash for each lookupd, one for names, and a stream. It needs no library of
 * its own, but takes a client that the host has. Throws a TypeError that names the option when one is unknown, missing, or of the wrong
 * kind.
 *
 * @example
 * ```js
 * import { createClient } from '@redis/client';
 * import { createRedisRegistry } from 'nsqlookupd/store';
 *
 * const client = createClient({ url: 'redis://127.0.0.1:6379' });
 * const registry = createRedisRegistry({ client, name: 'production' });
 * console.log(typeof registry.connect); // function
 * ```
 */
export function createRedisRegistry(options: RedisRegistryOptions): SharedRegistry {
  const {
    client,
    name = DEFAULT_SHARED_NAME,
    streamLength = DEFAULT_SHARED_STREAM_LENGTH,
  } = checkOptions('createRedisRegistry', options, CHECKS);
  const keys = new Keys(name);
  const place: Place = { at: undefined };
  return {
    connect: async (listener, signal) => {
      const opening = { key: keys.stream, signal, ignored: () => undefined };
      const writing = await openRedis(client, opening);
      try {
        const reading = await openRedis(client, opening);
        const connection = new RedisSharedConnection(writing, reading, keys, streamLength);
        await connection.listen(place, listener);
        return connection;
      } catch (error) {
        writing.close();
        throw error;
      }
    },
  };
}

/** Where reading has come to. */
interface Place {
  at: string | undefined;
}

class Keys {
  readonly names: string;
  readonly stream: string;
  readonly origins: string;
  readonly #start: string;

  constructor(name: string) {
    this.#start = `{${name}}:shared:`;
    this.names = `${this.#start}names`;
    this.stream = `${this.#start}stream`;
    this.origins = `${this.#start}lookupds`;
  }

  of(origin: string): string {
    return `${this.#start}lookupd:${origin}`;
  }
}

class RedisSharedConnection implements SharedConnection {
  readonly #writing: RedisConnection;
  readonly #reading: RedisConnection;
  readonly #keys: Keys;
  readonly #length: string;
  #isClosed = false;

  constructor(writing: RedisConnection, reading: RedisConnection, keys: Keys, length: number) {
    this.#writing = writing;
    this.#reading = reading;
    this.#keys = keys;
    this.#length = String(length);
  }

  /** Goes on from the place, or from the end of the stream if that is before it: another stream than it was. */
  async listen(place: Place, listener: SharedListener): Promise<void> {
    const [last] = toList(await this.#command('XREVRANGE', this.#keys.stream, '+', '-', 'COUNT', '1'));
    const end = last === undefined ? '0-0' : String(toList(last)[0]);
    if (place.at === undefined || isBefore(end, place.at)) place.at = end;
    this.#listen(place, listener).catch((error: unknown) => {
      if (this.#isClosed) return;
      this.close();
      listener.lost(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async publish(batch: SharedBatch, leaseMs: number): Promise<boolean> {
    const { names, stream, origins } = this.#keys;
    const keys = [this.#keys.of(batch.origin), names, stream, origins];
    const times = [leaseMs, NAMES_MS].map(Math.ceil).map(String);
    const reply = await this.#eval(PUBLISH, keys, [writeBatch(batch), batch.origin, ...times, this.#length]);
    return Number(reply) === 1;
  }

  async origins(): Promise<readonly string[]> {
    const reply = await this.#command('SMEMBERS', this.#keys.origins);
    return [...(reply instanceof Set ? reply : toList(reply))].filter(isOrigin);
  }

  async read(origin: string): Promise<SharedOrigin | undefined> {
    const key = this.#keys.of(origin);
    const reply = await this.#command('HMGET', key, 'format', 'number', 'atMs', 'isWhole', 'hasLeft');
    const [format, kept, atMs, isWhole, hasLeft] = toList(reply);
    if (kept === null) await this.#command('SREM', this.#keys.origins, origin);
    if (format !== String(SHARED_FORMAT) || !Number.isFinite(Number(kept)) || !Number.isFinite(Number(atMs)))
      return undefined;
    return {
      number: Number(kept),
      atMs: Number(atMs),
      isWhole: isWhole === '1',
      hasLeft: hasLeft === '1',
      fields: this.#fields(key),
    };
  }

  async *readNames(): AsyncGenerator<readonly NameRecord[], void, undefined> {
    for await (const some of this.#scan(this.#keys.names)) {
      yield some.map(([name, times]) => readRecord(name, times)).filter((record) => record !== undefined);
    }
  }

  async leave(origin: string, keptMs: number): Promise<void> {
    const last = JSON.stringify({ format: SHARED_FORMAT, ...toLeaving(origin), hasLeft: true });
    const keys = [this.#keys.of(origin), this.#keys.stream];
    await this.#eval(LEAVE, keys, [last, String(Math.max(1, Math.ceil(keptMs))), this.#length]);
  }

  close(): void {
    this.#isClosed = true;
    this.#writing.close();
    this.#reading.close();
  }

  async #listen(place: Place, { heard }: SharedListener): Promise<void> {
    for (;;) {
      const asked = ['XREAD', 'COUNT', String(READ_COUNT), 'BLOCK', String(BLOCK_MS), 'STREAMS', this.#keys.stream];
      const reply = await this.#reading.command([...asked, place.at!]);
      for (const [id, fields] of toEntries(reply)) {
        const batch = readBatch(fields[fields.indexOf('batch') + 1]);
        if (this.#isClosed) return;
        if (batch) await heard(batch);
        place.at = id;
      }
      if (this.#isClosed) return;
    }
  }

  async *#fields(key: string): AsyncGenerator<readonly (readonly [string, string])[], void, undefined> {
    for await (const some of this.#scan(key)) {
      yield some.filter(([field]) => field.startsWith(':')).map(([field, value]) => [field.slice(1), value] as const);
    }
  }

  async *#scan(key: string): AsyncGenerator<readonly (readonly [string, string])[], void, undefined> {
    let cursor = '0';
    do {
      const reply = await this.#command('HSCAN', key, cursor, 'COUNT', String(SCAN_COUNT));
      const [next, part] = toList(reply);
      const flat = toList(part);
      cursor = String(next);
      const pairs: (readonly [string, string])[] = [];
      for (let at = 0; at < flat.length; at += 2) pairs.push([String(flat[at]), String(flat[at + 1])]);
      yield pairs;
    } while (cursor !== '0');
  }

  #eval(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#command('EVAL', script, String(keys.length), ...keys, ...args);
  }

  #command(...args: readonly string[]): Promise<unknown> {
    return this.#writing.command(args);
  }
}

/** The entries of XREAD's reply, of the one stream that was asked for: `[[key, entries]]` by RESP2; by RESP3 a map, which ioredis makes flat. */
function toEntries(reply: unknown): readonly (readonly [id: string, fields: readonly unknown[]])[] {
  if (reply === null) return []; // nothing came
  const pairs = typeof reply === 'object' && !Array.isArray(reply) ? Object.entries(reply) : toList(reply);
  const [, entries] = Array.isArray(pairs[0]) ? (pairs[0] as unknown[]) : pairs;
  return toList(entries).map((entry) => [String(toList(entry)[0]), toList(toList(entry)[1])]);
}

/** A list, as it must be; what is none is not from Redis. */
function toList(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new Error('what is there does not answer as Redis does');
  return reply as readonly unknown[];
}

/** Whether one id of a stream is before another. */
function isBefore(id: string, other: string): boolean {
  const [[ms = 0, n = 0], [otherMs = 0, otherN = 0]] = [id, other].map((each) => each.split('-').map(Number)) as [
    number[],
    number[],
  ];
  return ms < otherMs || (ms === otherMs && n < otherN);
}
