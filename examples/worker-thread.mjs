// A peer in a worker thread: its messages to the main thread are a stream of bytes like any other.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { createPortStream, createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { FakeNsqd } from 'nsqlookupd/testing';

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
  const nsqd = new FakeNsqd('nsqd-anna.example.com:4150', stream);
  const { version } = await nsqd.identify();
  console.log(`peer     IDENTIFY → a lookupd v${version}`);
  await nsqd.register('orders', 'billing');
  nsqd.drop();
}
