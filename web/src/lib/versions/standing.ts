// Where a version stands between its developer and the reviewers, from its events and checks. Pure.
import type { TimelineEvent } from '#lib/versions/timeline.ts';

/** Checks of the format itself: no device could install what they refuse, so their errors cannot be appealed. */
const FORMAT_CHECKS: readonly string[] = ['archive', 'manifest', 'contents', 'signature'];

export const APPEAL_STANDINGS = ['possible', 'appealed', 'format', 'role'] as const;
export type AppealStanding = (typeof APPEAL_STANDINGS)[number];

type Rejected = {
  viewerCanAppeal: boolean;
  checks: readonly { name: string; state: string }[];
};

/** Whether a rejected version can be appealed, or why not. The server decides again. */
export function appealStanding(version: Rejected, events: readonly Pick<TimelineEvent, 'type'>[]): AppealStanding {
  if (events.some((event) => event.type === 'APPEALED')) return 'appealed';
  if (version.checks.some((check) => check.state === 'FAILED' && FORMAT_CHECKS.includes(check.name))) return 'format';
  return version.viewerCanAppeal ? 'possible' : 'role';
}

/** Whether a reviewer holds it now: the last word between queue and reviewer was a claim. */
export function isHeld(events: readonly Pick<TimelineEvent, 'type'>[]): boolean {
  const last = events.findLast(({ type }) => type === 'QUEUED' || type === 'CLAIMED' || type === 'RELEASED');
  return last?.type === 'CLAIMED';
}

/** "1.4.0" to "1.4.1": a name for the version that mends this one. A pre-release part is dropped, its number stays. */
export function nextVersionName(name: string): string {
  const [, major, minor, patch, rest = ''] = /^(\d+)\.(\d+)\.(\d+)(.*)$/.exec(name) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return name;
  return rest.startsWith('-') ? `${major}.${minor}.${patch}` : `${major}.${minor}.${Number(patch) + 1}`;
}
