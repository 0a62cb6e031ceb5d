import { isThenable, report, type OnError } from '../base/error-report.js';
import { isIdentity } from '../base/identity.js';
import type { Identity } from '../protocol/index.js';
import type { AdmissionRefusal, SessionOptions, Verdict } from './session-options.js';

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
  if (isIdentity(verdict) || typeof (Object(verdict) as Partial<AdmissionRefusal>).refused === 'string') return verdict;
  throw new TypeError('admit must answer with an identity or { refused }, or a promise of one');
}
