import {
  isChannelName,
  isTopicName,
  RegistrationDB,
  Topology,
  type PeerInfo,
  type TopologyOptions,
} from '../registry/index.js';
import { createIdentity } from './identity.js';
import { DEFAULT_START_MS } from './manual-clock.js';

/** By node (`host:port` of its TCP side), the topics that it carries, and the channels of each. */
export type TopologyLiteral = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/**
 * A peer that is called `host:port`, as an nsqd there would tell about itself: its HTTP port is the next one. Throws a
 * TypeError for another name.
 *
 * @example
 * ```js
 * import { createPeer } from 'nsqlookupd/testing';
 *
 * const peer = createPeer('host-1:4150', { lastUpdateMs: Date.now() });
 * console.log(peer.broadcastAddress, peer.tcpPort, peer.httpPort); // host-1 4150 4151
 * ```
 */
export function createPeer(name: string, fields: Partial<PeerInfo> = {}): PeerInfo {
  const identity = createIdentity(name);
  return { id: name, remoteAddress: name, ...identity, lastUpdateMs: DEFAULT_START_MS, ...fields };
}

/**
 * A registry that is filled as the literal says. Its peers were last heard of now, as the clock has it. Throws a
 * TypeError for a name of a node that is not `host:port`, and for names that are not legal.
 *
 * @param options Those of `Topology`; without a clock, it is `DEFAULT_START_MS` for ever.
 * @example
 * ```js
 * import { topology } from 'nsqlookupd/testing';
 *
 * const fleet = topology({
 *   'host-1:4150': { orders: ['billing', 'audit'] },
 *   'host-2:4150': { orders: ['billing'], clicks: [] },
 * });
 * console.log(fleet.lookup('orders')?.producers.length); // 2
 * ```
 */
export function topology(literal: TopologyLiteral, options: Partial<TopologyOptions> = {}): Topology {
  const { db = new RegistrationDB(), clock = () => DEFAULT_START_MS } = options;
  const filled = new Topology({ ...options, db, clock });
  for (const [name, topics] of Object.entries(literal)) {
    const peer = createPeer(name, { lastUpdateMs: clock() });
    filled.join(peer);
    for (const [topic, channels] of Object.entries(topics)) {
      if (!isTopicName(topic) || typeof channels !== 'object' || !channels.every(isChannelName)) {
        throw new TypeError(`not a topic with a list of channels: ${JSON.stringify({ [topic]: channels })}`);
      }
      for (const channel of ['', ...channels]) filled.register(peer, topic, channel);
    }
  }
  return filled;
}
