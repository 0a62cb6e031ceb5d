/** Registries of a size, and what is asked of them. */
export interface World {
  readonly topics: number;
  readonly producersPerTopic: number;
  readonly channels: readonly string[];
}

export const WORLDS: Readonly<Record<string, World>> = {
  small: { topics: 20, producersPerTopic: 1, channels: ['c'] },
  medium: { topics: 5_000, producersPerTopic: 20, channels: ['c', 'd'] },
  // 200 nodes that carry 500 topics each.
  large: { topics: 100_000, producersPerTopic: 1, channels: [] },
};

export function topicName(i: number): string {
  return `topic_${i}`;
}

export const NODES = 200;

export const CHANGE_EVERY_MS = 10;
export const CHANGES_AT_ONCE = 50;

/** One of 5,000 changes a second, of topic 0 or of ten others: each registration is taken back by the next turn. */
export function changeAt(turn: number, isItself: boolean): { type: 'register' | 'unregister'; topic: string } {
  const topic = topicName(isItself ? 0 : 1 + ((turn >> 1) % 10));
  return { type: turn % 2 === 0 ? 'register' : 'unregister', topic };
}

/** Who registers what: a topic's producers are neighbours of 200 nodes. */
export function* registrationsOf(world: World): Generator<{ node: number; topic: string; channel: string }> {
  for (let i = 0; i < world.topics; i++) {
    for (let p = 0; p < world.producersPerTopic; p++) {
      for (const channel of ['', ...world.channels]) yield { node: (i + p) % NODES, topic: topicName(i), channel };
    }
  }
}
