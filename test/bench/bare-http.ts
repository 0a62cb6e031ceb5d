/** A process of its own: a `node:http` server that sends the answers that it is handed, by target, and knows nothing else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ScenarioAnswer } from 'nsqlookupd/testing';

const OWN_HEADERS = ['date', 'connection', 'keep-alive', 'transfer-encoding'];

process.once('message', (answers: Readonly<Record<string, ScenarioAnswer>>) => {
  const known = new Map(
    Object.entries(answers).map(([target, { status, headers, text }]) => {
      const body = Buffer.from(text);
      // What node:http sends itself it is to send for this one, too.
      const own = Object.entries(headers).filter(([name]) => !OWN_HEADERS.includes(name));
      return [target, { status, headers: { ...Object.fromEntries(own), 'content-length': body.length }, body }];
    }),
  );
  const server = createServer(({ url = '' }, response) => {
    const { status, headers, body } = known.get(url)!;
    response.writeHead(status, headers);
    response.end(body);
  });
  server.keepAliveTimeout = 120_000; // as the command has it, which stands in a header
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
});
