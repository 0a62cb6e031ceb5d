import { BOOLEAN } from '../setting-kinds.js';
import { row } from './setting.js';

/** What tells how it is. */
export const DIAGNOSE_SETTINGS = {
  findings: row(BOOLEAN, true, 'answer /findings: what is probably wrong with the topology', { option: 'findings' }),
  pprof: row(BOOLEAN, true, 'answer under /debug/pprof, with profiles of this process', { option: 'pprof' }),
};
