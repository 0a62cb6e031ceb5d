import { anArray, checkOptions, type Checks } from '../base/options.js';
import type { RouteDescription, RouteRow } from '../http/index.js';
import { createProfileAnswers, type ProfileAnswers, type ProfileName } from './profile-answers.js';

/** Options of `createProfiles`, all of which may be left out. */
export interface ProfilesOptions {
  /** What `/debug/pprof/cmdline` tells. Default: nothing. */
  readonly commandLine?: readonly string[] | undefined;
}

/** Profiles of this process. */
export interface Profiles {
  /** The routes under `/debug/pprof`. */
  readonly routes: readonly RouteRow[];
  /** Ends what samples the heap. */
  close(): void;
}

const CHECKS: Checks<ProfilesOptions> = { commandLine: anArray };

/**
 * Makes the routes under `/debug/pprof` of nsqlookupd, for `go tool pprof`: real profiles of the CPU and the heap, and of what Go
 * has and Node has not the nearest thing. What it takes is loaded when a profile is asked for; one that cannot be taken here,
 * as pprof-format is not installed or the runtime has no inspector, is answered 501. Hand the routes only to a handler
 * that strangers do not reach. Throws a TypeError for an option that is unknown or of the wrong kind.
 *
 * @example
 * ```js
 * import { createRouter } from 'nsqlookupd';
 * import { createProfiles } from 'nsqlookupd/daemon';
 *
 * const profiles = createProfiles();
 * const handler = createRouter(profiles.routes);
 * const request = { method: 'GET', path: '/debug/pprof/goroutine', query: 'debug=1', headers: {} };
 * console.log((await handler(request))?.status); // 200
 * profiles.close();
 * ```
 */
export function createProfiles(options?: ProfilesOptions): Profiles {
  const { commandLine = [] } = checkOptions('createProfiles', options, CHECKS);
  let made: ProfileAnswers | undefined;
  const answers = () => (made ??= createProfileAnswers(commandLine));
  const row = (name: ProfileName | '', method = 'GET'): RouteRow => {
    const path = name === '' ? '/debug/pprof' : `/debug/pprof/${name}`;
    const answer: RouteRow['answer'] = (request) => answers()[name || 'index'](request);
    return {
      method,
      path,
      action: { name: path.slice(1), kind: 'read' },
      get about() {
        return toDescription(name);
      },
      answer,
    };
  };
  return {
    routes: [
      row(''),
      row('cmdline'),
      row('symbol'),
      row('symbol', 'POST'),
      row('profile'),
      row('heap'),
      row('goroutine'),
      row('block'),
      row('threadcreate'),
    ],
    close: () => made?.close(),
  };
}

const PROFILE = 'gzipped protocol buffers, for go tool pprof';
const SUMMARIES: Readonly<Record<ProfileName | '', string>> = {
  '': 'an index of the profiles',
  cmdline: 'the command line, with NUL between its parts',
  symbol: 'asks for symbols, of which there are none to ask for',
  profile: 'where the CPU time goes',
  heap: 'the live objects in memory',
  goroutine: 'what keeps the event loop alive; with debug=2 the stack',
  block: 'empty, as Node has no such thing',
  threadcreate: 'the threads of the process',
};

function toDescription(name: ProfileName | ''): RouteDescription {
  const text = { 'text/plain': { type: 'string' }, 'text/html': { type: 'string' } };
  const words = { description: 'as text', content: text };
  const bytes = { description: PROFILE, content: { ...text, 'application/octet-stream': { type: 'string' } } };
  const isText = ['', 'cmdline', 'symbol'].includes(name);
  const failed = { 400: words, 500: words, 501: words, ...(name === 'heap' && { 503: words }) };
  return { summary: SUMMARIES[name], answers: isText ? { 200: words } : { 200: bytes, ...failed } };
}
