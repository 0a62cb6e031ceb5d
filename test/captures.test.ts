import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createHttpHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createTcpHandler } from 'nsqlookupd/tcp';
import { bodyOf } from './support/body.js';
import { MemoryStream } from './support/memory-stream.js';
import type { SyncHttpHandler } from './support/sync-handler.js';

interface Chunk {
  readonly from?: 'peer' | 'lookupd';
  readonly bytes?: string;
  readonly closed?: true;
}

const captures = JSON.parse(readFileSync('test/data/nsq-1.3.0.json', 'utf8')) as {
  readonly nsqd: readonly (readonly Chunk[])[];
  readonly nsqadmin: readonly string[];
  readonly go_nsq: readonly string[];
};

// What the lookupd that was captured announced.
const announce = {
  broadcastAddress: '127.0.0.1',
  hostname: 'vm',
  tcpPort: 38923,
  httpPort: 43137,
  version: '1.3.0',
};

function setUp() {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 1000 });
  const stream = new MemoryStream();
  createTcpHandler({ topology, announce })(stream, { remoteAddress: '127.0.0.1:5000' });
  const http = createHttpHandler({ topology }) as SyncHttpHandler;
  /** One request, as its client sent it. */
  const request = (text: string) => {
    const [line = '', ...headers] = text.split('\r\n');
    const [method = '', target = ''] = line.split(' ');
    const [path = '', query = ''] = target.split('?');
    const pairs = headers.filter(Boolean).map((header) => header.split(': ') as [string, string]);
    const lower = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
    const response = http({ method, path, query, headers: lower });
    assert.ok(response, text);
    return { status: response.status, body: bodyOf(response) };
  };
  return { topology, stream, request };
}

/** What nsqd means to be known of it after each of its lines. */
const AFTER: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  IDENTIFY: {},
  'REGISTER orders': { orders: [] },
  'REGISTER orders billing': { orders: ['billing'] },
  'REGISTER orders tail#ephemeral': { orders: ['billing', 'tail#ephemeral'] },
  'REGISTER empty': { orders: ['billing', 'tail#ephemeral'], empty: [] },
  'UNREGISTER orders tail#ephemeral': { orders: ['billing'], empty: [] },
  'UNREGISTER empty': { orders: ['billing'] },
  PING: { orders: ['billing'] },
};

function carried(topology: Topology): Record<string, string[]> {
  const [node] = topology.nodes();
  return Object.fromEntries((node?.topics ?? []).map(({ topic }) => [topic, topology.channels(topic).sort()]));
}

describe('what nsqd 1.3.0 sent', () => {
  for (const step of ['as captured', 'byte by byte']) {
    test(`is answered to the byte and leads to the topology it means, ${step}`, () => {
      const { topology, stream } = setUp();
      let answered = 0;
      for (const { from, bytes = '', closed } of captures.nsqd[0]!) {
        if (closed) {
          stream.sendEnd();
        } else if (from === 'lookupd') {
          assert.deepEqual(stream.take().toString('latin1'), bytes);
          answered++;
        } else {
          const all = Buffer.from(bytes, 'latin1');
          if (step === 'as captured') stream.send(all);
          else for (const byte of all) stream.send(Uint8Array.of(byte));
          const line = bytes.replace(/^ {2}V1/, '').split('\n')[0]!;
          assert.ok(AFTER[line], line);
          assert.deepEqual(carried(topology), AFTER[line], line);
        }
      }
      assert.equal(answered, Object.keys(AFTER).length);
      assert.ok(stream.ended);
      assert.deepEqual(topology.nodes(), []);
      // `empty` has no producer any more and stays, as nsqlookupd keeps it.
      assert.deepEqual(topology.topics().sort(), ['empty', 'orders']);
      assert.deepEqual(topology.channels('orders'), ['billing']);
    });
  }

  test('is answered to the byte when it is cut anew at every byte', () => {
    const peer = captures.nsqd[0]!.filter(({ from }) => from === 'peer').map(({ bytes }) => bytes ?? '');
    const lookupd = captures.nsqd[0]!.filter(({ from }) => from === 'lookupd').map(({ bytes }) => bytes ?? '');
    const all = Buffer.from(peer.join(''), 'latin1');
    for (let at = 0; at <= all.length; at++) {
      const { topology, stream } = setUp();
      stream.send(all.subarray(0, at));
      stream.send(all.subarray(at));
      assert.equal(stream.take().toString('latin1'), lookupd.join(''), `cut at ${at}`);
      assert.deepEqual(carried(topology), AFTER['PING']);
    }
  });
});

describe('what nsqadmin and go-nsq 1.3.0 asked', () => {
  test('each gets what it expects, in the order in which it was asked', () => {
    const { topology, stream, request } = setUp();
    const peer = captures.nsqd[0]!.filter(({ from }) => from === 'peer').map(({ bytes }) => bytes ?? '');
    stream.send(Buffer.from(peer.slice(0, 3).join(''), 'latin1'));
    const node = {
      remote_address: '127.0.0.1:5000',
      hostname: 'vm',
      broadcast_address: 'nsqd-1.example.com',
      tcp_port: 35765,
      http_port: 36253,
      version: '1.3.0',
      topology_zone: 'az-1',
      topology_region: 'eu-1',
    };
    const orders = { channels: ['billing'], producers: [node] };
    const made = { channels: [] as string[], producers: [] };
    const expected: [number, unknown][] = [
      [200, { topics: ['orders'] }],
      [200, { producers: [{ ...node, tombstones: [false], topics: ['orders'] }] }],
      [200, orders],
      [200, ''],
      [200, ''],
      [200, { ...made, channels: ['ch'] }],
      [200, { ...made, channels: ['ch'] }],
      [200, ''],
      [200, made],
      [200, ''],
      [200, ''],
    ];
    assert.equal(captures.nsqadmin.length, expected.length);
    captures.nsqadmin.forEach((text, i) => {
      const { status, body } = request(text);
      assert.deepEqual([status, body === '' ? '' : JSON.parse(body)], expected[i], text);
    });
    assert.deepEqual(topology.topics(), ['orders']);
    // nsqadmin has tombstoned the node, so that go-nsq does not connect to it.
    const { status, body } = request(captures.go_nsq[0]!);
    assert.deepEqual([status, JSON.parse(body)], [200, { ...orders, producers: [] }]);
  });
});
