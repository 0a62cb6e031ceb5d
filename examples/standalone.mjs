// A lookupd of its own, two peers that register, and a consumer that asks before and after one of them leaves.
import { createLookupd } from 'nsqlookupd/daemon';
import { FakeNsqd } from 'nsqlookupd/testing';

const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
await lookupd.listen();
console.log(`lookupd      listens on ${lookupd.tcpAddress} for peers and on ${lookupd.httpAddress} for HTTP\n`);

const anna = await join('nsqd-anna', 'orders', 'billing');
const ben = await join('nsqd-ben', 'orders', 'audit');
await look('/lookup?topic=orders');
await look('/nodes');

console.log('nsqd-anna    disconnects\n');
const left = new Promise((resolve) => lookupd.db.once('producerRemoved', resolve));
anna.drop();
await left;
await look('/lookup?topic=orders');

ben.drop();
await lookupd.close();
console.log('lookupd      is closed');

/** Does what an nsqd does first: introduces itself, and says what it carries. */
async function join(name, topic, channel) {
  const nsqd = await FakeNsqd.connect(lookupd.tcpAddress, `${name}:4150`);
  const { version, httpPort } = await nsqd.identify();
  console.log(`${name.padEnd(12)} IDENTIFY → a lookupd v${version}, HTTP on port ${httpPort}`);
  await nsqd.register(topic, channel);
  console.log(`${name.padEnd(12)} REGISTER ${topic} ${channel} → OK\n`);
  return nsqd;
}

async function look(path) {
  const response = await fetch(`http://${lookupd.httpAddress}${path}`);
  const { channels, producers } = await response.json();
  console.log(`consumer     GET ${path} → ${response.status}`);
  if (channels) console.log(`             channels:  ${channels.join(', ')}`);
  for (const { broadcast_address, tcp_port, topics } of producers) {
    const carries = topics ? ` carries ${topics.join(', ')}` : '';
    console.log(`             producer:  ${broadcast_address}:${tcp_port}${carries}`);
  }
  console.log();
}
