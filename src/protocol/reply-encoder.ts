import type { Reply } from './messages.js';
import { encodeText, frame } from '../base/bytes.js';

/**
 * The bytes of a lookupd's answer, its size (four bytes, big-endian) before it.
 *
 * @example
 * ```js
 * import { encodeReply } from 'nsqlookupd';
 *
 * console.log([...encodeReply({ type: 'ok' })].join(' ')); // 0 0 0 2 79 75
 * ```
 */
export function encodeReply(reply: Reply): Uint8Array {
  return frame(encodeText(toPayload(reply)));
}

function toPayload(reply: Reply): string {
  switch (reply.type) {
    case 'ok':
      return 'OK';
    case 'error':
      return reply.reason === '' ? reply.code : `${reply.code} ${reply.reason}`;
    case 'announcement': {
      const { broadcastAddress, hostname, httpPort, tcpPort, version } = reply.announcement;
      return JSON.stringify({
        broadcast_address: broadcastAddress,
        hostname,
        http_port: httpPort,
        tcp_port: tcpPort,
        version,
      });
    }
  }
}
