// The site that `npm run docs` builds in build/site: the guide and the API of every subpath.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Converter, PageEvent, ReflectionKind } from 'typedoc';

/** The pages of the guide, in the order in which one reads them. What is not there yet is left out. */
const GUIDE = [
  'docs/start.md',
  'docs/mount.md',
  'docs/routes.md',
  'docs/watching.md',
  'docs/page.md',
  'docs/client.md',
  'docs/unit-tests.md',
  'docs/custom-transport.md',
  'docs/operating.md',
  'docs/deploy.md',
  'docs/settings.md',
  'docs/tls.md',
  'docs/access.md',
  'docs/metrics.md',
  'docs/findings.md',
  'docs/profiles.md',
  'docs/restarts.md',
  'docs/many.md',
  'docs/union.md',
  'docs/shared.md',
  'docs/zones.md',
  'docs/protocol.md',
  'docs/errors.md',
  'docs/compatibility.md',
  'docs/architecture.md',
  'docs/performance.md',
];
const PROJECT = ['docs/testing.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
const others = readdirSync('docs')
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)
  .filter((path) => !GUIDE.includes(path) && !PROJECT.includes(path));

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
/** Source file and name of each subpath; the root last, as what it has is described under the others. */
const subpaths = Object.entries(manifest.exports)
  .filter(([, target]) => target.import?.types)
  .sort(([a], [b]) => Number(a === '.') - Number(b === '.'))
  .map(([subpath, target]) => ({
    source: target.import.types.replace('./dist/esm/', 'src/').replace('.d.ts', '.ts'),
    name: subpath.replace('.', manifest.name),
  }));

/** Names modules as they are imported and pages by their heading; and lets the site be read from a disk. */
function adapt({ converter, renderer }) {
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = reflection.sources?.[0]?.fullFileName ?? '';
    reflection.name = subpaths.find(({ source }) => file.endsWith(`/${source}`))?.name ?? reflection.name;
  });
  converter.on(Converter.EVENT_CREATE_DOCUMENT, (context, reflection) => {
    reflection.name = /^# (.*)/.exec(reflection.content[0].text)?.[1] ?? reflection.name;
  });
  // A link to the README is one to a folder, which only a server makes into its index.html.
  renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents?.replace(/(href="(?:\.\.\/)+)(?=[#"])/g, '$1index.html');
  });
}

export default {
  entryPoints: subpaths.map(({ source }) => source),
  tsconfig: 'tsconfig.json',
  out: 'build/site',
  name: manifest.name,
  readme: 'README.md',
  projectDocuments: [...GUIDE, ...others, ...PROJECT].filter((path) => existsSync(path)),
  plugin: [adapt],
  sortEntryPoints: false,
  navigation: { includeFolders: false },
  // Where the sources are on the web is not settled: the manifest names no repository.
  disableSources: !manifest.repository,
  excludeExternals: true,
  includeVersion: true,
  hideGenerator: true,
  searchInDocuments: true,
  // Its page lacks what extends a type alone, and the pages of those link to it all the same.
  includeHierarchySummary: false,
  highlightLanguages: ['bash', 'javascript', 'json', 'toml', 'typescript', 'yaml'],
  validation: {
    notExported: true,
    invalidLink: true,
    invalidPath: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
  treatWarningsAsErrors: true,
};
