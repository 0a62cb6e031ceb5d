/**
 * A lookupd did not answer as a lookupd does. `message` says how.
 *
 * @example
 * ```js
 * import { LookupClient, LookupError } from 'nsqlookupd/client';
 *
 * const client = new LookupClient({ lookupds: ['a:4161'], fetch: async () => new Response('no', { status: 502 }) });
 * const { errors } = await client.topics().catch((error) => error);
 * console.log(errors[0] instanceof LookupError, errors[0].status); // true 502
 * ```
 */
export class LookupError extends Error {
  /** `LookupError`. */
  override readonly name = 'LookupError';
  /** `E_LOOKUP`. */
  readonly code = 'E_LOOKUP';
  /** The HTTP status; 0 for an answer that did not come in time, was too long, or is none of a lookupd. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Node's `fetch` says why in the cause alone. */
export function explain({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? `${message}, ${cause.message}` : message;
}

/** What was thrown, or, where it shows a secret, an error that says the same without it: a `fetch` may name the URL. */
export function toSafeError(reason: unknown, secrets: readonly string[]): Error {
  const error = reason instanceof Error ? reason : new Error(String(reason), { cause: reason });
  const shown = describe(error);
  if (!secrets.some((secret) => shown.includes(secret))) return error;
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), explain(error));
  return new LookupError(message, error instanceof LookupError ? error.status : 0);
}

/** All that an error shows when it is printed. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fields = Object.values(error).filter((value) => typeof value === 'string');
  return [error.message, error.stack, ...fields, error.cause === undefined ? '' : describe(error.cause)].join(' ');
}
