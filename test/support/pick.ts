/** The options that the checks are of. */
export function pick<O extends object, K extends keyof O>(
  options: O,
  checks: { readonly [N in K]: unknown },
): Pick<O, K> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(checks, name))) as Pick<O, K>;
}
