import { after } from 'node:test';
import { PackedProject } from '../support/packed-project.js';

/** The one that all tests of the packed package share. */
export const project = new PackedProject();
after(() => project.remove());
