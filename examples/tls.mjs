// Peers over TLS, both sides with a certificate: the handler takes the sockets of tls.createServer.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';
import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { FakeNsqd } from 'nsqlookupd/testing';

// A self-signed pair for this example alone, which lookupd and peer share.
const key = readFileSync(new URL('tls-key.pem', import.meta.url));
const cert = readFileSync(new URL('tls-certificate.pem', import.meta.url));

const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
const announce = { broadcastAddress: 'localhost', tcpPort: 4160, httpPort: 4161 };
const options = { key, cert, ca: cert, requestCert: true };
const server = createServer(options, createTcpHandler({ topology, announce })).listen(0, '127.0.0.1');
await once(server, 'listening');
console.log('lookupd  listens for peers over TLS');

const socket = connect({ key, cert, ca: cert, host: '127.0.0.1', port: server.address().port });
await once(socket, 'secureConnect');
console.log(`peer     connects with ${socket.getProtocol()}, the certificate is good: ${socket.authorized}`);
const nsqd = new FakeNsqd('nsqd-anna.example.com:4150', socket);
const { version } = await nsqd.identify();
console.log(`peer     IDENTIFY → a lookupd v${version}`);
await nsqd.register('orders', 'billing');
console.log('peer     REGISTER orders billing → OK');

const { channels, producers } = topology.lookup('orders');
console.log(
  `lookup   orders → channels ${channels}, producer ${producers[0].broadcastAddress}:${producers[0].tcpPort}`,
);

nsqd.drop();
await once(socket, 'close');
server.close();
