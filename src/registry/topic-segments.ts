/** Some topics that came one after another, and when one of them last came or went. */
export interface TopicSegment {
  /** The db's, when a topic of these was last added or removed. */
  readonly revision: number;
  /** In the order in which they came. */
  readonly topics: Iterable<string>;
}

class Segment implements TopicSegment {
  revision = 0;
  readonly topics = new Set<string>();
}

const MAX_TOPICS = 2048;

/**
 * All topics, in segments: who keeps what is made of a segment makes anew, after a change, only what that touches, however many
 * topics there are.
 */
export class TopicSegments {
  readonly #segments = new Set<Segment>();
  readonly #byTopic = new Map<string, Segment>();
  #last: Segment | undefined;

  [Symbol.iterator](): IterableIterator<TopicSegment> {
    return this.#segments.values();
  }

  add(topic: string, revision: number): void {
    let last = this.#last;
    if (!last || last.topics.size >= MAX_TOPICS) this.#segments.add((this.#last = last = new Segment()));
    last.topics.add(topic);
    last.revision = revision;
    this.#byTopic.set(topic, last);
  }

  delete(topic: string, revision: number): void {
    const segment = this.#byTopic.get(topic);
    if (!segment) return;
    this.#byTopic.delete(topic);
    segment.topics.delete(topic);
    segment.revision = revision;
    if (segment.topics.size > 0) return;
    this.#segments.delete(segment);
    if (segment === this.#last) this.#last = undefined;
  }
}
