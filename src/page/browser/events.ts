/** What came of a stream of server-sent events. */
export interface ServerEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** An event that is longer than so many characters is none. */
const MAX_EVENT = 32 * 2 ** 20;

/** Finds the events in a text that comes in pieces, without a second look at any. */
export class EventReader {
  #pieces: string[] = [];
  #length = 0;

  /** The events that end in this piece. Throws a RangeError for one that is too long. */
  *read(piece: string): Generator<ServerEvent, void, undefined> {
    const last = this.#pieces.length - 1;
    const isBetween = this.#pieces[last]?.endsWith('\n') === true && piece.startsWith('\n');
    let start = 0;
    let end = isBetween ? -1 : piece.indexOf('\n\n');
    for (; end >= 0 || (isBetween && start === 0); end = piece.indexOf('\n\n', start)) {
      const text = this.#pieces.join('') + piece.slice(start, Math.max(0, end));
      start = end + 2;
      this.#pieces = [];
      this.#length = 0;
      const event = toEvent(text);
      if (event) yield event;
    }
    if (start < piece.length) this.#pieces.push(piece.slice(start));
    this.#length += piece.length - start;
    if (this.#length > MAX_EVENT) throw new RangeError('an event is too long');
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
