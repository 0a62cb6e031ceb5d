export { DEFAULT_START_MS, ManualClock } from './manual-clock.js';
export { createPeer, createTopology, type TopologyLiteral } from './topology-literal.js';
export { createIdentity } from './identity.js';
export { FakeNsqd } from './fake-nsqd.js';
export { createMemoryLookupd, type MemoryLookupd, type MemoryLookupdOptions } from './memory-lookupd.js';
export {
  sharedRegistryChecks,
  SharedRegistryError,
  type SharedRegistryCheck,
  type SharedStore,
} from './shared-registry-checks.js';
export {
  createSocketTarget,
  loadScenarios,
  playScenario,
  ScenarioError,
  type Scenario,
  type ScenarioAnswer,
  type ScenarioConnection,
  type ScenarioStep,
  type ScenarioTarget,
  type SocketTargetOptions,
} from '../conformance/index.js';
