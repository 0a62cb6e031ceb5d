import type { OnError } from '../registry/index.js';

/** A connection of one's own to Redis, which queues nothing while the server is away. */
export interface RedisConnection {
  /** Sends a command, and gives its reply. */
  command(args: readonly string[]): Promise<unknown>;
  /** Ends it at once. */
  close(): void;
}

/** What a host has already: a client of `@redis/client`, `redis` or `ioredis`, also of a cluster or sentinels. It is duplicated, and itself left alone. */
export interface RedisClient {
  /** Makes another client with the same options, but for some. */
  duplicate(...overrides: never[]): unknown;
}

/** What all of them have. */
interface Client {
  connect(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A client of `@redis/client` (or `redis`), by its shape. */
interface NodeRedisClient extends Client {
  duplicate(overrides: object): NodeRedisClient;
  sendCommand(args: string[]): Promise<unknown>;
  destroy(): void;
  readonly options?: { readonly socket?: object };
}

/** A client of it for a cluster. It has no way to be told of what a client would be: what it queues goes with it. */
interface NodeRedisCluster extends Omit<NodeRedisClient, 'duplicate' | 'sendCommand'> {
  duplicate(overrides: object): NodeRedisCluster;
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>;
  nodeClient(node: unknown): unknown;
}

/** A client of it for what sentinels watch. */
interface NodeRedisSentinel extends Omit<NodeRedisClient, 'duplicate' | 'sendCommand'> {
  duplicate(overrides: object): NodeRedisSentinel;
  sendCommand(isReadonly: boolean, args: string[]): Promise<unknown>;
  getSentinelNode(): unknown;
}

/** A client of ioredis, by its shape; also for what sentinels watch. */
interface IoRedisClient extends Client {
  duplicate(overrides: object): IoRedisClient;
  call(command: string, ...args: string[]): Promise<unknown>;
  disconnect(): void;
}

/** A client of it for a cluster. */
interface IoRedisCluster extends Omit<IoRedisClient, 'duplicate'> {
  duplicate(nodes: readonly never[], overrides: object): IoRedisCluster;
  nodes(): unknown;
  readonly options?: { readonly redisOptions?: object };
}

type AnyClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoRedisClient | IoRedisCluster;

const CONNECT_MS = 2000;
const never = () => null;

/**
 * Opens a connection like that of the client, for commands about keys that are kept together with that one. Errors that the library tells
 * as events are told by the commands that fail, too.
 */
export async function openRedis(
  given: RedisClient,
  { key, signal, ignored }: { readonly key: string; readonly signal: AbortSignal; readonly ignored: OnError },
): Promise<RedisConnection> {
  const client = given as AnyClient;
  const { own, command, end } = 'call' in client ? ofIoRedis(client) : ofNodeRedis(client, key);
  own.on('error', (error: Error) => ignored(error, 'redis'));
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    try {
      Promise.resolve(end()).catch(() => undefined);
    } catch {
      // It has ended by itself.
    }
  };
  signal.addEventListener('abort', close, { once: true });
  try {
    await own.connect();
    signal.throwIfAborted();
  } catch (error) {
    close();
    throw error;
  }
  return { command: ([...args]) => command(args), close };
}

interface Opening {
  readonly own: Client;
  readonly command: (args: string[]) => Promise<unknown>;
  readonly end: () => unknown;
}

function ofIoRedis(client: IoRedisClient | IoRedisCluster): Opening {
  const each = { maxRetriesPerRequest: 0, reconnectOnError: () => false, connectTimeout: CONNECT_MS, keyPrefix: '' };
  const overrides = { ...each, lazyConnect: true, enableOfflineQueue: false, enableReadyCheck: false };
  const own =
    'nodes' in client
      ? client.duplicate([], {
          ...overrides,
          clusterRetryStrategy: never,
          redisOptions: { ...client.options?.redisOptions, ...each },
        })
      : client.duplicate({
          ...overrides,
          autoResendUnfulfilledCommands: false,
          retryStrategy: never,
          sentinelRetryStrategy: never,
        });
  return { own, command: ([name = '', ...args]) => own.call(name, ...args), end: () => own.disconnect() };
}

function ofNodeRedis(client: NodeRedisClient | NodeRedisCluster | NodeRedisSentinel, key: string): Opening {
  if ('nodeClient' in client) {
    const own = client.duplicate({});
    return { own, command: (args) => own.sendCommand(key, false, args), end: () => own.destroy() };
  }
  if ('getSentinelNode' in client) {
    const own = client.duplicate({});
    return { own, command: (args) => own.sendCommand(false, args), end: () => own.destroy() };
  }
  const socket = { ...client.options?.socket, reconnectStrategy: false, connectTimeout: CONNECT_MS };
  const own = client.duplicate({ disableOfflineQueue: true, socket });
  return { own, command: (args) => own.sendCommand(args), end: () => own.destroy() };
}
