import { hostname } from 'node:os';
import { createStderrWriter } from './line-writer.js';
import { aFunction, checkOptions, oneOf, required, text, type Checks } from '../base/options.js';
import { toPrintable } from '../base/text.js';
import type { Clock, Logger } from '../registry/index.js';

/** From the most to the least said. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
/** How much is logged. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What log lines look like: as nsqlookupd's, or as JSON with the names of pino's fields. */
export const LOG_FORMATS = ['text', 'json'] as const;
/** What log lines look like. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What every log line starts with. nsqlookupd's default. */
export const DEFAULT_LOG_PREFIX = '[nsqlookupd] ';

/** What a logger is made of. */
export interface LoggerOptions {
  /** The least level that is written. Default `info`. */
  readonly level?: LogLevel | undefined;
  /**
   * `json`: an object a line, `{"level":30,"time":1790000000000,"pid":1,"hostname":"h","name":"nsqlookupd","msg":"…"}`, with the
   * names and levels of pino. Default `text`.
   */
  readonly format?: LogFormat | undefined;
  /** Starts every line of text. Default `[nsqlookupd] `. */
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
export interface DaemonLogger extends Logger {
  /** Why the process ends. */
  fatal(line: string): void;
  /** How many lines were dropped, as standard error was not read. */
  readonly linesLost: number;
}

const WORDS: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'FATAL',
};

/** As pino numbers them. */
const NUMBERS: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

const CHECKS: Checks<LoggerOptions> = {
  format: oneOf(LOG_FORMATS),
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
  const { level = 'info', format = 'text', clock } = checkOptions('createLogger', options, CHECKS);
  const toLine = format === 'json' ? createJsonLines(clock) : createTextLines(clock, options.prefix);
  let linesLost = 0;
  const tellLost = (count: number) => toLine('warn', `${count} lines lost`);
  const write = options.write ?? createStderrWriter(tellLost, () => linesLost++);
  const writer = (of: LogLevel) => (line: string) => write(toLine(of, line));
  const enabled = LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)).map((of) => [of, writer(of)] as const);
  return {
    fatal: writer('fatal'),
    ...Object.fromEntries(enabled),
    get linesLost() {
      return linesLost;
    },
  };
}

type ToLine = (of: LogLevel, line: string) => string;

function createTextLines(clock: Clock, prefix = DEFAULT_LOG_PREFIX): ToLine {
  return (of, line) => `${prefix}${timestamp(clock())} ${WORDS[of]}: ${toPrintable(line)}\n`;
}

function createJsonLines(clock: Clock): ToLine {
  const host = hostname();
  return (of, line) => {
    const time = Math.floor(clock());
    const { pid } = process;
    const msg = toPrintable(line);
    return `${JSON.stringify({ level: NUMBERS[of], time, pid, hostname: host, name: 'nsqlookupd', msg })}\n`;
  };
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
