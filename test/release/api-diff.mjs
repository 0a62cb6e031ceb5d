/**
 * Says where the reports that are kept differ from those of the API that there is; both by subpath, as text. Line ends
 * do not count.
 */
export function compareReports(made, kept) {
  const plain = (text) => text?.replaceAll('\r\n', '\n');
  const stale = Object.keys(made)
    .filter((name) => plain(kept[name]) !== plain(made[name]))
    .map((name) => `${name}.api.md is not what dist/ has: run npm run api and look at the diff`);
  const gone = Object.keys(kept)
    .filter((name) => !(name in made))
    .map((name) => `${name}.api.md is of a subpath that package.json does not export`);
  return [...stale, ...gone];
}

/** What a subpath's report says is missing: docstrings, and what api-extractor warns of. */
export function faultsIn(name, report) {
  const text = report.replaceAll('\r\n', '\n');
  const undocumented = [...text.matchAll(/^ *\/\/ .*\(undocumented\)\n(.*)$/gm)];
  const warnings = [...text.matchAll(/^\/\/ Warning: (.*)$/gm)];
  return [
    ...undocumented.map(([, what]) => `${name}: no docstring: ${what.trim()}`),
    ...warnings.map(([, words]) => `${name}: ${words}`),
  ];
}
