// Peers over WebSockets, as through a proxy that lets only HTTP pass: `ws` makes a stream of each.
import { once } from 'node:events';
import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { encodePeerMessage, ReplyDecoder } from 'nsqlookupd/protocol';
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws';

const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
const announce = { broadcastAddress: 'localhost', tcpPort: 4160, httpPort: 4161 };
const handler = createTcpHandler({ topology, announce });
const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket, { socket: { remoteAddress, remotePort } }) => {
  // The stream does not know where it comes from.
  handler(createWebSocketStream(socket), { remoteAddress: `${remoteAddress}:${remotePort}` });
});
await once(server, 'listening');
const url = `ws://127.0.0.1:${server.address().port}`;
console.log(`lookupd  listens for peers on ${url}`);

const stream = createWebSocketStream(new WebSocket(url));
const replies = new ReplyDecoder();
stream.on('data', (bytes) => replies.push(bytes));
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

const { channels, producers } = topology.lookup('orders');
console.log(
  `lookup   orders → channels ${channels}, producer ${producers[0].broadcastAddress}:${producers[0].tcpPort}`,
);

stream.end();
await once(stream, 'close');
server.close();

async function ask(...messages) {
  for (const message of messages) stream.write(encodePeerMessage(message));
  for (;;) {
    const reply = replies.next();
    if (reply) return reply;
    await once(stream, 'data');
  }
}
