import { byId, fill, h, plural } from './dom.js';

export interface FindingJson {
  readonly kind: string;
  readonly subject: string;
  readonly seen: string;
  readonly why: string;
  readonly advice: string;
}

export interface FindingsJson {
  readonly findings: readonly FindingJson[];
  readonly left_out: Readonly<Record<string, number>>;
  readonly unchecked: number;
}

/** What a server answers, if it is that. */
export function toFindings(told: Partial<FindingsJson> | undefined): FindingsJson | undefined {
  const { findings, left_out = {}, unchecked = 0 } = told ?? {};
  return Array.isArray(findings) ? { findings, left_out, unchecked } : undefined;
}

export function countFindings({ findings, left_out: leftOut }: FindingsJson): number {
  return Object.values(leftOut).reduce((sum, count) => sum + count, findings.length);
}

/** What is probably wrong, with what to do; undefined where the server does not look for it. */
export function showFindings(found: FindingsJson | undefined, open: (subject: string) => void): void {
  const panel = byId('findings');
  const title = h('h2', { class: 'unseen' }, 'Findings');
  if (!found) return fill(panel, title, h('p', { class: 'soft' }, 'This server does not look for what is wrong.'));
  if (found.findings.length === 0)
    return fill(panel, title, h('p', { class: 'soft' }, 'Nothing was found to be wrong.'));
  const byKind = new Map<string, FindingJson[]>();
  for (const finding of found.findings) byKind.set(finding.kind, [...(byKind.get(finding.kind) ?? []), finding]);
  const sections = [...byKind].flatMap(([kind, findings]) => {
    const more = found.left_out[kind] ?? 0;
    return [
      h('h2', { class: 'kind' }, toSentence(kind.replaceAll('-', ' '))),
      h('p', { class: 'soft' }, `${toSentence(findings[0]!.why)}.`),
      h('p', { class: 'advice' }, `${toSentence(findings[0]!.advice)}.`),
      h(
        'ul',
        { class: 'list' },
        ...findings.map((finding) => toItem(finding, open)),
        more > 0 && h('li', {}, `and ${plural(more, 'more', 'more')}`),
      ),
    ];
  });
  fill(panel, title, ...sections);
}

export function toItem({ subject, seen }: FindingJson, open: (subject: string) => void): HTMLElement {
  return h(
    'li',
    {},
    h('button', { class: 'link', click: () => open(subject) }, subject),
    h('div', { class: 'soft' }, seen),
  );
}

function toSentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
