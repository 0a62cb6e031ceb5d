import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  encodePeerMessage,
  encodeReply,
  PeerDecoder,
  ReplyDecoder,
  type Fault,
  type Identity,
  type PeerMessage,
  type Reply,
} from 'nsqlookupd/protocol';
import { identityOf } from './support/peers.js';
import { runs } from './support/runs.js';

interface Decoder<M> {
  push(bytes: Uint8Array): void;
  next(): M | undefined;
}

function decodeAll<M>(decoder: Decoder<M>, chunks: readonly Uint8Array[]): M[] {
  const messages: M[] = [];
  for (const chunk of chunks) {
    const own = Uint8Array.from(chunk);
    decoder.push(own);
    for (let message = decoder.next(); message !== undefined; message = decoder.next()) messages.push(message);
    own.fill(0xff); // its owner may use it again
  }
  return messages;
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const ends = [...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const plainRecord = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const names = fc.string({ unit: fc.constantFrom(...Array.from('abzAZ09._-#äé日')), minLength: 1, maxLength: 70 });
const text = fc.string({ unit: 'grapheme' });
const ports = fc.integer({ min: 1, max: 65_535 });
const identities: fc.Arbitrary<Identity> = plainRecord({
  broadcastAddress: fc.string({ unit: 'grapheme', minLength: 1 }),
  hostname: text,
  tcpPort: ports,
  httpPort: ports,
  version: fc.string({ unit: 'grapheme', minLength: 1 }),
  topologyZone: text,
  topologyRegion: text,
});
const commands: fc.Arbitrary<PeerMessage[]> = fc.oneof(
  fc.constant<PeerMessage[]>([{ type: 'ping' }]),
  identities.map((identity): PeerMessage[] => [{ type: 'identify' }, { type: 'identity', identity }]),
  plainRecord({
    type: fc.constantFrom('register' as const, 'unregister' as const),
    topic: names,
    channel: fc.option(names, { nil: '' }),
  }).map((message): PeerMessage[] => [message]),
);
const conversations = fc
  .array(commands, { maxLength: 8 })
  .map((all): PeerMessage[] => [{ type: 'magic' }, ...all.flat()]);
const replies: fc.Arbitrary<Reply> = fc.oneof(
  fc.constant<Reply>({ type: 'ok' }),
  plainRecord({
    type: fc.constant('error' as const),
    code: fc.constantFrom(...(['E_INVALID', 'E_BAD_BODY', 'E_BAD_TOPIC', 'E_BAD_CHANNEL', 'E_BAD_PROTOCOL'] as const)),
    reason: text,
  }),
  plainRecord({
    type: fc.constant('announcement' as const),
    announcement: plainRecord({
      broadcastAddress: text,
      hostname: text,
      tcpPort: ports,
      httpPort: ports,
      version: text,
    }),
  }),
);

describe('protocol', () => {
  test('what a peer sends is read as it was meant, however it is cut', () => {
    fc.assert(
      fc.property(conversations, cuts, (messages, at) => {
        const bytes = Buffer.concat(messages.map(encodePeerMessage));
        assert.deepEqual(decodeAll(new PeerDecoder(), cut(bytes, at)), messages);
      }),
    );
  });

  test('much that a peer sends is read as it was meant, however it is cut, however little of it at a time', () => {
    const plain = fc.constantFrom<PeerMessage[]>(
      [{ type: 'ping' }],
      [{ type: 'register', topic: 'orders-of-the-day', channel: 'billing' }],
      [{ type: 'unregister', topic: 't', channel: '' }],
      [{ type: 'identify' }, { type: 'identity', identity: identityOf('h'.repeat(200)) }],
    );
    const long = fc
      .array(fc.oneof({ weight: 40, arbitrary: plain }, { weight: 1, arbitrary: commands }), { maxLength: 120 })
      .map((all): PeerMessage[] => [{ type: 'magic' }, ...all.flat()]);
    fc.assert(
      fc.property(long, cuts, fc.array(fc.nat(30), { minLength: 1 }), (messages, at, takes) => {
        const decoder = new PeerDecoder();
        const read: PeerMessage[] = [];
        let pushed = 0;
        const take = (most: number) => {
          for (let i = 0; i < most; i++) {
            const message = decoder.next();
            if (message === undefined) return;
            assert.ok(message.type !== 'fault');
            read.push(message);
          }
        };
        for (const [i, chunk] of cut(Buffer.concat(messages.map(encodePeerMessage)), at).entries()) {
          const own = Uint8Array.from(chunk);
          decoder.push(own);
          take(takes[i % takes.length]!);
          decoder.hold();
          own.fill(0xff); // its owner may use it again
          pushed += chunk.length;
          take(takes[(i + 1) % takes.length]!);
          assert.ok(decoder.heldBytes <= pushed * 1.25);
        }
        take(Infinity);
        assert.deepEqual(read, messages);
        assert.equal(decoder.heldBytes, 0);
      }),
      { numRuns: runs(300) },
    );
  });

  test('what a lookupd answers is read as it was meant, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(replies, { maxLength: 8 }), cuts, (answers, at) => {
        const bytes = Buffer.concat(answers.map(encodeReply));
        assert.deepEqual(decodeAll(new ReplyDecoder(), cut(bytes, at)), answers);
      }),
    );
  });

  test('any bytes read alike however they are cut, and what is read encodes to what reads the same', () => {
    const nearlyRight = fc
      .array(
        fc.oneof(
          fc.constantFrom('PING\n', 'IDENTIFY\n', 'REGISTER t c\n', 'UNREGISTER t\n', ' PING \r\n', 'NOPE\n', '\n'),
          fc.string({ maxLength: 10 }),
        ),
        { maxLength: 10 },
      )
      .map((parts) => Buffer.from(`  V1${parts.join('')}`));
    const anyBytes = fc.oneof(nearlyRight, fc.uint8Array({ maxLength: 64 }));
    const limits = { maxLineBytes: 24, maxBodyBytes: 24 };
    fc.assert(
      fc.property(anyBytes, cuts, (bytes, at) => {
        const whole = decodeAll(new PeerDecoder(limits), [bytes]);
        const decoder = new PeerDecoder(limits);
        assert.deepEqual(decodeAll(decoder, cut(bytes, at)), whole);
        assert.ok(decoder.heldBytes <= 24 * 1.25);
        const messages = whole.filter((message): message is PeerMessage => message.type !== 'fault');
        const legal = messages.filter((m) => !('topic' in m) || (m.topic !== '' && !/\s/.test(m.topic + m.channel)));
        const again = Buffer.concat(legal.map(encodePeerMessage));
        assert.deepEqual(decodeAll(new PeerDecoder(), [again]), legal);
      }),
      { numRuns: runs(1000) },
    );
  });

  describe('a breach ends the conversation with a code, however it is cut', () => {
    const body = (size: number) =>
      `  V1IDENTIFY\n${String.fromCharCode(...[24, 16, 8, 0].map((n) => (size >> n) & 255))}`;
    const cases: [string, string, Fault['code']][] = [
      ['another magic', '  V2PING\n', 'E_BAD_PROTOCOL'],
      ['an unknown command', '  V1NOPE\nPING\n', 'E_INVALID'],
      ['a command in lower case', '  V1ping\n', 'E_INVALID'],
      ['an empty line', '  V1\n', 'E_INVALID'],
      ['REGISTER without a topic', '  V1REGISTER\n', 'E_INVALID'],
      ['a line without an end', `  V1${'x'.repeat(101)}`, 'E_INVALID'],
      ['a line that ends beyond the limit', `  V1PING ${'x'.repeat(95)}\n`, 'E_INVALID'],
      ['a body of negative size', body(-1), 'E_BAD_BODY'],
      ['a body of the least size', body(-2147483648), 'E_BAD_BODY'],
      ['a body over the limit, before it comes', body(51), 'E_BAD_BODY'],
    ];
    for (const [what, bytes, code] of cases) {
      test(what, () => {
        for (const size of [1, 2, 3, 1000]) {
          const decoder = new PeerDecoder({ maxLineBytes: 100, maxBodyBytes: 50 });
          const all = Buffer.from(bytes, 'latin1');
          const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
            all.subarray(i * size, (i + 1) * size),
          );
          const messages = decodeAll<PeerMessage | Fault>(decoder, chunks);
          const fault = messages.at(-1);
          assert.ok(fault?.type === 'fault');
          assert.equal(fault.code, code);
          assert.equal(messages.filter(({ type }) => type === 'fault').length, 1);
          decoder.push(Buffer.from('PING\n'));
          assert.equal(decoder.next(), undefined);
          assert.equal(decoder.heldBytes, 0);
        }
      });
    }

    test('lines and bodies at the limit are read', () => {
      const decoder = new PeerDecoder({ maxLineBytes: 100, maxBodyBytes: 200 });
      const messages = decodeAll<PeerMessage | Fault>(decoder, [
        Buffer.from(`  V1PING ${'x'.repeat(94)}\nIDENTIFY\n\0\0\0\xc8`, 'latin1'),
        Buffer.from(JSON.stringify({ broadcast_address: 'h', tcp_port: 1, http_port: 2, version: '1' }).padEnd(200)),
      ]);
      assert.deepEqual(
        messages.map(({ type }) => type),
        ['magic', 'ping', 'identify', 'identity'],
      );
    });

    test('an IDENTIFY that ends before its body', () => {
      for (const bytes of ['  V1IDENTIFY\n', '  V1IDENTIFY\n\0\0', '  V1IDENTIFY\n\0\0\0\x02{']) {
        const decoder = new PeerDecoder();
        decodeAll(decoder, [Buffer.from(bytes, 'latin1')]);
        assert.equal(decoder.end()?.code, 'E_BAD_BODY');
      }
      for (const bytes of ['', '  V', '  V1', '  V1PIN']) {
        const decoder = new PeerDecoder();
        decodeAll(decoder, [Buffer.from(bytes)]);
        assert.equal(decoder.end(), undefined);
      }
    });
  });

  describe('the body of an IDENTIFY is read as Go reads it', () => {
    const identify = (json: string): PeerMessage | Fault | undefined => {
      const body = Buffer.from(json);
      const size = Buffer.alloc(4);
      size.writeUInt32BE(body.length);
      const bytes = Buffer.concat([Buffer.from('  V1IDENTIFY\n'), size, body]);
      return decodeAll<PeerMessage | Fault>(new PeerDecoder(), [bytes]).at(-1);
    };
    const fields = (more: string) => `{"broadcast_address":"h","tcp_port":1,"http_port":2,"version":"1"${more}}`;
    const plain = {
      type: 'identity',
      identity: identityOf('', { broadcastAddress: 'h', tcpPort: 1, httpPort: 2, version: '1' }),
    };

    const taken: [string, string, Partial<Identity>][] = [
      ['a plain body', fields(''), {}],
      ['white space around it', ` \n${fields('')}\r\n\t `, {}],
      ['white space within it', fields(',"hostname":"A"').replaceAll(/[{:,}]/g, ' $& \n\t'), { hostname: 'A' }],
      ['unknown keys of any kind', fields(',"x":{"tcp_port":"a","y":[1,2,{"z":null}]},"id":5'), {}],
      ['keys in any case', fields(',"HostName":"A","TCP_PORT":7'), { hostname: 'A', tcpPort: 7 }],
      ['a key with a long s, which Go takes for an s', fields(',"ho\u017ftname":"A"'), { hostname: 'A' }],
      ['a key with escapes', fields(',"host\\u006eame":"A"'), { hostname: 'A' }],
      [
        'the last of several, whatever their case',
        fields(',"hostname":"A","HOSTNAME":"B","hostname":"C"'),
        { hostname: 'C' },
      ],
      [
        'the last of several, the first in another case',
        fields(',"HOSTNAME":"A","hostname":"B","HOSTNAME":"C"'),
        { hostname: 'C' },
      ],
      ['null, which changes nothing', fields(',"hostname":"A","hostname":null,"tcp_port":null'), { hostname: 'A' }],
      ['a forged remote address', fields(',"remote_address":"10.9.9.9:1"'), {}],
      ['half a surrogate pair, replaced', fields(',"hostname":"a\\ud800b"'), { hostname: 'a\ufffdb' }],
      ['a string with quotes, braces and backslashes', fields(',"hostname":"\\"}{\\\\"'), { hostname: '"}{\\' }],
      ['names of Object.prototype as keys', fields(',"__proto__":{"hostname":"A"},"constructor":1'), {}],
      ['deep nesting', fields(`,"x":${'['.repeat(9_999)}${']'.repeat(9_999)}`), {}],
      [
        'arrays and objects in between',
        fields(',"x":[[],{"hostname":1},[]],"hostname":"A","y":{"z":[1]}'),
        { hostname: 'A' },
      ],
      ['the highest port', fields(',"tcp_port":65535'), { tcpPort: 65_535 }],
    ];
    for (const [what, json, expected] of taken) {
      test(`takes ${what}`, () => {
        assert.deepEqual(identify(json), { ...plain, identity: { ...plain.identity, hostname: '', ...expected } });
      });
    }

    const missing = 'IDENTIFY missing fields';
    const outOfRange = 'IDENTIFY port out of range';
    const refused: [string, string, string?][] = [
      ['nothing', ''],
      ['an object in an array', '[{}]'],
      ['a bare string', '"x"', missing],
      ['true', 'true', missing],
      ['a port of 4294967295', fields(',"tcp_port":4294967295'), outOfRange],
      ['a port past what a number holds', fields(',"tcp_port":9007199254740992'), outOfRange],
      ['no ports', '{"broadcast_address":"h","version":"1"}', missing],
      ['a literal where a string belongs', fields(',"hostname":true')],
      ['an array where a port belongs', fields(',"tcp_port":[1]')],
      ['null', 'null', missing],
      ['an array', `[${fields('')}]`],
      ['two values', fields('') + fields('')],
      ['a value that is not JSON', fields(',"x":{a:1}')],
      ['a comma too many', fields(',')],
      ['a byte order mark', `\ufeff${fields('')}`],
      ['a port with a fraction', fields(',"tcp_port":1.0')],
      ['a port with an exponent', fields(',"tcp_port":1e3')],
      ['a port as a string', fields(',"tcp_port":"1"')],
      ['a wrong type that a later one would mend', fields(',"hostname":1,"hostname":"A"')],
      ['a remote address that is no string', fields(',"remote_address":1')],
      ['a zone that is no string', fields(',"topology_zone":[]')],
      ['a hostname that is an object', fields(',"hostname":{"a":"b"}')],
      ['an empty version', fields(',"version":""'), missing],
      ['a port of 0', fields(',"http_port":0'), missing],
      ['a TCP port of 0', fields(',"tcp_port":0'), missing],
      ['no address', '{"tcp_port":1,"http_port":2,"version":"1"}', missing],
      ['a port of -0', fields(',"http_port":-0'), missing],
      ['a negative port', fields(',"http_port":-1'), outOfRange],
      ['a port over 65535', fields(',"tcp_port":65536'), outOfRange],
      ['a port of more than 32 bits', fields(',"tcp_port":42949677100'), outOfRange],
      ['nesting too deep', fields(`,"x":${'['.repeat(10_000)}${']'.repeat(10_000)}`)],
      ['a control character in a string', fields(',"hostname":"\n"')],
    ];
    for (const [what, json, reason = 'IDENTIFY failed to decode JSON body'] of refused) {
      test(`refuses ${what}`, () => {
        assert.deepEqual(identify(json), { type: 'fault', code: 'E_BAD_BODY', reason });
      });
    }
  });

  test('a decoder that has stopped keeps nothing', () => {
    const decoder = new ReplyDecoder();
    assert.equal(decodeAll<Reply | Fault>(decoder, [Uint8Array.of(0, 0, 0, 1, 33)])[0]?.type, 'fault');
    decoder.push(Uint8Array.of(0, 0, 0, 2, 79, 75));
    assert.deepEqual([decoder.next(), decoder.heldBytes], [undefined, 0]);
  });

  test('an answer of no bytes, or of as many as are allowed, is one', () => {
    const decoder = new ReplyDecoder({ maxReplyBytes: 2 });
    assert.deepEqual(decodeAll(decoder, [Uint8Array.of(0, 0, 0, 2, 79, 75)]), [{ type: 'ok' }]);
    const [empty] = decodeAll<Reply | Fault>(new ReplyDecoder(), [Uint8Array.of(0, 0, 0, 0)]);
    assert.deepEqual(empty, { type: 'fault', code: 'E_INVALID', reason: 'unknown answer ""' });
  });

  test('an announcement that lacks fields, or has others, is read with what it has', () => {
    const read = (json: string) => {
      const payload = Buffer.from(json);
      return decodeAll<Reply | Fault>(new ReplyDecoder(), [
        Buffer.concat([Uint8Array.of(0, 0, 0, payload.length), payload]),
      ])[0];
    };
    const nothing = { broadcastAddress: '', hostname: '', tcpPort: 0, httpPort: 0, version: '' };
    assert.deepEqual(read('{}'), { type: 'announcement', announcement: nothing });
    assert.deepEqual(read('{"tcp_port":"1","version":1,"hostname":"h","x":2}'), {
      type: 'announcement',
      announcement: { ...nothing, hostname: 'h' },
    });
    for (const text of ['xE_INVALID', 'E_INVALIDx', 'E_INVALID\n', '"E_INVALID"']) {
      assert.equal(read(text)?.type, 'fault', text);
    }
    assert.deepEqual(read('E_BAD_BODY'), { type: 'error', code: 'E_BAD_BODY', reason: '' });
    assert.deepEqual(read('E_BAD_BODY a\nb'), { type: 'error', code: 'E_BAD_BODY', reason: 'a\nb' });
  });

  test('limits are numbers from 1 on', () => {
    for (const limits of [{ maxLineBytes: 0 }, { maxBodyBytes: 0 }, { maxLineBytes: NaN }]) {
      assert.throws(() => new PeerDecoder(limits), /^TypeError: max\w+Bytes must be a number from 1 on/);
    }
    assert.throws(() => new PeerDecoder({ maxLine: 1 } as never), /^TypeError: limits has no option "maxLine"/);
    for (const limits of [{ maxReplyBytes: 0 }, { maxBytes: 1 }]) {
      assert.throws(() => new ReplyDecoder(limits), /^TypeError: (maxReplyBytes must be|ReplyDecoder has no option)/);
    }
    const decoder = new PeerDecoder({ maxLineBytes: 1, maxBodyBytes: 1 });
    assert.equal(decodeAll<PeerMessage | Fault>(decoder, [Buffer.from('  V1PING\n')]).at(-1)?.type, 'fault');
  });

  test('a line of nothing but white space is no command', () => {
    for (const line of ['\n', ' \n', ' \t \r\n']) {
      const last = decodeAll<PeerMessage | Fault>(new PeerDecoder(), [Buffer.from(`  V1${line}`)]).at(-1);
      assert.deepEqual(last, { type: 'fault', code: 'E_INVALID', reason: 'invalid command ' });
    }
  });

  test('white space around a line is what it is to Go', () => {
    for (const line of ['PING', ' \t\v\f\r\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000PING\u0085\r']) {
      assert.deepEqual(decodeAll(new PeerDecoder(), [Buffer.from(`  V1${line}\n`)]).at(-1), { type: 'ping' });
    }
    for (const line of ['\ufeffPING', 'PING\u200b', 'PING\tx']) {
      const last = decodeAll<PeerMessage | Fault>(new PeerDecoder(), [Buffer.from(`  V1${line}\n`)]).at(-1);
      assert.equal(last?.type, 'fault');
    }
  });

  test('an encoder refuses names that would not arrive as given', () => {
    for (const bad of [
      { topic: 'a', channel: undefined },
      { topic: undefined, channel: 'a' },
      { topic: 1, channel: '' },
      { topic: 'a', channel: null },
    ]) {
      const names = JSON.stringify([bad.topic, bad.channel]);
      assert.throws(() => encodePeerMessage({ type: 'register', ...bad } as never), {
        message: `no topic, or white space in a name: ${names}`,
      });
    }
    assert.throws(
      () => encodePeerMessage({ type: 'other' } as never),
      /^TypeError: unknown message \{"type":"other"\}/,
    );
    const plain = encodePeerMessage({ type: 'unregister', topic: 'a', channel: '' });
    assert.equal(Buffer.from(plain).toString(), 'UNREGISTER a\n');
    for (const [topic, channel] of [
      ['', 'c'],
      ['a b', ''],
      ['a', 'b\nPING'],
      ['\n', ''],
    ] as const) {
      assert.throws(() => encodePeerMessage({ type: 'register', topic, channel }), TypeError);
    }
  });

  test('any bytes read alike as answers however they are cut, and what is kept is bounded', () => {
    const frames = fc.tuple(fc.constantFrom(0, 2, 3, 8, 9, 200), fc.string({ maxLength: 9 })).map(([size, text]) => {
      return Buffer.concat([Buffer.from([0, 0, 0, size]), Buffer.from(text)]);
    });
    const parts = fc.array(
      fc.oneof(
        frames,
        fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
      ),
    );
    fc.assert(
      fc.property(parts, cuts, (chunks, at) => {
        const bytes = Buffer.concat(chunks);
        const whole = decodeAll(new ReplyDecoder({ maxReplyBytes: 8 }), [bytes]);
        const decoder = new ReplyDecoder({ maxReplyBytes: 8 });
        assert.deepEqual(decodeAll(decoder, cut(bytes, at)), whole);
        assert.ok(decoder.heldBytes <= 8 * 1.25);
      }),
      { numRuns: runs(500) },
    );
  });

  test('a reply that is no reply ends the reading', () => {
    const fault = (reason: string) => [{ type: 'fault', code: 'E_INVALID', reason }];
    const payloads = ['NOPE', '7', 'null', 'E_OTHER x'];
    for (const payload of payloads) {
      const frame = Buffer.concat([Buffer.from([0, 0, 0, payload.length]), Buffer.from(payload)]);
      assert.deepEqual(decodeAll(new ReplyDecoder(), [frame]), fault(`unknown answer "${payload}"`));
    }
    const long = Buffer.concat([Buffer.from([0, 0, 0, 65]), Buffer.alloc(65, 'x')]);
    assert.deepEqual(decodeAll(new ReplyDecoder(), [long]), fault(`unknown answer "${'x'.repeat(64)}"`));
    const sizes: [bytes: number[], reason: string][] = [
      [[0x80, 0, 0, 0], 'answer of -2147483648 bytes'],
      [[0, 0, 0, 9], 'answer of 9 bytes'],
      [[...Buffer.from('HTTP')], 'an HTTP server answers there; name its TCP port'],
    ];
    for (const [bytes, reason] of sizes) {
      const decoder = new ReplyDecoder({ maxReplyBytes: 8 });
      assert.deepEqual(decodeAll(decoder, [Uint8Array.from(bytes)]), fault(reason));
    }
  });
});
