// Peers over WebSockets, as through a proxy that lets only HTTP pass: `ws` makes a stream of each.
import { once } from 'node:events';
import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { FakeNsqd } from 'nsqlookupd/testing';
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
const nsqd = new FakeNsqd('nsqd-anna.example.com:4150', stream);
const { version } = await nsqd.identify();
console.log(`peer     IDENTIFY → a lookupd v${version}`);
await nsqd.register('orders', 'billing');
console.log('peer     REGISTER orders billing → OK');

const { channels, producers } = topology.lookup('orders');
console.log(
  `lookup   orders → channels ${channels}, producer ${producers[0].broadcastAddress}:${producers[0].tcpPort}`,
);

nsqd.drop();
await once(stream, 'close');
server.close();
