import type { OnError } from '../base/error-report.js';
import type { Logger } from '../base/logger.js';
import { aFunction, anObject, logger, required, text, withMethods, type Check, type Checks } from '../base/options.js';
import type { Announcement, ErrorCode, Identity, PeerLimits } from '../protocol/index.js';
import type { Topology } from '../registry/index.js';

/** Why a peer may not join. */
export interface AdmissionRefusal {
  /** What the peer is told after `E_INVALID`. */
  readonly refused: string;
}

/** Whether a peer that has identified itself may join, and by which identity it is known. */
export type Verdict = Identity | AdmissionRefusal;

/** Limits that a peer may meet, by the option that sets each; `maxRegistrations` stands for all three of the registry. */
export type PeerLimit =
  | keyof PeerLimits
  | 'maxRegistrations'
  | 'maxConnections'
  | 'maxUnfinishedBytes'
  | 'identifyTimeoutMs'
  | 'silenceTimeoutMs'
  | 'drainTimeoutMs';

/** Is told what metrics count. What it throws costs the connection. */
export interface PeerObserver {
  /** A command was answered: with `OK`, or with the code of an error. */
  command(name: PeerCommand, result: 'OK' | ErrorCode): void;
  /** A peer was told of an error, whether or not a command had brought it about. */
  error(code: ErrorCode): void;
  /** `admit` has refused a peer. */
  refused(): void;
  /** A peer has met a limit. */
  limit(name: PeerLimit): void;
}

/** What a peer may ask for. */
export type PeerCommand = 'identify' | 'register' | 'unregister' | 'ping';

export const OBSERVER_CHECK: Check = withMethods('a PeerObserver', 'command', 'error', 'refused', 'limit');

/** What a session is made of. */
export interface SessionOptions {
  /** What the peer joins, registers in and leaves. */
  readonly topology: Topology;
  /** What IDENTIFY is answered with, asked each time. */
  readonly announce: () => Announcement;
  /** Names the peer to consumers (`remote_address`), in `/debug` and in the log. */
  readonly remoteAddress: string;
  /** Asked when the peer has identified itself. What it throws or rejects with is a refusal. Default: all may join. */
  readonly admit?: ((identity: Identity) => Verdict | PromiseLike<Verdict>) | undefined;
  /** Is told what metrics count. Default: nobody is. */
  readonly observe?: PeerObserver | undefined;
  /** How much the peer may send as one line or body. Defaults: see `PeerLimits`. */
  readonly limits?: PeerLimits | undefined;
  /** Gets the lines that nsqlookupd logs. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** Gets what the logger or `admit` threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/** What is to be done after bytes from a peer, or after their end. */
export interface SessionOutput {
  /** The answers, in order and in one piece; empty for none. */
  readonly bytes: Uint8Array;
  /** Whether the conversation is over: close when the bytes are written. */
  readonly close: boolean;
  /** Set while the host makes up its mind: nothing more is answered before it has resolved and `receive` is called again. */
  readonly waits?: PromiseLike<void> | undefined;
}

export const SESSION_CHECKS: Checks<SessionOptions> = {
  topology: required(withMethods('a Topology', 'join', 'leave')),
  announce: required(aFunction),
  remoteAddress: required(text),
  admit: aFunction,
  observe: OBSERVER_CHECK,
  limits: anObject,
  log: logger,
  onError: aFunction,
};
