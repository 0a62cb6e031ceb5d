import type { Announcement, PeerLimits } from '../protocol/index.js';
import { SILENT_LOGGER, type Logger, type Topology } from '../registry/index.js';
import { Session, type SessionOutput } from '../session/index.js';
import { toRemoteAddress, type ByteStream } from './byte-stream.js';

export interface TcpHandlerOptions {
  readonly topology: Topology;
  /**
   * What IDENTIFY is answered with, or a function that says so when it is asked, for a port that is not known
   * yet. nsqd asks `http://broadcastAddress:httpPort/channels?topic=…`: name where the HTTP handler is reached.
   */
  readonly announce: Announcement | (() => Announcement);
  /** How much a peer may send as one line or body. */
  readonly limits?: PeerLimits;
  /** Gets the lines that nsqlookupd logs. Default: nothing is logged. */
  readonly log?: Logger;
}

/** What a host knows about a connection that the stream does not say. */
export interface ConnectionInfo {
  /** Names the peer to consumers, in `/debug` and in the log. Default: `address:port` of the stream, or a number. */
  readonly remoteAddress?: string;
}

/** Serves one connection for each call; `net.createServer(handler)` works. */
export interface TcpHandler {
  (stream: ByteStream, info?: ConnectionInfo): void;
  /** How many connections are open. */
  readonly connections: number;
  /** Takes the peers out of the topology and destroys their streams. New connections are served as before. */
  close(): void;
}

/**
 * Makes the handler for peers (nsqds): a session of protocol V1 on every stream that it is given. A peer that
 * leaves takes its producers with it at once. Throws a TypeError when an option is missing; never throws later.
 */
export function createTcpHandler(options: TcpHandlerOptions): TcpHandler {
  const { topology, announce, limits = {}, log = SILENT_LOGGER } = options;
  if (typeof topology?.join !== 'function') throw new TypeError('topology must be a Topology');
  if (typeof announce !== 'function' && typeof announce?.broadcastAddress !== 'string') {
    throw new TypeError('announce must be an Announcement, or a function that gives one');
  }
  const toAnnouncement = typeof announce === 'function' ? announce : () => announce;
  const open = new Map<ByteStream, Session>();
  let unnamed = 0;

  const handle = (stream: ByteStream, info: ConnectionInfo = {}): void => {
    const remoteAddress = info.remoteAddress ?? toRemoteAddress(stream) ?? `stream-${++unnamed}`;
    const session = new Session({ topology, announce: toAnnouncement, remoteAddress, limits, log });
    open.set(stream, session);
    log.info?.(`TCP: new client(${remoteAddress})`);
    let closing = false;

    const deliver = ({ bytes, close }: SessionOutput): void => {
      if (closing) return;
      const wantsMore = bytes.length === 0 || stream.write(bytes);
      if (close) {
        // What still comes in is read and dropped: unread bytes would reset the connection before the peer
        // has read the answer.
        closing = true;
        stream.end();
      } else if (!wantsMore) {
        stream.pause();
      }
    };

    stream.on('data', (bytes: Uint8Array) => deliver(session.receive(bytes)));
    stream.on('drain', () => stream.resume());
    stream.on('end', () => deliver(session.end()));
    stream.on('error', (error: Error) => session.end(error.message));
    stream.on('close', () => {
      session.end('connection closed');
      open.delete(stream);
    });
  };

  return Object.defineProperties(handle as TcpHandler, {
    connections: { get: () => open.size },
    close: {
      value: () => {
        for (const [stream, session] of open) {
          session.end('closing');
          stream.destroy();
        }
      },
    },
  });
}
