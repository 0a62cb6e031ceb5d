import { readFileSync } from 'node:fs';
import { sep } from 'node:path';

const SECTIONS = readFileSync('CONTRIBUTING.md', 'utf8').split('\n## ');
const TABLE = SECTIONS.find((section) => section.startsWith('The modules')) ?? '';
const ROW = /^\| `([^`]+)` +\| ([^|]+) \|/gm;

/** Which modules, and which packages, the files of a module may import: the table of CONTRIBUTING.md. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [...TABLE.matchAll(ROW)].map(([, module = '', imports = '']) => [
    module.replace('index.ts', '.'),
    [...imports.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  ]),
);

/** The module of a file below `src`, `dist/esm` or `dist/cjs`, from its path in there. */
export function moduleIn(path: string): string {
  const [first = '', ...rest] = path.split(sep);
  return rest.length === 0 ? '.' : first;
}

/** The module itself, and every module and package that is loaded with it. */
export function mayLoad(module: string): Set<string> {
  const reached = new Set([module]);
  for (const target of reached) for (const next of MAY_IMPORT[target] ?? []) reached.add(next);
  return reached;
}

/** Whether anything in the module, or loaded with it, may use what Node alone has; but for `base`, where nobody is made to load it. */
export function usesNode(module: string): boolean {
  return [...mayLoad(module)].some((each) => each !== 'base' && MAY_IMPORT[each]?.includes('node:'));
}
