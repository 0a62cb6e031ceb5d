// A lookupd that an orchestrator and Prometheus watch: whether it is ready, what it counts, which nsqds there are.
import { createLookupd } from 'nsqlookupd/daemon';
import { FakeNsqd } from 'nsqlookupd/testing';

let isWarm = false; // what this program has to do before it wants to be asked
const lookupd = createLookupd({
  tcpAddress: '127.0.0.1:0',
  httpAddress: '127.0.0.1:0',
  metrics: true,
  healthz: true,
  readyz: true,
  readyWhen: [() => (isWarm ? undefined : 'warming up')],
});
await lookupd.listen();

console.log('/healthz', await get('/healthz'));
console.log('/readyz ', await get('/readyz'));
isWarm = true;
console.log('/readyz ', await get('/readyz'));

const nsqd = await FakeNsqd.connect(lookupd.tcpAddress, 'host-1:4150');
await nsqd.identify();
await nsqd.register('orders', 'billing');
await get('/lookup?topic=orders');

const wanted = /^nsqlookupd_(?:peers|ready|registrations|commands_total|http_requests_total)\b/;
for (const line of (await get('/metrics')).split('\n')) if (wanted.test(line)) console.log(line);

nsqd.drop();
await lookupd.close();

async function get(path) {
  const response = await fetch(`http://${lookupd.httpAddress}${path}`);
  return response.text();
}
