// In a Koa app, under /nsq; what is not a lookupd's goes on to the app's next middleware.
import Koa from 'koa';
import { once } from 'node:events';
import { createHttpHandler, decorate, toKoaMiddleware, underPrefix } from 'nsqlookupd/http';
import { createTopology } from 'nsqlookupd/testing';

const fleet = createTopology({ 'host-1:4150': { orders: ['billing'] } }); // yours is a Topology that a TCP handler fills

const app = new Koa();
app.use(toKoaMiddleware(decorate(createHttpHandler({ topology: fleet }), underPrefix('/nsq'))));
app.use((context) => {
  if (context.path === '/') context.body = 'my own page';
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
for (const path of ['/nsq/lookup?topic=orders', '/nsq/nothing-of-ours', '/']) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`);
  console.log(`GET ${path} → ${response.status} ${(await response.text()).slice(0, 80)}`);
}
server.closeAllConnections();
server.close();
