export {
  createWarmRestart,
  DEFAULT_RESTORE_GRACE_MS,
  DEFAULT_SAVE_INTERVAL_MS,
  type WarmRestart,
  type WarmRestartOptions,
  type WarmRestartStatus,
} from './warm-restart.js';
export { UnreadableError, type RegistryStore, type UnreadableReason } from './registry-store.js';
export { createFileStore } from './file-store.js';
