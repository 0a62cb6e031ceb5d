import { aSignal, checkOptions, clientTimers, withMethods, type Checks } from '../base/options.js';
import { DEFAULT_TIMERS, setTimer, type ClientTimers } from '../base/timers.js';
import { isTopicName, topicRegistration, type LookupResult, type Topology } from '../registry/index.js';
import { Wakeable, type Watch } from './wakeable.js';

/** How a topic is watched in the process. */
export interface WatchLookupOptions {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** For what time alone changes. Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
}

const CHECKS: Checks<WatchLookupOptions> = { signal: aSignal, timers: clientTimers };

/**
 * What `topology.lookup` answers of a topic, undefined for none: at once, and after each change, until the signal or the end of the
 * loop. Who is slow gets the newest. A change is also what time alone brings: a producer that falls silent, a tombstone that ends.
 * Throws a TypeError for a name that is not legal, and for what is wrong with the options.
 *
 * @example
 * ```js
 * import { watchLookup } from 'nsqlookupd/feed';
 * import { RegistrationDB, Topology } from 'nsqlookupd/registry';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * setTimeout(() => topology.createChannel('orders', 'billing'), 10);
 * for await (const found of watchLookup(topology, 'orders')) {
 *   console.log(found?.channels.join() ?? 'no such topic'); // billing
 *   if (found) break;
 * }
 * ```
 */
export function watchLookup(
  topology: Topology,
  topic: string,
  options: WatchLookupOptions = {},
): Watch<LookupResult | undefined> {
  withMethods('a Topology', 'producers', 'leave')('topology', topology);
  if (!isTopicName(topic)) throw new TypeError(`not a legal topic name: ${JSON.stringify(topic)}`);
  const { signal, timers = DEFAULT_TIMERS } = checkOptions('watchLookup', options, CHECKS);
  let timer: unknown;
  let last: string | undefined;

  const stopTimer = () => {
    if (timer !== undefined) timers.clearTimeout(timer);
    timer = undefined;
  };
  const take = (): { readonly value: LookupResult | undefined } | undefined => {
    stopTimer();
    const value = topology.lookup(topic);
    const waitMs = value ? value.changesAtMs - topology.clock() + 1 : Infinity;
    timer = setTimer(timers, () => watch.wake(), Math.max(0, waitMs));
    const now = value ? keyOf(topology, value) : '';
    if (now === last) return undefined;
    last = now;
    return { value };
  };
  const registration = topicRegistration(topic);
  const stop = topology.db.onChange((change) => {
    // Of a peer that has left, each registration is told as well.
    const isOfTopic =
      'registration' in change
        ? change.registration.key === topic
        : change.type === 'peerTouched' && topology.db.getProducer(registration, change.peer);
    if (isOfTopic) watch.wake();
  });
  const end = () => {
    stop();
    stopTimer();
  };
  const watch = new Wakeable(take, end, signal);
  return watch;
}

/** Tells one answer from another. */
function keyOf({ db }: Topology, { channels, producers }: LookupResult): string {
  return `${channels.join()} ${producers.map((peer) => db.keyOf(peer)).join()}`;
}
