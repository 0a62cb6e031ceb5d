// What `npm test` does before its tests: builds the package, compiles the tests and lints all, each of what has changed alone.
import { build, compile } from './build.mjs';
import { lint } from './lint.mjs';

const sources = await build();
const tests = compile('test/tsconfig.json');
tests.write();
const page = compile('src/page/browser/tsconfig.json');
page.write();
if (!(await lint([sources.program, tests.program, page.program]))) process.exitCode = 1;
