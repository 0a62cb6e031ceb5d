import { STATES, type State } from './state.js';

/** Red, green, blue. */
export type Colour = readonly [number, number, number];
/** Of a producer, and of where there is none. */
export type Colours = Readonly<Record<State | 'none', Colour>>;

/** As the bytes of a picture stand in memory, on every machine that runs a browser. */
export function toInk([red, green, blue]: Colour, strength = 1): number {
  return ((Math.round(strength * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** As the style sheet has them, light or dark. */
export function readColours(style: CSSStyleDeclaration): Colours {
  const read = (name: string): Colour => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Colour;
  };
  return Object.fromEntries([...STATES, 'none'].map((name) => [name, read(`--${name}`)])) as Colours;
}
