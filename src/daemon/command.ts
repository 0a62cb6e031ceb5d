import { NSQLOOKUPD_VERSION } from '../http/index.js';
import { explainLine, parseFlags, readConfig, SettingError, usage } from './flags.js';
import { createLookupd } from './lookupd.js';
import type { Lookupd } from './lookupd-interface.js';
import { stderrWritten } from './line-writer.js';
import { createLogger } from './stderr-logger.js';
import { nameFlags, SETTINGS, toLookupdOptions, type Settings } from './settings.js';
import { toUnionOptions } from './settings/union.js';
import type { OnError } from '../registry/index.js';
import { findSubcommand, SUBCOMMAND_USAGE } from './subcommands.js';
import { createSystemClock, uptimeMs } from './system-clock.js';
import { PACKAGE_VERSION } from '../base/version.js';
import { warmUp } from './warm-up.js';

const BAD_FLAG = 2;
const FAILED = 1;
/** How long the end waits for who reads the log, within the grace period. */
const LOG_FLUSH_MS = 1000;
const VERSION = `nsqlookupd v${NSQLOOKUPD_VERSION} (built w/node${process.versions.node}, npm nsqlookupd ${PACKAGE_VERSION})`;

/** What `run-command.ts` tells of. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const subcommand = findSubcommand(args[0]);
  if (subcommand) return subcommand(args.slice(1));
  let flags: Partial<Settings>;
  try {
    flags = parseFlags(args, SETTINGS);
  } catch (error) {
    process.stderr.write(`nsqlookupd: ${messageOf(error)} (nsqlookupd --help lists the flags)\n`);
    return BAD_FLAG;
  }
  if (flags.help) return print(`${usage(SETTINGS)}${SUBCOMMAND_USAGE}`);
  if (flags.version) return print(`${VERSION}\n`);

  process.stderr.on('error', () => {}); // a log that nobody reads any more ends nothing
  const clock = createSystemClock();
  let log = nameFlags(createLogger({ format: flags['log-format'], clock }));
  let endBy = Infinity;
  try {
    const given = { ...(await loadConfig(flags.config)), ...flags };
    const { 'log-level': level, 'log-prefix': prefix, 'log-format': format } = given;
    log = nameFlags(createLogger({ level, prefix, format, clock }));
    log.info?.(VERSION);
    const options = toLookupdOptions(given);
    const onError: OnError = (error, what) =>
      log.error?.(`${what} - ${error instanceof Error ? error.stack : String(error)}`);
    const commandLine = [...process.argv.slice(0, 2), ...args];
    const lookupds = given['lookupd-http-address'] ?? [];
    if (lookupds.length > 0 && (given['tcp-address'] ?? '') !== '')
      throw new SettingError('a tcp-address does not go with a lookupd-http-address: nsqds connect to the lookupds');
    const lookupd =
      lookupds.length === 0
        ? createLookupd({ ...options, commandLine, log, onError })
        : (await import('./union-server.js')).createUnionServer({
            ...toUnionOptions(given),
            options: { ...options, commandLine },
            log,
            onError,
          });
    await serve(lookupd, onError, () => (endBy = uptimeMs() + (options.graceMs ?? 0)));
    return 0;
  } catch (error) {
    log.fatal(messageOf(error));
    return FAILED;
  } finally {
    await stderrWritten(Math.max(0, Math.min(LOG_FLUSH_MS, endBy - uptimeMs())));
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function loadConfig(path: string | undefined): Promise<Partial<Settings>> {
  if (path === undefined || path === '') return {};
  let text = '';
  try {
    // Only who has a config file pays for these.
    const { parse } = await import('smol-toml');
    const { readFile } = await import('node:fs/promises');
    text = await readFile(path, 'utf8');
    return readConfig(parse(text), SETTINGS);
  } catch (error) {
    const { line = 0 } = error as { line?: number };
    const hint = explainLine(text.split('\n')[line - 1] ?? '', SETTINGS);
    throw new SettingError(`failed to load config file ${path} - ${messageOf(error)}${hint}`);
  }
}

/** Until a signal ends it, of which `ending` is told. SIGHUP, which a terminal's hang-up is as well, reads files anew. */
async function serve(
  lookupd: Pick<Lookupd, 'listen' | 'reload' | 'close' | 'closed'>,
  onError: OnError,
  ending: () => void,
): Promise<void> {
  const stop = () => {
    ending();
    void lookupd.close();
  };
  const reload = () => lookupd.reload();
  process.once('SIGINT', stop).once('SIGTERM', stop).on('SIGHUP', reload);
  try {
    await lookupd.listen();
    warmUp(onError);
    await lookupd.closed;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', reload);
  }
}

/** In one line: a TOML parser's message shows the place in further ones. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [message = ''] = error.message.split('\n');
  const { line, column } = error as { line?: unknown; column?: unknown };
  return typeof line === 'number' ? `line ${line}, column ${String(column)}: ${message}` : message;
}
