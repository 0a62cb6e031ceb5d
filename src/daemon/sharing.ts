import { number, withMethods, type Check, type Checks } from '../base/options.js';
import { sharedName } from '../base/shared-name.js';
import type { Condition, Found, Metric } from '../operate/index.js';
import type { Logger, OnError, Topology } from '../registry/index.js';
import type { RedisClient, SharedRegistry, SharedStatus, SharedTopology } from '../store/index.js';

/** What a lookupd shares with others, if it does. */
export interface SharingOptions {
  /**
   * The Redis or Valkey over which lookupds share their registry: a URL (`redis:` or `rediss:`; `@redis/client`, `redis` or `ioredis` is to be
   * installed), or a client of one of these that the host has, also of a cluster or sentinels, which is duplicated. Default: nothing is shared.
   */
  readonly sharedRedis?: string | RedisClient | undefined;
  /** Instead of Redis, what else carries it. Default: what `sharedRedis` says. */
  readonly sharedRegistry?: SharedRegistry | undefined;
  /** The name that separates the registry from others in the same Redis: the same for all lookupds that share it. Not empty, and without braces. Default
   * `nsqlookupd`. */
  readonly sharedName?: string | undefined;
  /**
   * How long the peers of a lookupd that is gone stay in the answers if they do not come to another: milliseconds from 0 on. Default
   * 45,000.
   */
  readonly sharedGraceMs?: number | undefined;
}

const aUrlOrClient: Check = (name, value) => {
  if (typeof value !== 'string') withMethods('a URL or a client of @redis/client or ioredis', 'duplicate')(name, value);
  else if (!/^rediss?:\/\//.test(value) || !URL.canParse(value))
    throw new TypeError(`${name} must be a URL that begins with redis:// or rediss://`); // which is not shown: it may hold a password
};

export const SHARING_CHECKS: Checks<SharingOptions> = {
  sharedRedis: aUrlOrClient,
  sharedRegistry: withMethods('a SharedRegistry', 'connect'),
  sharedName,
  sharedGraceMs: number(0),
};

interface SharingParts extends SharingOptions {
  readonly topology: Topology;
  readonly log: Logger;
  readonly onError: OnError;
}

/** Shares the registry of a lookupd from before it listens until its peers go. */
export class Sharing {
  readonly #options: SharingParts;
  #shared: SharedTopology | undefined;

  constructor(options: SharingParts) {
    this.#options = options;
  }

  get status(): SharedStatus | undefined {
    return this.#shared?.status;
  }

  get isAskedFor(): boolean {
    const { sharedRedis, sharedRegistry } = this.#options;
    return sharedRedis !== undefined || sharedRegistry !== undefined;
  }

  readonly metrics = (): readonly Metric[] => [
    this.#gauge(
      'nsqlookupd_shared_connected',
      'Whether what carries the shared registry is there: 1, or 0.',
      (status) => (status.isConnected ? 1 : 0),
    ),
    this.#gauge(
      'nsqlookupd_shared_lookupds',
      'Other lookupds that share the registry and are there.',
      ({ lookupds }) => {
        return lookupds.filter(({ isGone }) => !isGone).length;
      },
    ),
    this.#gauge('nsqlookupd_shared_peers', 'Peers of other lookupds that are answered for here.', ({ lookupds }) =>
      lookupds.reduce((sum, { peers }) => sum + peers, 0),
    ),
    ...(['published', 'heard', 'readings', 'lost'] as const).map((what) => ({
      ...this.#gauge(`nsqlookupd_shared_${what}_total`, COUNTED[what], ({ counts }) => counts[what]),
      type: 'counter' as const,
    })),
  ];

  /** What is to be known, though answers go on. */
  readonly note: Condition = () => {
    const { isConnected = true } = this.status ?? {};
    return isConnected ? undefined : 'what carries the shared registry is away: going on with what is known';
  };

  /** The same as findings. */
  findings(): readonly Found[] {
    const { lookupds = [], failure } = this.status ?? {};
    const away: readonly Found[] =
      failure === undefined ? [] : [{ kind: 'shared-registry-away', subject: 'shared registry', seen: failure }];
    const gone = lookupds.filter(({ isGone }) => isGone);
    return [
      ...away,
      ...gone.map(({ origin, peers }) => ({
        kind: 'shared-lookupd-gone' as const,
        subject: origin,
        seen: `${peers} of its peers are still answered for`,
      })),
    ];
  }

  async begin(): Promise<void> {
    if (this.#shared || !this.isAskedFor) return;
    const {
      topology,
      log,
      onError,
      sharedRegistry,
      sharedRedis,
      sharedName: name,
      sharedGraceMs: graceMs,
    } = this.#options;
    const { createRedisRegistry, createSharedTopology } = await import('../store/index.js');
    const registry =
      sharedRegistry ??
      createRedisRegistry({
        client: typeof sharedRedis === 'string' ? await toClient(sharedRedis) : sharedRedis!,
        name,
      });
    this.#shared = createSharedTopology({ topology, registry, graceMs, log, onError });
    await this.#shared.start();
  }

  async end(timeoutMs: number): Promise<void> {
    await this.#shared?.close(Math.min(timeoutMs, 1000));
  }

  #gauge(name: string, help: string, valueOf: (status: SharedStatus) => number): Metric {
    const samples = () => (this.status ? [{ labels: {}, value: valueOf(this.status) }] : []);
    return { name, help, type: 'gauge', samples };
  }
}

const COUNTED = {
  published: 'Batches of changes that were told to other lookupds.',
  heard: 'Batches of changes that were heard.',
  readings: 'Times that all was read that is kept of another lookupd, as something was missed.',
  lost: 'Times that what carries the shared registry could not be reached, or was lost.',
} as const;

/** A client of whichever library is there. */
async function toClient(url: string): Promise<RedisClient> {
  try {
    const { createClient } = await import('@redis/client');
    return createClient({ url });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    const { Redis } = await import('ioredis');
    return new Redis(url, { lazyConnect: true });
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new Error('a shared registry needs the package @redis/client or ioredis: npm install @redis/client');
  }
}

function isMissing(error: unknown): boolean {
  return ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((error as NodeJS.ErrnoException).code ?? '');
}
