import type { OnError } from '../registry/index.js';

/** A connection of one's own to Redis, which queues nothing while the server is away. */
export interface RedisConnection {
  /** Sends a command, and gives its reply. */
  command(args: readonly string[]): Promise<unknown>;
  /** Ends it at once. */
  close(): void;
}

/** A client of `@redis/client` (or `redis`), by its shape. */
interface NodeRedisClient {
  duplicate(overrides: object): NodeRedisClient;
  connect(): Promise<unknown>;
  sendCommand(args: string[]): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly options?: { readonly socket?: object };
}

/** A client of ioredis, by its shape. */
interface IoRedisClient {
  duplicate(overrides: object): IoRedisClient;
  connect(): Promise<unknown>;
  call(command: string, ...args: string[]): Promise<unknown>;
  disconnect(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What a host has already: a client of `@redis/client`, `redis` or `ioredis`. It is duplicated, and itself left alone. */
export interface RedisClient {
  /** Makes another client with the same options, but for some. */
  duplicate(overrides: object): unknown;
}

const CONNECT_MS = 2000;

/** Opens a connection like that of the client. Errors that the library tells as events are told by the commands that fail, too. */
export async function openRedis(client: RedisClient, ignored: OnError): Promise<RedisConnection> {
  const onError = (error: Error) => ignored(error, 'redis');
  if (typeof (client as Partial<IoRedisClient>).call === 'function') {
    const own = (client as IoRedisClient).duplicate({
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      reconnectOnError: () => false,
      connectTimeout: CONNECT_MS,
      keyPrefix: '',
    });
    own.on('error', onError);
    const close = () => own.disconnect();
    await own.connect().catch(closing(close));
    return { command: ([name = '', ...args]) => own.call(name, ...args), close };
  }
  const { options = {} } = client as NodeRedisClient;
  const socket = { ...options.socket, reconnectStrategy: false, connectTimeout: CONNECT_MS };
  const own = (client as NodeRedisClient).duplicate({ disableOfflineQueue: true, socket });
  own.on('error', onError);
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    try {
      own.destroy();
    } catch {
      // It has ended by itself.
    }
  };
  await own.connect().catch(closing(close));
  return { command: (args) => own.sendCommand([...args]), close };
}

function closing(close: () => void): (error: unknown) => never {
  return (error) => {
    close();
    throw error;
  };
}
