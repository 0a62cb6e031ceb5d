import {
  encodeReply,
  type ErrorCode,
  type Fault,
  type PeerMessage,
  type Reply,
  type TopicMessage,
} from '../protocol/index.js';
import { isChannelName, isTopicName } from '../registry/index.js';
import type { PeerCommand, PeerObserver, Verdict } from './session-options.js';

export type ErrorReply = Extract<Reply, { type: 'error' }>;
/** Bytes, an error that ends the conversation, or undefined for what is not answered, or not yet. */
export type Answer = Uint8Array | ErrorReply | Fault | undefined;
export type Admitted = { readonly type: 'admitted'; readonly verdict: Verdict };

export const OK = encodeReply({ type: 'ok' });
export const FULL = toError('E_INVALID', 'too many registrations');
export const FULL_BYTES = encodeReply(FULL);

/** What metrics count of a message that was answered. */
export function tellOf(
  observe: PeerObserver,
  message: PeerMessage | Fault | Admitted,
  answer: Exclude<Answer, undefined>,
): void {
  if (message.type === 'fault') {
    if (message.limit) observe.limit(message.limit);
    return;
  }
  const isFull = answer === FULL || answer === FULL_BYTES;
  if (isFull) observe.limit('maxRegistrations');
  if (answer === FULL_BYTES) observe.error(FULL.code); // another error ends the conversation, and is told there
  const isIdentify = message.type === 'identity' || message.type === 'admitted';
  const command = isIdentify ? 'identify' : (message.type as PeerCommand); // a magic has no answer
  observe.command(command, isFull ? FULL.code : answer instanceof Uint8Array ? 'OK' : answer.code);
}

/** Whether it may change as much as the peer has of a topic. */
export function isLong(message: PeerMessage | Fault | Admitted): message is TopicMessage {
  return message.type === 'unregister' && message.channel === '';
}

export function toError(code: ErrorCode, reason: string): ErrorReply {
  return { type: 'error', code, reason };
}

/** What is wrong with its names, if anything; what is asked first is nsqlookupd's order. */
export function errorIn({ type, topic, channel }: TopicMessage): ErrorReply | undefined {
  const command = type.toUpperCase();
  if (!isTopicName(topic)) return toError('E_BAD_TOPIC', `${command} topic name ${quote(topic)} is not valid`);
  if (channel === '' || isChannelName(channel)) return undefined;
  return toError('E_BAD_CHANNEL', `${command} channel name ${quote(channel)} is not valid`);
}

function quote(name: string): string {
  return `'${name.slice(0, 64)}'`;
}
