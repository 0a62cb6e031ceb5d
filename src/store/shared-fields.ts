import { toPeerInfo } from '../base/identity.js';
import { isChannelName, isTopicName, type PeerInfo, type Registration } from '../registry/index.js';
import { isPeer } from './registry-text.js';
import { toName, toRegistration } from './shared-names.js';

/** What a lookupd says of a peer. */
export interface SharedPeer {
  /** Its `lastUpdateMs` counts only of one that is silent: others are heard of. */
  readonly peer: PeerInfo;
  readonly isSilent: boolean;
  /** Whether it has pinged: by then it has registered all that it carries. */
  readonly isSettled: boolean;
}

/** That a peer carries something. */
export interface SharedClaim {
  /** In logical time: an earlier one than the deletion of it does not count. */
  readonly at: number;
  readonly tombstonedAtMs: number | undefined;
}

/** `4` is a peer, `4 topic` and `4 topic channel` what it carries. */
export function toField(number: number, registration?: Registration): string {
  return registration ? `${number} ${toName(registration)}` : String(number);
}

/** What a field is about; undefined if it is none. */
export function readField(field: string): { number: number; registration: Registration | undefined } | undefined {
  const [, digits, name] = /^(\d{1,15})(?: (\S+(?: \S+)?))?$/.exec(field) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  if (name === undefined) return { number, registration: undefined };
  return isName(name) ? { number, registration: toRegistration(name) } : undefined;
}

/** Whether it is `topic` or `topic channel`, legal both. */
export function isName(name: string): boolean {
  const [topic = '', channel, more] = name.split(' ');
  return isTopicName(topic) && (channel === undefined || isChannelName(channel)) && more === undefined;
}

export function writePeer({ peer, isSilent, isSettled }: SharedPeer): string {
  return JSON.stringify({ ...peer, isSilent, isSettled });
}

/** Undefined for what is none. */
export function readPeer(text: string): SharedPeer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isPeer(value)) return undefined;
  const { isSilent, isSettled } = value as { isSilent?: unknown; isSettled?: unknown };
  return { peer: toPeerInfo(value, value), isSilent: isSilent === true, isSettled: isSettled === true };
}

export function writeClaim({ at, tombstonedAtMs }: SharedClaim): string {
  return tombstonedAtMs === undefined ? String(at) : `${at} ${tombstonedAtMs}`;
}

/** Undefined for what is none. */
export function readClaim(text: string): SharedClaim | undefined {
  const [, at, tombstone] = /^(\d{1,15})(?: (-?\d{1,15}(?:\.\d{1,15})?))?$/.exec(text) ?? [];
  if (at === undefined) return undefined;
  return { at: Number(at), tombstonedAtMs: tombstone === undefined ? undefined : Number(tombstone) };
}
