export interface Runtime {
  readonly id: string;
  /** Where its program lies in the folder of the programs. */
  readonly program: string;
  /** What tells its version, where that is another program. */
  readonly versionOf?: string;
  /** The arguments that run test files and write a report of them. */
  readonly args: (files: readonly string[], report: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Test files that it cannot run, and why. */
  readonly cannot: Readonly<Record<string, string>>;
  /** Tests that fail or are skipped on it, by the end of their names, and why that is so. One that passes again is to go from here. */
  readonly differs?: Readonly<Record<string, string>>;
  /** Tests of its own, instead of those that the others run. */
  readonly own?: readonly string[];
}

/** What every runtime runs. */
export const FILES: readonly string[] = [
  'registration-db',
  'topology',
  'answer-cache',
  'duration',
  'protocol',
  'captures',
  'conformance-memory',
  'tcp-handler',
  'http-handler',
  'hostile-peers',
  'host-faults',
  'daemon',
  'clients',
  'hostile-clients',
  'message-stream',
  'client',
  'client-faults',
  'client-garbage',
  'client-fuzz',
  'registration-db-reentrant',
  'testing',
  'package',
  'session',
  'turns',
  'slices',
  'router',
  'access',
  'feed',
  'watch',
  'warm-restart',
  'client-watch',
  'client-misuse',
  'http-misuse',
  'operate-health',
  'operate-discovery',
  'shared',
  'shared-faults',
  'union',
  'zones',
];

/** What none runs, and why. */
export const NOT_HERE: Readonly<Record<string, string>> = {
  command: 'starts the command as a process of its own, which is no part of what an embedding host runs',
  'conformance-command': 'starts the command as a process of its own, which is no part of what an embedding host runs',
  'client-daemon': 'starts the command as a process of its own, which is no part of what an embedding host runs',
  docs: 'starts the command as a process of its own, which is no part of what an embedding host runs',
  resources: 'starts the command as a process of its own, which is no part of what an embedding host runs',
  examples: 'starts each example as a process of its own, by the name of Node',
  hosts: 'runs other people’s frameworks, which have runtimes of their own to look after',
  transports: 'has sockets, workers and ws of Node’s: message-stream has what is the package’s own',
  'client-leaks': 'counts what Node’s collector leaves',
  'embedding-faults': 'starts programs by the name of Node, and counts what its collector leaves',
  'adapter-faults': 'runs other people’s frameworks, which have runtimes of their own to look after',
  'hono-middlewares': 'runs Hono’s server for Node',
  'fetch-status': 'is about a Response of Node’s',
  strangers: 'is about Node’s sockets and http server',
  shutdown: 'is about Node’s http server',
  'worker-faults': 'is about Node’s Worker',
  packed: 'is about npm and the package',
  'api-report': 'is about the TypeScript compiler',
  types: 'is about the TypeScript compiler',
  modules: 'reads the sources, and runs nothing',
  build: 'is about the TypeScript compiler',
  settings: 'starts scripts by the name of Node, and is about the command',
  subcommands: 'starts the command as a process of its own, which is no part of what an embedding host runs',
  'restart-command': 'starts the command as a process of its own, which is no part of what an embedding host runs',
  'conformance-sockets': 'says over sockets what conformance-memory says without',
  'access-daemon': 'is about the command, its files and its signals',
  'client-refusals': 'has servers of Node’s that refuse in its ways',
  'client-urls': 'is about the ports that Node’s fetch forbids',
  deploy: 'is about files for Linux',
  'deploy-monitoring': 'is about promtool',
  'fast-path': 'is about Node’s http server',
  'file-store': 'is about files and signals of Node’s',
  findings: 'asks a command that it starts',
  'operate-metrics': 'has prom-client count what Node’s process tells',
  'operate-openapi': 'asks a command that it starts',
  profiles: 'is about Node’s inspector',
  'slow-clients': 'is about Node’s http server',
  tls: 'is about Node’s TLS, and openssl',
  'union-faults': 'has servers of Node’s that answer what no lookupd does',
  'union-command': 'starts the command as a process of its own, which is no part of what an embedding host runs',
  migration: 'starts the command as a process of its own, which is no part of what an embedding host runs',
  'shared-processes': 'starts the command as a process of its own, which is no part of what an embedding host runs',
  'shared-redis': 'starts a redis-server, for clients that are Node’s',
  'shared-redis-hostile': 'has servers of node:net, for clients that are Node’s',
  'shared-redis-kinds': 'starts a redis-server, for clients that are Node’s',
  'watch-daemon': 'is about the files and listeners of a daemon',
  page: 'is about files, and a command that it starts',
  pages: 'reads the documents, and runs nothing of the package’s',
  'watch-hosts': 'runs other people’s frameworks, which have runtimes of their own to look after',
};

/** The test files, of those that there are, that are in neither list, or in a list and not there. */
export function unlisted(files: readonly string[]): string[] {
  const known = [...FILES, ...Object.keys(NOT_HERE)];
  return [...files.filter((name) => !known.includes(name)), ...known.filter((name) => !files.includes(name))];
}

const nodeArgs: Runtime['args'] = (files, report) => [
  '--expose-gc',
  '--test',
  '--test-reporter=junit',
  `--test-reporter-destination=${report}`,
  ...files,
];

function node(major: number): Runtime {
  return { id: `node${major}`, program: `node${major}/bin/node`, args: nodeArgs, cannot: {} };
}

/** The first is what the others are held against: they must run the tests that it runs. Its report tells files. */
export const RUNTIMES: readonly Runtime[] = [
  node(26),
  node(24),
  node(22),
  node(20),
  {
    id: 'bun',
    program: '@oven/bun-linux-x64/bin/bun',
    args: (files, report) => [
      'test',
      '--no-install',
      '--timeout=60000', // node:test has no limit unless a test says one; bun has 5 seconds
      '--preload=./build/test/runtimes/bun-gc.js',
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    // Its HTTP server is no server of node:net's, and its connections are no sockets of it.
    differs: {
      'are parsed little by little, however many come in one chunk':
        'it publishes no http.server.request.start, by which the test counts',
      'gives all peers one shape, as V8 gives those that are spread together one each, and is slow to read them':
        'its engine is not V8',
      'gives all registrations of a snapshot one shape, as V8 is slow to read those that have one each':
        'its engine is not V8',
      'gives all producers one shape, and all nodes, as V8 is slow to read those that have one each':
        'its engine is not V8',
      'costs no promise where all do, with authorize and without': 'it does not count promises',
      'takes no more memory than it says, and less than half a kilobyte a registration':
        'what is counted is what V8 takes: its engine takes a fifth more',
      'with a CONNECT behind an answer that is under way are cut off, and not mixed': 'a 404 follows that answer',
      'TCP asks after a silent client as late as in Go': 'connections over HTTP have no keep-alive timer',
      'say of a lookupd that it starts, serves, waits for a condition, and closes':
        'a connection that closes gives the answer under way, and not those to what was sent behind it',
    },
    cannot: {
      package: 'bun does not know the condition module-sync: require gives the CommonJS build, not what import gives',
    },
  },
  {
    id: 'deno',
    program: '@deno/linux-x64-glibc/deno',
    args: (files, report) => [
      'test',
      '--no-check',
      '--no-lock',
      '--no-remote',
      '--v8-flags=--expose-gc',
      '--allow-read',
      '--allow-net',
      '--allow-env', // for the frameworks and fast-check, not for the package
      '--allow-sys=hostname',
      `--junit-path=${report}`,
      ...files,
    ],
    differs: {
      'the command > answers all of it but /stats, and less when it is told so': 'it may start no program',
      'the command > logs objects, one a line, with -log-format=json': 'it may start no program',
      'finds nsqds for a real Prometheus': 'it may write no file',
      'TCP asks after a silent client as late as in Go': 'it may not read /proc/net/tcp',
    },
    env: { DENO_DIR: 'build/runtimes/deno', DENO_NO_UPDATE_CHECK: '1' },
    cannot: {
      'hostile-clients': "one of its tests: deno's node:http leaves a connection open after 417, whatever the timeouts",
    },
  },
  {
    id: 'workerd',
    program: 'node24/bin/node', // miniflare wants Node 22 or newer
    versionOf: '@cloudflare/workerd-linux-64/bin/workerd',
    args: nodeArgs,
    cannot: {},
    own: ['runtimes/workerd'],
  },
];
