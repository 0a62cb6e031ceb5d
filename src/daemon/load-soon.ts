/**
 * Loads what the command has left out of the file that every start loads, so that it is there whatever becomes of its file. Where the
 * modules stand one by one, all are loaded already.
 */
export function loadSoon(): void {}
