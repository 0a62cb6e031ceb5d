import { unwatchFile, watchFile } from 'node:fs';

/** How often it is looked whether files have changed. */
const LOOK_MS = 2000;

/**
 * Calls `changed` when one of the files is another than before, also where a link now names another, as in Kubernetes. Keeps no
 * process alive. Gives back what ends it.
 */
export function watchFiles(paths: readonly string[], changed: () => void): () => void {
  let isTold = false;
  const look = () => {
    if (isTold) return; // a certificate and its key change together
    isTold = true;
    setImmediate(() => {
      isTold = false;
      changed();
    });
  };
  const watched = new Set(paths);
  for (const path of watched) watchFile(path, { interval: LOOK_MS, persistent: false }, look);
  return () => watched.forEach((path) => unwatchFile(path, look));
}
