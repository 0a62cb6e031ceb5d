// In an Express 5 app, under /nsq, between routes of its own.
import express from 'express';
import { once } from 'node:events';
import { createHttpHandler, toNodeHandler } from 'nsqlookupd/http';
import { createTopology } from 'nsqlookupd/testing';

const fleet = createTopology({ 'host-1:4150': { orders: ['billing'] } }); // yours is a Topology that a TCP handler fills

const app = express();
app.use('/nsq', toNodeHandler(createHttpHandler({ topology: fleet }))); // before express.json(), which would read bodies
app.get('/', (request, response) => response.send('my own page'));

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
for (const path of ['/nsq/lookup?topic=orders', '/nsq/nothing-of-ours', '/']) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`);
  console.log(`GET ${path} → ${response.status} ${(await response.text()).split('\n')[0].slice(0, 80)}`);
}
server.closeAllConnections();
server.close();
