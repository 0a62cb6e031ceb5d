import { createStderrWriter } from './line-writer.js';
import { aFunction, checkOptions, oneOf, required, text, type Checks } from '../base/options.js';
import { toPrintable } from '../base/text.js';
import type { Clock, Logger } from '../registry/index.js';

/** From the most to the least said. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
/** How much is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What every log line starts with. nsqlookupd's default. */
export const DEFAULT_LOG_PREFIX = '[nsqlookupd] ';

/** What a logger is made of. */
export interface LoggerOptions {
  /** The least level that is written. Default `info`. */
  readonly level?: LogLevel | undefined;
  /** Starts every line. Default `[nsqlookupd] `. */
  readonly prefix?: string | undefined;
  /** Dates each line, in local time. */
  readonly clock: Clock;
  /**
   * Gets each line, its newline included. Default: standard error, of which 1 MiB at most waits for its reader; further
   * lines are dropped, and `N lines lost` is logged when there is room again.
   */
  readonly write?: ((line: string) => void) | undefined;
}

/** A logger that has `fatal` as well: why a process ends. It ends none itself. */
export type DaemonLogger = Logger & { fatal(line: string): void };

const WORDS: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'FATAL',
};

const CHECKS: Checks<LoggerOptions> = {
  level: oneOf(LOG_LEVELS),
  prefix: text,
  clock: required(aFunction),
  write: aFunction,
};

/**
 * Makes a logger whose lines look like nsqlookupd's: `[nsqlookupd] 2026/11/23 04:30:30.098992 INFO: …`. Control
 * characters are escaped, and a line ends after 8,192 characters. Throws a TypeError when an option is
 * unknown, missing or of the wrong kind.
 *
 * @example
 * ```js
 * import { createLogger } from 'nsqlookupd/daemon';
 *
 * let text = '';
 * const log = createLogger({ level: 'warn', clock: Date.now, write: (line) => void (text += line) });
 * log.info?.('left out');
 * log.error?.('kept');
 * console.log(text.includes(' ERROR: kept')); // true
 * ```
 */
export function createLogger(options: LoggerOptions): DaemonLogger {
  const { level = 'info', prefix = DEFAULT_LOG_PREFIX, clock } = checkOptions('createLogger', options, CHECKS);
  const toLine = (of: LogLevel, line: string) => `${prefix}${timestamp(clock())} ${WORDS[of]}: ${toPrintable(line)}\n`;
  const write = options.write ?? createStderrWriter((count) => toLine('warn', `${count} lines lost`));
  const writer = (of: LogLevel) => (line: string) => write(toLine(of, line));
  const enabled = LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)).map((of) => [of, writer(of)] as const);
  return { fatal: writer('fatal'), ...Object.fromEntries(enabled) };
}

/** Local time with microseconds, as Go's log package prints it. */
function timestamp(ms: number): string {
  const time = new Date(ms);
  const pad = (value: number, length = 2) => String(value).padStart(length, '0');
  const date = `${time.getFullYear()}/${pad(time.getMonth() + 1)}/${pad(time.getDate())}`;
  const micros = Math.floor((ms - Math.floor(ms)) * 1000);
  return (
    `${date} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}` +
    `.${pad(time.getMilliseconds(), 3)}${pad(micros, 3)}`
  );
}
