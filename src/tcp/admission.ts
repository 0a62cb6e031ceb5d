import { splitHostPort } from '../base/host-port.js';
import { askInTurn } from '../base/in-turn.js';
import { parseIpOfHostPort, toNetworkTable, toNetworkTest } from '../base/networks.js';
import { aFunction } from '../base/options.js';
import type { Identity } from '../protocol/index.js';
import type { Verdict } from '../session/index.js';
import type { Admit, PeerCaller } from './tcp-handler-options.js';

/**
 * An `admit` of several: each gets the identity that the one before it gave; the first that refuses is the verdict. Throws a
 * TypeError for what is no function.
 *
 * @example
 * ```js
 * import { admitFrom, admitInTurn, createTcpHandler, RegistrationDB, rewriteAddress, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const announce = { broadcastAddress: 'lookupd.example.com', tcpPort: 4160, httpPort: 4161 };
 * const admit = admitInTurn(admitFrom(['10.0.0.0/8']), rewriteAddress('remote'));
 * const handler = createTcpHandler({ topology, announce, admit });
 * handler.close();
 * ```
 */
export function admitInTurn(...admits: readonly Admit[]): Admit {
  for (const admit of admits) aFunction('what is combined', admit);
  const isIdentity = (verdict: Verdict) => !('refused' in verdict);
  return (identity, caller) =>
    askInTurn<Admit, Verdict>(admits, identity, isIdentity, (admit, known) => admit(known as Identity, caller));
}

/**
 * An `admit` that lets in the peers whose own address is in one of those networks, such as `10.0.0.0/8` or `fd00::/8`. IPv4 addresses
 * that IPv6 carries are IPv4. A peer without an address, as over a message port, is not let in. Throws a TypeError for what is no
 * network.
 *
 * @example
 * ```js
 * import { admitFrom, createStreamPair } from 'nsqlookupd';
 *
 * const admit = admitFrom(['10.0.0.0/8']);
 * const [stream] = createStreamPair();
 * const identity = { broadcastAddress: 'a', hostname: 'a', tcpPort: 4150, httpPort: 4151, version: '1.3.0' };
 * const whole = { ...identity, topologyZone: '', topologyRegion: '' };
 * console.log('refused' in (await admit(whole, { remoteAddress: '192.0.2.1:5000', stream }))); // true
 * ```
 */
export function admitFrom(networks: readonly string[]): Admit {
  const isAllowed = toNetworkTest('admitFrom', networks);
  return (identity, { remoteAddress }) =>
    isAllowed(remoteAddress) ? identity : { refused: 'peers from this address may not register' };
}

/** Where consumers are to find a peer: `remote` at its own address, a table, or a function, undefined for what it announces. */
export type AddressRewrite =
  | 'announced'
  | 'remote'
  | Readonly<Record<string, string>>
  | ((identity: Identity, caller: PeerCaller) => string | undefined);

/**
 * An `admit` that changes the address at which consumers are told to find a peer, as behind NAT or in Docker. `announced` leaves it;
 * `remote` takes the peer's own address. A table is by what the peer announces (`'web-1': '192.0.2.7'`), or by the network that it
 * comes from (`'10.1.0.0/16': 'nsqd.example.com'`): a name goes before a network, and the smallest network counts. Ports stay as
 * announced. Throws a TypeError for what is no network, and for an address that is empty.
 *
 * @example
 * ```js
 * import { createStreamPair, rewriteAddress } from 'nsqlookupd';
 *
 * const admit = rewriteAddress({ '10.1.0.0/16': 'nsqd.example.com', 'web-1': '192.0.2.7' });
 * const [stream] = createStreamPair();
 * const identity = { broadcastAddress: 'd34db33f', hostname: 'a', tcpPort: 4150, httpPort: 4151, version: '1.3.0' };
 * const whole = { ...identity, topologyZone: '', topologyRegion: '' };
 * const verdict = await admit(whole, { remoteAddress: '10.1.2.3:5000', stream });
 * console.log('broadcastAddress' in verdict && verdict.broadcastAddress); // nsqd.example.com
 * ```
 */
export function rewriteAddress(rewrite: AddressRewrite): Admit {
  const find = toFinder(rewrite);
  return (identity, caller) => {
    const address = find(identity, caller);
    return address === undefined || address === '' ? identity : { ...identity, broadcastAddress: address };
  };
}

function toFinder(rewrite: AddressRewrite): (identity: Identity, caller: PeerCaller) => string | undefined {
  if (typeof rewrite === 'function') return rewrite;
  if (rewrite === 'announced') return () => undefined;
  if (rewrite === 'remote') return (_identity, { remoteAddress }) => toHost(remoteAddress);
  if (typeof rewrite !== 'object' || rewrite === null || Array.isArray(rewrite))
    throw new TypeError('where a peer is found must be announced, remote, a table or a function');
  return toTableFinder(rewrite);
}

function toTableFinder(table: Readonly<Record<string, string>>) {
  const names = new Map<string, string>();
  const byNetwork: [string, string][] = [];
  for (const [key, address] of Object.entries(table)) {
    if (typeof address !== 'string' || address === '' || /\s/.test(address))
      throw new TypeError(`rewrite: ${JSON.stringify(key)} must have an address or a host name`);
    if (key.includes('/')) byNetwork.push([key, address]);
    else names.set(key.toLowerCase(), address);
  }
  const find = toNetworkTable('rewrite', byNetwork);
  return ({ broadcastAddress }: Identity, { remoteAddress }: PeerCaller) =>
    names.get(broadcastAddress.toLowerCase()) ?? find(remoteAddress);
}

/** The address without its port; undefined where the host has named the peer otherwise. */
function toHost(remoteAddress: string): string | undefined {
  const { host = remoteAddress } = splitHostPort(remoteAddress) ?? {};
  return parseIpOfHostPort(host) ? host : undefined;
}
