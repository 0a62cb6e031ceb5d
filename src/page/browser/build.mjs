// Makes the page one document: its script and its style bundled, made small, and named by their hashes in the policy.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const MAX_GZIPPED_BYTES = 60_000;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const bundle = (name) =>
  buildSync({
    entryPoints: [here(name)],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    define: { VERSION: JSON.stringify(version) },
    write: false,
    logLevel: 'warning',
  }).outputFiles[0].text.trim();
const sha256 = (text) => createHash('sha256').update(text).digest('base64');

const script = bundle('main.ts').replaceAll('</script', '<\\/script');
const style = bundle('page.css');
const html = readFileSync(here('page.html'), 'utf8')
  .replace(/\n\s*/g, '\n')
  .replace('<style></style>', () => `<style>${style}</style>`)
  .replace('<script></script>', () => `<script>${script}</script>`);
const policy = [
  "default-src 'none'",
  `script-src 'sha256-${sha256(script)}'`,
  `style-src 'sha256-${sha256(style)}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
const page = { html, policy, tag: `"${sha256(html).slice(0, 22)}"` };

const size = gzipSync(html).length;
if (size > MAX_GZIPPED_BYTES) throw new Error(`the page is ${size} bytes gzipped, and may be ${MAX_GZIPPED_BYTES}`);
mkdirSync('build/esm/page', { recursive: true });
writeFileSync('build/esm/page/built.js', `export const PAGE=${JSON.stringify(page)};`);
