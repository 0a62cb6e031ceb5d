const NAME = /^[.a-zA-Z0-9_-]+(#ephemeral)?$/;
const MAX_NAME_LENGTH = 64;

/**
 * Whether `name` may name a topic: 1 to 64 characters of `.`, `a-z`, `A-Z`, `0-9`, `_`, `-`, with an
 * optional `#ephemeral` at the end that counts towards the length. NSQ's own rule.
 */
export function isTopicName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && NAME.test(name);
}

/** Whether `name` may name a channel. NSQ has one rule for both kinds of names. */
export const isChannelName = isTopicName;

/** Whether a topic or channel of that name goes when its last producer does. */
export function isEphemeral(name: string): boolean {
  return name.endsWith('#ephemeral');
}
