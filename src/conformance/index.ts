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
