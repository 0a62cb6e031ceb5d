import { checkOptions, required, text, type Checks } from '../base/options.js';
import { parseTcpAddress } from '../base/host-port.js';
import { ByteQueue } from '../base/byte-queue.js';
import { readSize } from '../base/bytes.js';
import type { ScenarioAnswer, ScenarioConnection, ScenarioTarget } from './scenario.js';

/** Where a lookupd is reached, and what it says of itself. */
export interface SocketTargetOptions {
  /** `host:port` of its TCP side. */
  readonly tcpAddress: string;
  /** `host:port` of its HTTP side. */
  readonly httpAddress: string;
  /** The `hostname` that it announces. */
  readonly hostname: string;
  /** The `version` that it announces. */
  readonly version: string;
}

const CHECKS: Checks<SocketTargetOptions> = {
  tcpAddress: required(text),
  httpAddress: required(text),
  hostname: required(text),
  version: required(text),
};

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * A lookupd of whatever make, reached over sockets, for `playScenario`. It must be fresh, on a `-broadcast-address` of
 * `lookupd.test`, and have the scenario's `options` as its flags. For Node alone. Throws a TypeError for an address that
 * is not `host:port`, and for an option that is unknown, missing, or of the wrong kind.
 *
 * @example
 * ```js
 * import { createSocketTarget } from 'nsqlookupd/testing';
 *
 * const target = createSocketTarget({
 *   tcpAddress: '127.0.0.1:4160',
 *   httpAddress: '127.0.0.1:4161',
 *   hostname: 'lookupd-1',
 *   version: '1.3.0',
 * });
 * console.log(target.facts['tcp_port']); // 4160
 * ```
 */
export function createSocketTarget(options: SocketTargetOptions): ScenarioTarget {
  const { tcpAddress, httpAddress, hostname, version } = checkOptions('createSocketTarget', options, CHECKS);
  const [tcp, http] = [parseTcpAddress(tcpAddress), parseTcpAddress(httpAddress)];
  return {
    facts: { tcp_port: tcp.port, http_port: http.port, hostname, version },
    open: () => connect(tcp),
    http: (method, target, headers) => ask(http, method, target, headers),
    sleep: async (ms) => (await import('node:timers/promises')).setTimeout(ms),
  };
}

/** The target goes out as it is, which `fetch` would not let it. */
async function ask(
  address: Address,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<ScenarioAnswer> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const call = request({ ...address, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers as Record<string, string>, text }),
      );
      response.on('error', reject);
    });
    call.on('error', reject).end();
  });
}

async function connect(address: Address): Promise<ScenarioConnection> {
  const { createConnection } = await import('node:net');
  const { setTimeout: delay } = await import('node:timers/promises');
  const socket = createConnection({ ...address, allowHalfOpen: true, noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('error', reject).once('connect', resolve));
  const queue = new ByteQueue();
  let size: number | undefined;
  let closed = false;
  let wake = () => {};
  const take = () => {
    const head = size === undefined ? queue.take(4) : undefined;
    if (head) size = readSize(head);
    const payload = size === undefined ? undefined : queue.take(size)?.slice();
    if (payload) size = undefined;
    return payload;
  };
  socket.on('data', (bytes: Uint8Array) => {
    queue.push(bytes);
    queue.settle();
    wake();
  });
  const finish = () => {
    closed = true;
    wake();
  };
  socket.on('end', finish).on('close', finish).on('error', finish);
  return {
    address: `${socket.localAddress}:${socket.localPort}`,
    send: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())), // if it fails, `receive` shows it
    receive: async (waitMs) => {
      const giveUp = Date.now() + waitMs;
      for (;;) {
        const payload = take();
        if (payload) return payload;
        const leftMs = giveUp - Date.now();
        if (closed || leftMs <= 0) return closed ? 'closed' : 'timeout';
        await Promise.race([
          new Promise<void>((resolve) => (wake = resolve)),
          delay(leftMs, undefined, { ref: false }),
        ]);
      }
    },
    end: () => new Promise((resolve) => socket.end(() => resolve())),
    close: () => {
      socket.destroy();
      return Promise.resolve();
    },
  };
}
