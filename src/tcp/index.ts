export { createTcpHandler, type ConnectionInfo, type TcpHandler, type TcpHandlerOptions } from './tcp-handler.js';
export type { ByteStream } from './byte-stream.js';
export { Session, type SessionOptions, type SessionOutput } from '../session/index.js';
