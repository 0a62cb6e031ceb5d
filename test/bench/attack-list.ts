import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { answers, type AttackTarget } from './attack-target.js';

export interface Attack {
  readonly name: string;
  /** What comes before `target.begin` is not measured. If it answers with a text, that is shown as well. */
  readonly run: (target: AttackTarget) => Promise<unknown>;
  readonly nodeArgs?: readonly string[];
  readonly logLevel?: string;
}

const WATCHED_MS = 4000;

const ownChannels =
  (peers: number, each: number, topicOf: (peer: number, i: number) => string) => (target: AttackTarget) =>
    target.filled(peers, each, (p, i) => `REGISTER ${topicOf(p, i)} channel_${p}_${i}`);

/** 450,000 topics of 9 peers, each with a channel. */
const many = ownChannels(9, 49_990, (p, i) => `topic_${p}_${i}`);
/** 900,000 topics of 9 peers. */
const manyTopics = (target: AttackTarget) => target.filled(9, 99_990, (p, i) => `REGISTER topic_${p}_${i}`);
/** Pairs for `/debug`, some peers having up to 45,000 channels and as many topics each. */
const pairs = (count: number) => {
  const peers = Math.ceil(count / 90_000);
  return ownChannels(peers, count / 2 / peers, (p, i) => `topic_${p}_${i}`);
};

const afterChanges = (path: string, fill: (target: AttackTarget) => Promise<unknown>): Attack => ({
  name: `\`${path}\` after each of 3 changes, at 900,000 registrations`,
  run: async (target) => {
    await fill(target);
    await target.begin();
    const [peer] = await target.peers(1);
    const took: number[] = [];
    for (let i = 0; i < 3; i++) {
      await target.tell(peer!, 1, () => `REGISTER changed_${i} c`);
      const start = performance.now();
      await target.ask(path);
      took.push(performance.now() - start);
    }
    return `answered in ${Math.max(...took).toFixed(0)} ms at most`;
  },
});

const unreadDebug = (writes: number): Attack => ({
  name: `1,900 pipelined \`GET /debug\`, unread, ${writes === 1 ? 'once' : `${writes} times`}`,
  run: async (target) => {
    await pairs(2000)(target);
    await target.begin();
    const [socket] = target.connections(1, target.command.httpPort);
    await once(socket!, 'connect');
    socket!.pause();
    for (let i = 0; i < writes; i++) socket!.write('GET /debug HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1900));
    await delay(WATCHED_MS);
  },
});

const longNames = (heap: string, nodeArgs: readonly string[]): Attack => ({
  name: `registrations with long names until the limit${heap}`,
  nodeArgs,
  run: async (target) => {
    await target.begin();
    const peers = await target.peers(21);
    const refused = new Set<number>();
    const full = (socket: (typeof peers)[number], p: number) =>
      new Promise<void>((resolve) => {
        socket.on('data', (bytes: Buffer) => {
          if (!bytes.includes('E_')) return;
          refused.add(p);
          resolve();
        });
        socket.on('close', () => resolve());
        for (let from = 0; from < 49_990; from += 1000) {
          const lines = Array.from({ length: 1000 }, (_, i) => {
            const name = `${p}_${from + i}_`;
            return `REGISTER ${name.padEnd(64, 't')} ${name.padEnd(64, 'c')}\n`;
          });
          socket.write(lines.join(''));
        }
        socket.write('PING\n', () => setTimeout(resolve, WATCHED_MS));
      });
    await Promise.all(peers.map(full));
    return `${refused.size} of 21 peers were refused`;
  },
});

export const ATTACKS: readonly Attack[] = [
  {
    name: 'none',
    run: async (target) => {
      await target.begin();
      await delay(2000);
    },
  },
  {
    name: '9 peers make 900,000 registrations, pipelined',
    run: async (target) => {
      await target.begin();
      await many(target);
    },
  },
  {
    name: '`UNREGISTER` of an emptied topic, 4,500 in one write',
    run: async (target) => {
      const [peer] = await target.peers(1);
      await target.tell(peer!, 49_000, (i) => `REGISTER a c${i}`);
      await target.tell(peer!, 1, () => 'UNREGISTER a');
      await target.tell(peer!, 49_010, (i) => `REGISTER b c${i}`);
      await target.begin();
      await target.tell(peer!, 4500, () => 'UNREGISTER a');
    },
  },
  ...[90_000, 300_000].map((count): Attack => ({
    name: `\`GET /debug\`, ${count.toLocaleString('en-US')} pairs, read fast, twice`,
    run: async (target) => {
      await pairs(count)(target);
      await target.begin();
      for (let i = 0; i < 2; i++) await target.ask('/debug');
    },
  })),
  {
    name: '`HEAD /debug`, 300,000 pairs, 20 times',
    run: async (target) => {
      await pairs(300_000)(target);
      await target.begin();
      for (let i = 0; i < 20; i++) await target.ask('/debug', 'HEAD');
    },
  },
  unreadDebug(1),
  unreadDebug(4),
  afterChanges('/topics', manyTopics),
  afterChanges('/nodes', manyTopics),
  afterChanges('/lookup?topic=*', many),
  {
    name: '300 peers × 300 topics: changes, and `/nodes` twice a second; asking for `/lookup`',
    run: async (target) => {
      await target.filled(300, 300, (_, i) => `REGISTER topic_${i}`);
      await target.begin('/lookup?topic=topic_7');
      const [peer] = await target.peers(1);
      let polls = 0;
      const polling = setInterval(() => {
        polls++;
        void target.ask('/nodes').catch(() => {});
      }, 500);
      for (let i = 0; polls < 8; i++) {
        await target.tell(peer!, 1, () => `${i % 2 ? 'UNREGISTER' : 'REGISTER'} topic_${i % 10} c`);
        await delay(10);
      }
      clearInterval(polling);
    },
  },
  {
    name: '14 peers of 100,000 registrations leave',
    run: async (target) => {
      await target.filled(14, 49_990, (_, i) => `REGISTER topic_${i} channel`);
      await target.begin();
      target.leave();
      await delay(WATCHED_MS);
    },
  },
  {
    name: '`topic/delete` of a topic with 900,000 channels',
    run: async (target) => {
      await ownChannels(9, 99_990, () => 'topic')(target);
      await target.begin();
      await target.ask('/topic/delete?topic=topic', 'POST');
      await delay(WATCHED_MS);
    },
  },
  {
    name: '1,000 pipelined tombstones of 2,000 producers',
    run: async (target) => {
      await target.filled(2000, 1, () => 'REGISTER topic');
      await target.begin();
      const [socket] = target.connections(1, target.command.httpPort);
      const requests = Array.from(
        { length: 1000 },
        (_, i) => `POST /topic/tombstone?topic=topic&node=host-${i}.test:4151 HTTP/1.1\r\nHost: a\r\n\r\n`,
      );
      socket!.write(requests.join(''));
      await answers(socket!, 1000);
    },
  },
  {
    name: '5,000 peers whose fields are as long as may be, then `/nodes`',
    run: async (target) => {
      const length = (await target.introduce(1, '<'.repeat(4096))) === 1 ? 4096 : 255;
      const taken = await target.introduce(5000, '<'.repeat(length));
      await target.begin();
      const { status, text } = await target.ask('/nodes');
      return `${taken} peers with ${length} characters: ${status}, ${(text.length / 2 ** 20).toFixed(1)} MiB`;
    },
  },
  {
    name: 'a log that nobody reads, 60,000 requests, then SIGTERM',
    logLevel: 'info',
    run: async (target) => {
      target.command.process.stderr?.removeAllListeners('data').pause();
      await target.begin();
      const sockets = target.connections(10, target.command.httpPort);
      const asking = sockets.map(async (socket) => {
        for (let i = 0; i < 60; i++) {
          socket.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100));
          await answers(socket, 100);
        }
      });
      await Promise.all(asking);
    },
  },
  {
    name: '100 readers that read nothing of large answers, which go stale',
    run: async (target) => {
      await ownChannels(9, 20_000, (p, i) => `topic_${p}_${i}_`.padEnd(64, 't'))(target);
      await target.begin();
      const [peer] = await target.peers(1);
      for (const [i, socket] of target.connections(100, target.command.httpPort).entries()) {
        await target.tell(peer!, 1, () => `REGISTER changed_${i} c`);
        socket.write('GET /topics HTTP/1.1\r\nHost: a\r\n\r\n');
        await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
      }
      await delay(WATCHED_MS);
    },
  },
  {
    name: '2,000 bodies of IDENTIFY that lack one byte',
    run: async (target) => {
      await target.begin();
      const size = 256 * 1024;
      const bytes = Buffer.concat([Buffer.from('  V1IDENTIFY\n\0\x04\0\0', 'latin1'), Buffer.alloc(size - 1, ' ')]);
      for (const socket of target.connections(2000, target.command.tcpPort)) {
        await new Promise<void>((resolve) => {
          socket.once('close', () => resolve());
          socket.resume().write(bytes, () => resolve());
        });
      }
      await delay(WATCHED_MS);
    },
  },
  {
    name: '1,000 peers that were quiet send 64 KiB of a line at once, again and again',
    run: async (target) => {
      const peers = await target.peers(1000);
      await target.begin();
      for (let i = 0; i < 10; i++) {
        for (const peer of peers) if (!peer.destroyed) peer.resume().write(Buffer.alloc(64 * 1024, 'x'));
        for (const peer of await target.peers(1000)) peers.push(peer);
        peers.splice(0, 1000);
      }
      await delay(1000);
    },
  },
  {
    name: '300 clients that send bodies without an end, with and to every method',
    run: async (target) => {
      await target.begin();
      const heads = [
        'GET /ping',
        'GET /nodes',
        'POST /topic/create?topic=t',
        'POST /none',
        'PUT /topics',
        'HEAD /ping',
      ];
      const kinds = ['Transfer-Encoding: chunked\r\n\r\n', 'Content-Length: 9000000000\r\n\r\n'];
      const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
      const end = performance.now() + WATCHED_MS;
      const flood = async (_: unknown, i: number) => {
        while (performance.now() < end) {
          const [socket] = target.connections(1, target.command.httpPort);
          const closed = once(socket!.resume(), 'close').catch(() => {});
          const head = `${heads[i % heads.length]} HTTP/1.1\r\nHost: a\r\n${kinds[i % kinds.length]}`;
          const write = () =>
            socket!.write(chunk, (error) => error ?? (performance.now() < end ? write() : socket!.destroy()));
          socket!.write(head, write);
          await closed;
        }
      };
      await Promise.all(Array.from({ length: 300 }, flood));
    },
  },
  {
    name: '10,000 pipelined writes of all kinds, beside 20,000 producers',
    run: async (target) => {
      await target.filled(200, 100, (_, i) => `REGISTER topic_${i} channel`);
      await target.begin();
      const writes = [
        'topic/create?topic=made_N',
        'channel/create?topic=made_N&channel=c',
        'topic/tombstone?topic=topic_N&node=host-N.test:4151',
        'channel/delete?topic=topic_N&channel=channel',
        'topic/delete?topic=topic_N',
        'topic/delete?topic=made_N',
        'topic/tombstone?topic=none&node=none',
        'channel/create?topic=topic_N&channel=channel',
      ];
      const [socket] = target.connections(1, target.command.httpPort);
      const lineOf = (i: number) => writes[i % writes.length]!.replaceAll('N', String((i >> 3) % 100));
      const requests = Array.from({ length: 10_000 }, (_, i) => `POST /${lineOf(i)} HTTP/1.1\r\nHost: a\r\n\r\n`);
      socket!.write(requests.join(''));
      await answers(socket!, 10_000);
    },
  },
  {
    name: '9,900 connections with half a request each',
    run: async (target) => {
      await target.begin();
      const half = 'GET /nodes HTTP/1.1\r\nHost: a\r\nX-Half: ';
      for (let i = 0; i < 99; i++) {
        const sockets = target.connections(100, target.command.httpPort);
        await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.write(half, () => resolve()))));
      }
      await delay(WATCHED_MS);
    },
  },
  {
    name: '500 headers of 15 KiB at once, again and again',
    run: async (target) => {
      await target.begin();
      const request = `GET /ping HTTP/1.1\r\nHost: a\r\n${'X-Flood: 0123456789\r\n'.repeat(700)}\r\n`;
      const sockets = target.connections(500, target.command.httpPort);
      for (let i = 0; i < 5; i++) {
        const answered = sockets.map((socket) => answers(socket, 1));
        for (const socket of sockets) socket.write(request);
        await Promise.all(answered);
      }
    },
  },
  {
    name: '300 peers and 300 clients that send a byte at a time',
    run: async (target) => {
      await target.begin();
      const lines = Buffer.from('  V1PING\nREGISTER topic channel\n');
      const request = Buffer.from('GET /lookup?topic=topic HTTP/1.1\r\nHost: a\r\n\r\n');
      const peers = target.connections(300, target.command.tcpPort);
      const clients = target.connections(300, target.command.httpPort);
      for (const socket of [...peers, ...clients]) socket.resume();
      for (let i = 0; i < request.length; i++) {
        for (const socket of peers) if (i < lines.length) socket.write(lines.subarray(i, i + 1));
        for (const socket of clients) socket.write(request.subarray(i, i + 1));
        await delay(20);
      }
    },
  },
  {
    name: '1,000,000 PINGs of one peer',
    run: async (target) => {
      await target.begin();
      const [peer] = await target.peers(1);
      await target.tell(peer!, 1_000_000, () => 'PING');
    },
  },
  {
    name: '10,000 peers that come, register and leave',
    run: async (target) => {
      await target.begin();
      for (let i = 0; i < 100; i++) {
        const peers = await target.peers(100);
        await Promise.all(peers.map((peer, p) => target.tell(peer, 1, () => `REGISTER topic_${i}_${p} channel`)));
        for (const peer of peers) peer.destroy();
      }
    },
  },
  {
    name: '10,000 connections that open and end at once',
    run: async (target) => {
      await target.begin();
      const { tcpPort, httpPort } = target.command;
      for (let i = 0; i < 100; i++) {
        const sockets = [...target.connections(50, tcpPort), ...target.connections(50, httpPort)];
        await Promise.all(sockets.map((socket) => once(socket.resume().end(), 'close')));
      }
    },
  },
  longNames('', []),
  longNames(', in a heap of 1 GiB', ['--max-old-space-size=1024']),
];
