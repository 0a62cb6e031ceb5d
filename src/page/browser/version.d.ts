/** The package's, as it was when the page was built. */
declare const VERSION: string;
