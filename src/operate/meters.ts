import type { Clock } from '../base/clock.js';
import { createSteadyClock } from '../base/clock.js';
import { isThenable } from '../base/error-report.js';
import { aClock, checkOptions, type Checks } from '../base/options.js';
import type { HttpDecorator, HttpResult, RouteRow } from '../http/index.js';
import { Counts, type Cell } from './counts.js';
import { Histogram } from './histogram.js';
import type { Metric } from './metric.js';

/** Options of `Meters`, all of which may be left out. */
export interface MetersOptions {
  /** What answers are timed with: milliseconds. Default: `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
}

const CHECKS: Checks<MetersOptions> = { clock: aClock };

const COMMANDS = ['identify', 'register', 'unregister', 'ping'];
const CODES = ['E_INVALID', 'E_BAD_BODY', 'E_BAD_TOPIC', 'E_BAD_CHANNEL', 'E_BAD_PROTOCOL'];
const LIMITS = [
  ...['maxLineBytes', 'maxBodyBytes', 'maxFieldLength', 'maxRegistrations', 'maxConnections', 'maxUnfinishedBytes'],
  ...['identifyTimeoutMs', 'silenceTimeoutMs', 'drainTimeoutMs', 'httpMaxConnections', 'httpMaxBodyBytes'],
  ...[
    'httpMaxUnsentBytes',
    'httpMaxPipelinedRequests',
    'httpAnswerTimeoutMs',
    'httpMaxHeaderBytes',
    'httpRequestTimeoutMs',
  ],
];
/** What is asked for that is no route. */
const OTHER = 'other';

/** What was answered under a path. */
class RouteMeter {
  readonly durations = new Histogram();
  readonly #counts: Counts;
  readonly #refusals: Counts;
  readonly #route: string;
  #status = 0;
  #cell: Cell | undefined;

  constructor(route: string, counts: Counts, refusals: Counts) {
    this.#route = route;
    this.#counts = counts;
    this.#refusals = refusals;
  }

  answered(status: number, ms: number): void {
    if (!this.#cell || status !== this.#status) this.#cell = this.#counts.cell(this.#route, String(status));
    this.#status = status;
    this.#cell.count++;
    this.durations.observe(Math.max(0, ms) / 1000); // a clock may be set back
    if (status === 401 || status === 403) this.#refusals.add('http');
  }
}

/** The observer of `createTcpHandler`, as it counts. */
export interface PeerMeter {
  /** Counts a command by its name and result. */
  readonly command: (name: string, result: string) => void;
  /** Counts an error by its code. */
  readonly error: (code: string) => void;
  /** Counts a peer that `admit` has refused. */
  readonly refused: () => void;
  /** Counts a limit that was met. */
  readonly limit: (name: string) => void;
}

/**
 * Counts what happens, in plain numbers: `peers` is to be handed to `createTcpHandler` as `observe`, and `decorator` around the
 * HTTP handler. `metrics` has them. Throws a TypeError when an option is unknown or of the wrong kind.
 *
 * @example
 * ```js
 * import { createHttpHandler, createTcpHandler, decorate, RegistrationDB, Topology } from 'nsqlookupd';
 * import { Meters } from 'nsqlookupd/operate';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const meters = new Meters();
 * const announce = { broadcastAddress: 'lookupd.example.com', tcpPort: 4160, httpPort: 4161 };
 * const tcpHandler = createTcpHandler({ topology, announce, observe: meters.peers });
 * const routed = createHttpHandler({ topology });
 * const handler = decorate(routed, meters.decorator(() => routed.routes));
 * await handler({ method: 'GET', path: '/ping', query: '', headers: {} });
 * const requests = meters.metrics.find(({ name }) => name === 'nsqlookupd_http_requests_total');
 * for (const { labels, value } of (await requests?.samples()) ?? []) console.log(labels.route, value); // /ping 1
 * ```
 */
export class Meters {
  readonly #clock: Clock;
  readonly #commands = new Counts().expect(COMMANDS, 'OK');
  readonly #errors = new Counts().expect(CODES);
  readonly #refusals = new Counts().expect(['tcp', 'http']);
  readonly #limits = new Counts().expect(LIMITS);
  readonly #requests = new Counts();
  readonly #routes = new Map<string, RouteMeter>();
  /** For `observe` of `createTcpHandler`; `limit` takes limits of an HTTP server as well. */
  readonly peers: PeerMeter = {
    command: (name, result) => this.#commands.add(name, result),
    error: (code) => this.#errors.add(code),
    refused: () => this.#refusals.add('tcp'),
    limit: (name) => this.#limits.add(name),
  };

  constructor(options?: MetersOptions) {
    this.#clock = checkOptions('Meters', options, CHECKS).clock ?? createSteadyClock();
  }

  /**
   * Makes a decorator that counts and times answers by route and status. Routes are the paths of those rows, which are asked
   * for at the first request; all else that is asked for is `other`. What the handler leaves to the host is not counted.
   */
  decorator(rows: () => readonly RouteRow[]): HttpDecorator {
    return (handler) => {
      let routes: ReadonlyMap<string, RouteMeter> | undefined;
      const other = this.#meterOf(OTHER);
      return (request) => {
        routes ??= new Map(rows().map(({ path }) => [path, this.#meterOf(path)]));
        const route = routes.get(request.path) ?? other;
        const startMs = this.#clock();
        const result = handler(request);
        return isThenable(result)
          ? result.then((later) => this.#answered(route, startMs, later))
          : this.#answered(route, startMs, result);
      };
    };
  }

  #answered(route: RouteMeter, startMs: number, result: HttpResult): HttpResult {
    if (result) route.answered(result.status, this.#clock() - startMs);
    return result;
  }

  /** What was counted. */
  get metrics(): readonly Metric[] {
    return [
      {
        name: 'nsqlookupd_commands_total',
        help: 'Commands of peers that were answered, by name and result.',
        type: 'counter',
        samples: () => this.#commands.samples('command', 'result'),
      },
      {
        name: 'nsqlookupd_protocol_errors_total',
        help: 'Errors that peers were told of, by code.',
        type: 'counter',
        samples: () => this.#errors.samples('code'),
      },
      {
        name: 'nsqlookupd_refusals_total',
        help: 'Peers that were not let in, and requests that were answered 401 or 403.',
        type: 'counter',
        samples: () => this.#refusals.samples('listener'),
      },
      {
        name: 'nsqlookupd_limits_met_total',
        help: 'How often a limit was met, by the option that sets it.',
        type: 'counter',
        samples: () => this.#limits.samples('limit'),
      },
      {
        name: 'nsqlookupd_http_requests_total',
        help: 'HTTP requests that were answered, by route and status.',
        type: 'counter',
        samples: () => this.#requests.samples('route', 'status'),
      },
      {
        name: 'nsqlookupd_http_request_duration_seconds',
        help: 'How long answers took to make, without their sending.',
        type: 'histogram',
        samples: () => [...this.#routes].flatMap(([route, { durations }]) => [...durations.samples({ route })]),
      },
    ];
  }

  #meterOf(route: string): RouteMeter {
    let meter = this.#routes.get(route);
    if (!meter) this.#routes.set(route, (meter = new RouteMeter(route, this.#requests, this.#refusals)));
    return meter;
  }
}
