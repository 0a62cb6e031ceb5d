import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpHandler, decorate, toFetchHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';

for (const status of [204, 205, 304]) {
  test(`an answer of ${status} without a body, as a CORS decorator gives it, is a Response`, async () => {
    const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
    const handler = decorate(createHttpHandler({ topology }), (inner) => (request) => {
      return request.method === 'OPTIONS' ? { status, headers: {}, body: '' } : inner(request);
    });
    const errors: unknown[] = [];
    const fetch = toFetchHandler(handler, { onError: (error) => errors.push(error) });
    const response = await fetch(new Request('http://h/topics', { method: 'OPTIONS' }));
    assert.equal(response.status, status, String(errors[0]));
  });
}
