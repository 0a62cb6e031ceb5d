/** One recorded conversation with nsqlookupd 1.3.0. */
export interface Scenario {
  /** `part/what-is-tried`. */
  readonly name: string;
  /** The flags that the lookupd was started with, without the dash. */
  readonly options?: Readonly<Record<string, string>>;
  /** What was done, in order. */
  readonly steps: readonly ScenarioStep[];
}

/** Does one thing, or asks one, and has what was seen as `saw`. One that names no connection does nothing. */
export interface ScenarioStep {
  /** Opens a TCP connection of that name. */
  readonly open?: string;
  /** Sends on that connection what one of the next members has. */
  readonly send?: string;
  /** Text, as UTF-8. */
  readonly text?: string;
  /** Bytes. */
  readonly hex?: string;
  /** IDENTIFY, with this as its body: a string as it is, anything else as JSON. */
  readonly identify?: unknown;
  /** A size, and this as so many bytes: a string as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Sent one byte at a time. */
  readonly bytewise?: boolean;
  /** Takes one answer from that connection, or its end, or nothing for `wait` milliseconds. */
  readonly recv?: string;
  /** Milliseconds; 1,500 if it is missing. */
  readonly wait?: number;
  /** Half-closes that connection. */
  readonly end?: string;
  /** Closes that connection. */
  readonly close?: string;
  /** `METHOD /path?query`. */
  readonly http?: string;
  /** Sent with the request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which part of the answer was kept. */
  readonly only?: 'status' | 'head' | 'json';
  /** Lets so many milliseconds pass. */
  readonly sleep?: number;
  /** What nsqlookupd answered. `{name}` stands for a fact or the address of a connection. */
  readonly saw?: Readonly<Record<string, unknown>>;
}

/** An answer over HTTP. */
export interface ScenarioAnswer {
  /** The status code. */
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body. */
  readonly text: string;
}

/** A connection of a peer to the lookupd under test. */
export interface ScenarioConnection {
  /** `ip:port`, as the lookupd names the peer. */
  readonly address: string;
  /** Sends bytes. Not to reject when the lookupd has closed: `receive` shows that. */
  send(bytes: Uint8Array): Promise<void>;
  /** The payload of the next answer, `closed`, or `timeout` after that many milliseconds. */
  receive(waitMs: number): Promise<Uint8Array | 'closed' | 'timeout'>;
  /** Half-closes. */
  end(): Promise<void>;
  /** Closes. */
  close(): Promise<void>;
}

/** A fresh lookupd, however it is reached, that was started with the scenario's `options`. */
export interface ScenarioTarget {
  /** Opens a connection of a peer. */
  open(): Promise<ScenarioConnection>;
  /** Asks over HTTP; the target is to go out as it is. */
  http(method: string, target: string, headers: Readonly<Record<string, string>>): Promise<ScenarioAnswer>;
  /** Lets so many milliseconds pass. */
  sleep(ms: number): Promise<void>;
  /** What the placeholders stand for: `tcp_port`, `http_port`, `hostname`, `version`. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/**
 * The 159 recorded conversations. They are loaded when this is first called.
 *
 * @example
 * ```js
 * import { loadScenarios } from 'nsqlookupd/testing';
 *
 * console.log((await loadScenarios()).length); // 159
 * ```
 */
export async function loadScenarios(): Promise<readonly Scenario[]> {
  return (await import('./recorded.js')).RECORDED;
}
