export * from './session.js';
export * from './session-options.js';
