/** The time now in milliseconds since 1970, fractions allowed: `Date.now`, or a clock that a test turns. */
export type Clock = () => number;
