// What the version timeline makes of events: order, no repeats, checks folded into one row.
import { describe, expect, it } from 'vitest';
import {
  compareCursors,
  countFindings,
  mergeEvents,
  type TimelineEvent,
  timelineRows,
} from '../../web/src/lib/versions/timeline.ts';

let second = 0;
function event(n: number, type: TimelineEvent['type'], extra: Partial<TimelineEvent> = {}): TimelineEvent {
  second += 1;
  return {
    cursor: `e1.${n}`,
    type,
    at: new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString(),
    actor: { kind: 'SYSTEM', name: null },
    check: null,
    checkState: null,
    durationMs: null,
    errors: null,
    warnings: null,
    notices: null,
    finding: null,
    reasons: [],
    rollout: null,
    crash: null,
    message: null,
    size: null,
    sha256: null,
    via: null,
    ...extra,
  };
}

describe('merging events', () => {
  it('appends what is new in the order of the cursors', () => {
    const merged = mergeEvents([event(9, 'UPLOADED')], [event(11, 'QUEUED'), event(10, 'SUBMITTED')]);
    expect(merged.map((each) => each.cursor)).toEqual(['e1.9', 'e1.10', 'e1.11']);
  });

  it('shows an event that arrives twice once', () => {
    const known = [event(1, 'UPLOADED'), event(2, 'SUBMITTED')];
    expect(mergeEvents(known, [event(2, 'SUBMITTED'), event(3, 'QUEUED'), event(3, 'QUEUED')])).toHaveLength(3);
  });

  it('answers the same list when nothing is new, so that nothing is drawn again', () => {
    const known = [event(1, 'UPLOADED')];
    expect(mergeEvents(known, [event(1, 'UPLOADED')])).toBe(known);
  });

  it('compares cursor numbers past the exact range of a double', () => {
    expect(compareCursors('e.9007199254740993', 'e.9007199254740992')).toBeGreaterThan(0);
    expect(compareCursors('e.9', 'e.10')).toBeLessThan(0);
  });
});

describe('timeline rows', () => {
  const run = [
    event(1, 'UPLOADED'),
    event(2, 'SUBMITTED'),
    event(3, 'CHECK_STARTED', { check: 'archive' }),
    event(4, 'CHECK_FINISHED', {
      check: 'archive',
      checkState: 'PASSED',
      durationMs: 12,
      errors: 0,
      warnings: 0,
      notices: 0,
    }),
    event(5, 'CHECK_STARTED', { check: 'lua' }),
  ];

  it('folds the events of one run of checks into one row', () => {
    expect(timelineRows(run).map((row) => row.kind)).toEqual(['event', 'event', 'checks']);
  });

  it('keeps a check running until its end arrives', () => {
    const row = timelineRows(run).at(-1);
    expect(row?.kind === 'checks' && row.checks.map((check) => [check.name, check.state, check.durationMs])).toEqual([
      ['archive', 'PASSED', 12],
      ['lua', 'RUNNING', null],
    ]);
    expect(row?.kind === 'checks' && row.endedAt).toBeNull();
  });

  it('ends the run with its verdict and begins another one after it', () => {
    const more = [...run, event(6, 'CHECKS_FAILED'), event(7, 'CHECK_STARTED', { check: 'archive' })];
    const checks = timelineRows(more).filter((row) => row.kind === 'checks');
    expect(checks).toHaveLength(2);
    expect(checks[0]?.endedAt).not.toBeNull();
    expect(checks[1]?.endedAt).toBeNull();
  });

  it('takes the counts from the end of a check, also when its start was not seen', () => {
    const rows = timelineRows([
      event(1, 'CHECK_FINISHED', { check: 'lua', checkState: 'FAILED', errors: 2, warnings: 1, notices: 4 }),
    ]);
    expect(rows[0]?.kind === 'checks' && countFindings(rows[0].checks)).toEqual({ errors: 2, warnings: 1, notices: 4 });
  });
});
