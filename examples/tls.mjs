// Peers over TLS, both sides with a certificate: the handler takes the sockets of tls.createServer.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';
import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { encodePeerMessage, ReplyDecoder } from 'nsqlookupd/protocol';

// A self-signed pair for this example alone, which lookupd and peer share.
const key = readFileSync(new URL('tls-key.pem', import.meta.url));
const cert = readFileSync(new URL('tls-certificate.pem', import.meta.url));

const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
const announce = { broadcastAddress: 'localhost', tcpPort: 4160, httpPort: 4161 };
const options = { key, cert, ca: cert, requestCert: true, allowHalfOpen: true };
const server = createServer(options, createTcpHandler({ topology, announce })).listen(0, '127.0.0.1');
await once(server, 'listening');
console.log('lookupd  listens for peers over TLS');

const socket = connect({ key, cert, ca: cert, host: '127.0.0.1', port: server.address().port });
await once(socket, 'secureConnect');
console.log(`peer     connects with ${socket.getProtocol()}, the certificate is good: ${socket.authorized}`);
const replies = new ReplyDecoder();
socket.on('data', (bytes) => replies.push(bytes));
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

socket.end();
await once(socket, 'close');
server.close();

async function ask(...messages) {
  for (const message of messages) socket.write(encodePeerMessage(message));
  for (;;) {
    const reply = replies.next();
    if (reply) return reply;
    await once(socket, 'data');
  }
}
