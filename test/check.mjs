// What `npm test` does before its tests: builds the package, compiles the tests and lints all. Every source is parsed and
// checked once: eslint asks the compiler's own programs, of `npm run build` and of the tests.
import { ESLint } from 'eslint';
import ts from 'typescript';

const sourceFiles = new Map();
const projects = ['tsconfig.json', 'tsconfig.cjs.json', 'test/tsconfig.json', 'src/page/browser/tsconfig.json'];
const [sources, , tests, page] = projects.map(compile);
await lint([sources, tests, page]);

/** Writes what a tsconfig.json names, and answers the program. What there is to say of it ends this process. */
function compile(configFile) {
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(configFile, {}, ts.sys);
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram(fileNames, options, sharing(host));
  const diagnostics = [...errors, ...ts.getPreEmitDiagnostics(program)];
  if (diagnostics.length === 0) diagnostics.push(...program.emit().diagnostics);
  if (diagnostics.length > 0) {
    console.error(ts.formatDiagnosticsWithColorAndContext(diagnostics, host));
    process.exit(1);
  }
  return program;
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

async function lint(programs) {
  const eslint = new ESLint({
    overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { project: null, programs } } },
  });
  const results = await eslint.lintFiles(['.']);
  const formatter = await eslint.loadFormatter('stylish');
  process.stdout.write(await formatter.format(results));
  if (results.some(({ errorCount }) => errorCount > 0)) process.exitCode = 1;
}
