// Peers on the same machine, over a unix socket (on Windows a named pipe): no port, and the file's rights say who may.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { encodePeerMessage, ReplyDecoder } from 'nsqlookupd/protocol';

const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-'));
const path = process.platform === 'win32' ? `\\\\?\\pipe\\nsqlookupd-${process.pid}` : join(folder, 'peers.sock');

const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
const announce = { broadcastAddress: 'localhost', tcpPort: 4160, httpPort: 4161 };
const server = createServer({ allowHalfOpen: true }, createTcpHandler({ topology, announce })).listen(path);
await once(server, 'listening');
console.log(`lookupd  listens for peers on ${path}`);

const socket = connect(path);
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
rmSync(folder, { recursive: true });

async function ask(...messages) {
  for (const message of messages) socket.write(encodePeerMessage(message));
  for (;;) {
    const reply = replies.next();
    if (reply) return reply;
    await once(socket, 'data');
  }
}
