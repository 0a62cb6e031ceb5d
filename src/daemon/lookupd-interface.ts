import type { RegistrationDB, Topology } from '../registry/index.js';
import type { SharedStatus, WarmRestartStatus } from '../store/index.js';
import type { Refusals } from './access.js';

/** Where a lookupd listens: `host:port` as bound. */
export interface ListenAddresses {
  /** For peers (nsqds); `''` where there is only one over TLS. */
  readonly tcpAddress: string;
  /** For consumers and nsqadmin; `''` where there is only HTTPS. */
  readonly httpAddress: string;
  /** For peers over TLS, if it was asked for. */
  readonly tcpTlsAddress?: string;
  /** For HTTPS, if it was asked for. */
  readonly httpsAddress?: string;
}

/** A lookupd with its listeners. */
export interface Lookupd extends AsyncDisposable {
  /** The registry that it serves, for events and sizes. */
  readonly db: RegistrationDB;
  /** The same writes and reads as over HTTP, in the process. */
  readonly topology: Topology;
  /** How many peers are connected, as `maxConnections` counts them. */
  readonly connections: number;
  /** `host:port` as bound; undefined unless listening. */
  readonly tcpAddress: string | undefined;
  /** `host:port` as bound; undefined unless listening. */
  readonly httpAddress: string | undefined;
  /** `host:port` as bound; undefined unless listening. */
  readonly tcpTlsAddress: string | undefined;
  /** `host:port` as bound; undefined unless listening. */
  readonly httpsAddress: string | undefined;
  /** How many watch, over `/watch`. */
  readonly watchers: number;
  /** How it stands with what outlives the process; undefined where nothing is to, or before `listen`. */
  readonly warmRestart: WarmRestartStatus | undefined;
  /** How it stands with the registry that it shares; undefined where it shares none, or before `listen`. */
  readonly shared: SharedStatus | undefined;
  /** How many requests and peers were refused, since it was made. */
  readonly refusals: Refusals;
  /**
   * Resolves when all listeners are up. Rejects, with none up, with an error that names the address and has the
   * system's `code`, or that names the certificate, key or token file that is bad; it can be called again then. Rejects after
   * `close`.
   */
  listen(): Promise<ListenAddresses>;
  /**
   * Reads certificates, keys and tokens anew, as it does by itself when the files change. Connections that are open go on. A bad
   * file keeps what was loaded before, and is logged. Never throws.
   */
  reload(): void;
  /**
   * Stops listening, lets the peers go, and resolves when the requests in flight are answered or cut off. Never rejects;
   * further calls give the same promise.
   */
  close(): Promise<void>;
  /** Resolves after `close`. Rejects if a listener fails while it serves, after all have been closed. */
  readonly closed: Promise<void>;
}
