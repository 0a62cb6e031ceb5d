import { callGuarded } from '../../base/error-report.js';
import type { OnError } from '../../registry/index.js';
import type { HttpBody } from '../http-message.js';

/** Lets a body of chunks that is not sent give back what it holds. */
export function releaseBody(body: HttpBody, onError: OnError): void {
  if (typeof body === 'string' || body instanceof Uint8Array) return;
  callGuarded(onError, 'the body of an answer threw', () => body[Symbol.asyncIterator]().return?.());
}
