import {
  isChannelName,
  isTopicName,
  RegistrationDB,
  Topology,
  TOPOLOGY_CHECKS,
  type PeerInfo,
  type TopologyOptions,
} from '../registry/index.js';
import { aNumber, anObject, checkOptions, text, type Checks } from '../base/options.js';
import { createIdentity, IDENTITY_CHECKS } from './identity.js';
import { DEFAULT_START_MS } from './manual-clock.js';

/** By node (`host:port` of its TCP side), the topics that it carries, and the channels of each. */
export type TopologyLiteral = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const PEER_CHECKS: Checks<Partial<PeerInfo>> = {
  ...IDENTITY_CHECKS,
  id: text,
  remoteAddress: text,
  lastUpdateMs: aNumber,
};
const CHECKS: Checks<Partial<TopologyOptions>> = {
  ...TOPOLOGY_CHECKS,
  db: (name, value) => TOPOLOGY_CHECKS.db(name, value),
};

/**
 * A peer that is called `host:port`, as an nsqd there would tell about itself: its HTTP port is the next one. Throws a
 * TypeError for another name, and for a field that is unknown or of the wrong kind.
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
  const checked = checkOptions('createPeer', fields, PEER_CHECKS);
  return { id: name, remoteAddress: name, ...identity, lastUpdateMs: DEFAULT_START_MS, ...checked };
}

/**
 * A registry that is filled as the literal says. Its peers were last heard of now, as the clock has it. Throws a
 * TypeError for a name of a node that is not `host:port`, and for names that are not legal.
 *
 * @param options Those of `Topology`; without a clock, it is `DEFAULT_START_MS` for ever.
 * @example
 * ```js
 * import { createTopology } from 'nsqlookupd/testing';
 *
 * const fleet = createTopology({
 *   'host-1:4150': { orders: ['billing', 'audit'] },
 *   'host-2:4150': { orders: ['billing'], clicks: [] },
 * });
 * console.log(fleet.lookup('orders')?.producers.length); // 2
 * ```
 */
export function createTopology(literal: TopologyLiteral, options: Partial<TopologyOptions> = {}): Topology {
  const {
    db = new RegistrationDB(),
    clock = () => DEFAULT_START_MS,
    ...rest
  } = checkOptions('createTopology', options, CHECKS);
  anObject('literal', literal);
  const filled = new Topology({ ...rest, db, clock });
  for (const [name, topics] of Object.entries(literal)) {
    const peer = createPeer(name, { lastUpdateMs: clock() });
    anObject(`the topics of ${name}`, topics);
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
