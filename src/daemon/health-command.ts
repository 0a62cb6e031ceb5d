import { splitHostPort } from '../base/host-port.js';
import { toPrintable } from '../base/text.js';
import { SettingError } from './flags.js';
import { DEFAULT_HTTP_ADDRESS } from './lookupd-options.js';
import { ADDRESS, BOOLEAN, duration } from './setting-kinds.js';
import { row } from './settings/setting.js';
import { createSubcommandFetch, FETCH_FLAGS } from './subcommand-fetch.js';
import { parseSubcommand, routeAt, subcommandUsage } from './subcommand-args.js';

const FLAGS = {
  help: row(BOOLEAN, false, 'print this and exit'),
  ...FETCH_FLAGS,
  'http-address': row(
    ADDRESS,
    DEFAULT_HTTP_ADDRESS,
    'what the lookupd was started with; all addresses are asked at 127.0.0.1',
  ),
  timeout: row(duration(1, 60_000), 3000, 'by when it must have answered'),
};

/** Asks a running lookupd whether it serves, for a container's health check: 0 if so, 1 if not, 2 for a bad flag. */
export async function runHealth(args: readonly string[]): Promise<number> {
  try {
    const { flags, url } = parseSubcommand(args, FLAGS);
    if (flags.help) {
      process.stdout.write(subcommandUsage('nsqlookupd health [flags] [URL]', FLAGS));
      return 0;
    }
    const { host = '', port = 0 } = splitHostPort(flags['http-address'] ?? DEFAULT_HTTP_ADDRESS) ?? {};
    const base = url ?? new URL(`http://${toReachable(host)}:${port}`);
    const reason = await ask(base, flags.timeout ?? FLAGS.timeout.default, createSubcommandFetch(base, flags));
    if (reason === undefined) return 0;
    process.stderr.write(`nsqlookupd health: ${toPrintable(reason)}\n`);
    return 1;
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    process.stderr.write(`nsqlookupd health: ${toPrintable(error.message)}\n`);
    return 2;
  }
}

/** Where who listens on all addresses is asked. */
function toReachable(host: string): string {
  if (host === '' || host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** Why it is not healthy. The original has no /healthz, and answers /ping. */
async function ask(
  base: URL,
  timeoutMs: number,
  fetch: ReturnType<typeof createSubcommandFetch>,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    for (const route of ['/healthz', '/ping']) {
      const response = await fetch(routeAt(base, route), { signal, redirect: 'error' });
      await response.body?.cancel();
      if (response.status === 200) return undefined;
      if (response.status !== 404 || route === '/ping') return `${route} answered ${response.status}`;
    }
    return undefined;
  } catch (error) {
    const { message, cause } = error as Error;
    return `${base.origin} cannot be asked - ${cause instanceof Error ? cause.message || message : message}`;
  }
}
