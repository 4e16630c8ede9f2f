// Decides which unchanged lines of a comparison are folded away: none near a change or a finding. Pure.

/** A run of lines that both texts have; line numbers from 1. */
export type Gap = { fromA: number; fromB: number; lines: number };
export type CollapseOptions = {
  /** Lines of the newer text that stay in sight, with their surroundings. */
  keep: readonly number[];
  /** Lines that stay on each side of what is in sight. */
  margin: number;
  /** Fewer lines than this are not worth folding. */
  minLines: number;
};

/** The runs to fold, in order. The ends of a text need no margin on their outer side. */
export function collapsedRuns(gaps: readonly Gap[], { keep, margin, minLines }: CollapseOptions): Gap[] {
  const runs: Gap[] = [];
  gaps.forEach((gap, index) => {
    const isFirst = index === 0 && gap.fromB === 1;
    const isLast = index === gaps.length - 1;
    const shown = keep
      .map((line) => line - gap.fromB)
      .filter((offset) => offset >= 0 && offset < gap.lines)
      .sort((a, b) => a - b);
    let from = isFirst ? 0 : margin;
    const end = isLast ? gap.lines : gap.lines - margin;
    for (const offset of [...shown, Number.POSITIVE_INFINITY]) {
      const to = Math.min(end, offset - margin);
      if (to - from >= minLines) runs.push({ fromA: gap.fromA + from, fromB: gap.fromB + from, lines: to - from });
      from = Math.max(from, offset + margin + 1);
    }
  });
  return runs;
}
