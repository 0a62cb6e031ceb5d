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
