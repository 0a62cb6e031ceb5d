const NAME = /^[.a-zA-Z0-9_-]+(#ephemeral)?$/;
const MAX_NAME_LENGTH = 64;

/**
 * Whether `name` may name a topic: 1 to 64 characters of `.`, `a-z`, `A-Z`, `0-9`, `_`, `-`, with an
 * optional `#ephemeral` at the end that counts towards the length. NSQ's own rule. Over TCP a name that may not is
 * answered `E_BAD_TOPIC`, over HTTP `INVALID_ARG_TOPIC`.
 *
 * @example
 * ```js
 * import { isTopicName } from 'nsqlookupd';
 *
 * console.log(isTopicName('orders')); // true
 * console.log(isTopicName('orders#ephemeral')); // true
 * console.log(isTopicName('new orders')); // false
 * ```
 */
export function isTopicName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && NAME.test(name);
}

/**
 * Whether `name` may name a channel. NSQ has one rule for both kinds of names.
 *
 * @example
 * ```js
 * import { isChannelName } from 'nsqlookupd';
 *
 * console.log(isChannelName('billing')); // true
 * console.log(isChannelName('*')); // false
 * ```
 */
export const isChannelName = isTopicName;

/**
 * Whether a topic or channel of that name goes when its last producer does: whether it ends in `#ephemeral`.
 *
 * @example
 * ```js
 * import { isEphemeral } from 'nsqlookupd';
 *
 * console.log(isEphemeral('tail#ephemeral')); // true
 * ```
 */
export function isEphemeral(name: string): boolean {
  return name.endsWith('#ephemeral');
}
