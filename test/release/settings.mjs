// Writes docs/settings.md and deploy/nsqlookupd.toml from the table of settings and the docstrings in dist/; with --check it only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { SETTINGS } from '../../build/esm/daemon/settings.js';

const FILE = 'docs/settings.md';
/** Classes that users know by what extends them, or by what makes them. */
const ONLY_EXTENDED = ['Feed', 'MessageStream', 'OperatorWrites', 'TopologyReads'];
const SUBPATHS = Object.entries(JSON.parse(readFileSync('package.json', 'utf8')).exports).filter(
  ([path]) => path.startsWith('./') && path !== './package.json',
);

const cell = (text) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
const code = (text) => (text === '' ? '' : `\`${text}\``);
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function settingRow([flag, { kind, default: value, defaultText, help, option = '', commandLineOnly }]) {
  const key = commandLineOnly ? '' : code(flag.replaceAll('-', '_'));
  return [code(`-${flag}`), key, code(option), defaultText ?? code(kind.show(value)), cell(help)];
}

const entries = Object.entries(SETTINGS);
const limits = entries.filter(([, { atLimit }]) => atLimit !== undefined);

const program = ts.createProgram(
  SUBPATHS.map(
    ([
      ,
      {
        import: { types },
      },
    ]) => types,
  ),
  {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
  },
);
const checker = program.getTypeChecker();

function typeText(type) {
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;
  return checker.typeToString(type, undefined, flags);
}

/** The type of what a function or class takes as its options, if it does. */
function optionsOf(exported) {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
  const type = checker.getTypeOfSymbol(symbol);
  const [signature] = [...type.getConstructSignatures(), ...type.getCallSignatures()];
  const parameter = signature?.parameters.find(({ name }) => ['options', 'limits'].includes(name));
  return parameter && checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
}

/** The functions and classes that take options, together with those of their module that take the same. */
function takers() {
  const found = new Map();
  for (const [path, { import: entry }] of SUBPATHS) {
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry.types)));
    for (const symbol of exported.filter(({ name }) => !ONLY_EXTENDED.includes(name))) {
      const options = optionsOf(symbol);
      if (!options || options.symbol.name === 'ErrorOptions') continue;
      const key = `${path} ${typeText(options)}`;
      if (!found.has(key)) found.set(key, { subpath: path.replace('.', 'nsqlookupd'), names: [], options });
      found.get(key).names.push(symbol.name);
    }
  }
  return [...found.values()];
}

function optionRow(property) {
  const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
  const type = checker.getTypeOfSymbol(property);
  const words = ts.displayPartsToString(property.getDocumentationComment(checker));
  if (words === '') throw new Error(`the option ${property.name} has no docstring`);
  const shown = cell(typeText(isOptional ? checker.getNonNullableType(type) : type));
  const more = shown === 'PeerLimits' ? ' They are those of [PeerDecoder](#peerdecoder).' : '';
  return [`${code(property.name)}${isOptional ? '' : ' (required)'}`, code(shown), `${cell(words)}${more}`];
}

function takerSection({ subpath, names, options }) {
  const rows = options.getProperties().map(optionRow);
  return `### ${names.join(', ')}\n\nOf \`${subpath}\`.\n\n${table(['option', 'type', ''], rows)}`;
}

const text = `# Settings

This page is written by \`npm run settings\`, from the table that the command reads and from docstrings.

## The command

One dash or two; \`-flag value\` or \`-flag=value\`; durations as Go writes them (\`1m30s\`, \`300ms\`). The keys are those of the
TOML file that \`-config\` names; texts and durations stand in quotes there. A flag that takes
several values is given again (\`-read-from a -read-from b\`) or with commas (\`-read-from=a,b\`), and its key is an array or a table. A flag
wins over the file. The option is that of \`createLookupd\`.

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

${takers().map(takerSection).join('\n\n')}
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
