const [WIDTH, HEIGHT] = [860, 420];
const PLOT = { left: 70, right: 560, top: 50, bottom: 370 };
const COLORS = ['#0b6fb8', '#d1495b', '#2e8b57', '#8a4fbf', '#b8860b', '#008b8b', '#555555'];
const MIN_LABEL_DISTANCE = 17;

/** Lines over sizes, both axes logarithmic, as SVG. */
export function toChart(
  title: string,
  sizes: readonly number[],
  lines: ReadonlyMap<string, readonly number[]>,
): string {
  const values = [...lines.values()].flat();
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const [first, last] = [Math.log10(sizes[0]!), Math.log10(sizes.at(-1)!)];
  const x = (size: number) => PLOT.left + ((Math.log10(size) - first) / (last - first)) * (PLOT.right - PLOT.left);
  const y = (value: number) => PLOT.bottom - ((Math.log10(value) - low) / (high - low)) * (PLOT.bottom - PLOT.top);
  const text = (atX: number, atY: number, words: string, more = '') =>
    `<text x="${atX.toFixed(1)}" y="${atY.toFixed(1)}" ${more}>${words}</text>`;

  const grid = Array.from({ length: high - low + 1 }, (_, i) => {
    const at = y(10 ** (low + i));
    return [
      `<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}" stroke="#ddd"/>`,
      text(PLOT.left - 8, at + 4, String(10 ** (low + i)), 'text-anchor="end" fill="#555"'),
    ].join('\n');
  });
  const ticks = sizes.map((size) =>
    text(x(size), PLOT.bottom + 22, size.toLocaleString('en-US'), 'text-anchor="middle" fill="#555"'),
  );

  const order = [...lines].sort(([, a], [, b]) => b.at(-1)! - a.at(-1)!);
  let labelY = -Infinity;
  const drawn = order.map(([name, all], i) => {
    const color = COLORS[i % COLORS.length]!;
    labelY = Math.max(labelY + MIN_LABEL_DISTANCE, y(all.at(-1)!) + 4);
    const points = all.map((value, s) => `${x(sizes[s]!).toFixed(1)},${y(value).toFixed(1)}`);
    return [
      `<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`,
      ...points.map(
        (point) => `<circle cx="${point.split(',')[0]!}" cy="${point.split(',')[1]!}" r="3" fill="${color}"/>`,
      ),
      text(PLOT.right + 12, labelY, name, `fill="${color}"`),
    ].join('\n');
  });

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(PLOT.left, 26, title, 'font-size="15" fill="#222"'),
    ...grid,
    ...ticks,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}
