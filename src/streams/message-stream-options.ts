import type { OnError } from '../base/error-report.js';
import { aFunction, number, type Checks } from '../base/options.js';

/** How much the other end may leave unread until `write` answers false: 64 KiB. */
export const DEFAULT_HIGH_WATER_MARK_BYTES = 64 * 1024;
/** How much is kept for a reader that pauses: 16 MiB. */
export const DEFAULT_MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** How much may wait at either end. */
export interface MessageStreamOptions {
  /** How much the other end may leave unread until `write` answers false. From 0 on. Default 65,536. */
  readonly highWaterMarkBytes?: number | undefined;
  /**
   * How much is kept for a reader that pauses; more is an `error`, as the other end then does not heed what its
   * `write` answers. From 0 on. Default 16,777,216. `Infinity`: any amount.
   */
  readonly maxUnreadBytes?: number | undefined;
  /** Gets what a listener threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

export const MESSAGE_STREAM_CHECKS: Checks<MessageStreamOptions> = {
  highWaterMarkBytes: number(0),
  maxUnreadBytes: number(0),
  onError: aFunction,
};

/** What a `MessageStream` tells, as a Node stream does. */
export interface MessageStreamEvents {
  /** Bytes that are the listener's own. */
  data: (bytes: Uint8Array) => void;
  /** The other end has ended, and all is read. */
  end: () => void;
  /** The other end has read all, after a `write` that answered false. */
  drain: () => void;
  /** What came is no stream of bytes, or the port failed; `close` follows. */
  error: (error: Error) => void;
  /** Nothing more comes, and nothing can be written. */
  close: () => void;
}
