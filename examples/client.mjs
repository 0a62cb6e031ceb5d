// A consumer asks two lookupds where a topic lives. They know nothing of each other, and one of them goes down.
import { LookupClient } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';
import { FakeNsqd } from 'nsqlookupd/testing';

const lookupds = [1, 2].map(() => createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' }));
await Promise.all(lookupds.map((lookupd) => lookupd.listen()));
const nsqds = await Promise.all(
  lookupds.map(async ({ tcpAddress }, i) => {
    const nsqd = await FakeNsqd.connect(tcpAddress, `host-${i + 1}:4150`);
    await nsqd.identify();
    await nsqd.register('orders', `channel-${i + 1}`);
    return nsqd;
  }),
);

const client = new LookupClient({ lookupds: lookupds.map(({ httpAddress }) => httpAddress) });
await look('both are up');
await lookupds[1].close();
await look('one is down');

for (const nsqd of nsqds) nsqd.drop();
await lookupds[0].close();

async function look(when) {
  const { channels, producers, failures } = await client.lookup('orders');
  console.log(`${when}: channels ${channels.join(', ')}`);
  for (const { broadcastAddress, tcpPort } of producers) console.log(`  producer ${broadcastAddress}:${tcpPort}`);
  for (const { address, error } of failures) console.log(`  no answer from ${address}: ${error.message}`);
}
