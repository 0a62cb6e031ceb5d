import type { PeerInfo } from './peer-info.js';
import type { Producer, Registration } from './registration.js';

/** What all changes have. */
export interface ChangeBase {
  /** The db's revision right after it. */
  readonly revision: number;
}

/** What all changes that are about a peer have. */
export interface PeerChangeBase {
  /** Who; a copy, where the change has come from elsewhere. */
  readonly peer: PeerInfo;
  /** Names the peer outside of this process, where the object means nothing: `origin/number`. */
  readonly peerKey: string;
}

/** A registration came. */
export interface RegistrationAdded extends ChangeBase {
  /** Tells it from the others. */
  readonly type: 'registrationAdded';
  /** Which one. */
  readonly registration: Registration;
  /** Whether it was made without a producer, as an operator does. */
  readonly isMade: boolean;
}

/** A registration went, after its producers. */
export interface RegistrationRemoved extends ChangeBase {
  /** Tells it from the others. */
  readonly type: 'registrationRemoved';
  /** Which one. */
  readonly registration: Registration;
}

/** A peer became, or is no longer, a producer of a registration. */
export interface ProducerChanged extends ChangeBase, PeerChangeBase {
  /** Which of the two. */
  readonly type: 'producerAdded' | 'producerRemoved';
  /** Which one. */
  readonly registration: Registration;
  /** The same producer for as long as it is one, with its last tombstone. */
  readonly producer: Producer;
}

/** A producer was tombstoned. */
export interface ProducerTombstoned extends ChangeBase, PeerChangeBase {
  /** Tells it from the others. */
  readonly type: 'producerTombstoned';
  /** Which one. */
  readonly registration: Registration;
  /** The same producer for as long as it is one, with its last tombstone. */
  readonly producer: Producer;
  /** By the clock of the `Topology`, in milliseconds. */
  readonly tombstonedAtMs: number;
}

/**
 * What is known of a peer changed, or a peer left that was a producer of much: it is in no answer from then on, and a
 * `producerRemoved` follows for each of its registrations.
 */
export interface PeerChanged extends ChangeBase, PeerChangeBase {
  /** Which of the two. */
  readonly type: 'peerTouched' | 'peerLeft';
}

/** A change of the registry, as it was made. Each counts the db's revision up by one. */
export type Change = RegistrationAdded | RegistrationRemoved | ProducerChanged | ProducerTombstoned | PeerChanged;

/** What kind of change it is. */
export type ChangeType = Change['type'];
