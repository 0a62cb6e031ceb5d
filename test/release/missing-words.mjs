/** What a person has yet to write before this version is published: one line each. */
export function missingWords(manifest, changelog) {
  const missing = [];
  const sections = new Map(
    changelog
      .split(/^## /m)
      .slice(1)
      .map((section) => section.split('\n'))
      .map(([heading, ...lines]) => [heading, lines.join('\n')]),
  );
  const { version } = manifest;
  const heading = [...sections.keys()].find((name) => name.startsWith(`[${version}] - `));
  if (heading === undefined) {
    missing.push(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`);
  } else if (!/^\[.*\] - \d{4}-\d{2}-\d{2}$/.test(heading)) {
    missing.push(`the section "${heading}" of CHANGELOG.md has no date (YYYY-MM-DD)`);
  }
  if (sections.get('[Unreleased]')?.trim()) {
    missing.push(`CHANGELOG.md has changes under [Unreleased], which are to be those of ${version}`);
  }
  if (manifest.publishConfig?.provenance && !manifest.repository?.url) {
    missing.push('package.json has no "repository": npm takes a provenance only from the repository that it names');
  }
  return missing;
}
