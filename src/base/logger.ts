import { callGuarded, type OnError } from './error-report.js';
import { toPrintable } from './text.js';

/**
 * Where log lines go. A method that is left out costs nothing: its lines are not even put together.
 * `console`, pino and winston loggers fit.
 */
export interface Logger {
  /** What only who looks for a fault wants to know. Nothing is logged at this level for now. */
  debug?(line: string): void;
  /** Connections, changes of the registry, HTTP requests: what goes as it should. */
  info?(line: string): void;
  /** What a peer should not have done, and may. */
  warn?(line: string): void;
  /** The end of a connection, and why; what could not be served. */
  error?(line: string): void;
}

/** Logs nothing, at no cost: the default of every `log` option. */
export const SILENT_LOGGER: Logger = {};

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** The same logger, for whose throwing nobody has to look out, and whose lines are each one line. */
export function toSafeLogger(log: Logger, onError: OnError): Logger {
  return log instanceof SafeLogger ? log : new SafeLogger(log, onError);
}

class SafeLogger implements Logger {
  debug?(line: string): void;
  info?(line: string): void;
  warn?(line: string): void;
  error?(line: string): void;

  constructor(log: Logger, onError: OnError) {
    for (const level of LEVELS) {
      if (!log[level]) continue;
      this[level] = (line) => callGuarded(onError, 'the logger threw', () => log[level]?.(toPrintable(line)));
    }
  }
}
