import type { Api } from './api.js';
import { EventReader, type ServerEvent } from './events.js';
import { Slices } from './slices.js';

/** Nothing for so long, with a comment due every 15 seconds: the connection is dead. */
const SILENCE_MS = 25_000;
export interface StreamOptions {
  readonly api: Api;
  readonly route: string;
  readonly lastId: string;
  /** How long it may take until it is answered, and between two parts of what is there already. */
  readonly patienceMs: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Whether all that is there has come, so that there may be nothing to tell for a while. Default: never. */
  readonly isCaughtUp?: () => boolean;
  /** It is answered, and something has come if anything was due. */
  readonly onOpen?: () => void;
  /** False to end it. */
  readonly onEvent: (event: ServerEvent) => boolean | Promise<boolean>;
}

/** How a stream ended: `held back` if something on the way seems to keep what is sent. */
export type Ending = 'ended' | 'held back' | { readonly status: number };

/**
 * Server-sent events over `fetch`, as an EventSource sends no token and gives up at a 503. Rejects when the server cannot be reached,
 * and with what `onEvent` rejects with.
 */
export async function readEvents(options: StreamOptions): Promise<Ending> {
  const { api, route, lastId, patienceMs, signal, isCaughtUp = () => false, onOpen, onEvent } = options;
  const stop = new AbortController();
  signal?.addEventListener('abort', () => stop.abort());
  let isHeldBack = true;
  let timer = setTimeout(() => stop.abort(), patienceMs);
  const waitForMore = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), isCaughtUp() ? SILENCE_MS : patienceMs);
  };
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream, application/json' };
    if (lastId !== '') headers['Last-Event-ID'] = lastId;
    const response = await api.fetch(route, { signal: stop.signal, headers });
    if (!response.ok || !response.body) return { status: response.status };
    if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return { status: 404 };
    waitForMore();
    if (isCaughtUp()) onOpen?.();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const slices = new Slices();
    const events = new EventReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'ended';
      clearTimeout(timer); // what is read takes as long as it takes
      if (isHeldBack && !isCaughtUp()) onOpen?.();
      isHeldBack = false;
      for (const event of events.read(value)) {
        if (!(await onEvent(event))) return 'ended';
        await slices.next();
      }
      waitForMore();
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return isHeldBack || !isCaughtUp() ? 'held back' : 'ended';
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}
