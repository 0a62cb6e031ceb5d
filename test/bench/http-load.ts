import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface LoadResult {
  readonly perSecond: number;
  /** The 99th percentile of the time from a request to its whole answer. */
  readonly p99Ms: number;
}

/** Asks one target over so many kept-alive connections, one request at a time on each. */
export async function load(port: number, target: string, connections: number, ms: number): Promise<LoadResult> {
  const request = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  const times: number[] = [];
  const end = performance.now() + ms;
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      return socket;
    }),
  );
  const start = performance.now();
  await Promise.all(sockets.map((socket) => askUntil(socket, request, end, times)));
  const seconds = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  return { perSecond: times.length / seconds, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 };
}

function askUntil(socket: Socket, request: Buffer, end: number, times: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let asked = 0;
    let missing = 0;
    const ask = () => {
      asked = performance.now();
      missing = -1;
      socket.write(request);
    };
    socket.on('error', reject);
    socket.on('data', (bytes: Buffer) => {
      if (missing < 0) {
        const head = bytes.indexOf('\r\n\r\n') + 4;
        const length = /Content-Length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1];
        if (head < 4 || length === undefined) return reject(new Error(`not a whole head: ${String(bytes)}`));
        missing = Number(length) + head;
      }
      missing -= bytes.length;
      if (missing > 0) return;
      const now = performance.now();
      times.push(now - asked);
      if (now < end) return ask();
      socket.destroy();
      resolve();
    });
    ask();
  });
}
