// Turns a row of numbers into the two paths of a small chart. Pure: it draws nothing.

export type SparklinePath = { line: string; area: string };

/** The line and the area under it for `values` in a box of `width` × `height`; null for fewer than two values or all zero. */
export function sparklinePath(values: readonly number[], width: number, height: number): SparklinePath | null {
  const top = Math.max(...values, 0);
  if (values.length < 2 || top <= 0) return null;
  const stepX = width / (values.length - 1);
  const points = values.map((value, index) => {
    const y = height - 1 - (Math.max(0, value) / top) * (height - 3);
    return `${(index * stepX).toFixed(1)},${y.toFixed(1)}`;
  });
  const line = `M${points.join('L')}`;
  return { line, area: `${line}L${width},${height}L0,${height}Z` };
}
