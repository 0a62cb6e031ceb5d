import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What esbuild makes of a module for browsers, minified: its bytes, also as gzip makes them, its files, and which of them import what is Node's. */
export async function bundle(code: string, resolveDir: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: ['node:*', 'prom-client'], // the latter is optional, and loaded when it is wanted
    metafile: true,
    write: false,
    absWorkingDir: resolveDir,
    logLevel: 'silent',
  });
  const { contents } = outputFiles[0]!;
  const files = Object.keys(metafile.inputs).filter((path) => path !== '<stdin>');
  const ofNode = files.filter((path) => metafile.inputs[path]!.imports.some((each) => each.path.startsWith('node:')));
  return { bytes: contents.length, gzipBytes: gzipSync(contents).length, files, ofNode };
}
