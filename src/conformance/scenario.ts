import { anArray, anObject, checkOptions, required, text, withMethods, type Checks } from '../base/options.js';

/** One recorded conversation with nsqlookupd 1.3.0. */
export interface Scenario {
  /** `part/what-is-tried`. */
  readonly name: string;
  /** The flags that the lookupd was started with, without the dash. */
  readonly options?: Readonly<Record<string, string>>;
  /** What was done, in order. */
  readonly steps: readonly ScenarioStep[];
}

/** Does one thing, or asks one, and has what was seen as `saw`. One that names no connection does nothing. */
export interface ScenarioStep {
  /** Opens a TCP connection of that name. */
  readonly open?: string;
  /** Sends on that connection what one of the next members has. */
  readonly send?: string;
  /** Text, as UTF-8. */
  readonly text?: string;
  /** Bytes. */
  readonly hex?: string;
  /** IDENTIFY, with this as its body: a string as it is, anything else as JSON. */
  readonly identify?: unknown;
  /** A size, and this as so many bytes: a string as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Sent one byte at a time. */
  readonly bytewise?: boolean;
  /** Takes one answer from that connection, or its end, or nothing for `wait` milliseconds. */
  readonly recv?: string;
  /** Milliseconds; 1,500 if it is missing. */
  readonly wait?: number;
  /** Half-closes that connection. */
  readonly end?: string;
  /** Closes that connection. */
  readonly close?: string;
  /** `METHOD /path?query`. */
  readonly http?: string;
  /** Sent with the request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which part of the answer was kept. */
  readonly only?: 'status' | 'head' | 'json';
  /** Lets so many milliseconds pass. */
  readonly sleep?: number;
  /** What nsqlookupd answered. `{name}` stands for a fact or the address of a connection. */
  readonly saw?: Readonly<Record<string, unknown>>;
}

/** An answer over HTTP. */
export interface ScenarioAnswer {
  /** The status code. */
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body. */
  readonly text: string;
}

/** A connection of a peer to the lookupd under test. */
export interface ScenarioConnection {
  /** `ip:port`, as the lookupd names the peer. */
  readonly address: string;
  /** Sends bytes. Not to reject when the lookupd has closed: `receive` shows that. */
  send(bytes: Uint8Array): Promise<void>;
  /** The payload of the next answer, `closed`, or `timeout` after that many milliseconds. */
  receive(waitMs: number): Promise<Uint8Array | 'closed' | 'timeout'>;
  /** Half-closes. */
  end(): Promise<void>;
  /** Closes. */
  close(): Promise<void>;
}

/** A fresh lookupd, however it is reached, that was started with the scenario's `options`. */
export interface ScenarioTarget {
  /** Opens a connection of a peer. */
  open(): Promise<ScenarioConnection>;
  /** Asks over HTTP; the target is to go out as it is. */
  http(method: string, target: string, headers: Readonly<Record<string, string>>): Promise<ScenarioAnswer>;
  /** Lets so many milliseconds pass. */
  sleep(ms: number): Promise<void>;
  /** What the placeholders stand for: `tcp_port`, `http_port`, `hostname`, `version`. */
  readonly facts: Readonly<Record<string, string | number>>;
}

const CHECKS: Checks<Scenario> = { name: required(text), options: anObject, steps: required(anArray) };
const checkTarget = withMethods('a ScenarioTarget', 'open', 'http', 'sleep');

const DEFAULT_WAIT_MS = 1500;
const RETRIES = 50;
const RETRY_MS = 20;
const HEADERS = ['content-type', 'x-nsq-content-type', 'location', 'allow'];

/**
 * The 159 recorded conversations. They are loaded when this is first called.
 *
 * @example
 * ```js
 * import { loadScenarios } from 'nsqlookupd/testing';
 *
 * console.log((await loadScenarios()).length); // 159
 * ```
 */
export async function loadScenarios(): Promise<readonly Scenario[]> {
  return (await import('./recorded.js')).RECORDED;
}

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
const decoder = new TextDecoder();

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

function toSeen(got: Uint8Array | 'closed' | 'timeout', saw: Readonly<Record<string, unknown>>): unknown {
  if (got === 'closed') return { closed: true };
  if (got === 'timeout') return { timeout: true };
  const text = decoder.decode(got);
  const code = /^(E_[A-Z_]+)(?: |$)/.exec(text)?.[1];
  if (code !== undefined) return { error: code };
  return 'json' in saw ? { json: JSON.parse(text) as unknown } : { text };
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

function httpSeen({ status, headers, text }: ScenarioAnswer, { only, saw }: ScenarioStep): unknown {
  const seen: Record<string, unknown> = { status };
  if (only === 'status') return seen;
  if (only !== 'json' || HEADERS.some((name) => name in saw!)) {
    for (const name of HEADERS) {
      if (headers[name] !== undefined) seen[name] = name === 'allow' ? withoutHead(headers[name]) : headers[name];
    }
  }
  if (only === 'head' && !('json' in saw!)) return seen;
  if ('json' in saw!) seen['json'] = fold(JSON.parse(text));
  else seen['text'] = text;
  return seen;
}

/** HEAD is a documented difference. */
function withoutHead(allow: string): string {
  return allow
    .split(', ')
    .filter((method) => method !== 'HEAD')
    .join(', ');
}

/** As the recording has it: `topics` and `tombstones` in one list, times as a placeholder. */
function fold(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fold);
  if (typeof value !== 'object' || value === null) return value;
  const { tombstones, ...rest } = value as Record<string, unknown>;
  if (Array.isArray(tombstones)) {
    rest['topics'] = (rest['topics'] as string[]).map((topic, i) => `${topic} tombstoned=${String(tombstones[i])}`);
  }
  for (const name of ['last_update', 'tombstoned_at']) if (Number.isInteger(rest[name])) rest[name] = '{time}';
  return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, fold(inner)]));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, sorted(inner)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function substitute(value: unknown, facts: Readonly<Record<string, unknown>>): unknown {
  if (typeof value === 'string') {
    const name = /^\{(\w+)\}$/.exec(value)?.[1];
    return name !== undefined && name in facts ? facts[name] : value;
  }
  if (Array.isArray(value)) return value.map((inner) => substitute(inner, facts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, substitute(inner, facts)]));
}
