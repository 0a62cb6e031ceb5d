import { callGuarded } from '../../base/error-report.js';
import { WorkQueue } from '../../base/work-queue.js';
import type { OnError } from '../../registry/index.js';
import type { HttpResponse } from '../http-message.js';
import { BYTES_PER_STEP, Slices } from '../slices.js';
import { assertStatus } from './assert-status.js';
import type { NodeResponse, NodeSocket } from './node-messages.js';
import { releaseBody } from './release-body.js';
import { unframed } from './unframed.js';
import type { UnsentAnswers } from './unsent-answers.js';

const encoder = new TextEncoder();

/** Sends an answer. Throws for one that cannot be sent; what a body of chunks throws rejects the promise. */
export type Sender = (
  response: NodeResponse,
  answer: HttpResponse,
  isHead: boolean,
  /** Whether bytes wait for the client as they are, and not as a copy of the connection's own, as over TLS. */
  isUncopied: boolean,
  socket: NodeSocket,
) => Promise<void> | undefined;

interface Prepared {
  readonly headers: HttpResponse['headers'];
  readonly head: string[];
  readonly body: string | Uint8Array;
}

/** Above this it costs more to copy a body behind its head than to write two buffers. */
const MAX_TEXT_BYTES = 512;
/** A longer body counts once for all who wait for it. Shorter ones may be copied on the way. */
const MIN_SHARED_BYTES = 128 * 1024;
const ASCII = /^[\0-\x7f]*$/;
const decoder = new TextDecoder();

/**
 * Makes a sender of answers. What can be made ready of an answer that comes again, the same bytes and frozen headers, is made
 * once: its head, and its body as text if that is short, which Node writes together with the head.
 */
export function createSender(unsent: UnsentAnswers, onError: OnError): Sender {
  const known = new WeakMap<Uint8Array, Prepared>();
  const turns = new WorkQueue({ onError });
  const prepare = (headers: HttpResponse['headers'], bytes: Uint8Array): Prepared => {
    const prepared = known.get(bytes);
    if (prepared?.headers === headers) return prepared;
    const head = [...unframed(headers).flat(), 'Content-Length', String(bytes.length)];
    const text = bytes.length > MAX_TEXT_BYTES ? undefined : decoder.decode(bytes);
    const made = { headers, head, body: text !== undefined && ASCII.test(text) ? text : bytes };
    if (Object.isFrozen(headers)) known.set(bytes, made); // others may be changed by whoever made them
    return made;
  };
  const heads = new WeakMap<HttpResponse['headers'], string[]>();
  const toHead = (headers: HttpResponse['headers']): string[] => {
    const head = heads.get(headers) ?? unframed(headers).flat();
    if (Object.isFrozen(headers)) heads.set(headers, head);
    return head;
  };
  return (response, { status, headers, body, isEndless }, isHead, isUncopied, socket) => {
    assertStatus(status);
    const isWhole = typeof body === 'string' || body instanceof Uint8Array;
    if (isWhole && status !== 204 && status !== 304) {
      const prepared = prepare(headers, typeof body === 'string' ? encoder.encode(body) : body);
      response.writeHead(status, prepared.head);
      if (isHead) response.end();
      else if (typeof prepared.body === 'string') response.end(prepared.body, 'latin1');
      else response.end(prepared.body);
      if ((response.writableLength ?? 0) > 0) {
        response.on('close', unsent.limit(response));
        response.on('close', () => unsent.sent(response));
        const isShared = isUncopied && !isHead && body instanceof Uint8Array && body.length > MIN_SHARED_BYTES;
        unsent.written(response, isShared ? body : undefined);
      }
      return undefined;
    }
    response.writeHead(status, toHead(headers)); // neither of those has a length
    if (isWhole || isHead || status === 204 || status === 304) {
      response.end();
      releaseBody(body, onError);
      return undefined;
    }
    if (isEndless !== true) response.on('close', unsent.limit(response));
    return sendChunks(response, body, isEndless === true ? socket : undefined, unsent, turns, onError);
  };
}

type Pieces = AsyncIterator<string | Uint8Array | readonly Uint8Array[]>;

async function sendChunks(
  response: NodeResponse,
  chunks: AsyncIterable<string | Uint8Array>,
  /** Of an endless one. */
  socket: NodeSocket | undefined,
  unsent: UnsentAnswers,
  turns: WorkQueue,
  onError: OnError,
): Promise<void> {
  if (response.destroyed) return releaseBody(chunks, onError); // the client has gone meanwhile
  const isReady = chunks instanceof Slices; // its first slice takes the head along
  if (!isReady) response.flushHeaders?.();
  // None any more when the response is over: it holds the last that it gave, and the connection holds the response.
  let iterator = (isReady && response.writeAll ? chunks.pieces : chunks[Symbol.asyncIterator]()) as Pieces | undefined;
  let goOn = () => {};
  const leave = () => callGuarded(onError, 'the body of an answer threw', () => iterator?.return?.());
  // Who sends no more may be gone, which would not be told before something is written.
  if (socket?.readableEnded === true) leave();
  else if (socket && response.onClientEnd) response.onClientEnd(leave);
  else socket?.on?.('end', leave);
  response.on('drain', () => {
    unsent.sent(response);
    goOn();
  });
  response.on('close', () => {
    socket?.off?.('end', leave);
    leave(); // also while a chunk is awaited that may never come
    iterator = undefined;
    unsent.sent(response);
    goOn();
  });
  for (let next = await iterator?.next(); next && next.done !== true; next = await iterator?.next()) {
    const { value } = next;
    if (!isReady) {
      // A body that is never waited for, and a client that takes it all, would leave nobody else a turn.
      if (!turns.isFree) await turns.turn();
      turns.spend(1 + value.length / BYTES_PER_STEP);
    }
    if (!iterator) return;
    const isTaken =
      typeof value === 'string' || value instanceof Uint8Array ? response.write(value) : response.writeAll!(value);
    unsent.written(response);
    // Slices let others have their turn themselves; to wait for who has taken all would cost a tick each.
    if (isTaken || (isReady && response.writableLength === 0)) continue;
    const stop = socket ? unsent.limit(response) : undefined; // each piece has the time that other answers have
    await new Promise<void>((resolve) => (goOn = resolve));
    stop?.();
  }
  response.end();
}
