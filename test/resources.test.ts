import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { get, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { createLookupd } from 'nsqlookupd/daemon';
import { decorate, createHttpHandler, toNodeHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { COMMAND, fetchRaw, startCommand } from './support/command-lookupd.js';
import { freePort } from './support/free-port.js';

const TIMEOUT = { timeout: 60_000 };
const posixOnly = process.platform === 'win32' && 'there are no ulimit and no signals on Windows';

async function openAll(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  );
  await Promise.all(sockets.filter(({ connecting }) => connecting).map((socket) => once(socket, 'connect')));
  return sockets;
}

/** The end of a connection, well or badly. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** A shell's words to run node with listeners that emit an error shortly after they are up. */
function failingListeners(error: Readonly<Record<string, string>>): { prefix: string } {
  const script = [
    `import net from 'node:net';`,
    `const { listen } = net.Server.prototype;`,
    `const error = Object.assign(new Error('the network is gone'), ${JSON.stringify(error)});`,
    `net.Server.prototype.listen = function (...args) {`,
    `  this.once('listening', () => setTimeout(() => this.emit('error', error), 100));`,
    `  return listen.apply(this, args);`,
    `};`,
  ].join('');
  return {
    prefix: `NODE_OPTIONS='--import data:text/javascript,${encodeURIComponent(script).replaceAll("'", '%27')}' exec`,
  };
}

/** One PING and its answer, or the end of the connection. */
async function ping(socket: Socket, magic: string): Promise<string> {
  socket.setMaxListeners(0);
  const answer = Promise.race([
    once(socket, 'data').then(([bytes]) => String(bytes as Buffer).slice(4)),
    closed(socket).then(() => 'closed'),
  ]);
  socket.write(`${magic}PING\n`);
  return answer;
}

describe('the command, when resources are short or time is up', () => {
  test('17 bytes that end the real nsqlookupd end one connection', { ...TIMEOUT, skip: posixOnly }, async () => {
    await using command = await startCommand();
    const other = connect(command.tcpPort, '127.0.0.1');
    assert.equal(await ping(other, '  V1'), 'OK');
    for (const size of ['\xff\xff\xff\xff', '\x80\0\0\0', '\x7f\xff\xff\xff']) {
      const socket = connect(command.tcpPort, '127.0.0.1').on('error', () => {});
      socket.write(Buffer.from(`  V1IDENTIFY\n${size}`, 'latin1'));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.match(String(answer), /E_BAD_BODY/);
      await closed(socket);
      assert.equal(await ping(other, ''), 'OK');
    }
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  test(
    'out of file descriptors it serves those it has, and new ones when it can',
    { ...TIMEOUT, skip: posixOnly },
    async () => {
      await using command = await startCommand(['-log-level=info'], { prefix: 'ulimit -n 64; exec' });
      const first = connect(command.tcpPort, '127.0.0.1');
      assert.equal(await ping(first, '  V1'), 'OK');
      const crowd = await openAll(command.tcpPort, 100);
      for (let i = 0; i < 20; i++) assert.equal(await ping(first, ''), 'OK');
      for (const socket of crowd) socket.destroy();
      let late: string;
      do {
        const socket = connect(command.tcpPort, '127.0.0.1').on('error', () => {});
        late = await ping(socket, '  V1').catch(() => 'refused');
        socket.destroy();
      } while (late !== 'OK'); // bounded by the test's timeout
      assert.equal((await fetchRaw(command.httpPort, 'GET', '/ping')).text, 'OK');
      assert.equal(await ping(first, ''), 'OK');
      assert.deepEqual(await command.stop(), { code: 0, signal: null });
    },
  );

  test(
    'a full disk under the log costs lines and nothing else',
    { ...TIMEOUT, skip: process.platform !== 'linux' && 'only Linux has /dev/full' },
    async () => {
      const ports = await Promise.all([freePort(), freePort()]);
      const args = [`-tcp-address=127.0.0.1:${ports[0]}`, `-http-address=127.0.0.1:${ports[1]}`];
      const child = spawn('sh', ['-c', `exec ${process.execPath} ${COMMAND} ${args.join(' ')} 2>/dev/full`]);
      const exited = once(child, 'exit');
      let answer: string | undefined;
      while (answer === undefined && child.exitCode === null) {
        answer = await fetchRaw(ports[1], 'GET', '/ping').then(
          ({ text }) => text,
          () => undefined, // it does not listen yet
        );
      }
      assert.equal(answer, 'OK');
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
    },
  );

  test(
    'a listener that fails later ends it with the reason, and a code that is not 0',
    { ...TIMEOUT, skip: posixOnly },
    async () => {
      await using command = await startCommand([], failingListeners({ code: 'ENETDOWN' }));
      assert.deepEqual(await command.exited, { code: 1, signal: null });
      assert.match(command.log(), /FATAL: the network is gone\n$/);
      await assert.rejects(fetchRaw(command.httpPort, 'GET', '/ping'));
    },
  );

  test('an accept that fails for a lack that passes does not end it', { ...TIMEOUT, skip: posixOnly }, async () => {
    await using command = await startCommand([], failingListeners({ syscall: 'accept', code: 'EMFILE' }));
    const both = /ERROR: no new connection on [^]*ERROR: no new connection on /;
    while (!both.test(command.log())) await once(command.process.stderr!, 'data');
    assert.equal((await fetchRaw(command.httpPort, 'GET', '/ping')).text, 'OK');
    assert.deepEqual(await command.stop(), { code: 0, signal: null });
  });

  test(
    'SIGTERM with 2,000 silent connections, peers in mid-IDENTIFY and half a request',
    { ...TIMEOUT, skip: posixOnly },
    async () => {
      await using command = await startCommand(['-log-level=info']);
      const accepted = () => command.log().split('TCP: new client').length - 1;
      const silent: Socket[] = [];
      while (silent.length < 2000) {
        // No more at once than the system queues for a listener.
        silent.push(...(await openAll(command.tcpPort, 100)));
        while (accepted() < silent.length) await once(command.process.stderr!, 'data');
      }
      const peers = await openAll(command.tcpPort, 20);
      for (const peer of peers) peer.write('  V1IDENTIFY\n\0\0\0\x40{"broad');
      const clients = await openAll(command.httpPort, 20);
      for (const [i, client] of clients.entries()) if (i % 2 === 0) client.write('GET /ping HTTP/1.1\r\nHost:');
      assert.equal((await fetchRaw(command.httpPort, 'GET', '/ping')).text, 'OK');
      while (accepted() < silent.length + peers.length) await once(command.process.stderr!, 'data');
      const all = [...silent, ...peers, ...clients].map(closed);
      const start = Date.now();
      assert.deepEqual(await command.stop(), { code: 0, signal: null });
      assert.ok(Date.now() - start < 5000, `took ${Date.now() - start} ms of a grace period of 5 s`);
      await Promise.all(all);
    },
  );
});

describe('a lookupd that closes', () => {
  test('answers requests in flight', TIMEOUT, async () => {
    // The daemon answers at once; a request is in flight while its head comes, or its answer goes.
    const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
    await lookupd.listen();
    for (let i = 0; i < 20_000; i++)
      lookupd.topology.createTopic(`topic-with-a-rather-long-name-so-that-it-counts-${i}`);
    const port = Number(lookupd.httpAddress!.split(':')[1]);
    const [answer] = (await once(get({ port, host: '127.0.0.1', path: '/topics' }), 'response')) as [IncomingMessage];
    const closed = lookupd.close();
    let text = '';
    for await (const chunk of answer.setEncoding('utf8')) text += chunk as string;
    await closed;
    const { topics } = JSON.parse(text) as { topics: unknown[] };
    assert.equal(topics.length, 20_000);
  });

  test('cuts off who does not read, after the grace period', TIMEOUT, async () => {
    const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', graceMs: 200 });
    await lookupd.listen();
    for (let i = 0; i < 100_000; i++)
      lookupd.topology.createTopic(`topic-with-a-rather-long-name-so-that-it-counts-${i}`);
    const client = connect(Number(lookupd.httpAddress!.split(':')[1]), '127.0.0.1').pause();
    client.write('GET /topics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(4));
    await once(client, 'readable');
    await lookupd.close();
    client.destroy();
  });
});

test('in a server of a host, only what is ours is answered or closed', TIMEOUT, async () => {
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
  const ours = toNodeHandler(decorate(createHttpHandler({ topology })));
  const server = createHttpServer((request, response) =>
    ours(request, response, () => {
      let length = 0;
      request.on('data', (chunk: Buffer) => (length += chunk.length));
      request.on('end', () => response.end(`host got ${length}`));
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}/upload`, { method: 'POST', body: Buffer.alloc(1_000_000) });
  assert.equal(await response.text(), 'host got 1000000');
  assert.notEqual(response.headers.get('connection'), 'close');
  server.closeAllConnections();
  server.close();
});
