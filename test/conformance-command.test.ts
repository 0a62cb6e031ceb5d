import { describe, test } from 'node:test';
import { loadScenarios, playScenario } from 'nsqlookupd/testing';
import { createCommandLookupd } from './support/command-lookupd.js';

const scenarios = await loadScenarios();
// A process for each scenario is half a minute; every day they run in this process, over sockets as well.
const skip = process.env['CI'] === 'true' ? false : 'set CI=true to run it, as CI does';

describe('recorded from nsqlookupd, against the command over sockets', { concurrency: 4, skip }, () => {
  for (const scenario of scenarios) {
    test(scenario.name, { timeout: 60_000 }, async () => {
      await using lookupd = await createCommandLookupd(scenario);
      await playScenario(scenario, lookupd);
    });
  }
});
