// Writes the public API of each subpath to docs/api/<subpath>.api.md (`npm run api`), or with `--check` says where it
// differs from what is there (`npm run api:check`). Either way it fails when an export, or a member of one, has
// no docstring. Reads the built dist/.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { compareReports, faultsIn } from './api-diff.mjs';

const check = process.argv[2] === '--check';
const reports = 'docs/api';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) => {
  const types = target.import?.types;
  return types ? [{ name: subpath === '.' ? 'index' : subpath.slice(2).replaceAll('/', '-'), types }] : [];
});

mkdirSync('build/api', { recursive: true });
mkdirSync(reports, { recursive: true });
const configs = entries.map(({ name, types }) => toConfig(name, types));
const compilerState = CompilerState.create(configs[0], {
  additionalEntryPoints: entries.map(({ types }) => resolve(types)),
});
const faults = [];
const referenced = new Set();
const exported = new Set();
const made = {};
for (const [i, config] of configs.entries()) {
  const { name } = entries[i];
  Extractor.invoke(config, {
    compilerState,
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = true; // what matters is said below, in fewer words
      if (message.messageId === 'ae-forgotten-export') referenced.add(message.text.split('"')[1]);
      if (message.logLevel === ExtractorLogLevel.Error) faults.push(`${name}: ${message.text}`);
    },
  });
  const report = (made[name] = readFileSync(`build/api/${name}.api.md`, 'utf8'));
  faults.push(...faultsIn(name, report));
  for (const [, type] of report.matchAll(/^(?:export )?(?:class|interface|type) (\w+)/gm)) exported.add(type);
}
// A subpath may speak of what another one exports, but not of what none does.
for (const type of referenced)
  if (!exported.has(type)) faults.push(`no subpath exports ${type}, which others speak of`);
const kept = readdirSync(reports).map((file) => [
  file.replace('.api.md', ''),
  readFileSync(join(reports, file), 'utf8'),
]);
faults.push(...compareReports(made, Object.fromEntries(kept)));
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

function toConfig(name, types) {
  return ExtractorConfig.prepare({
    configObjectFullPath: resolve('api-extractor.json'), // there is none: it roots the paths below
    packageJsonFullPath: resolve('package.json'),
    configObject: {
      projectFolder: resolve('.'),
      mainEntryPointFilePath: resolve(types),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2022',
            lib: ['ES2022', 'ESNext.Disposable', 'DOM'],
            types: ['node'],
            module: 'nodenext',
            strict: true,
            skipLibCheck: true, // test/packed/types.ts checks the declarations
          },
          files: [types],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: `${basename(name)}.api.md`,
        reportFolder: resolve(reports),
        reportTempFolder: resolve(join('build', 'api')),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'warning', addToApiReportFile: true },
          // There is one release tag, public, and it goes without saying.
          'ae-missing-release-tag': { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'warning' },
          'ae-undocumented': { logLevel: 'none', addToApiReportFile: true },
        },
        // Docstrings are read by typedoc, which takes more than TSDoc does and warns itself.
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
}
