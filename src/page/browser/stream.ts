import type { Api } from './api.js';
import { Slices } from './slices.js';

export interface ServerEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Nothing for so long, with a comment due every 15 seconds: the connection is dead. */
const SILENCE_MS = 25_000;
/** An event that is longer than so many characters is none. */
const MAX_EVENT = 32 * 2 ** 20;

export interface StreamOptions {
  readonly api: Api;
  readonly route: string;
  readonly lastId: string;
  /** How long it may take until it is answered, and between two parts of what is there already. */
  readonly patienceMs: number;
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
  const { api, route, lastId, patienceMs, isCaughtUp = () => false, onOpen, onEvent } = options;
  const stop = new AbortController();
  let isHeldBack = true;
  let timer = setTimeout(() => stop.abort(), patienceMs);
  const waitForMore = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), isCaughtUp() ? SILENCE_MS : patienceMs);
  };
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (lastId !== '') headers['Last-Event-ID'] = lastId;
    const response = await api.fetch(route, { signal: stop.signal, headers });
    if (!response.ok || !response.body) return { status: response.status };
    if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return { status: 404 };
    waitForMore();
    if (isCaughtUp()) onOpen?.();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const slices = new Slices();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'ended';
      clearTimeout(timer); // what is read takes as long as it takes
      if (isHeldBack && !isCaughtUp()) onOpen?.();
      isHeldBack = false;
      const searched = Math.max(0, text.length - 1);
      text += value;
      if (text.length > MAX_EVENT) throw new RangeError('an event is too long');
      let start = 0;
      for (let from = searched, end; (end = text.indexOf('\n\n', from)) >= 0; from = start = end + 2) {
        const event = toEvent(text.slice(start, end));
        if (event && !(await onEvent(event))) return 'ended';
        await slices.next();
      }
      text = text.slice(start);
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

function toEvent(text: string): ServerEvent | undefined {
  let name = '';
  let id: string | undefined;
  let data: string | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    else if (line.startsWith('id: ')) id = line.slice(4);
    else if (line.startsWith('data: ')) data = line.slice(6);
  }
  return data === undefined ? undefined : { name, id, data };
}
