import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect as connectNet, createServer as createNetServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { createPortStream, createStreamPair, type ByteStream, type MessagePortLike } from 'nsqlookupd/tcp';
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws';

type Serve = (stream: ByteStream) => void;

/** A way for bytes: `connect` gives a peer's end, and `serve` gets the lookupd's. */
interface Listening {
  connect(): ByteStream | Promise<ByteStream>;
  close(): Promise<unknown>;
}

export const TRANSPORTS: Readonly<Record<string, (serve: Serve) => Promise<Listening>>> = {
  net: async (serve) => {
    const server = createNetServer({ allowHalfOpen: true }, serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { connect: () => connectNet(portOf(server), '127.0.0.1'), close: () => closeServer(server) };
  },

  tls: async (serve) => {
    const key = await readFile('test/data/tls-key.pem');
    const cert = await readFile('test/data/tls-certificate.pem');
    const server = createTlsServer({ key, cert, allowHalfOpen: true }, serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      connect: async () => {
        const socket = connectTls({ port: portOf(server), host: '127.0.0.1', ca: cert });
        await once(socket, 'secureConnect');
        return socket;
      },
      close: () => closeServer(server),
    };
  },

  'a unix socket': async (serve) => {
    const folder = await mkdtemp(join(tmpdir(), 'nsqlookupd-'));
    const path = process.platform === 'win32' ? `\\\\?\\pipe\\nsqlookupd-${process.pid}` : join(folder, 'tcp.sock');
    const server = createNetServer({ allowHalfOpen: true }, serve).listen(path);
    await once(server, 'listening');
    return {
      connect: () => connectNet(path),
      close: async () => {
        await closeServer(server);
        await rm(folder, { recursive: true });
      },
    };
  },

  'a WebSocket': async (serve) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket) => serve(createWebSocketStream(socket)));
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      connect: () => createWebSocketStream(new WebSocket(`ws://127.0.0.1:${port}`)),
      close: () => new Promise<void>((resolve) => server.close(() => resolve())),
    };
  },

  'a MessagePort': (serve) =>
    inMemory(() => {
      const { port1, port2 } = new MessageChannel();
      serve(createPortStream(port1));
      return createPortStream(port2);
    }),

  'a MessagePort that knows only what the web has': (serve) =>
    inMemory(() => {
      const { port1, port2 } = new MessageChannel();
      serve(createPortStream(toWebPort(port1)));
      return createPortStream(toWebPort(port2));
    }),

  'a worker thread, there and back': (serve) => {
    const exits: Promise<unknown>[] = [];
    return Promise.resolve({
      connect: () => {
        const { port1, port2 } = new MessageChannel();
        const worker = new Worker(new URL('relay-worker.js', import.meta.url), {
          workerData: { port: port2 },
          transferList: [port2],
        });
        exits.push(once(worker, 'exit'));
        serve(createPortStream(port1));
        return createPortStream(worker);
      },
      // The workers exit by themselves, as their streams are closed.
      close: () => Promise.all(exits),
    });
  },

  memory: (serve) =>
    inMemory(() => {
      const [ours, theirs] = createStreamPair();
      serve(ours);
      return theirs;
    }),
};

/** A port with no more than the web's have: nothing comes before `start`, and its `close` is not heard. */
function toWebPort(port: MessagePort): MessagePortLike {
  const listeners: ((event: { readonly data: unknown }) => void)[] = [];
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer),
    addEventListener: (event, listener) => event === 'message' && listeners.push(listener),
    start: () => port.on('message', (data: unknown) => listeners.forEach((listener) => listener({ data }))),
    close: () => port.close(),
  };
}

function inMemory(connect: () => ByteStream): Promise<Listening> {
  return Promise.resolve({ connect, close: () => Promise.resolve() });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
