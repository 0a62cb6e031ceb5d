import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createRouter, type HttpHandler } from 'nsqlookupd/http';
import { openApiRoutes, toOpenApi } from 'nsqlookupd/operate';
import { FakeNsqd, loadScenarios, playScenario, type ScenarioAnswer } from 'nsqlookupd/testing';
import { ask } from './support/ask.js';
import { fetchRaw, startCommand } from './support/command-lookupd.js';
import { createMemoryLookupd } from './support/memory-lookupd.js';

interface Document {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<
      string,
      { summary: string; responses: Record<string, { description: string; content?: Record<string, unknown> }> }
    >
  >;
}

const QUERIES = ['', '?topic=orders', '?topic=none&channel=c&node=n', '?%zz'];

/** With all on that has a flag. */
const command = await startCommand(['-stats']);
after(() => command.stop());
const document = JSON.parse((await fetchRaw(command.httpPort, 'GET', '/openapi.json')).text) as Document;
const ajv = new Ajv2020({ strict: false });
ajv.addSchema(document, 'api');

/** What is wrong with an answer, by the document; nothing for a path or method that is in none. */
function faultOf(method: string, path: string, answer: ScenarioAnswer): string | undefined {
  const operation = document.paths[path]?.[method.toLowerCase().replace('head', 'get')];
  if (!operation) return [301, 307, 404, 405, 200].includes(answer.status) ? undefined : `${answer.status} of no route`;
  const response = operation.responses[answer.status];
  if (!response) return `${answer.status} is not described`;
  if (!response.content) return answer.text === '' ? undefined : 'has a body';
  const type = answer.headers['content-type']?.split(';')[0] ?? '';
  if (!response.content[type]) return `${type} is not described`;
  if (method === 'HEAD') return answer.text === '' ? undefined : 'has a body';
  const pointer = ['paths', path, method.toLowerCase(), 'responses', String(answer.status), 'content', type, 'schema'];
  const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
  const validate = ajv.getSchema(`api#/${escaped.join('/')}`);
  if (!validate) return 'has no schema';
  const value: unknown = type === 'application/json' ? JSON.parse(answer.text) : answer.text;
  return validate(value) === true ? undefined : ajv.errorsText(validate.errors);
}

describe('/openapi.json', () => {
  test('is an OpenAPI 3.1 document', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
    assert.deepEqual([valid, errors], [true, undefined]);
    assert.equal(document.openapi.startsWith('3.1.'), true);
  });

  test('has every route of the daemon, each with words of its own and what it answers', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
    );
    assert.equal(operations.length >= 26, true);
    for (const path of ['/lookup', '/metrics', '/healthz', '/readyz', '/stats', '/sd/nsqd', '/openapi.json']) {
      assert.equal(path in document.paths, true, path);
    }
    for (const { name, summary, responses } of operations) {
      const action = name.split(' /')[1];
      assert.notEqual(summary, action, `${name} says nothing of itself: give its row an about`);
      assert.equal('default' in responses, false, name);
      assert.equal(
        Object.keys(responses).some((status) => status === '200' || status === '501'),
        true,
        name,
      );
    }
  });

  test('describes every answer of the recorded scenarios', async () => {
    const seen = new Set<string>();
    for (const scenario of await loadScenarios()) {
      await using target = createMemoryLookupd(scenario);
      await playScenario(scenario, {
        ...target,
        http: async (method, asked, headers) => {
          const answer = await target.http(method, asked, headers);
          const [path = ''] = asked.split('?');
          if (path === '/stats') return answer; // which the handlers in memory have not
          assert.equal(faultOf(method, path, answer), undefined, `${scenario.name}: ${method} ${asked}`);
          seen.add(`${method} ${path} ${answer.status}`);
          return answer;
        },
      });
    }
    assert.equal(seen.size > 40, true);
  });

  test('describes what the daemon answers besides', { timeout: 20_000 }, async () => {
    const nsqd = await FakeNsqd.connect(`127.0.0.1:${command.tcpPort}`, 'host-1:4150');
    await nsqd.identify();
    await nsqd.register('orders', 'billing');
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const method of Object.keys(methods)) {
        const queries =
          path === '/watch' ? ['?topic=no%20such'] : path.startsWith('/debug/pprof/') ? ['?seconds=1'] : QUERIES;
        for (const query of queries) {
          const answer = await fetchRaw(command.httpPort, method.toUpperCase(), `${path}${query}`);
          assert.equal(faultOf(method.toUpperCase(), path, answer), undefined, `${method} ${path}${query}`);
        }
      }
    }
    nsqd.drop();
  });

  test('tells of rows of the host, and of those that say nothing of themselves', async () => {
    const rows = [
      {
        method: 'PUT',
        path: '/mine',
        action: { name: 'mine', kind: 'write' as const },
        answer: () => ({ status: 200, headers: {}, body: '' }),
      },
    ];
    const all: { routes: readonly (typeof rows)[number][] } = { routes: rows };
    const handler: HttpHandler = createRouter([...rows, ...openApiRoutes({ routes: () => all.routes, version: '9' })]);
    const told = JSON.parse((await ask(handler, '/openapi.json')).body) as Document;
    assert.deepEqual(Object.keys(told.paths), ['/mine']);
    assert.equal(told.paths['/mine']?.['put']?.summary, 'mine');
    assert.equal((await new Validator().validate(toOpenApi(rows, '9') as never)).valid, true);
    assert.throws(() => openApiRoutes({ routes: rows } as never), /routes must be a function/);
  });
});

test('docs/routes.md has every route of the document, and the document every route of the page', () => {
  const page = readFileSync('docs/routes.md', 'utf8');
  const named = [...page.matchAll(/`(GET|POST) (\/[\w/.]*)`/g)].map(([, method, path]) => `${method} ${path}`);
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual([...new Set(named)].sort(), described.sort());
});
