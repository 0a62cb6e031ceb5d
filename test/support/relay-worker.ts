import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { createPortStream, type ByteStream } from 'nsqlookupd/tcp';

/** In a worker: what comes from the parent goes to the port that it was handed, and back, each at the other's pace. */
function relay(from: ByteStream, to: ByteStream): void {
  from.on('data', (bytes: Uint8Array) => {
    if (!to.write(bytes)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('close', () => to.destroy());
}

const near = createPortStream(parentPort!);
const far = createPortStream((workerData as { readonly port: MessagePort }).port);
relay(near, far);
relay(far, near);
