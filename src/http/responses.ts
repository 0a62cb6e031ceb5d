import { toUnicodeEscape } from '../base/text.js';
import type { HttpBody, HttpResponse } from './http-message.js';

// Frozen, so that the adapters may make heads of them ready once.
const NSQ = Object.freeze({ 'X-Nsq-Content-Type': 'nsq; version=1.0' });
const NSQ_JSON = Object.freeze(Object.assign({ 'Content-Type': 'application/json; charset=utf-8' }, NSQ));
const HTML_IN_JSON = /[<>&\u2028\u2029]/g;

/** A value as JSON text, with what HTML could trip over escaped, as Go's encoding/json does. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(HTML_IN_JSON, toUnicodeEscape);
}

/** 200 with JSON text. */
export function json(body: HttpBody): HttpResponse {
  return { status: 200, headers: NSQ_JSON, body };
}

const encoder = new TextEncoder();

/** The same answer with its body as bytes, for one that is given again and again. */
export function toBytes(response: HttpResponse): HttpResponse & { readonly body: Uint8Array } {
  return { ...response, body: encoder.encode(response.body as string) };
}

/** An answer that may be given again, without being asked for, while it is current. */
export function kept(response: HttpResponse, isCurrent: () => boolean): HttpResponse {
  return Object.defineProperty(response, 'isCurrent', { value: isCurrent });
}

/** 200 without a body: the write is done. */
export function done(): HttpResponse {
  return { status: 200, headers: NSQ, body: '' };
}

export function text(body: string, contentType = 'text/plain; charset=utf-8'): HttpResponse {
  return { status: 200, headers: Object.freeze({ 'Content-Type': contentType }), body };
}

/** An error: a status and a word for it, as `{"message": …}`. */
export function failure(status: number, message: string, headers: HttpResponse['headers'] = {}): HttpResponse {
  return { status, headers: Object.freeze({ ...headers, ...NSQ_JSON }), body: toJson({ message }) };
}
