// The short words under the steps from upload to release. Pure but for the message file.
import { duration } from '#lib/format/time.ts';
import type { VersionState } from '#lib/graphql/generated/graphql.ts';
import { t } from '#lib/messages/messages.ts';
import type { Step } from '#lib/versions/state.ts';
import { countFindings, type TimelineEvent, timelineRows } from '#lib/versions/timeline.ts';

type Stand = {
  state: VersionState;
  submittedAt?: string | null;
  decidedAt?: string | null;
  approvalsNeeded: number;
  approvalsGiven: number;
};

/** What the last run of checks found, and how long the review took. */
export function stepNotes(
  events: readonly TimelineEvent[],
  { state, submittedAt, decidedAt, approvalsNeeded, approvalsGiven }: Stand,
  reviewed: boolean,
): Partial<Record<Step, string>> {
  const notes: Partial<Record<Step, string>> = {};
  const run = timelineRows(events).findLast((row) => row.kind === 'checks');
  if (run?.kind === 'checks') {
    const sums = countFindings(run.checks);
    const passed = run.checks.filter((check) => check.state === 'PASSED').length;
    const running = run.checks.some((check) => check.state === 'RUNNING');
    if (running)
      notes.checks = t.version.running(
        run.checks.filter((check) => check.state !== 'RUNNING').length,
        run.checks.filter((check) => check.state === 'RUNNING').length,
      );
    else
      notes.checks =
        sums.errors > 0 ? errorsNote(sums.errors, state, reviewed) : t.version.passed(passed, sums.warnings);
  }
  if (state === 'IN_REVIEW' && approvalsNeeded > 1) notes.review = t.next.approvals(approvalsGiven, approvalsNeeded);
  const decided = state !== 'SUBMITTED' && state !== 'IN_REVIEW' && (reviewed || state !== 'REJECTED');
  if (submittedAt && decidedAt && decided)
    notes.review = reviewed ? duration(Date.parse(decidedAt) - Date.parse(submittedAt)) : t.version.automatic;
  return notes;
}

/** Errors stand unless the developer appealed and a reviewer was asked; then what came of it stands beside them. */
function errorsNote(errors: number, state: VersionState, reviewed: boolean): string {
  if (!reviewed || state === 'WITHDRAWN') return t.version.failed(errors);
  if (state === 'IN_REVIEW') return t.version.contested(errors);
  return state === 'REJECTED' ? t.version.upheld(errors) : t.version.overruled(errors);
}
