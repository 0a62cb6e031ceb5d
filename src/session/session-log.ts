import { formatDuration } from '../base/duration.js';
import type { Logger } from '../base/logger.js';
import type { ErrorCode, Identity } from '../protocol/index.js';
import type { PeerInfo } from '../registry/index.js';

/** Why a conversation ended: the error that the peer is told, or a reason. */
export type Ending = { readonly code: ErrorCode; readonly reason: string } | string;

/** The lines that nsqlookupd logs of a conversation with a peer. */
export class SessionLog {
  #log: Logger;
  readonly remoteAddress: string;

  constructor(log: Logger, remoteAddress: string) {
    this.#log = log;
    this.remoteAddress = remoteAddress;
  }

  /** Whether a message is a line. */
  get isFull(): boolean {
    return this.#log.info !== undefined;
  }

  /** Logs no more. */
  stop(): void {
    this.#log = {};
  }

  magic(): void {
    this.#log.info?.(`CLIENT(${this.remoteAddress}): desired protocol magic '  V1'`);
  }

  pinged({ id, lastUpdateMs }: PeerInfo, lastMs: number): void {
    this.#log.info?.(`CLIENT(${id}): pinged (last ping ${formatDuration(lastUpdateMs - lastMs)})`);
  }

  identified({ broadcastAddress, tcpPort, httpPort, version }: Identity): void {
    this.#log.info?.(
      `CLIENT(${this.remoteAddress}): IDENTIFY Address:${broadcastAddress} TCP:${tcpPort} HTTP:${httpPort} Version:${version}`,
    );
  }

  failed(code: ErrorCode, reason: string): void {
    this.#log.error?.(`[${this.remoteAddress}] - ${code} ${reason}`);
  }

  /** `leave` takes the peer out of the topology, which logs lines of its own. */
  ended(why: Ending, hadMagic: boolean, leave: () => void): void {
    const log = this.#log;
    const address = this.remoteAddress;
    if (typeof why !== 'string' && why.code === 'E_BAD_PROTOCOL') {
      log.info?.(`CLIENT(${address}): ${why.reason.replace('bad', 'desired')}`);
      log.error?.(`client(${address}) ${why.reason}`);
      return;
    }
    if (typeof why !== 'string') this.failed(why.code, why.reason);
    const reason = typeof why === 'string' ? why : `${why.code} ${why.reason}`;
    if (hadMagic) log.info?.(`PROTOCOL(V1): [${address}] exiting ioloop`);
    leave();
    log.error?.(hadMagic ? `client(${address}) - ${reason}` : `failed to read protocol version - ${reason}`);
  }
}
