// A lookupd that only HTTPS reaches: tokens for who reads and writes, a network for who registers, addresses rewritten.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LookupClient } from 'nsqlookupd/client';
import { createLookupd } from 'nsqlookupd/daemon';
import { FakeNsqd } from 'nsqlookupd/testing';

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-'));
const authTokenFile = join(folder, 'tokens');
writeFileSync(authTokenFile, 'a-token-of-a-consumer read\n', { mode: 0o600 });

const lookupd = createLookupd({
  tcpAddress: '127.0.0.1:0',
  httpAddress: '', // no plain HTTP
  httpsAddress: '127.0.0.1:0',
  tlsCert: pathOf('tls-certificate.pem'), // a self-signed pair for these examples alone
  tlsKey: pathOf('tls-key.pem'),
  authTokenFile,
  registerFrom: ['127.0.0.0/8', '::1'],
  rewrite: { d34db33f: 'nsqd.example.com' }, // the id of a container
});
const { tcpAddress, httpsAddress } = await lookupd.listen();
console.log('lookupd  listens for HTTPS, and opens no plain HTTP port');

const nsqd = await FakeNsqd.connect(tcpAddress, 'd34db33f:4150');
await nsqd.identify();
await nsqd.register('orders');
console.log('peer     registers orders as d34db33f');

const tls = { ca: readFileSync(pathOf('tls-certificate.pem')) };
const lookupds = [`https://${httpsAddress}`];
const stranger = new LookupClient({ lookupds, tls });
console.log(`lookup   without a token: ${await stranger.lookup('orders').catch(({ errors }) => errors[0].message)}`);
const client = new LookupClient({ lookupds, tls, token: 'a-token-of-a-consumer' });
const { producers } = await client.lookup('orders');
console.log(`lookup   with a token: orders is at ${producers[0].broadcastAddress}:${producers[0].tcpPort}`);

writeFileSync(authTokenFile, 'another-token-of-it read\n');
lookupd.reload(); // as SIGHUP does, and a change of the file by itself
console.log(`lookup   with the old token: ${await client.lookup('orders').catch(({ errors }) => errors[0].message)}`);
console.log(`lookupd  has refused ${lookupd.refusals.unauthorized} requests`);

nsqd.drop();
await lookupd.close();
rmSync(folder, { recursive: true });
