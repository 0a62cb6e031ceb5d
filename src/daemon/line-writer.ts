import type { Writable } from 'node:stream';

/** How much that is not yet written a log keeps, in bytes: 1 MiB. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;
const MAX_PENDING_BYTES = 64 * 1024;

/**
 * Writes lines to standard error, whoever reads it: what is over 1 MiB is dropped and counted until the reader has caught
 * up; `onLost` is told of each line. One write for the lines of one turn of the event loop: a fleet that leaves at once is 100,000 lines.
 */
export function createStderrWriter(toLostLine: (count: number) => string, onLost: () => void): (line: string) => void {
  const stream: Writable = process.stderr;
  let pending = '';
  let pendingBytes = 0;
  let lost = 0;

  const flush = () => {
    const text = pending;
    pending = '';
    pendingBytes = 0;
    try {
      if (text !== '') stream.write(text);
    } catch {
      // A disk that is full costs the lines and nothing else; so it is in Go.
    }
  };
  const keep = (line: string, bytes: number) => {
    if (pending === '') setImmediate(flush);
    pending += line;
    pendingBytes += bytes;
    if (pendingBytes > MAX_PENDING_BYTES) flush();
  };
  const tellLost = () => {
    const line = toLostLine(lost);
    lost = 0;
    keep(line, Buffer.byteLength(line));
  };

  process.once('exit', () => {
    if (lost > 0) tellLost();
    flush();
  });
  return (line) => {
    const bytes = Buffer.byteLength(line);
    if (lost === 0 && stream.writableLength + pendingBytes + bytes <= MAX_UNWRITTEN_BYTES) return keep(line, bytes);
    onLost();
    if (lost++ === 0) stream.once('drain', tellLost);
  };
}

/** Resolves when standard error has taken all that was written to it, or after `ms`. */
export async function stderrWritten(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    setImmediate(() => {
      process.stderr.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  });
}
