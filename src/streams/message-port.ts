/**
 * What carries messages both ways, by its shape: a `MessagePort` (of `node:worker_threads` or of the web), the
 * `parentPort` of a worker, or a `Worker` itself.
 */
export interface MessagePortLike {
  /** Sends a message, and moves the buffers of `transfer` to the other end. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): unknown;
  /** As Node has it: a listener gets the message itself. It is used where there is one. */
  // `any`: the listeners of the hosts' own ports differ in their arguments from event to event.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  on?(event: string, listener: (...args: any[]) => void): unknown;
  /** As the web has it: a listener gets an event, the message is its `data`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  addEventListener?(event: string, listener: (event: any) => void): unknown;
  /** Begins to deliver, where that must be said. */
  start?(): unknown;
  /** Closes both ends. */
  close?(): unknown;
}

export interface PortListeners {
  readonly onMessage: (message: unknown) => void;
  readonly onError: (reason: string) => void;
  readonly onClose: () => void;
}

const UNREADABLE = 'a message of the port could not be read';

/** Starts the port. Throws a TypeError when it is none. */
export function listenToPort(port: MessagePortLike, { onMessage, onError, onClose }: PortListeners): void {
  const isPort = typeof port?.postMessage === 'function';
  if (isPort && typeof port.on === 'function') {
    port.on('message', onMessage);
    port.on('messageerror', () => onError(UNREADABLE));
    port.on('close', onClose);
    port.on('exit', onClose); // a Worker does not close
    port.on('error', (error: unknown) => onError(`the worker threw: ${String(error)}`));
  } else if (isPort && typeof port.addEventListener === 'function') {
    port.addEventListener('message', ({ data }: { readonly data: unknown }) => onMessage(data));
    port.addEventListener('messageerror', () => onError(UNREADABLE));
    port.addEventListener('close', onClose);
  } else throw new TypeError('port must have postMessage, and on or addEventListener');
  port.start?.();
}
