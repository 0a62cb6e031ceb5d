import type { Timers } from '../base/timers.js';
import { checkTopology, type FindingsView } from './findings-checks.js';
import { Askers, checkNames, checkPorts, type Probe, type Resolve } from './findings-network.js';
import { FindingList, type FindingKind, type Findings } from './findings.js';

/** Something that another part has found. */
export interface Found {
  /** What kind of thing it is. */
  readonly kind: FindingKind;
  /** What it is about. */
  readonly subject: string;
  /** What was seen. */
  readonly seen: string;
}

/** What is looked at, and how. */
export interface LookOptions {
  readonly view: FindingsView;
  readonly resolve: Resolve | undefined;
  readonly probe: Probe | undefined;
  readonly more: () => readonly Found[];
  readonly timers: Timers;
  /** By when names must have resolved, and ports answered. */
  readonly networkTimeoutMs: number;
}

/** Gives what looks for all that may be wrong. */
export function createLook({ view, resolve, probe, more, timers, networkTimeoutMs }: LookOptions) {
  const { work } = view.topology;
  const resolving = new Askers(timers, networkTimeoutMs);
  const probing = new Askers(timers, networkTimeoutMs);
  return async (): Promise<Findings> => {
    const list = new FindingList();
    const { peers, named } = await work.result(checkTopology(view, list));
    await Promise.all([
      resolve && checkNames(named, { resolve, askers: resolving, work }, list),
      probe && checkPorts(peers, probe, probing, list),
    ]);
    for (const { kind, subject, seen } of more()) list.add(kind, subject, () => seen);
    return list.toFindings();
  };
}
