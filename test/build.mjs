// `npm run build`: writes dist/, of which only what has changed, and what that changes, is compiled anew.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { bundleModules } from './bundle.mjs';
import { INSTALLED, lintLater } from './lint.mjs';
import { markPure } from './mark-pure.mjs';

const STATE = 'build/state';
const sourceFiles = new Map();

/**
 * Compiles what a tsconfig.json names, unless nothing of it has changed. Answers the program, and the names of the files that
 * were looked at, as they or what they import changed. What there is to say of it ends this process.
 */
export function compile(configFile) {
  const project = parse(configFile);
  const { options, fileNames, errors, host } = project;
  const stamp = options.tsBuildInfoFile.replace(/info$/, 'stamp');
  if (!outputsOf(project).every((name) => existsSync(name))) rmSync(options.tsBuildInfoFile, { force: true });
  else if (existsSync(stamp) && readFileSync(stamp, 'utf8') === stampOf(configFile, fileNames)) {
    return { affected: [], write() {}, program: () => createProgram(project).getProgram() };
  }
  rmSync(stamp, { force: true });
  const program = createProgram(project);
  const affected = new Set();
  for (let next; (next = program.getSemanticDiagnosticsOfNextAffectedFile());) {
    for (const { fileName } of 'fileName' in next.affected ? [next.affected] : program.getSourceFiles()) {
      affected.add(relative('', fileName));
    }
  }
  const diagnostics = [
    ...errors,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...program.getSyntacticDiagnostics(),
    ...program.getSemanticDiagnostics(),
  ];
  endWith(diagnostics, host);
  return {
    affected: [...affected],
    program: () => program.getProgram(),
    write() {
      lintLater([...affected]);
      const transformers = { before: [markPure] };
      endWith(program.emit(undefined, undefined, undefined, undefined, transformers).diagnostics, host);
      if (!options.noEmit) removeOthers(options, fileNames);
      writeFileSync(stamp, stampOf(configFile, fileNames));
    },
  };
}

function createProgram({ options, fileNames, host }) {
  return ts.createIncrementalProgram({ rootNames: fileNames, options, host });
}

/** The files that are compiled to, which may have been taken away since. */
function outputsOf({ options, fileNames, errors }) {
  if (options.noEmit) return [];
  return fileNames.flatMap((name) => ts.getOutputFileNames({ options, fileNames, errors }, name, false));
}

function endWith(diagnostics, host) {
  if (diagnostics.length === 0) return;
  console.error(ts.formatDiagnosticsWithColorAndContext(diagnostics, host));
  process.exit(1);
}

/** What a program is made of and when each file was written, its files after its settings; the tests import the types of dist/ as well. */
function stampOf(configFile, fileNames) {
  const beside = readdirSync('.').filter((name) => /\.json$/.test(name));
  const types = configFile.startsWith('test/') ? filesIn('dist/esm').filter((name) => name.endsWith('.d.ts')) : [];
  const installed = [INSTALLED].filter((name) => existsSync(name));
  const files = [configFile, ...beside, ...installed, ...fileNames, ...types.map((name) => join('dist/esm', name))];
  return files.map(stampOfFile).join('');
}

function stampOfFile(name) {
  return `${relative('', name)} ${statSync(name).mtimeMs}\n`;
}

function filesIn(folder) {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
}

function parse(configFile) {
  const name = configFile.replace(/\W/g, '-');
  const state = { incremental: true, tsBuildInfoFile: resolve(STATE, `${name}.tsbuildinfo`) };
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(configFile, state, ts.sys);
  const host = ts.createIncrementalCompilerHost(options);
  return { options, fileNames, errors, host: sharing(host) };
}

/** The types of the language and of the packages are read once for all programs that read them alike. */
function sharing(host) {
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (path, how, ...rest) => {
    if (!path.includes('/node_modules/')) return read(path, how, ...rest);
    const key = JSON.stringify([path, how]);
    if (!sourceFiles.has(key)) sourceFiles.set(key, read(path, how, ...rest));
    return sourceFiles.get(key);
  };
  return host;
}

/** Takes away what was compiled from a source that is no more. */
function removeOthers({ outDir, declarationDir = outDir, rootDir }, fileNames) {
  const end = /(?:\.d)?\.[jt]s$/;
  const kept = new Set(fileNames.map((name) => relative(rootDir, name).replace(end, '')));
  for (const folder of [outDir, declarationDir]) {
    for (const name of filesIn(folder)) {
      if (end.test(name) && !kept.has(name.replace(end, ''))) rmSync(join(folder, name));
    }
  }
}

/** The recorded scenarios, which both builds read, and the page. */
export async function writeData() {
  for (const kind of ['esm', 'cjs']) mkdirSync(`dist/${kind}/conformance`, { recursive: true });
  const recorded = JSON.stringify(JSON.parse(readFileSync('test/data/recorded.json')));
  writeFileSync('dist/cjs/package.json', '{"type":"commonjs"}');
  writeFileSync('dist/cjs/conformance/recorded.js', `exports.RECORDED=${recorded}`);
  writeFileSync(
    'dist/esm/conformance/recorded.js',
    `import recorded from '../../cjs/conformance/recorded.js';\nexport const { RECORDED } = recorded;\n`,
  );
  await import('../src/page/browser/build.mjs');
}

/** Writes dist/, and answers what it was compiled with. */
export async function build() {
  const sources = compile('tsconfig.json');
  sources.write();
  await writeData();
  await bundleModules();
  await import('../src/daemon/build.mjs');
  return sources;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
