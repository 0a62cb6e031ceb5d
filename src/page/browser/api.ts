const TOKEN = 'nsqlookupd-token';
/** What a header can carry. */
const TOKEN_TEXT = /^[\x21-\x7e]*$/;
/** For how long a route that the server does not have is not asked for again. */
const MISSING_MS = 60_000;

/** Where the server's routes are, however deep the page is mounted: beside `/ui`. */
const BASE = new URL(location.pathname.replace(/\/+ui\/*$/i, '/'), location.href);

/** An answer that is no good. */
export interface Refused {
  readonly status: number;
  readonly message: string;
}

/** What is asked of the server, with the token that was given for this tab. */
export class Api {
  #token = readToken();
  readonly #missing = new Map<string, number>();
  /** Called when the server wants a token, or another one. */
  onUnauthorized: (hadToken: boolean) => void = () => undefined;

  /** False for what can be none. */
  setToken(token: string): boolean {
    if (!TOKEN_TEXT.test(token)) return false;
    this.#token = token;
    try {
      if (token === '') sessionStorage.removeItem(TOKEN);
      else sessionStorage.setItem(TOKEN, token);
    } catch {
      // where nothing may be kept, it lasts until the page is loaded again
    }
    return true;
  }

  /** Rejects when the server cannot be reached. */
  async fetch(route: string, init: RequestInit = {}): Promise<Response> {
    const token = this.#token;
    const headers = new Headers(init.headers);
    if (token !== '') headers.set('Authorization', `Bearer ${token}`);
    const response = await fetch(new URL(route, BASE), { ...init, headers, cache: 'no-store', redirect: 'error' });
    if (response.status === 401 && token === this.#token) this.onUnauthorized(token !== '');
    return response;
  }

  /** The JSON that a route answers; undefined if it answers none. */
  async read<T>(route: string): Promise<T | undefined> {
    if (Date.now() < (this.#missing.get(route) ?? 0)) return undefined;
    try {
      const response = await this.fetch(route);
      if (response.status === 404) this.#missing.set(route, Date.now() + MISSING_MS);
      else this.#missing.delete(route);
      return response.ok ? ((await response.json()) as T) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Undefined if it was done. */
  async write(route: string, args: Readonly<Record<string, string>>): Promise<Refused | undefined> {
    try {
      const response = await this.fetch(`${route}?${new URLSearchParams(args).toString()}`, { method: 'POST' });
      if (response.ok) return undefined;
      const { message } = (await response.json().catch(() => ({}))) as { message?: unknown };
      return { status: response.status, message: typeof message === 'string' ? message : response.statusText };
    } catch {
      return { status: 0, message: 'the server cannot be reached' };
    }
  }
}

function readToken(): string {
  try {
    const token = sessionStorage.getItem(TOKEN) ?? '';
    return TOKEN_TEXT.test(token) ? token : '';
  } catch {
    return '';
  }
}
