// Turns a version's events into the rows of its timeline. Pure: it neither fetches nor draws.
import type { TimelineEventFragment } from '#lib/graphql/generated/graphql.ts';

export type TimelineEvent = TimelineEventFragment;
export type TimelineFinding = NonNullable<TimelineEvent['finding']>;

/** One automatic check as its events told of it so far. */
export type TimelineCheck = {
  name: string;
  state: NonNullable<TimelineEvent['checkState']>;
  startedAt: string;
  durationMs: number | null;
  errors: number;
  warnings: number;
  notices: number;
};

export type TimelineRow =
  | { kind: 'event'; key: string; at: string; event: TimelineEvent }
  | {
      kind: 'checks';
      key: string;
      at: string;
      checks: TimelineCheck[];
      findings: TimelineFinding[];
      endedAt: string | null;
    };

/** Adds `incoming` to `known`: sorted by cursor, each event once. Answers `known` itself when nothing is new. */
export function mergeEvents(
  known: readonly TimelineEvent[],
  incoming: readonly TimelineEvent[],
): readonly TimelineEvent[] {
  const seen = new Set(known.map((event) => event.cursor));
  const fresh = incoming.filter((event) => !seen.has(event.cursor) && seen.add(event.cursor));
  if (fresh.length === 0) return known;
  return [...known, ...fresh].sort((a, b) => compareCursors(a.cursor, b.cursor));
}

/** Orders cursors `{epoch}.{n}` by n inside one epoch; another epoch counts as equal, so that arrival order stays. */
export function compareCursors(a: string, b: string): number {
  const [epochA = '', countA = '0'] = a.split('.');
  const [epochB = '', countB = '0'] = b.split('.');
  if (epochA !== epochB) return 0;
  return countA.length - countB.length || (countA < countB ? -1 : countA > countB ? 1 : 0);
}

/** The rows to draw, oldest first: the events of one run of checks are folded into one row. */
export function timelineRows(events: readonly TimelineEvent[]): TimelineRow[] {
  const rows: TimelineRow[] = [];
  let run: Extract<TimelineRow, { kind: 'checks' }> | null = null;
  for (const event of events) {
    if (isCheckEvent(event)) {
      if (run === null) {
        run = { kind: 'checks', key: event.cursor, at: event.at, checks: [], findings: [], endedAt: null };
        rows.push(run);
      }
      addToRun(run, event);
      continue;
    }
    if (event.type === 'CHECKS_PASSED' || event.type === 'CHECKS_FAILED') {
      if (run !== null) run.endedAt = event.at;
      run = null;
    }
    rows.push({ kind: 'event', key: event.cursor, at: event.at, event });
  }
  return rows;
}

/** How many findings of each severity a run of checks has so far. */
export function countFindings(checks: readonly TimelineCheck[]): { errors: number; warnings: number; notices: number } {
  return checks.reduce(
    (sum, check) => ({
      errors: sum.errors + check.errors,
      warnings: sum.warnings + check.warnings,
      notices: sum.notices + check.notices,
    }),
    { errors: 0, warnings: 0, notices: 0 },
  );
}

function isCheckEvent(event: TimelineEvent): boolean {
  return event.type === 'CHECK_STARTED' || event.type === 'FINDING' || event.type === 'CHECK_FINISHED';
}

function addToRun(run: Extract<TimelineRow, { kind: 'checks' }>, event: TimelineEvent): void {
  if (event.type === 'FINDING') {
    if (event.finding) run.findings.push(event.finding);
    return;
  }
  const name = event.check ?? '';
  let check = run.checks.find((each) => each.name === name);
  if (check === undefined) {
    check = { name, state: 'RUNNING', startedAt: event.at, durationMs: null, errors: 0, warnings: 0, notices: 0 };
    run.checks.push(check);
  }
  if (event.type !== 'CHECK_FINISHED') return;
  check.state = event.checkState ?? 'PASSED';
  check.durationMs = event.durationMs ?? null;
  check.errors = event.errors ?? 0;
  check.warnings = event.warnings ?? 0;
  check.notices = event.notices ?? 0;
}
