// In a Fastify 5 app, as a plugin under /nsq. The app's own parsers do not see the bodies of what is under it.
import Fastify from 'fastify';
import { createHttpHandler, toFastifyPlugin } from 'nsqlookupd/http';
import { createTopology } from 'nsqlookupd/testing';

const fleet = createTopology({ 'host-1:4150': { orders: ['billing'] } }); // yours is a Topology that a TCP handler fills

const app = Fastify();
await app.register(toFastifyPlugin(createHttpHandler({ topology: fleet })), { prefix: '/nsq' });
app.get('/', () => 'my own page');

const url = await app.listen({ port: 0, host: '127.0.0.1' });
for (const path of ['/nsq/lookup?topic=orders', '/nsq/nothing-of-ours', '/']) {
  const response = await fetch(`${url}${path}`);
  console.log(`GET ${path} → ${response.status} ${(await response.text()).slice(0, 80)}`);
}
await app.close();
