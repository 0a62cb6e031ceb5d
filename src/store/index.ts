export {
  createWarmRestart,
  DEFAULT_RESTORE_GRACE_MS,
  DEFAULT_SAVE_INTERVAL_MS,
  DEFAULT_STORE_TIMEOUT_MS,
  type WarmRestart,
  type WarmRestartOptions,
  type WarmRestartStatus,
} from './warm-restart.js';
export { UnreadableError, type RegistryStore, type UnreadableReason } from './registry-store.js';
export { createFileStore } from './file-store.js';
export {
  createSharedTopology,
  DEFAULT_SHARED_GRACE_MS,
  DEFAULT_SHARED_LEASE_MS,
  type SharedTopology,
  type SharedTopologyOptions,
} from './shared-topology.js';
export type { SharedStatus } from './shared-status.js';
export { createSharedMemory, type SharedMemory } from './shared-memory.js';
export type {
  NameRecord,
  OwnWrite,
  SharedBatch,
  SharedConnection,
  SharedListener,
  SharedOrigin,
  SharedRegistry,
  SharedTombstone,
} from './shared-registry.js';
export {
  createRedisRegistry,
  DEFAULT_SHARED_NAME,
  DEFAULT_SHARED_STREAM_LENGTH,
  type RedisRegistryOptions,
} from './shared-redis.js';
export type { RedisClient } from './shared-redis-client.js';
