import { WorkQueue } from '../../base/work-queue.js';
import type { NodeRequest, NodeResponse } from './node-adapter.js';

type Socket = NodeRequest['socket'];

const STARTS_PER_TURN = 8;

interface Waiting {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
  readonly start: () => void;
  readonly drop: () => void;
}

interface Line {
  current: NodeResponse;
  readonly waiting: Waiting[];
}

/**
 * Lets one request of a connection at a time be answered: clients may send the next ones ahead, and what they would be answered
 * is not made before they have read what comes first. While some wait, nothing more is read; they are few, over all connections.
 */
export class Pipeline {
  readonly #lines = new WeakMap<Socket, Line>();
  readonly #maxWaiting: number;
  /** What is sent ahead is started little by little, so that others have their turns. */
  readonly #turns = new WorkQueue({ stepsPerTurn: STARTS_PER_TURN });
  #count = 0;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Starts it at once if no answer is before it; else when those are out. `drop`: when the client leaves before that. */
  enter(request: NodeRequest, response: NodeResponse, start: () => void, drop: () => void): void {
    const { socket, httpVersionMajor } = request;
    if (httpVersionMajor === 2) return start(); // whose streams do not wait for each other
    const line = this.#lines.get(socket);
    if (!line) this.#lines.set(socket, { current: response, waiting: [] });
    else if (line.waiting.length > 0 || isUnderWay(line.current)) {
      return this.#wait(line, { request, response, start, drop });
    } else line.current = response;
    start();
  }

  #wait(line: Line, entry: Waiting): void {
    const { socket } = entry.request;
    if (this.#count >= this.#maxWaiting || socket.destroyed === true) {
      socket.destroy?.();
      return entry.drop();
    }
    this.#count++;
    if (line.waiting.push(entry) === 1) line.current.on('close', () => this.#next(line, socket));
    socket.pause?.();
  }

  #next(line: Line, socket: Socket): void {
    const entry = line.waiting.shift();
    if (!entry) return;
    this.#count--;
    if (socket.destroyed === true) {
      entry.drop();
      return this.#next(line, socket);
    }
    line.current = entry.response;
    if (line.waiting.length === 0) socket.resume?.();
    else entry.response.on('close', () => this.#next(line, socket));
    void this.#turns.turn().then(entry.start);
  }
}

function isUnderWay({ writableFinished, destroyed }: NodeResponse): boolean {
  return writableFinished === false && !destroyed;
}
