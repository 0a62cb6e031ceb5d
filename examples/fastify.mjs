// In a Fastify 5 app, as a plugin under /nsq. Anybody may read; writes need a token.
import Fastify from 'fastify';
import { createHttpHandler, toFastifyPlugin } from 'nsqlookupd/http';
import { createTopology } from 'nsqlookupd/testing';

const fleet = createTopology({ 'host-1:4150': { orders: ['billing'] } }); // yours is a Topology that a TCP handler fills
const token = 'a secret of yours';

const handler = createHttpHandler({
  topology: fleet,
  authorize: (caller, action, request) =>
    action.kind === 'read' ||
    request.headers.authorization === `Bearer ${token}` || { status: 401, challenge: 'Bearer' },
});

const app = Fastify();
await app.register(toFastifyPlugin(handler), { prefix: '/nsq' }); // the app's parsers do not see the bodies of what is under it
app.get('/', () => 'my own page');

const url = await app.listen({ port: 0, host: '127.0.0.1' });
const show = async (method, path, headers = {}) => {
  const { status } = await fetch(`${url}${path}`, { method, headers });
  console.log(`${method} ${path} ${status}`);
};
await show('GET', '/');
await show('GET', '/nsq/lookup?topic=orders');
await show('POST', '/nsq/topic/delete?topic=orders');
await show('POST', '/nsq//%74opic/delete/?topic=orders');
await show('POST', '/nsq/topic/delete?topic=orders', { authorization: `Bearer ${token}` });
await app.close();
