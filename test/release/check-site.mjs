// Holds the site that typedoc built: every link within it leads to a page, and to a place on it, that is there; and no
// page needs another site to be shown.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { inflateSync } from 'node:zlib';

const SITE = 'build/site';
const files = new Set(readdirSync(SITE, { recursive: true }).map((name) => name.replaceAll('\\', '/')));
const pages = new Map(
  [...files].filter((name) => name.endsWith('.html')).map((name) => [name, readFileSync(`${SITE}/${name}`, 'utf8')]),
);
const ids = new Map([...pages].map(([name, html]) => [name, new Set(html.match(/(?<= id=")[^"]*/g))]));
const faults = [];
let count = 0;

function follow(from, link) {
  count++;
  const [path, anchor] = decodeURI(link.replaceAll('&amp;', '&')).split('#');
  const target = path === '' ? from : posix.join(posix.dirname(from), path);
  if (!files.has(target)) faults.push(`${from}: ${link} is not there`);
  else if (anchor && pages.has(target) && !ids.get(target).has(anchor))
    faults.push(`${from}: ${link} is no place on that page`);
}

for (const [name, html] of pages) {
  for (const [, link] of html.matchAll(/<(?:a|img|script|link|use)\b[^>]*? (?:href|src)="([^"]*)"/g)) {
    if (!/^[a-z]+:|^\/\//.test(link)) follow(name, link);
  }
  for (const [, link] of html.matchAll(/<(?:img|script|link|iframe)\b[^>]*? (?:href|src)="((?:https?:)?\/\/[^"]*)"/g)) {
    faults.push(`${name}: needs ${link}`);
  }
}

// The sidebar is drawn from data.
const [, data] = /"([^"]+)"/.exec(readFileSync(`${SITE}/assets/navigation.js`, 'utf8'));
(function walk(nodes) {
  for (const { path, children = [] } of nodes) {
    if (path) follow('index.html', path);
    walk(children);
  }
})(JSON.parse(inflateSync(Buffer.from(data, 'base64')).toString()));

for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log(`${pages.size} pages, ${count} links, none broken`);
process.exitCode = faults.length > 0 || pages.size < 50 ? 1 : 0;
