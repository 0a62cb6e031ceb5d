// A consumer that is told of new nsqds instead of asking every minute: nsqjs and squeaky connect as soon as one registers.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { LookupClient, PeerClient } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';
import nsqjs from 'nsqjs';
import squeaky from 'squeaky';

const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', broadcastAddress: '127.0.0.1' });
const { tcpAddress, httpAddress } = await lookupd.listen();

const stop = new AbortController();
const client = new LookupClient({ lookupds: [httpAddress] });
const changes = client.watch('orders', { signal: stop.signal });
await changes.next(); // as it is: nobody has the topic yet
let reader; // of nsqjs: one for all nsqds
const subscribers = new Map(); // of squeaky: one for each

async function consume() {
  for await (const { added, removed } of changes) {
    for (const { broadcastAddress: host, tcpPort: port } of added) {
      if (reader) reader.connectToNSQD(host, port);
      else {
        reader = new nsqjs.Reader('orders', 'by-nsqjs', { nsqdTCPAddresses: [`${host}:${port}`] });
        reader.on('error', () => {});
        reader.connect();
      }
      const subscriber = new squeaky.Subscriber({ host, port, topic: 'orders', channel: 'by-squeaky' });
      subscriber.on('error', () => {});
      subscribers.set(`${host}:${port}`, subscriber);
    }
    for (const { broadcastAddress: host, tcpPort: port } of removed) {
      await subscribers.get(`${host}:${port}`)?.close();
      subscribers.delete(`${host}:${port}`);
    }
  }
}
const consuming = consume();

// In the place of an nsqd: it counts who connects, and registers its topic as nsqd does.
const nsqd = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
await once(nsqd, 'listening');
const { port } = nsqd.address();
const identity = { broadcastAddress: '127.0.0.1', tcpPort: port, httpPort: port };
const peer = new PeerClient({ lookupds: [tcpAddress], identity });
await peer.start();
const connected = [once(nsqd, 'connection')];
connected.push(connected[0].then(() => once(nsqd, 'connection')));
const startMs = performance.now();
await peer.register('orders');
await Promise.all(connected);
console.log(`nsqjs and squeaky have connected, ${Math.ceil(performance.now() - startMs)} ms after the REGISTER`);

stop.abort();
await consuming;
process.exit(); // both would go on trying
