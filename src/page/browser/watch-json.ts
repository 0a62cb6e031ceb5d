export type { ChangeJson, PeerJson, SnapshotPartJson as PartJson } from '../../feed/index.js';
