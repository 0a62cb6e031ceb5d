import type { Api } from './api.js';
import { Slices } from './slices.js';

export interface ServerEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Nothing for so long, with a comment due every 15 seconds: the connection is dead. */
const SILENCE_MS = 40_000;

export interface StreamOptions {
  readonly api: Api;
  readonly route: string;
  readonly lastId: string;
  /** By when the first byte must be there. */
  readonly firstByteMs: number;
  readonly onOpen?: () => void;
  /** False to end it. */
  readonly onEvent: (event: ServerEvent) => boolean | undefined;
}

/** How a stream ended. */
export type Ending = 'ended' | 'held back' | { readonly status: number };

/**
 * Server-sent events over `fetch`, as an EventSource sends no token and gives up at a 503. Rejects when the server cannot be reached.
 */
export async function readEvents({ api, route, lastId, firstByteMs, onOpen, onEvent }: StreamOptions): Promise<Ending> {
  const stop = new AbortController();
  let isOpen = false;
  let timer = setTimeout(() => stop.abort(), firstByteMs);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(), SILENCE_MS);
  };
  try {
    const headers: Record<string, string> = { Accept: 'text/event-stream, application/json' };
    if (lastId !== '') headers['Last-Event-ID'] = lastId;
    const response = await api.fetch(route, { signal: stop.signal, headers });
    if (!response.ok || !response.body) return { status: response.status };
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const slices = new Slices();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'ended';
      alive();
      if (!isOpen) onOpen?.();
      isOpen = true;
      let searched = Math.max(0, text.length - 1);
      text += value;
      let start = 0;
      for (let end; (end = text.indexOf('\n\n', Math.max(start, searched))) >= 0; start = end + 2) {
        searched = 0;
        const event = toEvent(text.slice(start, end));
        if (event && onEvent(event) === false) return 'ended';
        await slices.next();
      }
      text = text.slice(start);
    }
  } catch (error) {
    if (stop.signal.aborted) return isOpen ? 'ended' : 'held back';
    throw error;
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
