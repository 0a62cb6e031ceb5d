import type { AnswerDescription, HttpResponse, JsonSchema } from '../http/index.js';

const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8' };

export function json(value: unknown, status = 200): HttpResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(value) };
}

export function text(body: string, contentType = 'text/plain; charset=utf-8'): HttpResponse {
  return { status: 200, headers: { 'Content-Type': contentType }, body };
}

/** An error: a status and a word for it. */
export function failure(status: number, message: string): HttpResponse {
  return json({ message }, status);
}

export function describeJson(description: string, schema: JsonSchema): AnswerDescription {
  return { description, content: { 'application/json': schema } };
}

export function describeFailure(message: string): AnswerDescription {
  return describeJson(message, { type: 'object', properties: { message: { const: message } }, required: ['message'] });
}
