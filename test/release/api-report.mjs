// Writes the public API of each subpath to docs/api/<subpath>.api.md (`npm run api`), or with `--check [folder]` says
// where it differs from what is there (`npm run api:check`). Either way it fails when an export, or a member of one, has
// no docstring. Reads the built dist/.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const UNDOCUMENTED = /^ *\/\/ .*\(undocumented\)\n(.*)$/gm;

const args = process.argv.slice(2);
const check = args[0] === '--check';
const reports = args[1] ?? 'docs/api';
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
for (const [i, config] of configs.entries()) {
  const { name } = entries[i];
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    compilerState,
    localBuild: !check,
    messageCallback: (message) => {
      message.handled = true; // what matters is said below, in fewer words
      if (message.messageId === 'ae-forgotten-export') referenced.add(message.text.split('"')[1]);
      if (message.logLevel === ExtractorLogLevel.Error) faults.push(`${name}: ${message.text}`);
    },
  });
  if (check && (apiReportChanged || errorCount > 0)) {
    faults.push(`${reports}/${name}.api.md is not what dist/ has: run npm run api and look at the diff`);
  }
  const report = readFileSync(`build/api/${name}.api.md`, 'utf8').replaceAll('\r\n', '\n');
  for (const [, what] of report.matchAll(UNDOCUMENTED)) faults.push(`${name}: no docstring: ${what.trim()}`);
  for (const [, type] of report.matchAll(/^(?:export )?(?:class|interface|type) (\w+)/gm)) exported.add(type);
  for (const [line] of report.matchAll(/^\/\/ Warning: .*$/gm)) faults.push(`${name}: ${line.slice(12)}`);
}
// A subpath may speak of what another one exports, but not of what none does.
for (const type of referenced)
  if (!exported.has(type)) faults.push(`no subpath exports ${type}, which others speak of`);
const names = entries.map(({ name }) => `${name}.api.md`);
for (const file of readdirSync(reports)) {
  if (!names.includes(file)) faults.push(`${reports}/${file} is of a subpath that package.json does not export`);
}
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
