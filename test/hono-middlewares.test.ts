import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { compress } from 'hono/compress';
import { requestId } from 'hono/request-id';
import { createHttpHandler, decorate, toHonoMiddleware, underPrefix } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';

for (const [name, middleware] of Object.entries({
  none: async (_: unknown, next: () => Promise<void>) => next(),
  cors: cors(),
  etag: etag(),
  compress: compress({ threshold: 0 }),
  requestId: requestId(),
})) {
  test(`Hono's ${name} around it`, { timeout: 5000 }, async (t) => {
    const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
    const app = new Hono();
    app.use(middleware as never);
    app.use(toHonoMiddleware(decorate(createHttpHandler({ topology }), underPrefix('/nsq'))) as never);
    app.get('/own', (context) => context.text('own'));
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const printed: string[] = [];
    t.mock.method(console, 'error', (...args: unknown[]) => printed.push(String(args[0])));
    const ask = async (path: string) => {
      const call = httpRequest({
        port,
        host: '127.0.0.1',
        path,
        agent: false,
        headers: { 'accept-encoding': 'gzip' },
      }).end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response) text += String(chunk);
      return { names: Object.keys(response.headers), text };
    };
    const own = await ask('/own');
    const { names, text } = await ask('/nsq/topics');
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(text, '{"topics":[]}');
    const missing = own.names.filter(
      (header) =>
        !names.includes(header) && !['vary', 'transfer-encoding', 'content-encoding', 'etag'].includes(header),
    );
    assert.deepEqual({ printed, missing }, { printed: [], missing: [] });
  });
}
