import { ByteQueue } from '../base/byte-queue.js';
import { decodeIdentity } from './identity.js';
import { MAGIC_V1, toFault, type Fault, type PeerMessage } from './messages.js';
import { number, checkOptions, type Checks } from '../base/options.js';
import { decodeText, encodeText, readSize } from '../base/bytes.js';

/** The longest command line of a peer, newline included, in bytes: 64 KiB. nsqlookupd has no such limit. */
export const DEFAULT_MAX_LINE_BYTES = 64 * 1024;
/** The longest body of an IDENTIFY in bytes: 256 KiB. nsqlookupd has no such limit. */
export const DEFAULT_MAX_BODY_BYTES = 256 * 1024;
/** The longest string in an IDENTIFY that is kept, in characters. nsqlookupd has no such limit. */
export const DEFAULT_MAX_FIELD_LENGTH = 255;

/** How much a peer may send at once. Each is a number from 1 on, `Infinity` included. */
export interface PeerLimits {
  /** The longest command line, newline included. Default 65,536. nsqd's longest is 142. */
  readonly maxLineBytes?: number | undefined;
  /** The longest body of an IDENTIFY. Default 262,144. nsqd's are about 200. */
  readonly maxBodyBytes?: number | undefined;
  /** The longest string in it that is kept, in characters. Default 255, which is the most that a host name has. */
  readonly maxFieldLength?: number | undefined;
}

const CHECKS: Checks<PeerLimits> = { maxLineBytes: number(1), maxBodyBytes: number(1), maxFieldLength: number(1) };

/** White space beyond ASCII to Go's strings.TrimSpace. */
const WIDE_SPACE =
  '\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

const MAGIC_BYTES = encodeText(MAGIC_V1);
/** Nearly all that a peer ever sends. */
const PING_LINE = encodeText('PING\n');
const PING: PeerMessage = { type: 'ping' };
const MAGIC: PeerMessage = { type: 'magic' };

/**
 * Reads what a peer sends: the magic, then lines, with a body after each IDENTIFY. Push bytes as they come,
 * cut anywhere, and take what `next` gives until it has no more. After a fault it gives and keeps nothing.
 * What a peer sends makes nothing throw.
 *
 * @example
 * ```js
 * import { encodePeerMessage, PeerDecoder } from 'nsqlookupd';
 *
 * const decoder = new PeerDecoder({ maxLineBytes: 4096 });
 * decoder.push(encodePeerMessage({ type: 'magic' }));
 * console.log(decoder.next()); // { type: 'magic' }
 * console.log(decoder.next()); // undefined
 * ```
 */
export class PeerDecoder {
  readonly #queue = new ByteQueue();
  readonly #maxLineBytes: number;
  readonly #maxBodyBytes: number;
  readonly #maxFieldLength: number;
  #expects: 'magic' | 'line' | 'size' | 'body' | 'nothing' = 'magic';
  #bodyBytes = 0;

  /** Throws a TypeError when a limit is not a number from 1 on. */
  constructor(limits?: PeerLimits) {
    const {
      maxLineBytes = DEFAULT_MAX_LINE_BYTES,
      maxBodyBytes = DEFAULT_MAX_BODY_BYTES,
      maxFieldLength = DEFAULT_MAX_FIELD_LENGTH,
    } = checkOptions('limits', limits, CHECKS);
    this.#maxLineBytes = maxLineBytes;
    this.#maxBodyBytes = maxBodyBytes;
    this.#maxFieldLength = maxFieldLength;
  }

  /** Takes bytes, cut anywhere. They may be reused by their owner once `next` has given undefined. */
  push(bytes: Uint8Array): void {
    if (this.#expects !== 'nothing') this.#queue.push(bytes);
  }

  /** The next message, the fault that ends the conversation, or undefined until more bytes have come. */
  next(): PeerMessage | Fault | undefined {
    const message = this.#read();
    if (message === undefined) this.#queue.settle();
    else if (message.type === 'fault') this.#stop();
    return message;
  }

  /** To be called when no more bytes will come: a fault if an IDENTIFY lacks its body. */
  end(): Fault | undefined {
    const expected = this.#expects;
    this.#stop();
    if (expected === 'size') return toFault('E_BAD_BODY', 'IDENTIFY failed to read body size');
    return expected === 'body' ? toFault('E_BAD_BODY', 'IDENTIFY failed to read body') : undefined;
  }

  /** Makes what was pushed its own: to be called before their owner uses the bytes again, while `next` has more to give. */
  hold(): void {
    this.#queue.settle();
  }

  /** How long the body of the last IDENTIFY is, which says what it costs to read. 0 before the first. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Bytes of memory kept for what `next` has not given; once it has no more, a quarter above the larger limit at most. */
  get heldBytes(): number {
    return this.#queue.heldBytes;
  }

  #read(): PeerMessage | Fault | undefined {
    switch (this.#expects) {
      case 'magic':
        return this.#readMagic();
      case 'line':
        return this.#readLine();
      case 'size':
        return this.#readSize();
      case 'body':
        return this.#readBody();
      case 'nothing':
        return undefined;
    }
  }

  #readMagic(): PeerMessage | Fault | undefined {
    if (!this.#queue.takeIf(MAGIC_BYTES)) {
      const bytes = this.#queue.take(MAGIC_BYTES.length);
      return bytes && toFault('E_BAD_PROTOCOL', `bad protocol magic '${decodeText(bytes)}'`);
    }
    this.#expects = 'line';
    return MAGIC;
  }

  #readLine(): PeerMessage | Fault | undefined {
    if (PING_LINE.length <= this.#maxLineBytes && this.#queue.takeIf(PING_LINE)) return PING;
    const length = this.#queue.lineLength();
    if ((length ?? this.#queue.length) > this.#maxLineBytes) {
      return toFault('E_INVALID', `command line longer than ${this.#maxLineBytes} bytes`, 'maxLineBytes');
    }
    if (length === undefined) return undefined;
    const message = parseLine(this.#queue.takeText(length));
    if (message.type === 'identify') this.#expects = 'size';
    return message;
  }

  #readSize(): Fault | PeerMessage | undefined {
    const bytes = this.#queue.take(4);
    if (!bytes) return undefined;
    this.#bodyBytes = readSize(bytes);
    if (this.#bodyBytes < 0 || this.#bodyBytes > this.#maxBodyBytes) {
      return toFault(
        'E_BAD_BODY',
        `IDENTIFY body size ${this.#bodyBytes} is not from 0 to ${this.#maxBodyBytes}`,
        this.#bodyBytes < 0 ? undefined : 'maxBodyBytes',
      );
    }
    this.#expects = 'body';
    return this.#readBody();
  }

  #readBody(): PeerMessage | Fault | undefined {
    const body = this.#queue.take(this.#bodyBytes);
    if (!body) return undefined;
    const identity = decodeIdentity(body, this.#maxFieldLength);
    if ('code' in identity) return identity;
    this.#expects = 'line';
    return { type: 'identity', identity };
  }

  #stop(): void {
    this.#expects = 'nothing';
    this.#queue.clear();
  }
}

function parseLine(line: string): PeerMessage | Fault {
  const text = trimSpace(line);
  // Words are cut out one by one: to split the line takes twice as long as all of this.
  const commandEnd = endOfWord(text, 0);
  const command = text.slice(0, commandEnd);
  switch (command) {
    case 'PING':
      return PING;
    case 'IDENTIFY':
      return { type: 'identify' };
    case 'REGISTER':
    case 'UNREGISTER': {
      if (commandEnd === text.length) return toFault('E_INVALID', `${command} insufficient number of params`);
      const topicEnd = endOfWord(text, commandEnd + 1);
      const topic = text.slice(commandEnd + 1, topicEnd);
      const channel = text.slice(topicEnd + 1, endOfWord(text, topicEnd + 1));
      return { type: command === 'REGISTER' ? 'register' : 'unregister', topic, channel };
    }
    default:
      return toFault('E_INVALID', `invalid command ${command.slice(0, 64)}`);
  }
}

function endOfWord(text: string, start: number): number {
  const end = text.indexOf(' ', start);
  return end < 0 ? text.length : end;
}

function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 9 && code <= 13);
  return WIDE_SPACE.includes(String.fromCharCode(code));
}
