// What a rescan found, in the shape of the findings that a reviewer walks through. Pure.
import type { FindingFragment } from '#lib/graphql/generated/graphql.ts';

const PREFIX = 'rescan:';

/** The findings of the newest flag; they have no ids of their own and take no comments. */
export function rescanFindings(
  flags: readonly { id: string; findings: readonly Omit<FindingFragment, 'id'>[] }[],
): FindingFragment[] {
  const [newest] = flags;
  return (newest?.findings ?? []).map((finding, index) => ({ ...finding, id: `${PREFIX}${newest?.id}:${index}` }));
}

/** Whether the finding came from a rescan, and so cannot be commented on. */
export function isOfRescan(findingId: string): boolean {
  return findingId.startsWith(PREFIX);
}
