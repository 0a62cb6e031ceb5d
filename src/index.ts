export * from './registry/index.js';
export * from './protocol/index.js';
export * from './tcp/index.js';
export * from './http/index.js';
