import { checkOptions, number } from '../base/options.js';
import { ByteQueue } from '../base/byte-queue.js';
import { toFault, type Announcement, type ErrorCode, type Fault, type Reply } from './messages.js';
import { decodeText, readSize } from '../base/bytes.js';

/** The longest answer of a lookupd, without its size, in bytes: 64 KiB. */
export const DEFAULT_MAX_REPLY_BYTES = 64 * 1024;

/** `HTTP`, read as a size: how the answer of an HTTP server begins. */
const HTTP_SIZE = 0x48545450;

const ERROR = /^(E_INVALID|E_BAD_BODY|E_BAD_TOPIC|E_BAD_CHANNEL|E_BAD_PROTOCOL)(?: ([^]*))?$/;

/**
 * Reads what a lookupd answers, for clients, tests and proxies. Used like `PeerDecoder`. What is no answer of a lookupd
 * comes out as a fault, `E_INVALID`, and ends it.
 *
 * @example
 * ```js
 * import { encodeReply, ReplyDecoder } from 'nsqlookupd';
 *
 * const replies = new ReplyDecoder();
 * replies.push(encodeReply({ type: 'ok' }));
 * console.log(replies.next()); // { type: 'ok' }
 * ```
 */
export class ReplyDecoder {
  readonly #queue = new ByteQueue();
  readonly #maxReplyBytes: number;
  #size: number | undefined;
  #stopped = false;

  /** Throws a TypeError for an option that is unknown or of the wrong kind. */
  constructor(limits?: {
    /** The longest answer without its size, in bytes. From 1 on. Default 65,536. */
    readonly maxReplyBytes?: number;
  }) {
    const { maxReplyBytes = DEFAULT_MAX_REPLY_BYTES } = checkOptions('ReplyDecoder', limits, {
      maxReplyBytes: number(1),
    });
    this.#maxReplyBytes = maxReplyBytes;
  }

  /** Takes bytes, cut anywhere. They may be reused by their owner once `next` has given undefined. */
  push(bytes: Uint8Array): void {
    if (!this.#stopped) this.#queue.push(bytes);
  }

  /** The next answer, the fault that ends the conversation, or undefined until more bytes have come. */
  next(): Reply | Fault | undefined {
    if (this.#stopped) return undefined;
    const reply = this.#read();
    if (reply === undefined) this.#queue.settle();
    if (reply?.type === 'fault') {
      this.#stopped = true;
      this.#queue.clear();
    }
    return reply;
  }

  /** Bytes of memory kept for an answer that is not whole yet. */
  get heldBytes(): number {
    return this.#queue.heldBytes;
  }

  #read(): Reply | Fault | undefined {
    if (this.#size === undefined) {
      const bytes = this.#queue.take(4);
      if (!bytes) return undefined;
      this.#size = readSize(bytes);
      if (this.#size === HTTP_SIZE) return toFault('E_INVALID', 'an HTTP server answers there; name its TCP port');
      if (this.#size < 0 || this.#size > this.#maxReplyBytes) {
        return toFault('E_INVALID', `answer of ${this.#size} bytes`);
      }
    }
    const payload = this.#queue.take(this.#size);
    if (!payload) return undefined;
    this.#size = undefined;
    return parseReply(decodeText(payload));
  }
}

function parseReply(text: string): Reply | Fault {
  if (text === 'OK') return { type: 'ok' };
  const [, code, reason = ''] = ERROR.exec(text) ?? [];
  if (code !== undefined) return { type: 'error', code: code as ErrorCode, reason };
  try {
    return { type: 'announcement', announcement: toAnnouncement(JSON.parse(text) as Record<string, unknown>) };
  } catch {
    return toFault('E_INVALID', `unknown answer ${JSON.stringify(text.slice(0, 64))}`);
  }
}

/** A field that is missing, or of another type, is empty or 0. Throws if the value has no fields. */
function toAnnouncement(json: Record<string, unknown>): Announcement {
  const string = (value: unknown) => (typeof value === 'string' ? value : '');
  const number = (value: unknown) => (typeof value === 'number' ? value : 0);
  if (typeof json !== 'object') throw new TypeError('not an object');
  return {
    broadcastAddress: string(json['broadcast_address']),
    hostname: string(json['hostname']),
    tcpPort: number(json['tcp_port']),
    httpPort: number(json['http_port']),
    version: string(json['version']),
  };
}
