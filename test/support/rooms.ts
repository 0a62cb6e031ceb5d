import { sep } from 'node:path';

/** Which rooms, and which packages, the files of a room may import. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  registry: ['eventemitter3'],
  protocol: [],
  session: ['registry', 'protocol'],
  tcp: ['session', 'registry', 'protocol'],
  http: ['registry'],
  client: ['registry', 'protocol', 'tcp', 'node:'],
  testing: ['registry', 'protocol', 'tcp', 'http', 'client', 'node:'],
  daemon: ['registry', 'protocol', 'session', 'tcp', 'http', 'smol-toml', 'node:'],
  '.': ['registry', 'protocol', 'session', 'tcp', 'http'],
};

/** The room of a file below `src`, `dist/esm` or `dist/cjs`, from its path in there. */
export function roomIn(path: string): string {
  const [first = '', ...rest] = path.split(sep);
  return rest.length === 0 ? '.' : first;
}

/** The room itself, and every room and package that is loaded with it. */
export function mayLoad(room: string): Set<string> {
  const reached = new Set([room]);
  for (const target of reached) for (const next of MAY_IMPORT[target] ?? []) reached.add(next);
  return reached;
}
