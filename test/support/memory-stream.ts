import { EventEmitter } from 'node:events';
import type { ByteStream } from 'nsqlookupd/tcp';

/** The lookupd's end of a connection that is nothing but memory. The other end is this object's methods. */
export class MemoryStream extends EventEmitter implements ByteStream {
  readonly written: Uint8Array[] = [];
  ended = false;
  destroyed = false;
  paused = false;
  /** What `write` answers. */
  wantsMore = true;

  /** As the peer: bytes to the lookupd. */
  send(bytes: Uint8Array | string): void {
    if (!this.destroyed) this.emit('data', typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  }

  /** As the peer: the end of what it sends. */
  sendEnd(): void {
    if (!this.destroyed) this.emit('end');
  }

  /** All that the lookupd has written and that has not been taken yet. */
  take(): Buffer {
    return Buffer.concat(this.written.splice(0));
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return this.wantsMore;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}
