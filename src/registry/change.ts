import type { PeerInfo } from './peer-info.js';
import type { Producer, Registration } from './registration.js';

/** A change of the registry, as it was made; `revision` is the db's right after it. */
export type Change =
  | {
      readonly revision: number;
      readonly type: 'registrationAdded' | 'registrationRemoved';
      readonly registration: Registration;
    }
  | {
      readonly revision: number;
      readonly type: 'producerAdded' | 'producerRemoved' | 'producerTombstoned';
      readonly registration: Registration;
      readonly peer: PeerInfo;
      readonly producer: Producer;
    }
  | { readonly revision: number; readonly type: 'peerTouched' | 'peerLeft'; readonly peer: PeerInfo };

/** What kind of change it is. */
export type ChangeType = Change['type'];
