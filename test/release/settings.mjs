// Writes docs/settings.md and deploy/nsqlookupd.toml from the table of settings and the docstrings in dist/; with --check it only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { SETTINGS } from '../../dist/esm/daemon/settings.js';

const FILE = 'docs/settings.md';
/** What takes options, by the module that it stands in. */
const FACTORIES = {
  Topology: 'registry',
  RegistrationDB: 'registry',
  createTcpHandler: 'tcp',
  createHttpHandler: 'http',
  toNodeHandler: 'http',
  createFindings: 'operate',
  createLookupd: 'daemon',
  Meters: 'operate',
  createMetrics: 'operate',
  metricsRoutes: 'operate',
  healthRoutes: 'operate',
  statsRoutes: 'operate',
  discoveryRoutes: 'operate',
  openApiRoutes: 'operate',
  createProfiles: 'daemon',
  LookupClient: 'client',
  createUnionHandler: 'client',
  PeerClient: 'client',
  WorkQueue: 'registry',
  createFeed: 'feed',
  createWatchRoutes: 'feed',
  createWarmRestart: 'store',
  pageRoutes: 'page',
};

const cell = (text) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
const code = (text) => (text === '' ? '' : `\`${text}\``);
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function settingRow([flag, { kind, default: value, defaultText, help, option = '', commandLineOnly }]) {
  const key = commandLineOnly ? '' : code(flag.replaceAll('-', '_'));
  return [code(`-${flag}`), key, code(option), defaultText ?? code(kind.show(value)), cell(help)];
}

const entries = Object.entries(SETTINGS);
const limits = entries.filter(([, { atLimit }]) => atLimit !== undefined);

const roots = Object.values(FACTORIES).map((name) => `dist/esm/${name}/index.d.ts`);
const program = ts.createProgram([...new Set(roots)], {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
});
const checker = program.getTypeChecker();

/** The type of what a function or class takes as its options. */
function optionsOf(name) {
  const file = program.getSourceFile(`dist/esm/${FACTORIES[name]}/index.d.ts`);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file)).find((each) => each.name === name);
  if (!exported) throw new Error(`${FACTORIES[name]} exports no ${name}`);
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const type = checker.getTypeOfSymbol(symbol);
  const [signature] = [...type.getConstructSignatures(), ...type.getCallSignatures()];
  const parameter = signature.parameters.find((each) => each.name === 'options');
  return checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
}

function optionRow(property) {
  const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
  const type = checker.getTypeOfSymbol(property);
  const shown = checker.typeToString(
    isOptional ? checker.getNonNullableType(type) : type,
    undefined,
    ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope,
  );
  const words = ts.displayPartsToString(property.getDocumentationComment(checker));
  if (words === '') throw new Error(`the option ${property.name} has no docstring`);
  return [`${code(property.name)}${isOptional ? '' : ' (required)'}`, code(cell(shown)), cell(words)];
}

function factorySection(name) {
  const rows = optionsOf(name).getProperties().map(optionRow);
  const limitRows = rows.some(([option]) => option === '`limits`') ? '\n\n`limits` are below.' : '';
  return `### ${name}\n\nOf \`nsqlookupd/${FACTORIES[name]}\`.${limitRows}\n\n${table(['option', 'type', ''], rows)}`;
}

/** The members of an interface of the protocol, which options are made of. */
function limitsSection() {
  const limitsType = optionsOf('createTcpHandler').getProperty('limits');
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(limitsType));
  return `### limits\n\n${table(['option', 'type', ''], type.getProperties().map(optionRow))}`;
}

const text = `# Settings

This page is written by \`npm run settings\`, from the table that the command reads and from docstrings.

## The command

One dash or two; \`-flag value\` or \`-flag=value\`; durations as Go writes them (\`1m30s\`, \`300ms\`). The keys are those of the
TOML file that \`-config\` names; texts and durations stand in quotes there. A flag wins over the file. The option is that of
\`createLookupd\`.

${table(['flag', 'key', 'option', 'default', ''], entries.map(settingRow))}

Two limits follow the limit of Node's heap, \`v8.getHeapStatistics().heap_size_limit\`, which Node takes from the machine's
memory: half of it for \`-max-registry-bytes\`, a sixteenth but 64 MiB at most for \`-max-unfinished-bytes\`. More heap raises them
(\`node --max-old-space-size=8192\`, in MiB, or \`NODE_OPTIONS\`), and a flag sets either. \`-help\` shows what they are here.

## What happens at a limit

${table(
  ['flag', 'whoever meets it gets'],
  limits.map(([flag, { atLimit }]) => [code(`-${flag}`), cell(atLimit)]),
)}

What each guards against is in [SECURITY.md](../SECURITY.md).

## The library

The options of each function and class that takes any. One that is unknown or of the wrong kind is a \`TypeError\` that names it.

${Object.keys(FACTORIES).map(factorySection).join('\n\n')}

${limitsSection()}
`;

/** A value as it stands in the config file. */
function tomlValue({ kind }, value) {
  if (Array.isArray(value)) return `[${value.map((each) => tomlValue({ kind: kind.item }, each)).join(', ')}]`;
  if (kind.toml === 'table') return '{}';
  if (kind.toml !== 'string') return kind.show(value);
  return JSON.stringify(typeof value === 'string' ? value : kind.show(value));
}

function tomlEntry([flag, setting]) {
  const { kind, default: value, defaultText, help } = setting;
  // What follows the machine is shown by an example.
  const known = { all: '["0.0.0.0/0", "::/0"]' }[defaultText] ?? (kind.toml === 'number' && '1_073_741_824');
  const shown = (defaultText !== undefined && known) || tomlValue(setting, value);
  const like = [kind.like, defaultText && `default: ${defaultText}`].filter(Boolean).join('; ');
  return `# ${help}${like && ` (${like})`}\n# ${flag.replaceAll('-', '_')} = ${shown}\n`;
}

const sample = `# Every key of nsqlookupd's config file (nsqlookupd -config=nsqlookupd.toml), with its default: what differs is to lose its "# ".
# A flag on the command line wins. Written by npm run settings; docs/settings.md tells more.

${entries
  .filter(([, { commandLineOnly }]) => !commandLineOnly)
  .map(tomlEntry)
  .join('\n')}`;

const files = {
  [FILE]: await format(text, { ...(await resolveConfig(FILE)), filepath: FILE }),
  'deploy/nsqlookupd.toml': sample,
};
for (const [file, wanted] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(file, wanted);
  else if (readFileSync(file, 'utf8').replaceAll('\r\n', '\n') !== wanted) {
    console.error(`${file} is not what dist/ has: run npm run settings and look at the diff`);
    process.exitCode = 1;
  }
}
