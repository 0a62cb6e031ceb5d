import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const PROGRAM = `
import { Worker } from 'node:worker_threads';
import { createPortStream, createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
const handler = createTcpHandler({ topology, announce: { broadcastAddress: 'a', tcpPort: 1, httpPort: 2 } });
const worker = new Worker('throw new Error("in the worker")', { eval: true });
handler(createPortStream(worker));
worker.on('exit', () => setImmediate(() => console.log('alive', handler.connections)));
`;

test('a peer in a worker that throws does not end the lookupd', { timeout: 10_000 }, () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    encoding: 'utf8',
    timeout: 8000,
  });
  assert.equal(`${status} ${stdout.trim()}`, '0 alive 0', stderr);
});
