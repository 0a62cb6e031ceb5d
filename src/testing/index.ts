export { DEFAULT_START_MS, ManualClock } from './manual-clock.js';
export { createPeer, topology, type TopologyLiteral } from './topology-literal.js';
export { createIdentity } from './identity.js';
export { FakeNsqd } from './fake-nsqd.js';
export { createMemoryLookupd, type MemoryLookupd, type MemoryLookupdOptions } from './memory-lookupd.js';
export {
  loadScenarios,
  playScenario,
  ScenarioError,
  type Scenario,
  type ScenarioAnswer,
  type ScenarioConnection,
  type ScenarioStep,
  type ScenarioTarget,
} from './scenario.js';
export { createSocketTarget, type SocketTargetOptions } from './node-target.js';
