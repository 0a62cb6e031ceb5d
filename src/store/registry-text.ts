import { isIdentity } from '../base/identity.js';
import { isChannelName, isTopicName, type Category, type PeerInfo, type Registration } from '../registry/index.js';
import { UnreadableError } from './registry-store.js';

/** The form of the text, which is one JSON value a line. A reader refuses a later one. */
export const TEXT_FORMAT = 1;

/** The first line: what the times in the others are by. */
export interface TextHead {
  readonly nsqlookupd: 'registry';
  readonly format: number;
  /** The clock of the topology when it was saved, and the system's. */
  readonly clockMs: number;
  readonly wallMs: number;
}

/** A producer: the number of its peer; with its tombstone, if it has one. */
export type ProducerMark = number | readonly [peer: number, tombstonedAtMs: number];

/**
 * A line between the first and the last: a peer, a registration and producers of it, or that one of them has gone since. Those
 * that follow are about what was changed while it was saved, so that their order matters.
 */
export type TextLine =
  | readonly ['peer', number, string, PeerInfo]
  | readonly ['add', Category, topic: string, channel: string, isMade: 0 | 1, readonly ProducerMark[]]
  | readonly ['remove', Category, topic: string, channel: string, peer?: number]
  | readonly ['left', peer: number];

/** The last line: how many are before it. */
export interface TextEnd {
  readonly end: number;
}

/** Longer than any line that is written. */
const MAX_LINE_LENGTH = 1024 * 1024;

/** Reads the first line. Throws an UnreadableError. */
export function readHead(line: string): TextHead {
  const head = parse(line) as Partial<TextHead> | null;
  if (typeof head !== 'object' || head?.nsqlookupd !== 'registry') throw new UnreadableError('foreign');
  if (typeof head.format === 'number' && head.format > TEXT_FORMAT) throw new UnreadableError('newer');
  if (head.format !== TEXT_FORMAT || !Number.isFinite(head.clockMs) || !Number.isFinite(head.wallMs)) {
    throw new UnreadableError('corrupt', 'its first line');
  }
  return head as TextHead;
}

/** A registration with one producer: most lines are such, and to read them so takes half the time. */
const PLAIN = /^\["add","(?:topic","([.\w-]+)","|channel","([.\w-]+)","([.\w-]+))",([01]),\[(0|[1-9]\d{0,8})\]\]$/;
const MAX_PLAIN_NAME_LENGTH = 64;

function readPlain(line: string): TextLine | undefined {
  const [, topic, topicOfChannel, channel = '', isMade, peer] = PLAIN.exec(line) ?? [];
  const name = topic ?? topicOfChannel;
  if (name === undefined || name.length > MAX_PLAIN_NAME_LENGTH || channel.length > MAX_PLAIN_NAME_LENGTH)
    return undefined;
  return ['add', topic === undefined ? 'channel' : 'topic', name, channel, isMade === '1' ? 1 : 0, [Number(peer)]];
}

/** Reads any other line. Throws an UnreadableError. */
export function readLine(line: string): TextLine | TextEnd {
  const plain = readPlain(line);
  if (plain) return plain;
  const value = parse(line);
  if (isLine(value) || isEnd(value)) return value;
  throw new UnreadableError('corrupt', line.slice(0, 100));
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isEnd(value: unknown): value is TextEnd {
  return typeof value === 'object' && value !== null && Number.isInteger((value as Partial<TextEnd>).end);
}

function isLine(value: unknown): value is TextLine {
  if (!Array.isArray(value)) return false;
  const [op, first, second, third, fourth, fifth] = value as unknown[];
  if (op === 'peer') return isCount(first) && typeof second === 'string' && isPeer(third);
  if (op === 'left') return isCount(first);
  const isNamed = isRegistration({ category: first, key: second, subkey: third } as Registration);
  if (op === 'remove') return isNamed && (fourth === undefined || isCount(fourth));
  return op === 'add' && isNamed && (fourth === 0 || fourth === 1) && Array.isArray(fifth) && fifth.every(isMark);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

function isMark(value: unknown): value is ProducerMark {
  return isCount(value) || (Array.isArray(value) && isCount(value[0]) && Number.isFinite(value[1]));
}

function isRegistration({ category, key, subkey }: Registration): boolean {
  if (category === 'client') return key === '' && subkey === '';
  if (typeof key !== 'string' || typeof subkey !== 'string' || !isTopicName(key)) return false;
  return category === 'topic' ? subkey === '' : category === 'channel' && isChannelName(subkey);
}

export function isPeer(value: unknown): value is PeerInfo {
  if (!isIdentity(value)) return false;
  const { id, remoteAddress, lastUpdateMs } = value as Partial<PeerInfo>;
  return typeof id === 'string' && typeof remoteAddress === 'string' && Number.isFinite(lastUpdateMs);
}

/** The lines of a text that comes in chunks, as many at a time as there are. Throws an UnreadableError for an endless line. */
export async function* linesOf(
  chunks: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string[], void, undefined> {
  let rest = '';
  for await (const chunk of chunks) {
    if (typeof chunk !== 'string') throw new TypeError('a store must load text, in chunks');
    const lines = chunk.split('\n');
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    if (rest.length > MAX_LINE_LENGTH) throw new UnreadableError('foreign');
    if (lines.length > 0) yield lines;
  }
  if (rest !== '') yield [rest];
}
