import { LookupError } from './lookup-error.js';

/** A server-sent event; `retryMs` where the server says when to come back. One without data keeps the connection alive. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string | undefined;
  readonly id: string | undefined;
  readonly retryMs: number | undefined;
}

/**
 * Reads server-sent events (WHATWG HTML, "Interpreting an event stream") as they come, comments too, which have nothing in them.
 * Rejects with a LookupError for one that is longer than so many bytes.
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<StreamEvent, void, undefined> {
  const decoder = new TextDecoder();
  let unfinished: string[] = [];
  let fields: Record<string, string> = {};
  let length = 0;
  for await (const chunk of body) {
    const more = decoder.decode(chunk, { stream: true });
    length += chunk.length;
    if (length > maxBytes) throw new LookupError(`an event is longer than ${maxBytes} bytes`, 0);
    const isBroken = /[\r\n]/.test(more) || unfinished.at(-1)?.endsWith('\r') === true;
    if (more !== '') unfinished.push(more);
    if (!isBroken) continue; // so that a long line in many chunks is looked through once
    // A carriage return at the end may be the first half of a line break.
    const lines = unfinished.join('').split(/\r\n|\n|\r(?!$)/);
    const rest = lines.pop()!;
    unfinished = [rest];
    for (const line of lines) {
      if (line === '') {
        yield toEvent(fields);
        fields = {};
        length = rest.length;
      } else addField(fields, line);
    }
  }
}

function addField(fields: Record<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^:]*):? ?([^]*)$/.exec(line) ?? [];
  if (name === 'data' && fields['data'] !== undefined) fields['data'] += `\n${value}`;
  else if (name !== '') fields[name] = value;
}

function toEvent({ event = 'message', data, id, retry = '' }: Record<string, string>): StreamEvent {
  return { event, data, id, retryMs: /^\d+$/.test(retry) ? Number(retry) : undefined };
}
