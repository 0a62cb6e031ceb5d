import { connect } from 'node:net';
import { createFindings, type FindingsSource, type Found } from '../operate/index.js';
import { DEFAULT_MAX_REGISTRATIONS, DEFAULT_MAX_REGISTRY_BYTES, type Topology } from '../registry/index.js';
import { DEFAULT_MAX_CONNECTIONS, type Admit } from '../tcp/index.js';
import type { LookupdOptions } from './lookupd-options.js';

const CONNECT_MS = 2000;

/** What a lookupd finds in its own topology. */
export interface OwnFindings extends FindingsSource {
  /** An admission that also notes who arrives. */
  noting(admit: Admit | undefined): Admit;
}

/** Makes it of a lookupd's options and parts. */
export function createOwnFindings(
  options: LookupdOptions,
  topology: Topology,
  connections: () => number,
  more: () => readonly Found[],
): OwnFindings {
  const { maxRegistrations = DEFAULT_MAX_REGISTRATIONS, maxRegistryBytes = DEFAULT_MAX_REGISTRY_BYTES } = options;
  const { maxConnections = DEFAULT_MAX_CONNECTIONS, maxRegistrationsPerPeer, zonePolicy } = options;
  const { db } = topology;
  const limits = [
    { name: 'maxRegistrations', most: maxRegistrations, used: () => db.size },
    { name: 'maxRegistryBytes', most: maxRegistryBytes, used: () => db.bytes },
    { name: 'maxConnections', most: maxConnections, used: connections },
  ];
  const source = createFindings({ topology, limits, maxRegistrationsPerPeer, zonePolicy, more, resolve: resolveName });
  return {
    ...source,
    noting: (admit) => (identity, caller) => {
      source.arrived(identity);
      return admit ? admit(identity, caller) : identity;
    },
  };
}

/** The addresses of a name as a consumer on this machine would find them; none if there is no such name. */
export async function resolveName(name: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises');
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTFOUND') return [];
    throw error;
  }
}

/** Whether somebody listens there, and answers within two seconds. */
export function isReachable(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
    socket.setTimeout(CONNECT_MS, () => end(false));
  });
}
