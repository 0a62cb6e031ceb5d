/** One test as a runtime reported it. */
export interface Case {
  /** The names of its suites and its own. */
  readonly name: string;
  /** Where it is, if the runtime tells. */
  readonly file: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What it failed with. */
  readonly message: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const PIECE = /<(\/?)(testsuite|testcase|failure|error|skipped)\b((?:\s+[\w-]+="[^"]*")*)\s*(\/?)>/g;
const MESSAGE_LENGTH = 500;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** Reads the report of node, bun or deno: the same format, and a dialect each. */
export function readReport(xml: string): Case[] {
  const suites: string[] = [];
  const cases: Mutable<Case>[] = [];
  for (const [, slash, tag, attributes = '', selfClosing] of xml.matchAll(PIECE)) {
    if (slash === '/') {
      if (tag === 'testsuite') suites.pop();
    } else if (tag === 'testsuite') {
      if (selfClosing === '') suites.push(attribute(attributes, 'name'));
    } else if (tag === 'testcase') {
      // bun and deno have a suite for each file, which is no part of a test's name.
      const path = suites.filter((name) => !/\.[jt]s$/.test(name));
      const name = [...path, attribute(attributes, 'name')].join(' > ');
      cases.push({ name, file: attribute(attributes, 'file'), outcome: 'passed', message: '' });
    } else {
      const last = cases.at(-1);
      if (!last) continue;
      last.outcome = tag === 'skipped' ? 'skipped' : 'failed';
      last.message = attribute(attributes, 'message').slice(0, MESSAGE_LENGTH);
    }
  }
  return numbered(withoutSuites(cases));
}

function attribute(attributes: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
  return unescape(unescape(value)); // Node 20 escapes quotes twice
}

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (all, code: string | undefined, name: string | undefined) =>
    code === undefined ? (ENTITIES[name!] ?? all) : String.fromCodePoint(Number(code)),
  );
}

/** deno counts a suite as a test beside its tests. */
function withoutSuites(cases: readonly Case[]): Case[] {
  const suites = new Set<string>();
  for (const { name } of cases) {
    for (let at = name.indexOf(' > '); at >= 0; at = name.indexOf(' > ', at + 1)) suites.add(name.slice(0, at));
  }
  return cases.filter(({ name }) => !suites.has(name));
}

/** Tests of one name are told apart by their number. */
function numbered(cases: readonly Case[]): Case[] {
  const seen = new Map<string, number>();
  return cases.map((test) => {
    const count = (seen.get(test.name) ?? 0) + 1;
    seen.set(test.name, count);
    return count === 1 ? test : { ...test, name: `${test.name} (${count})` };
  });
}
