import { promisify } from 'node:util';
import type { HttpRequest, HttpResponse } from '../http/index.js';
import { toCountedSamples, toPprof, toProfileText, type SampledProfile, type ValueType } from './profile-samples.js';
import { Profiler } from './profiler.js';

/** As Go's: a profile of the CPU is that long unless asked otherwise. */
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 300;

/** What each is here, for the index. */
const NAMES = {
  block: 'empty: Node has no such thing; the delay of the event loop is a metric',
  cmdline: 'the command line of this process',
  goroutine: 'what keeps the event loop alive, by kind; <code>?debug=2</code>: the stack of this request',
  heap: 'what lives of what was allocated since this was first asked for, and the rest of the heap in one piece',
  profile: `where the CPU is, for <code>?seconds=${DEFAULT_SECONDS}</code>, from 1 to ${MAX_SECONDS}; one at a time`,
  symbol: 'nothing: profiles have the names of functions in them',
  threadcreate: 'the threads of this process, by name',
};

/** What stands under `/debug/pprof`. */
export type ProfileName = keyof typeof NAMES;

type Answer = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** What is answered there, and at `/debug/pprof` itself. */
export interface ProfileAnswers extends Readonly<Record<ProfileName | 'index', Answer>> {
  /** Ends what samples the heap. */
  close(): void;
}

/** Makes the answers, of a process with that command line. */
export function createProfileAnswers(commandLine: readonly string[]): ProfileAnswers {
  const profiler = new Profiler();
  const none: SampledProfile['samples'] = [];
  return {
    index: () => text(index(), 'text/html; charset=utf-8'),
    cmdline: () => text(commandLine.join('\0')),
    symbol: () => text('num_symbols: 1\n'), // as Go answers, whatever it is asked for
    profile: sampling('profile', 'Could not enable CPU profiling: cpu profiling already in use', profiler),
    heap: sampling('heap', 'Could not take a heap profile: heap profiling already in use', profiler),
    goroutine: (request) => {
      if (query(request).get('debug') === '2') return text(`goroutine 1 [running]:\n${stack()}\n`);
      return respond('goroutine', request, counted('goroutine', toCountedSamples(process.getActiveResourcesInfo())));
    },
    block: (request) => {
      const delay: ValueType = ['delay', 'nanoseconds'];
      return respond('block', request, { ...counted('contentions', none), types: [['contentions', 'count'], delay] });
    },
    threadcreate: async (request) => {
      const names = await threadNames();
      if (!names) return unavailable('threadcreate - this system does not tell of threads');
      return respond('threadcreate', request, counted('threadcreate', toCountedSamples(names)));
    },
    close: () => profiler.close(),
  };
}

/** An answer that takes a while, to one at a time. */
function sampling(name: 'profile' | 'heap', inUse: string, profiler: Profiler): Answer {
  let isBusy = false;
  return async (request) => {
    const seconds = secondsOf(request, name === 'profile' ? DEFAULT_SECONDS : 0);
    if (seconds === undefined)
      return goError(400, `invalid value for "seconds" - must be a whole number from 1 to ${MAX_SECONDS}`);
    if (isBusy) return goError(name === 'profile' ? 500 : 503, inUse); // Go's answer to the one; it has none to the other
    const signal = request.signal ?? new AbortController().signal;
    isBusy = true;
    try {
      const lack = await findLack();
      if (lack !== undefined) return unavailable(`${name} - ${lack}`);
      const profile = await (name === 'profile' ? profiler.cpu(seconds, signal) : profiler.heap(seconds, signal));
      return await respond(name, request, profile);
    } catch (error) {
      if (signal.aborted) return goError(500, 'the client has left'); // which nobody reads
      throw error;
    } finally {
      isBusy = false;
    }
  };
}

function query({ query }: HttpRequest): URLSearchParams {
  return new URLSearchParams(query);
}

function secondsOf(request: HttpRequest, standard: number): number | undefined {
  const given = query(request).get('seconds');
  if (given === null) return standard;
  const seconds = /^\d{1,3}$/.test(given) ? Number(given) : 0;
  return seconds >= 1 && seconds <= MAX_SECONDS ? seconds : undefined;
}

function counted(type: string, samples: SampledProfile['samples']): SampledProfile {
  return {
    types: [[type, 'count']],
    period: { type: [type, 'count'], value: 1 },
    samples,
    beganMs: Date.now(),
    durationMs: 0,
  };
}

async function respond(name: string, request: HttpRequest, profile: SampledProfile): Promise<HttpResponse> {
  if (name !== 'profile' && !['0', '', null].includes(query(request).get('debug')))
    return text(toProfileText(name, profile));
  const format = await import('pprof-format').catch(() => undefined);
  if (!format) return unavailable(`${name} - ${NO_FORMAT}`);
  const { gzip } = await import('node:zlib');
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${name}"`,
    'X-Content-Type-Options': 'nosniff',
  };
  return { status: 200, headers, body: await promisify(gzip)(toPprof(format, profile)) };
}

const NO_FORMAT = 'pprof-format is not installed: npm install pprof-format';

/** Why V8's samples are not to be had here. */
async function findLack(): Promise<string | undefined> {
  if ('Bun' in globalThis) return 'this runtime has no such profiler';
  const found = await import('node:inspector/promises').catch(() => undefined);
  if (!found?.Session) return 'this runtime has no inspector';
  return (await import('pprof-format').catch(() => undefined)) ? undefined : NO_FORMAT;
}

/** On Linux, that of each thread; undefined elsewhere. */
async function threadNames(): Promise<string[] | undefined> {
  const { readdir, readFile } = await import('node:fs/promises');
  const folder = '/proc/self/task';
  const ids = await readdir(folder).catch(() => undefined);
  return ids && Promise.all(ids.map((id) => readFile(`${folder}/${id}/comm`, 'utf8').then(trim, () => '(ended)')));
}

function trim(line: string): string {
  return line.trim();
}

function index(): string {
  const rows = Object.entries(NAMES).map(
    ([name, what]) => `<li><a href="/debug/pprof/${name}">${name}</a>: ${what}</li>`,
  );
  return `<!doctype html>\n<title>/debug/pprof</title>\n<h1>/debug/pprof</h1>\n<ul>\n${rows.join('\n')}\n</ul>\n`;
}

function text(body: string, contentType = 'text/plain; charset=utf-8'): HttpResponse {
  return { status: 200, headers: { 'Content-Type': contentType, 'X-Content-Type-Options': 'nosniff' }, body };
}

/** As net/http/pprof words what went wrong. */
function goError(status: number, message: string): HttpResponse {
  return { ...text(`${message}\n`), status, headers: { ...text('').headers, 'X-Go-Pprof': '1' } };
}

function unavailable(why: string): HttpResponse {
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'X-Nsq-Content-Type': 'nsq; version=1.0' };
  return { status: 501, headers, body: JSON.stringify({ message: `PROFILE_NOT_AVAILABLE: ${why}` }) };
}

/** Of whoever calls, without the line that says what is wrong: nothing is. */
function stack(): string {
  return new Error().stack?.replace(/^.*\n/, '') ?? '';
}
