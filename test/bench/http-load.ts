import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface LoadResult {
  readonly perSecond: number;
  /** The 99th percentile of the time from a request to its whole answer. */
  readonly p99Ms: number;
}

const LAST_CHUNK = '\r\n0\r\n\r\n';

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
    /** Bytes of the answer that are still to come; in chunks, which Go sends long ones in, the last that came. */
    let missing: number | 'head' | Buffer = 'head';
    const ask = () => {
      asked = performance.now();
      missing = 'head';
      socket.write(request);
    };
    socket.on('error', reject);
    socket.on('data', (bytes: Buffer) => {
      if (missing === 'head') {
        const head = bytes.indexOf('\r\n\r\n') + 4;
        const text = bytes.toString('latin1', 0, head);
        const length = /Content-Length: (\d+)/i.exec(text)?.[1];
        const isChunked = /Transfer-Encoding: chunked/i.test(text);
        if (head < 4 || (length === undefined && !isChunked)) {
          return reject(new Error(`not a whole head: ${String(bytes)}`));
        }
        missing = isChunked ? Buffer.alloc(0) : Number(length) + head;
      }
      if (typeof missing === 'number') {
        missing -= bytes.length;
        if (missing > 0) return;
      } else {
        missing = Buffer.concat([missing, bytes]).subarray(-LAST_CHUNK.length);
        if (missing.toString('latin1') !== LAST_CHUNK) return;
      }
      const now = performance.now();
      times.push(now - asked);
      if (now < end) return ask();
      socket.destroy();
      resolve();
    });
    ask();
  });
}
