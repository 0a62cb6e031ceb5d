import type { HttpHandler, HttpRequest, HttpResponse } from 'nsqlookupd/http';

/** Asks a handler by GET, and gives its answer with the body as text. */
export async function ask(
  handler: HttpHandler,
  path: string,
  more: Partial<HttpRequest> = {},
): Promise<Omit<HttpResponse, 'body'> & { readonly body: string }> {
  const answer = await handler({ method: 'GET', path, query: '', headers: {}, ...more });
  if (!answer) throw new Error(`${path} is not the handler's`);
  if (typeof answer.body === 'string') return { ...answer, body: answer.body };
  const chunks = answer.body instanceof Uint8Array ? [answer.body] : answer.body;
  let body = '';
  for await (const chunk of chunks) body += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
  return { ...answer, body };
}
