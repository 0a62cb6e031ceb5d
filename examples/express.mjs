// In an Express 5 app, under /nsq, between routes of its own. Anybody may read; writes need a token.
import express from 'express';
import { once } from 'node:events';
import { createHttpHandler, toNodeHandler } from 'nsqlookupd/http';
import { createTopology } from 'nsqlookupd/testing';

const fleet = createTopology({ 'host-1:4150': { orders: ['billing'] } }); // yours is a Topology that a TCP handler fills
const token = 'a secret of yours';

const handler = createHttpHandler({
  topology: fleet,
  authorize: (caller, action, request) =>
    action.kind === 'read' ||
    request.headers.authorization === `Bearer ${token}` || { status: 401, challenge: 'Bearer' },
});

const app = express();
app.use('/nsq', toNodeHandler(handler)); // before express.json(), which would read bodies
app.get('/', (request, response) => void response.send('my own page'));

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${Object(server.address()).port}`;
const show = async (method, path, headers = {}) => {
  const { status } = await fetch(`${url}${path}`, { method, headers });
  console.log(`${method} ${path} ${status}`);
};
await show('GET', '/');
await show('GET', '/nsq/lookup?topic=orders');
await show('POST', '/nsq/topic/delete?topic=orders');
await show('POST', '/nsq//%74opic/delete/?topic=orders');
await show('POST', '/nsq/topic/delete?topic=orders', { authorization: `Bearer ${token}` });
server.closeAllConnections();
server.close();
