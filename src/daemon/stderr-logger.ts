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
  /** Gets each line, its newline included. Default: standard error. */
  readonly write?: ((line: string) => void) | undefined;
}

/** A logger that has `fatal` as well: why a process ends. It ends none itself. */
export type DaemonLogger = Logger & { fatal(line: string): void };

const MAX_PENDING = 64 * 1024;

const WORDS: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'FATAL',
};

/**
 * Makes a logger whose lines look like nsqlookupd's: `[nsqlookupd] 2026/11/23 04:30:30.098992 INFO: …`. Control
 * characters are escaped, and a line ends after 8,192 characters. Throws a TypeError when the level is none.
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
  const { level = 'info', prefix = DEFAULT_LOG_PREFIX, clock } = options;
  const write = options.write ?? createStderrWriter();
  if (!LOG_LEVELS.includes(level)) throw new TypeError(`level must be one of ${LOG_LEVELS.join(', ')}`);
  const writer = (of: LogLevel) => (line: string) => {
    write(`${prefix}${timestamp(clock())} ${WORDS[of]}: ${toPrintable(line)}\n`);
  };
  const enabled = LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)).map((of) => [of, writer(of)] as const);
  return { fatal: writer('fatal'), ...Object.fromEntries(enabled) };
}

/** One write for the lines of one turn of the event loop: a fleet that leaves at once is 100,000 lines. */
function createStderrWriter(): (line: string) => void {
  let pending = '';
  const flush = () => {
    const text = pending;
    pending = '';
    try {
      if (text !== '') process.stderr.write(text);
    } catch {
      // A disk that is full costs the lines and nothing else; so it is in Go.
    }
  };
  process.once('exit', flush);
  return (line) => {
    if (pending === '') setImmediate(flush);
    pending += line;
    if (pending.length > MAX_PENDING) flush();
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
