/**
 * The time now in milliseconds since 1970, fractions allowed: `Date.now`, or a clock that a test turns. It may be set
 * back; what it throws costs the connection or the request that was being served, and nothing else.
 */
export type Clock = () => number;
