/** A process of its own for peers: `ours`, or `bare`, a `net` server that answers each line with `OK`, framed. */
import { createServer, type AddressInfo } from 'node:net';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createTcpHandler } from 'nsqlookupd/tcp';

const OK = Buffer.from('\0\0\0\x02OK');
const announce = { broadcastAddress: 'l.test', tcpPort: 1, httpPort: 1 };

function ours() {
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
  return createServer({ noDelay: true }, createTcpHandler({ topology, announce, identifyTimeoutMs: Infinity }));
}

/** It leaves out all that a lookupd does, but must answer the greeting of the same clients once: magic and IDENTIFY. */
function bare() {
  return createServer({ noDelay: true }, (socket) => {
    let greeted = false;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      if (!greeted) {
        greeted = true;
        socket.write(OK);
        return;
      }
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) socket.write(OK);
    });
  });
}

const server = process.argv[2] === 'bare' ? bare() : ours();
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.send?.((server.address() as AddressInfo).port);
});
