import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  allOf,
  allowFrom,
  allowNames,
  allowTokens,
  anyOf,
  createHttpHandler,
  decorate,
  except,
  logRefusals,
  readOnly,
  requireTls,
  toFetchHandler,
  trustProxies,
  type Action,
  type Authorize,
  type Caller,
  type HttpRequest,
} from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import {
  admitFrom,
  admitInTurn,
  createStreamPair,
  rewriteAddress,
  type Admit,
  type AddressRewrite,
} from 'nsqlookupd/tcp';
import { identityOf } from './support/peers.js';

const READ: Action = { name: 'topics', kind: 'read' };
const WRITE: Action = { name: 'topic/create', kind: 'write' };
const REQUEST: HttpRequest = { method: 'GET', path: '/topics', query: '', headers: {} };
const withToken = (token: string): HttpRequest => ({ ...REQUEST, headers: { authorization: `Bearer ${token}` } });
const named = (CN: string | string[]): Caller => ({ certificate: { subject: { CN }, fingerprint256: 'AA' } });
const yes: Authorize = () => true;
const no: Authorize = () => ({ status: 403, message: 'NO' });
const who: Authorize = () => ({ status: 401, challenge: 'Bearer' });
const later =
  (authorize: Authorize): Authorize =>
  (...args) =>
    Promise.resolve(authorize(...args));

describe('networks', () => {
  const isIn = async (network: string, address: string) =>
    (await allowFrom({ read: [network] })({ address }, READ, REQUEST)) === true;

  for (const [network, inside, outside] of [
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255:1', '[::ffff:10.1.2.3]:5', '::ffff:a01:203'],
      ['11.0.0.0', '9.255.255.255', '::10.0.0.1'],
    ],
    ['10.1.2.3/8', ['10.9.9.9'], ['11.1.2.3']],
    ['192.0.2.1', ['192.0.2.1', '192.0.2.1:65535'], ['192.0.2.0', '192.0.2.2']],
    ['0.0.0.0/0', ['255.255.255.255', '::ffff:1.2.3.4'], ['::', '2001:db8::1']],
    ['::/0', ['::', '[2001:db8::1]:5', 'fe80::1%eth0'], ['10.0.0.1', '::ffff:10.0.0.1', '[::ffff:10.0.0.1]:80']],
    ['fd00::/8', ['fd12:3456::1', '[fd00::]:1', 'FDFF::'], ['fe00::', 'fc00::', '::fd00']],
    ['2001:db8::/33', ['2001:db8:7fff::'], ['2001:db8:8000::']],
    ['::1', ['::1', '[::1]:4161', '0:0:0:0:0:0:0:1'], ['::', '::2', '127.0.0.1']],
    ['::ffff:10.0.0.0/104', ['10.1.2.3', '::ffff:10.1.2.3'], ['11.0.0.0', '::10.0.0.0']],
    ['::ffff:0:0/96', ['1.2.3.4'], ['::1', '::1:2:3']],
    ['64:ff9b::192.0.2.0/120', ['64:ff9b::c000:2ff'], ['192.0.2.1', '64:ff9b::c000:3ff']],
  ] as const) {
    test(`${network} has what begins as it does`, async () => {
      for (const address of inside) assert.ok(await isIn(network, address), address);
      for (const address of outside) assert.ok(!(await isIn(network, address)), address);
    });
  }

  test('what is no address is in none', async () => {
    const strange = [
      '',
      '-',
      'localhost',
      'localhost:80',
      '10.0.0',
      '10.0.0.0.1',
      '010.0.0.1',
      '10.0.0.256',
      '0x0a.0.0.1',
    ];
    for (const address of [
      ...strange,
      '10.0.0.1 ',
      ' 10.0.0.1',
      '1:2',
      ':::',
      '1::2::3',
      '12345::',
      '::g',
      `::${'0'.repeat(99)}`,
    ])
      for (const network of ['0.0.0.0/0', '::/0']) assert.ok(!(await isIn(network, address)), address);
    assert.notEqual(await allowFrom({ read: ['0.0.0.0/0', '::/0'] })({}, READ, REQUEST), true);
  });

  test('what is no network is a TypeError that shows it', () => {
    for (const network of [
      '',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '/8',
      '10.0.0/8',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '::ffff:10.0.0.0/8',
      'fe80::%eth0/64',
      'localhost',
      '10.0.0.0/08x',
      5,
    ]) {
      const networks = [network] as string[];
      for (const make of [
        () => allowFrom({ write: networks }),
        () => trustProxies(networks),
        () => admitFrom(networks),
      ])
        assert.throws(
          make,
          (error: Error) => error instanceof TypeError && error.message.includes(JSON.stringify(network)),
        );
    }
    for (const make of [() => admitFrom('10.0.0.0/8' as never), () => allowFrom({ from: [] } as never)])
      assert.throws(make, TypeError);
  });

  test('IPv4 in and out of a network is as its bits say, however it is carried', async () => {
    await fc.assert(
      fc.asyncProperty(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), async (address, network, length) => {
        const bits = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
        const size = 2 ** (32 - length);
        const expected = Math.floor(bits(address) / size) === Math.floor(bits(network) / size);
        for (const shown of [address, `${address}:80`, `::ffff:${address}`, `[::ffff:${address}]:80`])
          assert.equal(await isIn(`${network}/${length}`, shown), expected, shown);
      }),
    );
  });

  test('no text breaks the reader', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.%/[\]]*$/)), async (text) => {
        await isIn('::/0', text);
        assert.doesNotThrow(() => void rewriteAddress({ [text.replaceAll('/', '')]: 'a' }));
      }),
    );
    await fc.assert(fc.asyncProperty(fc.ipV6(), async (text) => assert.equal(await isIn(text, `[${text}]:1`), true)));
  });
});

describe('an Authorize', () => {
  test('allOf gives the first refusal, anyOf the last, now or later', async () => {
    for (const [made, expected] of [
      [allOf(), true],
      [allOf(yes, yes), true],
      [allOf(yes, who, no), 401],
      [allOf(yes, no, who), 403],
      [anyOf(who, no), 403],
      [anyOf(no, who), 401],
      [anyOf(no, yes, who), true],
      [allOf(later(yes), no, yes), 403],
      [allOf(later(yes), later(yes)), true],
      [anyOf(later(no), later(yes)), true],
      [anyOf(no, later(who)), 401],
      [allOf(anyOf(later(no), yes), later(no)), 403],
    ] as const) {
      const verdict = await made({}, READ, REQUEST);
      assert.equal(verdict === true || verdict.status, expected);
    }
    let asked = 0;
    const count: Authorize = () => (asked++, true);
    await allOf(no, count)({}, READ, REQUEST);
    await anyOf(yes, count)({}, READ, REQUEST);
    assert.equal(asked, 0);
    assert.equal(allOf(yes, yes)({}, READ, REQUEST), true); // at once
    for (const make of [
      () => allOf(5 as never),
      () => anyOf(),
      () => except('a' as never, yes),
      () => except([], 5 as never),
    ])
      assert.throws(make, TypeError);
  });

  test('readOnly and except go by the action', async () => {
    assert.equal(await readOnly({}, READ, REQUEST), true);
    assert.deepEqual(await readOnly({}, WRITE, REQUEST), { status: 403, message: 'READ_ONLY' });
    const open = except(['healthz'], no);
    assert.equal(await open({}, { name: 'healthz', kind: 'read' }, REQUEST), true);
    assert.notEqual(await open({}, READ, REQUEST), true);
  });

  describe('allowTokens', () => {
    const tokens = { 'reader-token': 'read', 'writer-token': 'write' } as const;
    const authorize = allowTokens(tokens);
    const statusOf = async (request: HttpRequest, action = READ) => {
      const verdict = await authorize({}, action, request);
      return verdict === true ? 200 : verdict.status;
    };

    test('wants one, and one that may do so much', async () => {
      assert.equal(await statusOf(REQUEST), 401);
      assert.equal(await statusOf(withToken('reader-token')), 200);
      assert.equal(await statusOf(withToken('writer-token')), 200);
      assert.equal(await statusOf(withToken('writer-token'), WRITE), 200);
      assert.equal(await statusOf(withToken('reader-token'), WRITE), 403);
      assert.equal(await statusOf(withToken('other-token'), WRITE), 401);
    });

    test('takes nothing that is like one', async () => {
      const like = [
        '',
        ' ',
        'reader-toke',
        'reader-tokenn',
        'Reader-token',
        'reader-token reader-token',
        '\0',
        'ŕeader-token',
        '__proto__',
      ];
      // A token is repeated when it is compared with what is longer.
      for (const token of [
        ...like,
        'reader-tokenreader-token',
        'reader-tokenr',
        'x'.repeat(100_000),
        'constructor',
        '*',
      ])
        assert.equal(await statusOf(withToken(token)), 401, token.slice(0, 30));
      for (const authorization of [
        'reader-token',
        'Basic reader-token',
        'Bearer',
        'Bearerreader-token',
        ['Bearer reader-token'],
      ])
        assert.equal(await statusOf({ ...REQUEST, headers: { authorization } }), 401);
      assert.equal(await statusOf({ ...REQUEST, headers: { authorization: 'bearer  reader-token ' } }), 200);
    });

    test('a token is the one, and no other', async () => {
      const token = fc.stringMatching(/^[!-~]{1,20}$/);
      await fc.assert(
        fc.asyncProperty(token, token, async (known, given) => {
          const verdict = await allowTokens({ [known]: 'read' })({}, READ, withToken(given));
          assert.equal(verdict === true, known === given);
        }),
      );
    });

    test('says how to ask, and does not say what is wrong with a token', async () => {
      const topology = new Topology({ db: new RegistrationDB() });
      const handler = createHttpHandler({ topology, authorize });
      const answer = await handler(REQUEST);
      assert.equal(answer?.headers['WWW-Authenticate'], 'Bearer realm="nsqlookupd"');
      assert.equal(answer?.body, '{"message":"UNAUTHORIZED"}');
    });

    test('asks a function each time, and takes another table', async () => {
      let table: Record<string, 'read' | 'write'> = { old: 'read' };
      const rotating = allowTokens(() => table);
      assert.equal(await rotating({}, READ, withToken('old')), true);
      table = { new: 'read' };
      assert.notEqual(await rotating({}, READ, withToken('old')), true);
      assert.equal(await rotating({}, READ, withToken('new')), true);
    });

    test('does not take what is no table, and shows no token', () => {
      const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`token-${i}`, 'read']));
      for (const bad of [
        { '': 'read' },
        { 'secret with space': 'read' },
        { secret: 'admin' },
        { ['secret'.repeat(50)]: 'read' },
        many,
        null,
        5,
      ]) {
        assert.throws(
          () => allowTokens(bad as never),
          (error: Error) => error instanceof TypeError && !error.message.includes('secret'),
        );
      }
    });
  });

  test('allowNames goes by the one common name of a certificate', async () => {
    const authorize = allowNames({ admin: 'write', consumer: 'read' });
    assert.equal(await authorize(named('admin'), WRITE, REQUEST), true);
    assert.equal(await authorize(named('consumer'), READ, REQUEST), true);
    for (const caller of [
      named('consumer'),
      named('Admin'),
      named(''),
      named(['admin', 'other']),
      named('constructor'),
      {},
    ])
      assert.deepEqual(await authorize(caller, WRITE, REQUEST), { status: 403 });
    const nameless = allowNames({ '': 'write' });
    for (const caller of [{}, named('')])
      assert.deepEqual(await nameless(caller, READ, REQUEST), { status: 403 }, 'no name is not a name');
  });

  test('logRefusals has a line a minute for each source, and counts', async () => {
    let now = 0;
    const lines: string[] = [];
    let refused = 0;
    const log = { warn: (line: string) => void lines.push(line) };
    const authorize = logRefusals(readOnly, { log, clock: () => now, onRefused: () => (refused += 1) });
    const from = (address: string) => authorize({ ...named('bob'), address }, WRITE, REQUEST);
    for (const address of ['192.0.2.1:1', '192.0.2.1:2', '[::ffff:192.0.2.1]:3', '192.0.2.2:1']) await from(address);
    // One host may have all of 64 bits.
    for (const address of ['[2001:db8::1]:1', '[2001:db8::2]:1', '[2001:db8:0:0:ffff::]:1', '[2001:db8:0:1::]:1'])
      await from(address);
    assert.deepEqual(lines, [
      'HTTP: refused 192.0.2.1:1 (bob) - 403 READ_ONLY GET topic/create',
      'HTTP: refused 192.0.2.2:1 (bob) - 403 READ_ONLY GET topic/create',
      'HTTP: refused [2001:db8::1]:1 (bob) - 403 READ_ONLY GET topic/create',
      'HTTP: refused [2001:db8:0:1::]:1 (bob) - 403 READ_ONLY GET topic/create',
    ]);
    now = 60_000;
    await from('192.0.2.1:9');
    assert.equal(
      lines.at(-1),
      'HTTP: refused 192.0.2.1:9 (bob) - 403 READ_ONLY GET topic/create, 2 more since the last line',
    );
    assert.equal(refused, 9);
    assert.equal(await authorize({}, READ, REQUEST), true);
  });

  test('logRefusals has 1,000 lines a minute at most, however many sources there are', async () => {
    let now = 0;
    let lines = 0;
    const authorize = logRefusals(readOnly, { log: { warn: () => (lines += 1) }, clock: () => now });
    const flood = async () => {
      for (let i = 0; i < 5000; i++) await authorize({ address: `10.0.${i >> 8}.${i & 255}:1` }, WRITE, REQUEST);
    };
    await flood();
    assert.equal(lines, 1000);
    now = 60_000;
    await flood();
    assert.equal(lines, 2000);
  });
});

describe('trustProxies', () => {
  const trust = trustProxies(['10.0.0.0/8', 'fd00::/8']);
  const seen = async (address: string | undefined, forwarded: string | readonly string[] | undefined) => {
    let caller: Caller | undefined;
    const handler = decorate((request) => ((caller = request.caller ?? {}), undefined), trust);
    await handler({ ...REQUEST, headers: { 'x-forwarded-for': forwarded }, caller: { address } });
    return caller?.address;
  };

  for (const [what, address, forwarded, expected] of [
    ['who comes from elsewhere is who they are', '192.0.2.9:1', '10.0.0.5', '192.0.2.9:1'],
    ['a proxy without the header is itself', '10.0.0.1:1', undefined, '10.0.0.1:1'],
    ['a proxy names who asks', '10.0.0.1:1', '192.0.2.7', '192.0.2.7'],
    ['what stands left of that counts for nothing', '10.0.0.1:1', '127.0.0.1, 10.9.9.9, 192.0.2.7', '192.0.2.7'],
    ['proxies in a row are passed', '[fd00::1]:1', '127.0.0.1,192.0.2.7, 10.0.0.3 ,fd00::2', '192.0.2.7'],
    ['IPv4 in IPv6 is a proxy as well', '[::ffff:10.0.0.1]:1', '192.0.2.7, ::ffff:10.0.0.3', '192.0.2.7'],
    ['ports and brackets are read', '10.0.0.1:1', '192.0.2.7:8080, [fd00::2]:80', '192.0.2.7:8080'],
    ['several headers are one', '10.0.0.1:1', ['127.0.0.1', '192.0.2.7'], '192.0.2.7'],
    ['where all are proxies it is the first', '10.0.0.1:1', '10.0.0.7, 10.0.0.3', '10.0.0.7'],
    ['a proxy that names nobody has no address', '10.0.0.1:1', 'unknown', undefined],
    ['nor has one that names nothing', '10.0.0.1:1', '', undefined],
    ['nor does what stands left of that count', '10.0.0.1:1', '127.0.0.1, _hidden', undefined],
    ['nor an empty place', '10.0.0.1:1', '127.0.0.1,', undefined],
    ['nor one place too many', '10.0.0.1:1', Array.from({ length: 5000 }, () => '10.0.0.1').join(), undefined],
    ['who has no address has none', undefined, '127.0.0.1', undefined],
  ] as const) {
    test(what, async () => assert.equal(await seen(address, forwarded), expected));
  }

  test('the request is the same otherwise, and the certificate the connection’s', async () => {
    let got: HttpRequest | undefined;
    const handler = decorate((request) => ((got = request), undefined), trust);
    const signal = AbortSignal.abort();
    const request = { ...REQUEST, path: '//topics', query: 'a=b', basePath: '/nsq', signal };
    const caller = { ...named('proxy'), address: '10.0.0.1:1' };
    await handler({ ...request, headers: { 'x-forwarded-for': '192.0.2.7' }, caller });
    assert.deepEqual(
      [got?.path, got?.sentPath, got?.query, got?.basePath, got?.signal],
      ['/topics', '//topics', 'a=b', '/nsq', signal],
    );
    assert.equal(got?.caller?.certificate, caller.certificate);
    assert.equal(got?.remoteAddress, '192.0.2.7');
  });

  test('lets allowFrom judge who asks: a header of one’s own opens nothing', async () => {
    const topology = new Topology({ db: new RegistrationDB() });
    const authorize = allowFrom({ read: ['127.0.0.1', '10.7.0.0/16'] });
    const handler = decorate(createHttpHandler({ topology, authorize }), trust);
    const ask = async (address: string, forwarded: string) =>
      (await handler({ ...REQUEST, headers: { 'x-forwarded-for': forwarded }, caller: { address } }))?.status;
    assert.equal(await ask('192.0.2.1:1', '127.0.0.1'), 403);
    assert.equal(await ask('10.0.0.1:1', '127.0.0.1, 192.0.2.1'), 403);
    assert.equal(await ask('10.0.0.1:1', '127.0.0.1, nobody'), 403);
    assert.equal(await ask('10.0.0.1:1', '192.0.2.1, 127.0.0.1'), 200);
    assert.equal(await ask('127.0.0.1:1', '192.0.2.1'), 200);
  });
});

test('requireTls leaves the paths that it is given', async () => {
  const handler = decorate(
    () => ({ status: 200, headers: {}, body: '' }),
    requireTls(() => 5, ['/mine']),
  );
  const ask = async (path: string) => (await handler({ ...REQUEST, path }))?.status;
  assert.deepEqual(
    [await ask('/mine'), await ask('//mine/'), await ask('/ping'), await ask('/mine/x')],
    [200, 200, 403, 403],
  );
});

test('all of it runs behind fetch, where nobody tells who asks', async () => {
  const topology = new Topology({ db: new RegistrationDB() });
  const authorize = allOf(anyOf(allowFrom({ read: ['10.0.0.0/8'] }), allowTokens({ 'a-token': 'read' })), readOnly);
  const fetch = toFetchHandler(createHttpHandler({ topology, authorize }));
  const ask = (headers: Record<string, string>) => fetch(new Request('http://host/topics', { headers }));
  assert.equal((await ask({})).status, 401);
  assert.equal((await ask({ authorization: 'Bearer a-token' })).status, 200);
});

describe('an admit', () => {
  const [stream] = createStreamPair();
  const identity = identityOf('web-1');
  const judge = (admit: Admit, remoteAddress = '10.1.2.3:5000', announced = identity) =>
    admit(announced, { remoteAddress, stream });
  const addressOf = async (rewrite: AddressRewrite, remoteAddress?: string) => {
    const verdict = await judge(rewriteAddress(rewrite), remoteAddress);
    return 'refused' in verdict ? undefined : verdict.broadcastAddress;
  };

  test('admitFrom goes by the peer’s own address', async () => {
    const admit = admitFrom(['10.0.0.0/8', '::1']);
    for (const address of ['10.1.2.3:5', '[::ffff:10.1.2.3]:5', '[::1]:5'])
      assert.equal(await judge(admit, address), identity);
    for (const address of ['11.0.0.1:5', '127.0.0.1:5', 'stream-1', '', '@/run/nsq.sock'])
      assert.deepEqual(await judge(admit, address), { refused: 'peers from this address may not register' });
  });

  test('rewriteAddress names where a peer is found', async () => {
    const announced = identity.broadcastAddress;
    assert.equal(await addressOf('announced'), announced);
    assert.equal(await addressOf('remote'), '10.1.2.3');
    assert.equal(await addressOf('remote', '[fd00::1]:5000'), 'fd00::1');
    assert.equal(await addressOf('remote', 'worker-7'), announced);
    assert.equal(await addressOf({ '10.0.0.0/8': 'far', '10.1.0.0/16': 'near', '10.2.0.0/16': 'other' }), 'near');
    assert.equal(await addressOf({ '10.0.0.0/8': 'far' }, '[::ffff:10.1.2.3]:1'), 'far');
    assert.equal(await addressOf({ '10.0.0.0/8': 'far', [announced.toUpperCase()]: 'named' }), 'named');
    assert.equal(await addressOf({ '192.0.2.0/24': 'x', 'web-2': 'y' }), announced);
    assert.equal(await addressOf({ '::/0': 'x' }), announced);
    assert.equal(await addressOf((_, { remoteAddress }) => `at-${remoteAddress}`), 'at-10.1.2.3:5000');
    assert.equal(await addressOf(() => undefined), announced);
    for (const bad of [{ '10.0.0.0/40': 'a' }, { a: '' }, { a: 'b c' }, { a: 5 }, 'here', 5, null]) {
      assert.throws(() => rewriteAddress(bad as never), TypeError);
    }
    const twice = { '10.0.0.0/8': 'a', '10.1.2.3/8': 'b' };
    assert.throws(
      () => rewriteAddress(twice),
      /^TypeError: rewrite has one network twice, 10\.0\.0\.0\/8 and 10\.1\.2\.3\/8$/,
    );
  });

  test('admitInTurn hands the identity on, and stops at a refusal', async () => {
    const upper: Admit = (known) => ({ ...known, broadcastAddress: known.broadcastAddress.toUpperCase() });
    const slow: Admit = (known) => Promise.resolve(known);
    const verdict = await judge(admitInTurn(slow, rewriteAddress({ '10.0.0.0/8': 'far' }), slow, upper));
    assert.equal('broadcastAddress' in verdict && verdict.broadcastAddress, 'FAR');
    let asked = false;
    const never: Admit = (known) => ((asked = true), known);
    assert.deepEqual(await judge(admitInTurn(slow, () => ({ refused: 'no' }), never)), { refused: 'no' });
    assert.equal(asked, false);
    assert.equal(judge(admitInTurn()), identity);
    assert.throws(() => admitInTurn(5 as never), TypeError);
  });
});
