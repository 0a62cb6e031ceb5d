import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { createLookupd } from 'nsqlookupd/daemon';
import { createPeer } from 'nsqlookupd/testing';

const T = { timeout: 20_000 };

/** One whose /debug is long, and a client that reads nothing yet. */
async function big() {
  const errors: unknown[] = [];
  let asked = 0;
  let wake = () => {};
  const lookupd = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    graceMs: 4000,
    log: {
      info: (line) => {
        if (!line.includes('GET /debug')) return;
        asked++;
        wake();
      },
    },
    onError: (error) => errors.push(error),
  });
  const peer = createPeer('a:1');
  for (let i = 0; i < 50_000; i++) lookupd.topology.register(peer, `topic-with-a-rather-long-name-${i}`);
  await lookupd.listen();
  const socket = connect(Number(lookupd.httpAddress!.split(':').pop()), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  const hasAsked = async (times: number) => {
    while (asked < times) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { lookupd, socket, errors, hasAsked };
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

test('pipelined before close: both whole', T, async () => {
  const { lookupd, socket, hasAsked } = await big();
  socket.write('GET /debug HTTP/1.1\r\nHost: h\r\n\r\nGET /debug HTTP/1.1\r\nHost: h\r\n\r\n');
  await hasAsked(1); // the second waits until the first is read
  const closed = lookupd.close();
  const text = await readAll(socket);
  await closed;
  assert.equal(count(text, /HTTP\/1\.1 200/g), 2);
  assert.equal(count(text, /\r\n0\r\n\r\n/g), 2);
});

test('a request that is pipelined while it closes is answered whole, or not at all', T, async () => {
  const { lookupd, socket, errors, hasAsked } = await big();
  socket.write('GET /debug HTTP/1.1\r\nHost: h\r\n\r\n');
  await hasAsked(1);
  const closed = lookupd.close();
  socket.write('GET /debug HTTP/1.1\r\nHost: h\r\n\r\n');
  const text = await readAll(socket);
  await closed;
  const answers = count(text, /HTTP\/1\.1 200/g);
  assert.equal(
    count(text, /\r\n0\r\n\r\n/g),
    answers,
    `${answers} answers, ${text.length} bytes, the last of them cut off; ${errors.map(String).join()}`,
  );
});
