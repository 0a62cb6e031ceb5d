import { callGuarded, type OnError } from './error-report.js';

/**
 * Where log lines go. A method that is left out costs nothing: its lines are not even put together.
 * `console`, pino and winston loggers fit.
 */
export interface Logger {
  debug?(line: string): void;
  info?(line: string): void;
  warn?(line: string): void;
  error?(line: string): void;
}

export const SILENT_LOGGER: Logger = {};

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** The same logger, for whose throwing nobody has to look out. */
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
      this[level] = (line) => callGuarded(onError, 'the logger threw', () => log[level]?.(line));
    }
  }
}
