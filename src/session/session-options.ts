import type { OnError } from '../base/error-report.js';
import type { Logger } from '../base/logger.js';
import { aFunction, anObject, logger, required, text, withMethods, type Checks } from '../base/options.js';
import type { Announcement, Identity, PeerLimits } from '../protocol/index.js';
import type { Topology } from '../registry/index.js';

/** Why a peer may not join. */
export interface AdmissionRefusal {
  /** What the peer is told after `E_INVALID`. */
  readonly refused: string;
}

/** Whether a peer that has identified itself may join, and by which identity it is known. */
export type Verdict = Identity | AdmissionRefusal;

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
  /** How much the peer may send as one line or body. Defaults: see `PeerLimits`. */
  readonly limits?: PeerLimits | undefined;
  /** Gets the lines that nsqlookupd logs. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** Gets what the logger or `admit` threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

export const SESSION_CHECKS: Checks<SessionOptions> = {
  topology: required(withMethods('a Topology', 'join', 'leave')),
  announce: required(aFunction),
  remoteAddress: required(text),
  admit: aFunction,
  limits: anObject,
  log: logger,
  onError: aFunction,
};
