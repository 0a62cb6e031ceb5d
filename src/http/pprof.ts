import { failure, text } from './responses.js';
import type { RouteRow } from './route-row.js';

/** The profiles of Go's net/http/pprof that nsqlookupd serves, and what each tells. */
const PROFILES: Readonly<Record<string, string>> = {
  block: 'where goroutines wait',
  cmdline: 'the command line of this process',
  goroutine: 'the stacks of all goroutines',
  heap: 'the live objects in memory',
  profile: 'where the CPU time goes',
  symbol: 'the names of program counters',
  threadcreate: 'the stacks that made threads',
};
const UNAVAILABLE = ['block', 'goroutine', 'heap', 'profile', 'threadcreate'];

/**
 * The routes under `/debug/pprof`: the index, `cmdline` and `symbol` answer. The profiles themselves answer 501:
 * there is no Go runtime here to take them from.
 */
export function createPprofRoutes(commandLine: readonly string[]): readonly RouteRow[] {
  const row = (name: string, answer: RouteRow['answer'], method = 'GET'): RouteRow => {
    const path = name === '' ? '/debug/pprof' : `/debug/pprof/${name}`;
    return { method, path, action: { name: path.slice(1), kind: 'read' }, answer };
  };
  const symbol = () => text('num_symbols: 1\n'); // as Go answers, whatever it is asked for
  return [
    row('', () => text(index(), 'text/html; charset=utf-8')),
    row('cmdline', () => text(commandLine.join('\0'))),
    row('symbol', symbol),
    row('symbol', symbol, 'POST'),
    ...UNAVAILABLE.map((name) => {
      const unavailable = failure(501, `PROFILE_NOT_AVAILABLE: ${name}`);
      return row(name, () => unavailable);
    }),
  ];
}

function index(): string {
  const rows = Object.entries(PROFILES).map(([name, what]) => {
    const note = UNAVAILABLE.includes(name) ? ' (not available)' : '';
    return `<li><a href="/debug/pprof/${name}">${name}</a>: ${what}${note}</li>`;
  });
  return `<!doctype html>\n<title>/debug/pprof</title>\n<h1>/debug/pprof</h1>\n<ul>\n${rows.join('\n')}\n</ul>\n`;
}
