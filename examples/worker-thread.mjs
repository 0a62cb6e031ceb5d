// A peer in a worker thread: its messages to the main thread are a stream of bytes like any other.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { createPortStream, createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { encodePeerMessage, ReplyDecoder } from 'nsqlookupd/protocol';

if (isMainThread) await serve();
else await register();

async function serve() {
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
  const announce = { broadcastAddress: 'localhost', tcpPort: 4160, httpPort: 4161 };
  const handler = createTcpHandler({ topology, announce });

  const worker = new Worker(new URL(import.meta.url));
  handler(createPortStream(worker), { remoteAddress: 'worker-1' });
  console.log('lookupd  serves a worker');
  topology.db.on('producerAdded', ({ category }) => {
    if (category !== 'topic') return;
    const { channels, producers } = topology.lookup('orders');
    console.log(
      `lookup   orders → channels ${channels}, producer ${producers[0].broadcastAddress}:${producers[0].tcpPort}`,
    );
  });
  await once(worker, 'exit');
  console.log(`lookup   orders → ${topology.lookup('orders').producers.length} producers, as the worker is gone`);
}

/** In the worker. */
async function register() {
  const stream = createPortStream(parentPort);
  const replies = new ReplyDecoder();
  stream.on('data', (bytes) => replies.push(bytes));
  const ask = async (...messages) => {
    for (const message of messages) stream.write(encodePeerMessage(message));
    for (;;) {
      const reply = replies.next();
      if (reply) return reply;
      await once(stream, 'data');
    }
  };
  const identity = {
    broadcastAddress: 'nsqd-anna.example.com',
    hostname: 'nsqd-anna',
    tcpPort: 4150,
    httpPort: 4151,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
  };
  const { announcement } = await ask({ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity });
  console.log(`peer     IDENTIFY → a lookupd v${announcement.version}`);
  const { type } = await ask({ type: 'register', topic: 'orders', channel: 'billing' });
  console.log(`peer     REGISTER orders billing → ${type.toUpperCase()}`);
  stream.end();
}
