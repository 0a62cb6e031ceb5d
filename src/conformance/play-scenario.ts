import { anArray, anObject, checkOptions, required, text, withMethods, type Checks } from '../base/options.js';
import type { Scenario, ScenarioConnection, ScenarioStep, ScenarioTarget } from './scenario.js';
import { httpSeen, sorted, substitute, toSeen } from './seen.js';

const CHECKS: Checks<Scenario> = { name: required(text), options: anObject, steps: required(anArray) };
const checkTarget = withMethods('a ScenarioTarget', 'open', 'http', 'sleep');

const DEFAULT_WAIT_MS = 1500;
const RETRIES = 50;
const RETRY_MS = 20;

/** An implementation did otherwise than nsqlookupd. */
export class ScenarioError extends Error {
  /** `ScenarioError`. */
  override readonly name = 'ScenarioError';
  /** What nsqlookupd 1.3.0 answered. */
  readonly expected: unknown;
  /** What the implementation answered. */
  readonly seen: unknown;

  constructor(where: string, expected: unknown, seen: unknown) {
    super(`${where}\nexpected: ${JSON.stringify(expected)}\nseen:     ${JSON.stringify(seen)}`);
    this.expected = expected;
    this.seen = seen;
  }
}

/**
 * Plays one scenario against a fresh lookupd, step by step. Rejects with a `ScenarioError` at the first step that is
 * answered otherwise. Arrays are compared as sets, times and ports by what they stand for; what a peer that left in the
 * midst of something leaves behind may take a second to be so.
 *
 * @example
 * ```js
 * import { hostname } from 'node:os';
 * import { createLookupd } from 'nsqlookupd/daemon';
 * import { createSocketTarget, loadScenarios, playScenario, ScenarioError } from 'nsqlookupd/testing';
 *
 * const [tcp, http] = ['127.0.0.1:0', '127.0.0.1:0'];
 * const lookupd = createLookupd({ tcpAddress: tcp, httpAddress: http, broadcastAddress: 'lookupd.test' });
 * await lookupd.listen();
 * const { tcpAddress = '', httpAddress = '' } = lookupd;
 * const target = createSocketTarget({ tcpAddress, httpAddress, hostname: hostname(), version: '1.3.0' });
 * for (const scenario of (await loadScenarios()).slice(0, 1)) {
 *   await playScenario(scenario, target).catch((error) => console.log(error instanceof ScenarioError, error));
 * }
 * await lookupd.close();
 * ```
 */
export async function playScenario(scenario: Scenario, lookupd: ScenarioTarget): Promise<void> {
  checkOptions('a scenario', scenario, CHECKS);
  checkTarget('lookupd', lookupd);
  anObject('lookupd.facts', lookupd.facts);
  const connections = new Map<string, ScenarioConnection>();
  const connection = (name: string) => {
    const found = connections.get(name);
    if (!found) throw new TypeError(`the scenario has no connection ${name}`);
    return found;
  };
  const expected = (value: unknown) => {
    const addresses = [...connections].map(([name, { address }]) => [name, address] as const);
    return substitute(value, { ...lookupd.facts, ...Object.fromEntries(addresses) });
  };

  for (const [i, step] of scenario.steps.entries()) {
    const where = `step ${i}: ${JSON.stringify(step).slice(0, 200)}`;
    if (step.open !== undefined) connections.set(step.open, await lookupd.open());
    else if (step.send !== undefined) await send(connection(step.send), step);
    else if (step.recv !== undefined) {
      const got = await connection(step.recv).receive(step.wait ?? DEFAULT_WAIT_MS);
      compare(toSeen(got, step.saw!), expected(step.saw), where);
    } else if (step.end !== undefined) await connection(step.end).end();
    else if (step.close !== undefined) await connection(step.close).close();
    else if (step.http !== undefined) await compareHttp(lookupd, step, expected, where);
    else if (step.sleep !== undefined) await lookupd.sleep(step.sleep);
  }
}

async function send(connection: ScenarioConnection, step: ScenarioStep): Promise<void> {
  const bytes = toBytes(step);
  if (!step.bytewise) return connection.send(bytes);
  for (const byte of bytes) await connection.send(Uint8Array.of(byte));
}

function compare(seen: unknown, expected: unknown, where: string): void {
  if (JSON.stringify(sorted(seen)) !== JSON.stringify(sorted(expected))) throw new ScenarioError(where, expected, seen);
}

const encoder = new TextEncoder();

function toBytes({ text, hex = '', identify, body }: ScenarioStep): Uint8Array {
  if (text !== undefined) return encoder.encode(text);
  const content = identify ?? body;
  if (content === undefined) return Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  const payload = encoder.encode(typeof content === 'string' ? content : JSON.stringify(content));
  const line = encoder.encode(identify === undefined ? '' : 'IDENTIFY\n');
  const bytes = new Uint8Array(line.length + 4 + payload.length);
  bytes.set(line);
  new DataView(bytes.buffer).setInt32(line.length, payload.length);
  bytes.set(payload, line.length + 4);
  return bytes;
}

async function compareHttp(
  lookupd: ScenarioTarget,
  step: ScenarioStep,
  expected: (value: unknown) => unknown,
  where: string,
): Promise<void> {
  const [method = '', ...target] = step.http!.split(' ');
  const wanted = expected(step.saw);
  for (let tries = RETRIES; ; tries--) {
    const seen = httpSeen(await lookupd.http(method, target.join(' '), step.headers ?? {}), step);
    try {
      return compare(seen, wanted, where);
    } catch (error) {
      if (tries === 0) throw error;
      await lookupd.sleep(RETRY_MS);
    }
  }
}
