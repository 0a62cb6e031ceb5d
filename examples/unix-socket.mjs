// Peers on the same machine, over a unix socket (on Windows a named pipe): no port, and the file's rights say who may.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
import { FakeNsqd } from 'nsqlookupd/testing';

const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-'));
const path = process.platform === 'win32' ? `\\\\?\\pipe\\nsqlookupd-${process.pid}` : join(folder, 'peers.sock');

const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
const announce = { broadcastAddress: 'localhost', tcpPort: 4160, httpPort: 4161 };
const server = createServer({ allowHalfOpen: true }, createTcpHandler({ topology, announce })).listen(path);
await once(server, 'listening');
console.log(`lookupd  listens for peers on ${path}`);

const socket = connect(path);
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
rmSync(folder, { recursive: true });
