/**
 * A process of its own that serves: `ours`, a whole lookupd, or `bare`, a `node:http` server that sends the same
 * headers and bytes and knows nothing. With `others` or `itself` the registry changes 5,000 times a second
 * meanwhile, in both.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLookupd } from 'nsqlookupd/daemon';
import { createHttpHandler } from 'nsqlookupd/http';
import { peerOf } from '../support/peers.js';
import { CHANGE_EVERY_MS, changeAt, CHANGES_AT_ONCE, fill, WORLDS } from './worlds.js';
import type { SyncHttpHandler } from '../support/sync-handler.js';

const [kind = '', world = '', target = '', changing = ''] = process.argv.slice(2);

const topology = fill(WORLDS[world]!);

function bare() {
  const handler = createHttpHandler({ topology }) as SyncHttpHandler;
  const [path = '', query = ''] = target.split('?');
  const response = handler({ method: 'GET', path, query, headers: {} })!;
  const body = Buffer.from(response.body as Uint8Array | string);
  const headers = { ...response.headers, 'Content-Length': body.length };
  return createServer((_request, answer) => {
    answer.writeHead(response.status, headers);
    answer.end(body);
  });
}

if (changing !== '') {
  const peer = peerOf('changing', { lastUpdateMs: Date.now() + 3_600_000 });
  topology.join(peer);
  let turn = 0;
  setInterval(() => {
    for (let i = 0; i < CHANGES_AT_ONCE; i++) {
      const { type, topic } = changeAt(turn++, changing === 'itself');
      topology[type](peer, topic);
    }
  }, CHANGE_EVERY_MS);
}

if (kind === 'bare') {
  const server = bare().listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
} else {
  const lookupd = createLookupd({ db: topology.db, tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
  await lookupd.listen();
  process.send?.(Number(lookupd.httpAddress?.split(':').at(-1)));
}
