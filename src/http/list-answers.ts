import { ANY, type PeerInfo, type Topology } from '../registry/index.js';
import type { HttpResponse } from './http-message.js';
import { sharedRevision, type KeptCache } from './kept-cache.js';
import { createNodesAnswer } from './nodes-answer.js';
import { failure, json, kept, toBytes, toJson } from './responses.js';
import { toBody, type Parts } from './slices.js';
import { nearest, placesOf, reducePlace, type Place, type PlacesOf, type ZonePolicy } from './zones.js';
import { listed, map, openPeer, registryParts } from './wire-json.js';

const TOPIC_NOT_FOUND = toBytes(failure(404, 'TOPIC_NOT_FOUND'));

/** Of a zone or region in a set, beside its text. */
const PLACE_BYTES = 64;

/** To put so much of a list together is a step of work. */
const BYTES_PER_STEP = 128;

type Peers = readonly PeerInfo[];

/** What an answer is made of, and when time alone will change it; never, if that is left out. */
interface Made {
  readonly parts: Parts;
  readonly changesAtMs?: number;
}

/** The answers that are lists, which may be long, by the routes that give them. */
export interface ListAnswers {
  topics(): HttpResponse;
  channels(topic: string): HttpResponse;
  lookup(topic: string): HttpResponse;
  /** The same for a caller who is there. */
  lookupFrom(topic: string, place: Place, policy: ZonePolicy): HttpResponse;
  nodes(): HttpResponse;
  debug(): HttpResponse;
}

/**
 * Makes answers out of parts. One that is short is kept whole until it changes. Of one that is long what it is made of is kept, a
 * node or some topics that came one after another, so that after a change only what has changed is made anew, and nobody who
 * reads slowly holds an answer that is stale.
 */
export function createListAnswers(topology: Topology, cache: KeptCache): ListAnswers {
  const { db, work } = topology;
  const encoder = new TextEncoder();
  const openPeers = new WeakMap<PeerInfo, string>();

  const openOf = (peer: PeerInfo): string => {
    let open = openPeers.get(peer);
    if (open === undefined) openPeers.set(peer, (open = openPeer(peer)));
    return open;
  };

  /** What is kept under that key, or is made now; a topic that is not there makes nothing. */
  const answer = (key: string, revisionNow: () => number, make: () => Made | undefined): HttpResponse => {
    const known = cache.get(key, revisionNow()) as HttpResponse | undefined;
    if (known) return known;
    const made = make();
    if (!made) return TOPIC_NOT_FOUND;
    const body = toBody(made.parts, work);
    const response = json(body);
    if (!(body instanceof Uint8Array)) return response;
    const { changesAtMs = Infinity } = made;
    const entry = cache.set(key, revisionNow(), { value: response, bytes: body.length, changesAtMs });
    if (!entry) return response;
    let lookedAt = db.revision;
    return kept(response, () => {
      if (!cache.isInTime(entry)) return false;
      // As long as nothing at all has changed, no key is looked up.
      if (lookedAt !== db.revision && entry.revision !== revisionNow()) return false;
      lookedAt = db.revision;
      return true;
    });
  };

  function* topicParts(): Generator<string | Uint8Array, void, undefined> {
    yield '{"topics":[';
    let isFirst = true;
    for (const segment of db.topicSegments()) {
      let bytes = cache.get(segment, segment.revision) as Uint8Array | undefined;
      if (!bytes) {
        bytes = encoder.encode([...map(segment.topics, (topic) => `,${toJson(topic)}`)].join(''));
        work.spend(bytes.length / BYTES_PER_STEP); // each name was put together for it
        cache.set(segment, segment.revision, { value: bytes, bytes: bytes.length, changesAtMs: Infinity });
      }
      yield isFirst ? bytes.subarray(1) : bytes;
      isFirst = false;
    }
    yield ']}';
  }

  const channelNames = (topic: string) =>
    listed(map(db.eachRegistration('channel', topic, ANY), ({ subkey }) => toJson(subkey)));

  function* channelParts(topic: string): Generator<string, void, undefined> {
    yield '{"channels":[';
    yield* channelNames(topic);
    yield ']}';
  }

  function* lookupParts(topic: string, producers: readonly PeerInfo[]): Generator<string, void, undefined> {
    yield '{"channels":[';
    yield* channelNames(topic);
    yield '],"producers":[';
    yield* listed(map(producers, (peer) => `${openOf(peer)}}`));
    yield ']}';
  }

  const revisionOf = (topic: string) => sharedRevision(db, topic === ANY ? db.revision : db.revisionOf(topic));

  const producersOf = (topic: string) => {
    const found = topology.producers(topic);
    if (found) work.spend(found.producers.length);
    return found;
  };

  const lookup = (topic: string, key = `lookup ${topic}`, told: (all: Peers) => Peers = (all) => all) =>
    answer(
      key,
      () => revisionOf(topic),
      () => {
        const found = producersOf(topic);
        return found && { parts: lookupParts(topic, told(found.producers)), changesAtMs: found.changesAtMs };
      },
    );

  const placesIn = (topic: string): PlacesOf | undefined => {
    const [key, revision] = [`places ${topic}`, revisionOf(topic)];
    const known = cache.get(key, revision) as PlacesOf | undefined;
    const found = known ? undefined : producersOf(topic);
    if (!found) return known;
    const places = placesOf(found.producers);
    const bytes = [...places.zones, ...places.regions].reduce((sum, { length }) => sum + length + PLACE_BYTES, 0);
    cache.set(key, revision, { value: places, bytes, changesAtMs: found.changesAtMs });
    return places;
  };

  return {
    topics: () =>
      answer(
        'topics',
        () => db.topicsRevision,
        () => ({ parts: topicParts() }),
      ),
    channels: (topic) =>
      answer(
        `channels ${topic}`,
        () => revisionOf(topic),
        () => ({ parts: channelParts(topic) }),
      ),
    lookup: (topic) => lookup(topic),
    lookupFrom: (topic, place, policy) => {
      const places = placesIn(topic);
      const near = places && reducePlace(place, places, policy);
      if (!near) return lookup(topic);
      return lookup(topic, `lookup ${topic} ${toJson([near.zone, near.region])}`, (all) => nearest(all, near, policy));
    },
    nodes: createNodesAnswer(topology, cache, openOf),
    debug: () => json(toBody(registryParts(topology), work)),
  };
}
