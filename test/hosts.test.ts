import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import { createHttpHandler, underPrefix, type Authorize, type Caller, type HttpHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { FETCH_HOSTS, HOSTS } from './support/hosts.js';
import { peerOf } from './support/peers.js';

const NSQ = { 'X-Nsq-Content-Type': 'nsq; version=1.0' };
const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8', ...NSQ };
const TEXT_HEADERS = { 'Content-Type': 'text/plain; charset=utf-8' };

interface Exchange {
  readonly ask: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** In the letter case of the wire. */
  readonly answers?: Readonly<Record<string, string>>;
  readonly text?: string | RegExp;
}

const message = (word: string) => `{"message":"${word}"}`;

/** In order, on one lookupd. `%p` is the prefix that it is mounted under. */
const EXCHANGES: readonly Exchange[] = [
  { ask: 'GET /before', status: 200, text: 'before' },
  { ask: 'GET /after', status: 200, text: 'after' },
  { ask: 'GET /nothing', status: 404, text: 'host' },
  { ask: 'GET %p/nothing', status: 404, text: 'host' },
  { ask: 'POST %p/topic', status: 404, text: 'host' },
  { ask: 'GET %p/ping', status: 200, answers: TEXT_HEADERS, text: 'OK' },
  { ask: 'GET %p/info', status: 200, answers: JSON_HEADERS, text: '{"version":"1.3.0"}' },
  { ask: 'POST %p/topic/create?topic=first', status: 200, answers: NSQ, text: '' },
  {
    ask: 'POST %p/topic/create?topic=typed',
    headers: { 'content-type': 'application/json', 'content-length': '1' },
    body: '{',
    status: 200,
    answers: NSQ,
    text: '',
  },
  {
    ask: 'POST %p/channel/create?topic=typed&channel=c',
    headers: { 'content-type': 'application/x-unheard-of', 'content-length': '3' },
    body: 'a=b',
    status: 200,
    answers: NSQ,
    text: '',
  },
  { ask: 'GET %p/topics', status: 200, answers: JSON_HEADERS, text: '{"topics":["first","typed"]}' },
  {
    ask: 'GET %p/lookup?topic=typed',
    status: 200,
    answers: JSON_HEADERS,
    text: '{"channels":["c"],"producers":[]}',
  },
  { ask: 'HEAD %p/lookup?topic=typed', status: 200, answers: { ...JSON_HEADERS, 'Content-Length': '33' }, text: '' },
  { ask: 'GET %p/lookup', status: 400, answers: JSON_HEADERS, text: message('MISSING_ARG_TOPIC') },
  { ask: 'GET %p/lookup?topic=%zz', status: 400, answers: JSON_HEADERS, text: message('INVALID_REQUEST') },
  { ask: 'GET %p/lookup?topic=none', status: 404, answers: JSON_HEADERS, text: message('TOPIC_NOT_FOUND') },
  { ask: 'GET %p/LOOKUP?topic=typed', status: 301, answers: { Location: '%p/lookup?topic=typed' } },
  { ask: 'DELETE %p/topics', status: 405, answers: { ...JSON_HEADERS, Allow: 'GET, HEAD, OPTIONS' } },
  { ask: 'OPTIONS %p/topic/delete', status: 200, answers: { Allow: 'OPTIONS, POST' } },
  { ask: 'POST %p/topic/delete?topic=first', status: 200, answers: NSQ, text: '' },
  { ask: 'GET %p/channels?topic=first', status: 200, answers: JSON_HEADERS, text: '{"channels":[]}' },
  {
    ask: 'GET %p/debug',
    status: 200,
    answers: JSON_HEADERS,
    text: /^\{"client::":\[[^]{70000,}\}$/,
  },
];

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

function askOverHttp(port: number, { ask, headers = {}, body }: Exchange): Promise<Answer> {
  const [method, path] = ask.split(' ');
  return new Promise((resolve, reject) => {
    const call = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      const { statusCode = 0, rawHeaders } = response;
      const pairs = Array.from({ length: rawHeaders.length / 2 }, (_, i) => [
        rawHeaders[2 * i]!,
        rawHeaders[2 * i + 1]!,
      ]);
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: statusCode, headers: new Map(pairs as [string, string][]), text }));
    });
    call.on('error', reject).end(body);
  });
}

function createHandler(): HttpHandler {
  const topology = new Topology({ db: new RegistrationDB(), clock: () => 1_790_000_000_000 });
  for (let i = 0; i < 400; i++) topology.join(peerOf(`host-${i}`)); // /debug comes in chunks
  return createHttpHandler({ topology });
}

function judge(answer: Answer, { ask, status, answers = {}, text }: Exchange, prefix: string): void {
  assert.equal(answer.status, status, ask);
  for (const [name, value] of Object.entries(answers)) {
    assert.equal(answer.headers.get(name), value.replace('%p', prefix), `${ask}: ${name}`);
  }
  if (typeof text === 'string') assert.equal(answer.text, text, ask);
  else if (text) assert.match(answer.text, text);
}

const toPath = (ask: string, prefix: string) => ask.replace('%p', prefix);

for (const prefix of ['', '/nsq', '/deeper/nsq']) {
  const where = prefix === '' ? 'at the root' : `under ${prefix}`;

  describe(`mounted ${where}`, () => {
    for (const [name, start] of Object.entries(HOSTS)) {
      test(name, { timeout: 20_000 }, async (t) => {
        const complaints = t.mock.method(console, 'error');
        const host = await start(createHandler(), prefix);
        try {
          for (const exchange of EXCHANGES) {
            judge(await askOverHttp(host.port, { ...exchange, ask: toPath(exchange.ask, prefix) }), exchange, prefix);
          }
          assert.deepEqual(complaints.mock.calls, []);
        } finally {
          await host.close();
        }
      });
    }

    for (const [name, start] of Object.entries(FETCH_HOSTS)) {
      test(name, { timeout: 20_000 }, async () => {
        const fetch = start(createHandler(), prefix);
        for (const exchange of EXCHANGES) {
          const [method = '', target = ''] = toPath(exchange.ask, prefix).split(' ');
          const { headers: sent = {}, body } = exchange;
          const request = new Request(`http://host.test${target}`, { method, headers: sent, ...(body && { body }) });
          const response = await fetch(request);
          // Names have no letter case here, and a Response has no length before it is sent.
          const answers = Object.fromEntries(
            Object.entries(exchange.answers ?? {}).filter(([name]) => name !== 'Content-Length'),
          );
          const headers = new Map(
            Object.keys(answers).flatMap((key) => {
              const value = response.headers.get(key);
              return value === null ? [] : [[key, value] as const];
            }),
          );
          const answer = { status: response.status, headers, text: await response.text() };
          judge(answer, { ...exchange, answers }, prefix);
        }
      });
    }
  });
}

describe('a prefix', () => {
  for (const prefix of ['', '/', 'nsq', '/nsq/', '/nsq?', '/n#q']) {
    test(`cannot be ${JSON.stringify(prefix)}`, () => assert.throws(() => underPrefix(prefix), TypeError));
  }

  test('with nothing behind it is not the handler’s', () => {
    const handler = underPrefix('/nsq')(createHandler());
    for (const path of ['/nsq', '/nsq/', '/nsqping', '/ping']) {
      assert.equal(handler({ method: 'GET', path, query: '', headers: {} }), undefined, path);
    }
  });

  test('is taken off once, as it stands', async () => {
    const handler = underPrefix('/nsq')(createHandler());
    const ask = async (path: string) => {
      const answer = await handler({ method: 'GET', path, query: '', headers: {} });
      return `${answer?.status} ${answer?.headers['Location'] ?? ''}`.trim();
    };
    assert.equal(await ask('/nsq//topics'), '200');
    assert.equal(await ask('/nsq%2ftopics'), 'undefined');
    assert.equal(await ask('/nsq/%2ftopics'), '200');
    assert.equal(await ask('/NSQ/topics'), 'undefined');
    assert.equal(await ask('/nsq/Topics'), '301 /nsq/topics');
    assert.equal(await ask('//nsq/topics'), 'undefined');
    assert.equal(await ask('/nsqx/topics'), 'undefined');
    assert.equal(await ask('/nsq//evil.example/TOPICS'), 'undefined');
  });

  test('may stand within another', () => {
    const handler = underPrefix('/a')(underPrefix('/b')(createHandler()));
    const answer = handler({ method: 'GET', path: '/a/b/PING', query: '', headers: {} });
    assert.ok(answer && 'status' in answer);
    assert.equal(answer.headers['Location'], '/a/b/ping');
  });
});

describe('where the host does not tell who calls', () => {
  for (const [name, start] of Object.entries(FETCH_HOSTS)) {
    test(`${name} tells authorize so, who may refuse`, async () => {
      const callers: Caller[] = [];
      const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
      const authorize: Authorize = (caller, action) => {
        callers.push(caller);
        return action.kind === 'read' || caller.address !== undefined || { status: 403 };
      };
      const fetch = start(createHttpHandler({ topology, authorize }), '');
      const statusOf = async (method: string, target: string) =>
        (await fetch(new Request(`http://10.0.0.1:80${target}`, { method }))).status;
      assert.equal(await statusOf('GET', '/topics'), 200);
      assert.equal(await statusOf('POST', '/topic/create?topic=t'), 403);
      assert.deepEqual(topology.topics(), []);
      assert.deepEqual(callers, [{}, {}]);
    });
  }
});

describe('a handler that throws', () => {
  const broken: HttpHandler = () => {
    throw new Error('broken');
  };

  for (const name of ['Koa', 'Hono', 'Fastify 5', 'Express 5']) {
    test(`is ${name}’s to answer`, { timeout: 20_000 }, async (t) => {
      t.mock.method(console, 'error', () => undefined); // where Koa, Hono and Express report it
      const host = await HOSTS[name]!(broken, '');
      try {
        assert.equal((await askOverHttp(host.port, { ask: 'GET /ping', status: 500 })).status, 500);
      } finally {
        await host.close();
      }
    });
  }
});

test('Fastify goes on to parse the bodies of the host’s own routes', { timeout: 20_000 }, async () => {
  const host = await HOSTS['Fastify 5']!(createHandler(), '');
  try {
    const headers = { 'content-type': 'application/json', 'content-length': '7' };
    const answer = await askOverHttp(host.port, { ask: 'POST /echo', headers, body: '{"a":1}', status: 200 });
    assert.equal(answer.text, '{"a":1}');
    const other = { 'content-type': 'text/unheard-of', 'content-length': '1' };
    assert.equal(
      (await askOverHttp(host.port, { ask: 'POST /echo', headers: other, body: 'a', status: 415 })).status,
      415,
    );
  } finally {
    await host.close();
  }
});
