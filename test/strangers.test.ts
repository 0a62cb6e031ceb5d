import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { createLookupd } from 'nsqlookupd/daemon';
import { encodePeerMessage, type PeerMessage } from 'nsqlookupd/protocol';
import { CLIENT } from 'nsqlookupd/registry';
import { fetchRaw } from './support/command-lookupd.js';
import { identityOf } from './support/peers.js';

const TIMEOUT = { timeout: 60_000 };
const BYTES = 'latin1';

/** What other programs, scanners and those who took the wrong port say first. */
const OPENINGS = {
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0',
  'a ClientHello of TLS': `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${'A'.repeat(400)}`,
  'a ClientHello of SSL 2': '\x80\x2e\x01\0\x02\0\x15\0\0\0\x10\x01\0\x80\x02\0\x80\x03\0\x80',
  'the banner of SSH': 'SSH-2.0-OpenSSH_9.2p1\r\n',
  'the first PROXY protocol': 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /ping HTTP/1.1\r\nHost: a\r\n\r\n',
  'the second PROXY protocol': `\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x10${'\0'.repeat(64)}`,
  SOCKS: '\x05\x01\0',
  'remote desktop': '\x03\0\0\x0b\x06\xe0\0\0\0\0\0',
  'a greeting of mail': 'EHLO example.com\r\n',
  'the magic of nsqd’s consumers': '  V2SUB topic channel\n',
  'a peer': '  V1PING\n',
  'half a magic': '  V',
  'HTTP/0.9': 'GET /ping\r\n',
  'an HTTP that is to come': 'GET /ping HTTP/3.0\r\nHost: a\r\n\r\n',
  'a request': 'GET /ping HTTP/1.1\r\nHost: a\r\n\r\n',
  'an upgrade': 'GET /ping HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  'two lengths':
    'POST /topic/create?topic=no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde',
  'a length beside chunks':
    'POST /topic/create?topic=no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  zeros: '\0'.repeat(5000),
  nothing: '',
} as const;

async function start(t: TestContext) {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', stats: true, onError });
  await lookupd.listen();
  t.after(() => lookupd.close());
  const port = (address: string | undefined) => Number(address!.split(':')[1]);
  return { lookupd, tcp: port(lookupd.tcpAddress), http: port(lookupd.httpAddress), errors };
}

/** What comes back to those bytes until the other side ends, too. */
async function say(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  socket.setEncoding(BYTES).on('data', (chunk: string) => (text += chunk));
  socket.end(typeof bytes === 'string' ? Buffer.from(bytes, BYTES) : bytes);
  await once(socket, 'end');
  socket.destroy();
  return text;
}

describe('what a stranger says who ends its side', () => {
  for (const port of ['tcp', 'http'] as const) {
    test(`on the port of ${port} is answered in its protocol, and leaves nothing`, TIMEOUT, async (t) => {
      const at = await start(t);
      const isAnswer = port === 'tcp' ? /^$|^\0\0\0.(?:E_BAD_PROTOCOL|OK)$/s : /^$|^HTTP\/1\.1 (?:200|400) /;
      for (const [name, bytes] of Object.entries(OPENINGS)) assert.match(await say(at[port], bytes), isAnswer, name);
      assert.deepEqual(at.errors, []);
      assert.equal((await fetchRaw(at.http, 'GET', '/topics')).text, '{"topics":[]}');
      assert.equal(await say(at.tcp, '  V1PING\n'), '\0\0\0\x02OK');
    });
  }
});

test('thousands that come and go, in whatever way, leave no handle and no peer', TIMEOUT, async (t) => {
  const { lookupd, tcp, http } = await start(t);
  const messages: PeerMessage[] = [
    { type: 'magic' },
    { type: 'identify' },
    { type: 'identity', identity: identityOf('h') },
    { type: 'register', topic: 'topic', channel: 'channel' },
  ];
  const peer = Buffer.concat(messages.map(encodePeerMessage));
  const leave = [
    (port: number, bytes: Uint8Array) => say(port, bytes),
    ...(['destroy', 'resetAndDestroy', 'destroySoon'] as const).map(
      (how) => async (port: number, bytes: Uint8Array) => {
        const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
        socket.write(bytes);
        await once(socket, 'data');
        const closed = once(socket, 'close');
        socket.resume()[how]();
        await closed;
      },
    ),
  ];
  const request = Buffer.from('GET /lookup?topic=topic HTTP/1.1\r\nHost: a\r\n\r\n');
  for (let round = 0; round < 20; round++) {
    const some = Array.from({ length: 50 }, (_, i) => leave[i % leave.length]!);
    await Promise.all(some.flatMap((way) => [way(tcp, peer), way(http, request)]));
  }
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  while (sockets() > 0) await new Promise(setImmediate); // the other ends hear of it a little later
  assert.equal(lookupd.topology.db.countProducers(CLIENT), 0);
  assert.deepEqual(lookupd.topology.lookup('topic')?.producers, []);
});
