/** Owns the rows, findings and events of single checks. It runs no check and draws no conclusion. */

import { CHECK_CATALOGUE } from '../../format/catalogue/checks.ts';
import { ARCHIVE_CHECK_NAME } from '../../format/checks/archive.ts';
import { CHECKS, RULE_SET_VERSION } from '../../format/checks/registry.ts';
import { type Finding, finding } from '../../format/findings.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Tx } from '../platform/db/database.ts';
import type { Ids } from '../platform/ids.ts';
import type { Unit } from '../unit-of-work.ts';
import { storedFinding } from './stored-finding.ts';

/** At most so many FINDING events a check; the rest are rows only (docs/ARCHITECTURE.md, Version states). */
export const MAX_FINDING_EVENTS = 200;

export const CHECK_STATES = ['RUNNING', 'PASSED', 'WARNED', 'FAILED', 'CRASHED'] as const;
export type CheckState = (typeof CHECK_STATES)[number];

/** What all checks of a round came to. */
export interface CheckSummary {
  readonly errors: number;
  readonly warnings: number;
  readonly crashed: boolean;
}

/** The version and round that checks are about. */
export interface CheckedRound {
  readonly id: string;
  readonly appId: string;
  readonly round: number;
}

/** How one check ended; `durationMs` is null where nobody measured it. */
export interface CheckEnd {
  readonly check: string;
  readonly findings: readonly Finding[];
  readonly durationMs: number | null;
  readonly crashed: boolean;
}

type Counts = Record<'errors' | 'warnings' | 'notices', number>;

interface CheckRecordsOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Names of the checks that run beside those of the registry, in their order. */
  readonly contextChecks: readonly string[];
}

export function createCheckRecords({ clock, ids, contextChecks }: CheckRecordsOptions) {
  const registered = CHECKS.map((check) => check.name);
  /** The order in which they begin. */
  const checkNames = [ARCHIVE_CHECK_NAME, ...registered, ...contextChecks];

  const keyOf = ({ id, round }: CheckedRound, check: string) => ({
    versionId_round_check: { versionId: id, round, check },
  });

  async function writeRun(tx: Tx, version: CheckedRound, check: string, facts: Counts & { state: CheckState }) {
    const now = clock.now();
    const ended = { ...facts, ruleset: String(RULE_SET_VERSION), finishedAt: now };
    const { id: versionId, round } = version;
    return tx.checkRun.upsert({
      where: keyOf(version, check),
      update: ended,
      create: { id: ids.next(), versionId, round, check, startedAt: now, ...ended },
    });
  }

  async function writeFindings(unit: Unit, version: CheckedRound, checkRunId: string, end: CheckEnd): Promise<void> {
    const before = await unit.tx.versionFinding.count({ where: { versionId: version.id } });
    const rows = end.findings.map((found, index) => ({
      id: ids.next(),
      versionId: version.id,
      checkRunId,
      position: before + index,
      ...storedFinding(found),
    }));
    if (rows.length > 0) await unit.tx.versionFinding.createMany({ data: rows });
    for (const { id, code, severity, message, help, file, line, column } of rows.slice(0, MAX_FINDING_EVENTS)) {
      const place = { file, line, column };
      const payload = { check: end.check, findingId: id, code, severity, message, help, ...place };
      unit.emit({ type: 'FINDING', appId: version.appId, versionId: version.id, payload });
    }
  }

  /** Notes the start of a check; a repeated start is none. */
  async function start(unit: Unit, version: CheckedRound, check: string): Promise<void> {
    if ((await unit.tx.checkRun.findUnique({ where: keyOf(version, check) })) !== null) return;
    await unit.tx.checkRun.create({
      data: {
        id: ids.next(),
        versionId: version.id,
        round: version.round,
        check,
        state: 'RUNNING',
        ruleset: String(RULE_SET_VERSION),
        startedAt: clock.now(),
      },
    });
    unit.emit({ type: 'CHECK_STARTED', appId: version.appId, versionId: version.id, payload: { check } });
  }

  /** Notes the end of a check with all its findings; a crashed one is left with the one finding that says so. */
  async function end(unit: Unit, version: CheckedRound, given: CheckEnd): Promise<void> {
    const told = given.crashed ? { ...given, findings: [crashFinding(given.check)] } : given;
    const counts = countBySeverity(told.findings);
    const state = stateOf(counts, told.crashed);
    const run = await writeRun(unit.tx, version, told.check, { state, ...counts });
    await writeFindings(unit, version, run.id, told);
    const durationMs = told.durationMs === null ? null : Math.round(told.durationMs * 10) / 10;
    const payload = { check: told.check, state, durationMs, ...counts };
    unit.emit({ type: 'CHECK_FINISHED', appId: version.appId, versionId: version.id, payload });
  }

  return {
    start,
    end,

    /** The checks of the round that need not run again. */
    async finished(tx: Tx | Database['prisma'], { id, round }: CheckedRound): Promise<string[]> {
      const where = { versionId: id, round, state: { not: 'RUNNING' } };
      const runs = await tx.checkRun.findMany({ where, select: { check: true } });
      return runs.map((run) => run.check);
    },

    /** Notes as crashed what was running when the checks broke, or what would have run next; nothing where all had ended. */
    async crash(unit: Unit, version: CheckedRound): Promise<void> {
      const runs = await unit.tx.checkRun.findMany({ where: { versionId: version.id, round: version.round } });
      const running = runs.filter((run) => run.state === 'RUNNING').map((run) => run.check);
      const next = checkNames.find((name) => runs.every((run) => run.check !== name));
      const broken = running.length > 0 ? running : next === undefined ? [] : [next];
      for (const check of broken) {
        await end(unit, version, { check, findings: [], durationMs: null, crashed: true });
      }
    },

    /** What the round came to; a check that never ended, or never ran though it could have, counts as crashed. */
    async summarise(tx: Tx, { id, round }: CheckedRound): Promise<CheckSummary> {
      const runs = await tx.checkRun.findMany({ where: { versionId: id, round } });
      const ran = new Set(runs.map((run) => run.check));
      const unread = runs.some((run) => run.check === ARCHIVE_CHECK_NAME && run.state === 'FAILED');
      const due = [ARCHIVE_CHECK_NAME, ...(unread ? [] : registered), ...contextChecks];
      return {
        errors: runs.reduce((sum, run) => sum + run.errors, 0),
        warnings: runs.reduce((sum, run) => sum + run.warnings, 0),
        crashed:
          due.some((name) => !ran.has(name)) || runs.some((run) => run.state === 'CRASHED' || run.state === 'RUNNING'),
      };
    },
  };
}

function countBySeverity(findings: readonly Finding[]): Counts {
  const count = (severity: Finding['severity']) => findings.filter((found) => found.severity === severity).length;
  return { errors: count('error'), warnings: count('warning'), notices: count('notice') };
}

function stateOf(counts: Counts, crashed: boolean): CheckState {
  if (crashed) return 'CRASHED';
  if (counts.errors > 0) return 'FAILED';
  return counts.warnings > 0 ? 'WARNED' : 'PASSED';
}

function crashFinding(check: string): Finding {
  const message = `The check ${check} did not finish. A person will look at this version.`;
  return finding(CHECK_CATALOGUE.CHECK_CRASHED, message);
}
