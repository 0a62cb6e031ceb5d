import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LookupClient, PeerClient } from 'nsqlookupd/client';
import { startCommand, type Command } from './support/command-lookupd.js';

const identity = { broadcastAddress: 'service.test', tcpPort: 9000, httpPort: 9001 };

/** The command again, on the ports that it had. */
function restart({ tcpPort, httpPort }: Command): Promise<Command> {
  return startCommand([`-tcp-address=127.0.0.1:${tcpPort}`, `-http-address=127.0.0.1:${httpPort}`]);
}

function heard(client: PeerClient, event: 'connected' | 'disconnected'): Promise<unknown> {
  return new Promise<void>((resolve) => client.once(event, () => resolve()));
}

describe('against the command, killed and started again', { timeout: 60_000 }, () => {
  test('a service is found, lost with a lookupd, and found there again', async () => {
    await using stays = await startCommand();
    const killed = await startCommand();
    const tcp = [stays, killed].map(({ tcpPort }) => `127.0.0.1:${tcpPort}`);
    const http = [stays, killed].map(({ httpPort }) => `127.0.0.1:${httpPort}`);
    const lookup = new LookupClient({ lookupds: http });
    await using peer = new PeerClient({ lookupds: tcp, identity, minBackoffMs: 10, maxBackoffMs: 50 });
    await peer.register('orders', 'billing');
    await peer.start();
    const before = await lookup.lookup('orders');
    assert.deepEqual(before.producers[0]?.lookupds, http);
    assert.deepEqual(before.failures, []);

    const lost = heard(peer, 'disconnected');
    await killed.stop('SIGKILL');
    await lost;
    const meanwhile = await lookup.lookup('orders');
    assert.deepEqual(meanwhile.producers[0]?.lookupds, [http[0]]);
    assert.deepEqual(
      meanwhile.failures.map(({ address }) => address),
      [http[1]],
    );
    await peer.register('clicks');

    const back = heard(peer, 'connected');
    await using again = await restart(killed);
    await back;
    assert.equal(again.httpPort, killed.httpPort);
    for (const topic of ['orders', 'clicks']) {
      const { producers, failures } = await lookup.lookup(topic);
      assert.deepEqual(failures, [], topic);
      assert.deepEqual(producers[0]?.lookupds, http, topic);
    }
    assert.deepEqual((await new LookupClient({ lookupds: [http[1]!] }).lookup('orders')).channels, ['billing']);
  });

  test('a service that ends is forgotten, and a LookupClient rejects when no lookupd is left', async () => {
    await using command = await startCommand();
    const http = [`127.0.0.1:${command.httpPort}`];
    const lookup = new LookupClient({ lookupds: http });
    const peer = new PeerClient({ lookupds: [`127.0.0.1:${command.tcpPort}`], identity });
    await peer.register('orders');
    await peer.start();
    assert.equal((await lookup.lookup('orders')).producers.length, 1);
    await peer.close();
    while ((await lookup.nodes()).nodes.length > 0); // each question is a turn of the daemon's
    await command.stop('SIGKILL');
    await assert.rejects(lookup.lookup('orders'), AggregateError);
  });

  test('a PeerClient that cannot connect lets nothing keep the process when it is closed', async () => {
    const peer = new PeerClient({ lookupds: ['127.0.0.1:1'], identity });
    await peer.start();
    assert.equal((peer.status[0]?.lastError as NodeJS.ErrnoException | undefined)?.code, 'ECONNREFUSED');
    await peer.close();
    assert.deepEqual(
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout'),
      [],
    );
  });
});
