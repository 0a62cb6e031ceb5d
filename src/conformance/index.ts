export {
  loadScenarios,
  type Scenario,
  type ScenarioAnswer,
  type ScenarioConnection,
  type ScenarioStep,
  type ScenarioTarget,
} from './scenario.js';
export { playScenario, ScenarioError } from './play-scenario.js';
export { createSocketTarget, type SocketTargetOptions } from './node-target.js';
