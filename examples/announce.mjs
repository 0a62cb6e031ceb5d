// A service that is no nsqd announces itself, so that it is found like one, and again after the lookupd has restarted.
import { PeerClient } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';

let lookupd = await start('127.0.0.1:0', '127.0.0.1:0');
const { tcpAddress, httpAddress } = lookupd;

const peer = new PeerClient({
  lookupds: [tcpAddress],
  identity: { broadcastAddress: 'gateway.example.com', tcpPort: 9000, httpPort: 9001, version: '2.1.0' },
});
peer.on('connected', (address) => console.log(`connected to ${address}`));
peer.on('disconnected', (address, error) => console.log(`lost ${address}: ${error.message}`));
await peer.register('orders', 'billing');
await peer.start();
await look();

await lookupd.close();
const back = new Promise((resolve) => peer.once('connected', resolve));
lookupd = await start(tcpAddress, httpAddress);
await back;
await look();

await peer.close();
await lookupd.close();

async function start(tcpAddress, httpAddress) {
  const lookupd = createLookupd({ tcpAddress, httpAddress });
  await lookupd.listen();
  return lookupd;
}

async function look() {
  const response = await fetch(`http://${httpAddress}/lookup?topic=orders`);
  const { channels, producers } = await response.json();
  console.log(
    `orders is at ${producers[0].broadcast_address}:${producers[0].tcp_port}, channels ${channels.join(', ')}`,
  );
}
