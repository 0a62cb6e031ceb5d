import { isThenable } from '../base/error-report.js';
import {
  allOf,
  allowFrom,
  allowNames,
  allowTokens,
  anyOf,
  except,
  logRefusals,
  readOnly,
  trustProxies,
  type Authorize,
  type HttpDecorator,
} from '../http/index.js';
import type { Clock, Logger, OnError } from '../registry/index.js';
import { admitFrom, admitInTurn, rewriteAddress, type Admit, type Verdict } from '../tcp/index.js';
import type { AccessOptions } from './access-options.js';
import { readTokenFile, type TokenFile } from './access-token-file.js';

/** How many were refused, since the start. */
export interface Refusals {
  /** HTTP requests of whom nobody knows: 401. */
  readonly unauthorized: number;
  /** HTTP requests that somebody may not make: 403. */
  readonly forbidden: number;
  /** Peers that were not let in. */
  readonly peers: number;
}

/** Who may do what, as the options say. */
export interface AccessControl {
  /** Undefined where anybody may do anything. */
  readonly authorize: Authorize | undefined;
  /** The same, to be asked what somebody could do; nothing is counted or logged. */
  readonly judge: Authorize | undefined;
  /** Undefined where any peer may join as it is. */
  readonly admit: Admit | undefined;
  /** For around the HTTP handler and its log. */
  readonly decorators: readonly HttpDecorator[];
  /** What there is to be read anew. */
  readonly files: readonly string[];
  readonly refusals: Refusals;
  /** Reads the tokens. Throws an error that says why it keeps the old ones. */
  readonly load: () => void;
}

interface Given extends AccessOptions {
  readonly authorize?: Authorize | undefined;
  readonly admit?: Admit | undefined;
}

interface Reporting {
  readonly log: Logger;
  readonly clock: Clock;
  readonly onError: OnError;
}

/** Puts together who may do what. Before `load` nobody may what a token is wanted for. */
export function createAccess(options: Given, { log, clock, onError }: Reporting): AccessControl {
  const { authTokenFile: path, trustedProxies } = options;
  const refused = { unauthorized: 0, forbidden: 0, peers: 0 };
  let file: TokenFile = { tokens: {}, names: {}, warnings: [] };

  const checks: Authorize[] = [];
  if (options.readFrom || options.writeFrom)
    checks.push(allowFrom({ read: options.readFrom, write: options.writeFrom }));
  if (options.readOnly === true) checks.push(readOnly);
  if (path !== undefined)
    checks.push(
      // A browser opens the page without a token, and finds nothing in it.
      except(
        ['ui'],
        anyOf(
          allowNames(() => file.names),
          allowTokens(() => file.tokens),
        ),
      ),
    );
  const open = toOpenActions(options);
  const own = checks.length === 0 ? [] : [except(open, allOf(...checks))];
  const all = options.authorize ? [...own, options.authorize] : own;
  const onRefused = ({ status }: { readonly status: 401 | 403 }) =>
    (refused[status === 401 ? 'unauthorized' : 'forbidden'] += 1);

  const admits = [
    ...(options.registerFrom ? [admitFrom(options.registerFrom)] : []),
    ...toRewrites(options),
    ...(options.admit ? [options.admit] : []),
  ];
  const judge = all.length === 0 ? undefined : allOf(...all);
  return {
    judge,
    authorize: judge && logRefusals(judge, { log, clock, onRefused, onError }),
    admit: admits.length === 0 ? undefined : counting(admitInTurn(...admits), () => (refused.peers += 1)),
    decorators: trustedProxies ? [trustProxies(trustedProxies)] : [],
    files: path === undefined ? [] : [path],
    refusals: refused,
    load: () => {
      if (path === undefined) return;
      file = readTokenFile(path);
      for (const warning of file.warnings) log.warn?.(warning);
      const count = Object.keys(file.tokens).length + Object.keys(file.names).length;
      log.info?.(`HTTP: tokens and names loaded from ${path}: ${count}`);
    },
  };
}

function toOpenActions({ metricsOpen = false, healthzOpen = true, readyzOpen = true }: AccessOptions) {
  return Object.entries({ metrics: metricsOpen, healthz: healthzOpen, readyz: readyzOpen })
    .filter(([, isOpen]) => isOpen)
    .map(([name]) => name);
}

/** The rows first; what none of them is about, as the word or the function says. */
function toRewrites({ rewrite, producerAddress = 'announced' }: AccessOptions): readonly Admit[] {
  const other = typeof producerAddress === 'function' ? producerAddress : rewriteAddress(producerAddress);
  if (!rewrite) return producerAddress === 'announced' ? [] : [other];
  const byRow = rewriteAddress(rewrite);
  return [
    (identity, caller) => {
      const verdict = byRow(identity, caller);
      return verdict === identity ? other(identity, caller) : verdict;
    },
  ];
}

function counting(admit: Admit, count: () => unknown): Admit {
  const look = (verdict: Verdict): Verdict => {
    if ('refused' in verdict) count();
    return verdict;
  };
  return (identity, caller) => {
    const verdict = admit(identity, caller);
    return isThenable(verdict) ? Promise.resolve(verdict).then(look) : look(verdict);
  };
}
