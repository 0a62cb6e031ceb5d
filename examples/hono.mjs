// In a Hono app, under /nsq; here without a server, as on any runtime that calls its `fetch`.
import { Hono } from 'hono';
import { createHttpHandler, decorate, toHonoMiddleware, underPrefix } from 'nsqlookupd/http';
import { createTopology } from 'nsqlookupd/testing';

const fleet = createTopology({ 'host-1:4150': { orders: ['billing'] } }); // yours is a Topology that a TCP handler fills

const app = new Hono();
app.use(toHonoMiddleware(decorate(createHttpHandler({ topology: fleet }), underPrefix('/nsq'))));
app.get('/', (context) => context.text('my own page'));

for (const path of ['/nsq/lookup?topic=orders', '/nsq/nothing-of-ours', '/']) {
  const response = await app.request(path);
  console.log(`GET ${path} → ${response.status} ${(await response.text()).slice(0, 80)}`);
}
