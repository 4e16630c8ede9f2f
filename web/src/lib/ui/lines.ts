// Turns a row of numbers with gaps into the paths of a line chart. Pure: it draws nothing.

/** One path for each unbroken run of `values`, one unit a step; a run of one value is a dot. */
export function lineSegments(values: readonly (number | null)[], top: number, height: number): string[] {
  const runs: string[][] = [];
  let run: string[] | null = null;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      run = null;
      continue;
    }
    if (run === null) {
      run = [];
      runs.push(run);
    }
    run.push(`${index},${(height - (Math.max(0, value) / top) * height).toFixed(2)}`);
  }
  return runs.map((points) => (points.length === 1 ? `M${points[0]}h0` : `M${points.join('L')}`));
}

/** The top of a scale that holds `value`: a round number, so that it can stand at the axis. */
export function roundTop(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8].find((each) => value <= each * power);
  return (step ?? 10) * power;
}
