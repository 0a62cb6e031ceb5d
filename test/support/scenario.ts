import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** One recorded conversation with nsqlookupd 1.3.0. The format is told in test/data/README.md. */
export interface Scenario {
  readonly name: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly open?: string;
  readonly send?: string;
  readonly text?: string;
  readonly hex?: string;
  readonly identify?: unknown;
  readonly body?: unknown;
  readonly bytewise?: boolean;
  readonly recv?: string;
  readonly wait?: number;
  readonly end?: string;
  readonly close?: string;
  readonly http?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly only?: 'status' | 'head' | 'json';
  readonly sleep?: number;
  readonly saw?: Readonly<Record<string, unknown>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

/** A connection of a peer to the lookupd under test. */
export interface Connection {
  /** `ip:port`, as the lookupd names the peer. */
  readonly address: string;
  send(bytes: Uint8Array): Promise<void>;
  /** The payload of the next answer, `closed`, or `timeout` after that many milliseconds. */
  receive(waitMs: number): Promise<Uint8Array | 'closed' | 'timeout'>;
  end(): Promise<void>;
  close(): Promise<void>;
}

/** A fresh lookupd, however it is reached. */
export interface Lookupd extends AsyncDisposable {
  open(): Promise<Connection>;
  http(method: string, target: string, headers: Readonly<Record<string, string>>): Promise<HttpAnswer>;
  sleep(ms: number): Promise<void>;
  /** What the placeholders stand for: tcp_port, http_port, hostname, version. */
  readonly facts: Readonly<Record<string, string | number>>;
}

const DEFAULT_WAIT_MS = 1500;
const RETRY_MS = 1000;
const HEADERS = ['content-type', 'x-nsq-content-type', 'location', 'allow'];

export function loadScenarios(): Scenario[] {
  return JSON.parse(readFileSync('test/data/recorded.json', 'utf8')) as Scenario[];
}

export async function play(scenario: Scenario, lookupd: Lookupd): Promise<void> {
  const connections = new Map<string, Connection>();
  const connection = (name: string) => {
    const found = connections.get(name);
    assert.ok(found, `connection ${name} is open`);
    return found;
  };
  const expected = (value: unknown) => {
    const addresses = [...connections].map(([name, { address }]) => [name, address] as const);
    return sorted(substitute(value, { ...lookupd.facts, ...Object.fromEntries(addresses) }));
  };

  for (const [i, step] of scenario.steps.entries()) {
    const where = `step ${i}: ${JSON.stringify(step).slice(0, 200)}`;
    if (step.open !== undefined) connections.set(step.open, await lookupd.open());
    else if (step.send !== undefined) await send(connection(step.send), step);
    else if (step.recv !== undefined) {
      const got = await connection(step.recv).receive(step.wait ?? DEFAULT_WAIT_MS);
      assert.deepEqual(toSeen(got, step.saw!), expected(step.saw), where);
    } else if (step.end !== undefined) await connection(step.end).end();
    else if (step.close !== undefined) await connection(step.close).close();
    else if (step.http !== undefined) await compareHttp(lookupd, step, expected, where);
    else if (step.sleep !== undefined) await lookupd.sleep(step.sleep);
    // A step that names no connection (the recorder left some, after a peer had gone) does nothing.
  }
}

async function send(connection: Connection, step: Step): Promise<void> {
  const bytes = toBytes(step);
  if (!step.bytewise) return connection.send(bytes);
  for (const byte of bytes) await connection.send(Uint8Array.of(byte));
}

function toBytes({ text, hex, identify, body }: Step): Uint8Array {
  if (text !== undefined) return Buffer.from(text);
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  const content = identify ?? body;
  const payload = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  const size = Buffer.alloc(4);
  size.writeInt32BE(payload.length);
  return Buffer.concat([Buffer.from(identify === undefined ? '' : 'IDENTIFY\n'), size, payload]);
}

function toSeen(got: Uint8Array | 'closed' | 'timeout', saw: Readonly<Record<string, unknown>>): unknown {
  if (got === 'closed') return { closed: true };
  if (got === 'timeout') return { timeout: true };
  const text = Buffer.from(got).toString();
  const code = /^(E_[A-Z_]+)(?: |$)/.exec(text)?.[1];
  if (code !== undefined) return { error: code };
  return 'json' in saw ? { json: sorted(JSON.parse(text)) } : { text };
}

async function compareHttp(
  lookupd: Lookupd,
  step: Step,
  expected: (value: unknown) => unknown,
  where: string,
): Promise<void> {
  const [method = '', ...target] = step.http!.split(' ');
  const wanted = expected(step.saw);
  for (const giveUp = Date.now() + RETRY_MS; ;) {
    const seen = httpSeen(await lookupd.http(method, target.join(' '), step.headers ?? {}), step);
    try {
      return assert.deepEqual(seen, wanted, where);
    } catch (error) {
      if (Date.now() > giveUp) throw error;
      await lookupd.sleep(20);
    }
  }
}

function httpSeen({ status, headers, text }: HttpAnswer, { only, saw }: Step): unknown {
  const seen: Record<string, unknown> = { status };
  if (only === 'status') return seen;
  if (only !== 'json' || HEADERS.some((name) => name in saw!)) {
    for (const name of HEADERS) {
      if (headers[name] !== undefined) seen[name] = name === 'allow' ? withoutHead(headers[name]) : headers[name];
    }
  }
  if (only === 'head' && !('json' in saw!)) return seen;
  if ('json' in saw!) seen['json'] = sorted(fold(JSON.parse(text)));
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
