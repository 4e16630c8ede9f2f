// Orders findings for reading: by file, the worst first. Pure.
import type { FindingFragment } from '#lib/graphql/generated/graphql.ts';

export type FindingGroup = {
  file: string | null;
  findings: FindingFragment[];
  errors: number;
  warnings: number;
  notices: number;
};

const WEIGHT = { ERROR: 0, WARNING: 1, NOTICE: 2 } as const;

/** Groups by file; files with errors first, then by name; what concerns the whole package comes before all files. */
export function groupFindings(findings: readonly FindingFragment[]): FindingGroup[] {
  const groups = new Map<string, FindingGroup>();
  for (const finding of findings) {
    const file = finding.file ?? null;
    const key = file ?? '';
    let group = groups.get(key);
    if (group === undefined) {
      group = { file, findings: [], errors: 0, warnings: 0, notices: 0 };
      groups.set(key, group);
    }
    group.findings.push(finding);
    if (finding.severity === 'ERROR') group.errors += 1;
    else if (finding.severity === 'WARNING') group.warnings += 1;
    else group.notices += 1;
  }
  for (const group of groups.values()) {
    group.findings.sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity] || (a.line ?? 0) - (b.line ?? 0));
  }
  return [...groups.values()].sort(
    (a, b) =>
      Number(a.file !== null) - Number(b.file !== null) ||
      Number(b.errors > 0) - Number(a.errors > 0) ||
      (a.file ?? '').localeCompare(b.file ?? ''),
  );
}

/** "net.lua:42:7", as far as the place is known. */
export function placeOf(finding: { file?: string | null; line?: number | null; column?: number | null }): string {
  return [finding.file, finding.line, finding.column].filter((part) => part !== null && part !== undefined).join(':');
}
