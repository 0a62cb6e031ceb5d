const TOKEN = 'nsqlookupd-token';

/** Where the server's routes are, however deep the page is mounted: beside `/ui`. */
const BASE = new URL(location.pathname.replace(/\/+ui\/*$/i, '/'), location.href);

/** An answer that is no good. */
export interface Refused {
  readonly status: number;
  readonly message: string;
}

/** What is asked of the server, with the token that was given for this tab. */
export class Api {
  /** Routes that the server does not have are not asked for again. */
  readonly #missing = new Set<string>();
  /** Called when the server wants a token. */
  onUnauthorized: () => void = () => undefined;

  get hasToken(): boolean {
    return sessionStorage.getItem(TOKEN) !== null;
  }

  setToken(token: string): void {
    if (token === '') sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, token);
  }

  /** Rejects when the server cannot be reached. */
  async fetch(route: string, init: RequestInit = {}): Promise<Response> {
    const token = sessionStorage.getItem(TOKEN);
    const headers = new Headers(init.headers);
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    const response = await fetch(new URL(route, BASE), { ...init, headers, cache: 'no-store', redirect: 'error' });
    if (response.status === 401) this.onUnauthorized();
    return response;
  }

  /** The JSON that a route answers; undefined if it answers none. */
  async read<T>(route: string): Promise<T | undefined> {
    if (this.#missing.has(route)) return undefined;
    try {
      const response = await this.fetch(route);
      if (response.status === 404) this.#missing.add(route);
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
