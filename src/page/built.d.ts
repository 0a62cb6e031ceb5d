/** The page as `npm run build:page` makes it of `browser/`: one document, with its script and its style inside. */
export declare const PAGE: {
  readonly html: string;
  /** Names that script and that style by their hashes, and nothing else. */
  readonly policy: string;
  readonly tag: string;
};
