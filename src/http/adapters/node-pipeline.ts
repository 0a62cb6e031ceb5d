import { WorkQueue } from '../../base/work-queue.js';
import type { NodeRequest, NodeResponse } from './node-messages.js';

type Socket = NodeRequest['socket'];

const STARTS_PER_TURN = 8;
/** While so many of a connection wait, nothing more is read of it. Else it is, so that one who leaves is noticed. */
const MAX_READ_AHEAD = 64;

interface Waiting {
  readonly response: NodeResponse;
  readonly start: () => void;
  readonly drop: () => void;
}

interface Line {
  current: NodeResponse;
  waiting: Waiting[];
  isWatched: boolean;
}

/**
 * Lets one request of a connection at a time be answered: clients may send the next ones ahead, and what they would be answered
 * is not made before they have read what comes first. While many wait, nothing more is read; they are few, over all connections.
 */
export class Pipeline {
  readonly #lines = new WeakMap<Socket, Line>();
  readonly #maxWaiting: number;
  readonly #onFull: (() => void) | undefined;
  /** What is sent ahead is started little by little, so that others have their turns. */
  readonly #turns = new WorkQueue({ stepsPerTurn: STARTS_PER_TURN });
  #count = 0;

  constructor(maxWaiting: number, onFull?: () => void) {
    this.#maxWaiting = maxWaiting;
    this.#onFull = onFull;
  }

  /** Starts it at once if no answer is before it; else when those are out. `drop`: when the client leaves before that. */
  enter({ socket, httpVersionMajor }: NodeRequest, response: NodeResponse, start: () => void, drop: () => void): void {
    if (httpVersionMajor === 2) return start(); // whose streams do not wait for each other
    let line = this.#lines.get(socket);
    if (!line) {
      this.#lines.set(socket, (line = { current: response, waiting: [], isWatched: false }));
    } else if (line.waiting.length > 0 || isUnderWay(line.current)) {
      return this.#wait(line, socket, { response, start, drop });
    }
    line.current = response;
    start();
  }

  #wait(line: Line, socket: Socket, entry: Waiting): void {
    if (this.#count >= this.#maxWaiting || socket.destroyed === true) {
      if (socket.destroyed !== true) this.#onFull?.();
      socket.destroy?.();
      this.#dropAll(line);
      return entry.drop();
    }
    this.#count++;
    line.waiting.push(entry);
    if (line.waiting.length === MAX_READ_AHEAD) socket.pause?.();
    if (line.waiting.length > 1) return;
    line.current.on('close', () => this.#next(line, socket));
    if (line.isWatched) return;
    line.isWatched = true;
    // `node:http` reads on at the end of each request, and when the client has read what was written.
    socket.on?.('resume', () => line.waiting.length >= MAX_READ_AHEAD && socket.pause?.());
    // A response that Node has not begun to send has no end of its own when the client leaves.
    socket.once?.('close', () => this.#dropAll(line));
  }

  #next(line: Line, socket: Socket): void {
    if (socket.destroyed === true) return this.#dropAll(line);
    const entry = line.waiting.shift();
    if (!entry) return;
    this.#count--;
    line.current = entry.response;
    if (line.waiting.length === MAX_READ_AHEAD - 1) socket.resume?.();
    if (line.waiting.length > 0) entry.response.on('close', () => this.#next(line, socket));
    void this.#turns.turn().then(entry.start);
  }

  #dropAll(line: Line): void {
    const { waiting } = line;
    line.waiting = [];
    this.#count -= waiting.length;
    for (const { drop } of waiting) drop();
  }
}

function isUnderWay({ writableFinished, destroyed }: NodeResponse): boolean {
  return writableFinished === false && !destroyed;
}
