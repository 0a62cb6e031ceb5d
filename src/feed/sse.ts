import { encodeText } from '../base/bytes.js';

/** A server-sent event. */
export function toEvent(event: string, id: string | undefined, data: string): Uint8Array {
  return encodeText(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`);
}

/** How far a client has come, when no event says it. Nothing is dispatched for it (WHATWG HTML, "Server-sent events"). */
export function toId(id: string): Uint8Array {
  return encodeText(`id: ${id}\n\n`);
}

/** What keeps a connection alive, and proxies from closing it. */
export const COMMENT = encodeText(':\n\n');

/** When to come back, as the server ends. */
export const FAREWELL = encodeText('retry: 1000\n\n');

/** When to come back where there is no room: the whole answer. */
export const COME_BACK = 'retry: 10000\n\n';

export const EVENT_STREAM: Readonly<Record<string, string>> = Object.freeze({
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Accel-Buffering': 'no', // or nginx would keep the events until they fill a buffer
});
