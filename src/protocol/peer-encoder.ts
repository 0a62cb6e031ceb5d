import { encodeIdentity } from './identity.js';
import { MAGIC_V1, type PeerMessage } from './messages.js';
import { encodeText, frame } from '../base/bytes.js';

/**
 * The bytes of a message from a peer. Throws a TypeError when a topic or channel would not arrive as given:
 * an empty topic, or white space in a name; or when the message is of no known type.
 *
 * @example
 * ```js
 * import { encodePeerMessage } from 'nsqlookupd';
 *
 * const bytes = encodePeerMessage({ type: 'register', topic: 'orders', channel: 'billing' });
 * console.log(new TextDecoder().decode(bytes).trim()); // REGISTER orders billing
 * ```
 */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  switch (message.type) {
    case 'magic':
      return encodeText(MAGIC_V1);
    case 'ping':
      return encodeText('PING\n');
    case 'identify':
      return encodeText('IDENTIFY\n');
    case 'identity':
      return frame(encodeIdentity(message.identity));
    case 'register':
    case 'unregister': {
      const { topic, channel } = message;
      if (typeof topic !== 'string' || typeof channel !== 'string' || topic === '' || /\s/.test(topic + channel)) {
        throw new TypeError(`no topic, or white space in a name: ${JSON.stringify([topic, channel])}`);
      }
      return encodeText(`${message.type.toUpperCase()} ${topic}${channel === '' ? '' : ` ${channel}`}\n`);
    }
    default:
      throw new TypeError(`unknown message ${JSON.stringify(message)}`);
  }
}
