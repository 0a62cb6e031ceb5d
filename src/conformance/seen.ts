import type { ScenarioAnswer, ScenarioStep } from './scenario.js';

const HEADERS = ['content-type', 'x-nsq-content-type', 'location', 'allow'];

const decoder = new TextDecoder();

export function toSeen(got: Uint8Array | 'closed' | 'timeout', saw: Readonly<Record<string, unknown>>): unknown {
  if (got === 'closed') return { closed: true };
  if (got === 'timeout') return { timeout: true };
  const text = decoder.decode(got);
  const code = /^(E_[A-Z_]+)(?: |$)/.exec(text)?.[1];
  if (code !== undefined) return { error: code };
  return 'json' in saw ? { json: JSON.parse(text) as unknown } : { text };
}

export function httpSeen({ status, headers, text }: ScenarioAnswer, { only, saw }: ScenarioStep): unknown {
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

export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, sorted(inner)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export function substitute(value: unknown, facts: Readonly<Record<string, unknown>>): unknown {
  if (typeof value === 'string') {
    const name = /^\{(\w+)\}$/.exec(value)?.[1];
    return name !== undefined && name in facts ? facts[name] : value;
  }
  if (Array.isArray(value)) return value.map((inner) => substitute(inner, facts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, substitute(inner, facts)]));
}
