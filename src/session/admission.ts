import { isThenable, report, type OnError } from '../base/error-report.js';
import type { Identity } from '../protocol/index.js';
import type { SessionOptions, Verdict } from './session-options.js';

const TEXTS = ['broadcastAddress', 'hostname', 'version', 'topologyZone', 'topologyRegion'] as const;
const PORTS = ['tcpPort', 'httpPort'] as const;

/** The host's verdict, now or later. What it throws or rejects with, and what is no verdict, is a refusal. */
export function decide(
  admit: SessionOptions['admit'],
  identity: Identity,
  onError: OnError,
): Verdict | PromiseLike<Verdict> {
  if (!admit) return identity;
  const failed = (error: unknown): Verdict => {
    report(onError, error, 'admit threw');
    return { refused: 'admission failed' };
  };
  try {
    const verdict = admit(identity);
    return isThenable(verdict) ? Promise.resolve(verdict).then(toVerdict).catch(failed) : toVerdict(verdict);
  } catch (error) {
    return failed(error);
  }
}

function toVerdict(verdict: Verdict): Verdict {
  const fields = Object(verdict) as Partial<Record<string, unknown>>;
  const isRefusal = typeof fields['refused'] === 'string';
  const isIdentity =
    TEXTS.every((name) => typeof fields[name] === 'string') && PORTS.every((name) => Number.isInteger(fields[name]));
  if (isRefusal || isIdentity) return verdict;
  throw new TypeError('admit must answer with an identity or { refused }, or a promise of one');
}
