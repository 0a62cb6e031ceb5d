/** How much a client wants a media type, from 0 to 1, as its `Accept` header has it. */
export function qualityOf(accept: string, type: string): number {
  const [family] = type.split('/');
  let best = { precision: -1, quality: 0 };
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const precision = ['*/*', `${family}/*`, type].indexOf(name);
    if (precision < 0 || precision < best.precision) continue;
    const given = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const quality = given === undefined ? 1 : Number(given) || 0;
    best = { precision, quality: precision === best.precision ? Math.max(best.quality, quality) : quality };
  }
  return best.quality;
}
