export type { SafeEmitter } from '../base/safe-emitter.js';
export * from './registration-db.js';
export type { RegistrationReads } from './registration-reads.js';
export { DEFAULT_ORIGIN, type RegistrationDBEvents, type RegistrationDBOptions } from './registration-db-options.js';
export {
  ANY,
  channelRegistration,
  CLIENT,
  isActive,
  isHeardOf,
  isTombstoned,
  topicRegistration,
  type Category,
  type Lifetimes,
  type Producer,
  type Registration,
} from './registration.js';
export * from './names.js';
export { NSQLOOKUPD_VERSION } from '../base/version.js';
export type { PeerInfo } from './peer-info.js';
export { createSteadyClock, type Clock } from '../base/clock.js';
export type { OnError } from '../base/error-report.js';
export { SILENT_LOGGER, type Logger } from '../base/logger.js';
export * from './topology-options.js';
export * from './topology.js';
export type { OperatorWrites } from './operator-writes.js';
export type { TopologyReads } from './topology-reads.js';
export type { Capacity } from './capacity.js';
export type * from './topology-answers.js';
export type { Check, Checks } from '../base/options.js';
export type * from './change.js';
export type { TopicSegment } from './registration-index.js';
export type * from './snapshot.js';
export {
  DEFAULT_STEPS_PER_TURN,
  WorkQueue,
  type NextTurn,
  type Steps,
  type WorkQueueOptions,
} from '../base/work-queue.js';
