/** A process of its own: a `node:http` server that sends the answer that it is handed, and knows nothing. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ScenarioAnswer } from 'nsqlookupd/testing';

process.once('message', ({ status, headers, text }: ScenarioAnswer) => {
  const body = Buffer.from(text);
  const { date, connection, 'keep-alive': keepAlive, 'transfer-encoding': coding, ...own } = headers;
  void [date, connection, keepAlive, coding]; // these node:http sends itself
  const sent = { ...own, 'content-length': body.length };
  const server = createServer((_request, response) => {
    response.writeHead(status, sent);
    response.end(body);
  });
  server.keepAliveTimeout = 120_000; // as the command has it, which stands in a header
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
});
