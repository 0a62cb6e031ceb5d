// A lookupd, two peers that register, and a consumer that asks before and after one of them leaves.
import { once } from 'node:events';
import { connect } from 'node:net';
import { createLookupd } from 'nsqlookupd/daemon';
import { encodePeerMessage, ReplyDecoder } from 'nsqlookupd/protocol';

const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
await lookupd.listen();
console.log(`lookupd      listens on ${lookupd.tcpAddress} for peers and on ${lookupd.httpAddress} for HTTP\n`);

const anna = await join('nsqd-anna', 'orders', 'billing');
const ben = await join('nsqd-ben', 'orders', 'audit');
await look('/lookup?topic=orders');
await look('/nodes');

console.log('nsqd-anna    disconnects\n');
const left = new Promise((resolve) => lookupd.db.once('producerRemoved', resolve));
anna.destroy();
await left;
await look('/lookup?topic=orders');

ben.destroy();
await lookupd.close();
console.log('lookupd      is closed');

/** Does what an nsqd does first: introduces itself, and says what it carries. */
async function join(name, topic, channel) {
  const [host, port] = lookupd.tcpAddress.split(':');
  const socket = connect(Number(port), host);
  const replies = new ReplyDecoder();
  const ask = async (...messages) => {
    for (const message of messages) socket.write(encodePeerMessage(message));
    let reply;
    while (!(reply = replies.next())) replies.push((await once(socket, 'data'))[0]);
    return reply;
  };
  const identity = {
    broadcastAddress: `${name}.example.com`,
    hostname: name,
    tcpPort: 4150,
    httpPort: 4151,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
  };
  const { announcement } = await ask({ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity });
  console.log(
    `${name.padEnd(12)} IDENTIFY → a lookupd v${announcement.version}, HTTP on port ${announcement.httpPort}`,
  );
  const { type } = await ask({ type: 'register', topic, channel });
  console.log(`${name.padEnd(12)} REGISTER ${topic} ${channel} → ${type.toUpperCase()}\n`);
  return socket;
}

async function look(path) {
  const response = await fetch(`http://${lookupd.httpAddress}${path}`);
  const { channels, producers } = await response.json();
  console.log(`consumer     GET ${path} → ${response.status}`);
  if (channels) console.log(`             channels:  ${channels.join(', ')}`);
  for (const { broadcast_address, tcp_port, topics } of producers) {
    console.log(
      `             producer:  ${broadcast_address}:${tcp_port}${topics ? ` carries ${topics.join(', ')}` : ''}`,
    );
  }
  console.log();
}
