/** Owns what users report about published apps: who may, how often, what a reviewer makes of it, and when it calls one. */
import { isAdmin, requireAdmin, requirePerson, requireReviewer } from '../accounts/access.ts';
import type { DeveloperViewer, Viewer } from '../accounts/viewer.ts';
import { onlyText } from '../apps/inputs.ts';
import { type ActOrigin, actorOf } from '../audit/actor.ts';
import { DomainError, notFound } from '../errors.ts';
import type { Report } from '../generated/prisma/client.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import type { ReviewQueue } from './queue.ts';
import { MAX_FEEDBACK, type ReviewsOptions } from './records.ts';
import { type ReportReason, upheldStillCounts } from './report-records.ts';
import { readReviewSettings } from './settings.ts';

const DAY_MS = 24 * 3_600_000;
/** Reports that an account can make in 24 hours, opened again ones too. */
export const REPORTS_A_DAY = 10;
const MAX_REPORT = 2000;

interface ReportsOptions extends Pick<ReviewsOptions, 'work' | 'clock' | 'ids'> {
  readonly queue: ReviewQueue;
}

export function createReports({ work, clock, ids, queue }: ReportsOptions) {
  async function requireRoom(tx: Tx, reporterId: string): Promise<void> {
    const since = new Date(clock.ms() - DAY_MS);
    const made = await tx.report.findMany({
      where: { reporterId, createdAt: { gt: since } },
      orderBy: { createdAt: 'asc' },
      select: { createdAt: true },
      take: REPORTS_A_DAY,
    });
    const [oldest] = made;
    if (made.length < REPORTS_A_DAY || oldest === undefined) return;
    const retryAfterSeconds = Math.max(1, Math.ceil((oldest.createdAt.getTime() + DAY_MS - clock.ms()) / 1000));
    throw new DomainError(
      'RATE_LIMITED',
      `An account can report ${REPORTS_A_DAY} apps in 24 hours. Wait until the first of yours is a day old.`,
      { retryAfterSeconds },
    );
  }

  /** Puts the app's newest published version before a reviewer; idempotent while such a review is open. */
  async function callReviewer(unit: Unit, appId: string): Promise<void> {
    const app = await unit.tx.app.findUniqueOrThrow({
      where: { id: appId },
      select: { status: true, latestVersion: true },
    });
    if (app.status !== 'PUBLISHED' || app.latestVersion === null) return;
    await queue.openBeside(unit, app.latestVersion, { kind: 'REPORT', reasons: ['USER_REPORTS'] });
  }

  async function open(
    unit: Unit,
    reporter: DeveloperViewer,
    app: { id: string; latestVersionId: string | null },
    said: { reason: ReportReason; body: string },
  ): Promise<string> {
    const key = { appId: app.id, reporterId: reporter.developerId };
    const facts = { ...said, versionId: app.latestVersionId, state: 'OPEN', createdAt: clock.now() };
    const undecided = { decidedById: null, decisionNote: null, decidedAt: null };
    const report = await unit.tx.report.upsert({
      where: { appId_reporterId: key },
      create: { id: ids.next(), ...key, ...facts },
      update: { ...facts, ...undecided },
    });
    return report.id;
  }

  /** Decides one open report, fenced on its state. Throws NOT_FOUND, OWN_APP, FORBIDDEN or STATE_CONFLICT. */
  async function decide(
    viewer: Viewer,
    reportId: string,
    decision: { state: 'UPHELD' | 'DISMISSED'; note: string | null },
    origin: ActOrigin,
  ): Promise<string> {
    await work(async (unit) => {
      const person = isAdmin(viewer) ? requireAdmin(viewer) : requireReviewer(viewer);
      const report = await loadToDecide(unit.tx, person, reportId);
      const decided = await unit.tx.report.updateMany({
        where: { id: reportId, state: 'OPEN' },
        data: {
          state: decision.state,
          decisionNote: decision.note,
          decidedById: person.developerId,
          decidedAt: clock.now(),
        },
      });
      if (decided.count === 0) {
        throw new DomainError('STATE_CONFLICT', `The report is ${report.state} already.`, {
          currentState: report.state,
        });
      }
      unit.audit({
        ...actorOf(viewer, origin),
        action: decision.state === 'UPHELD' ? 'report.uphold' : 'report.dismiss',
        resourceType: 'report',
        resourceId: reportId,
        details: { appId: report.appId },
      });
      if (decision.state === 'UPHELD') await callReviewer(unit, report.appId);
    });
    return reportId;
  }

  return {
    /**
     * Says what is wrong with a published app, once an account: while the report is open, or upheld with no version approved
     * since, a repeat answers it as it is; another decided one is opened again. Throws UNAUTHENTICATED, NOT_FOUND, OWN_APP,
     * VALIDATION or RATE_LIMITED.
     */
    async report(
      viewer: Viewer,
      input: { packageId: string; reason: ReportReason; body: string },
      origin: ActOrigin,
    ): Promise<string> {
      const reporter = requirePerson(viewer);
      const body = onlyText(input.body, 'input.body', MAX_REPORT);
      return work(async (unit) => {
        const app = await unit.tx.app.findUnique({ where: { packageId: input.packageId }, include: { members: true } });
        if (app === null || app.status !== 'PUBLISHED') throw notFound('The app');
        if (app.members.some(({ developerId }) => developerId === reporter.developerId))
          throw new DomainError('OWN_APP', 'You are a member of this app and cannot report it.');
        const key = { appId: app.id, reporterId: reporter.developerId };
        const known = await unit.tx.report.findUnique({ where: { appId_reporterId: key } });
        if (known?.state === 'OPEN') return known.id;
        // Opened again it would no longer be upheld: a friend of the developer could make the finding undone.
        if (known?.state === 'UPHELD' && (await upheldStillCounts(unit.tx, app.id))) return known.id;
        await requireRoom(unit.tx, reporter.developerId);
        const id = await open(unit, reporter, app, { reason: input.reason, body });
        unit.audit({
          ...actorOf(viewer, origin),
          action: 'app.report',
          resourceType: 'app',
          resourceId: app.id,
          details: { reportId: id, reason: input.reason },
        });
        const { reportsToReview } = await readReviewSettings(unit.tx);
        const waiting = await unit.tx.report.count({ where: { appId: app.id, state: 'OPEN' } });
        if (waiting >= reportsToReview) await callReviewer(unit, app.id);
        return id;
      });
    },

    /** Finds a report right: every later version goes to a person until one was approved, and the published one now. */
    async upholdReport(viewer: Viewer, reportId: string, note: string, origin: ActOrigin): Promise<string> {
      const text = onlyText(note, 'input.note', MAX_FEEDBACK, 1);
      return decide(viewer, reportId, { state: 'UPHELD', note: text }, origin);
    },

    /** Finds nothing in a report; it no longer counts. */
    async dismissReport(viewer: Viewer, reportId: string, note: string, origin: ActOrigin): Promise<string> {
      const text = onlyText(note, 'input.note', MAX_FEEDBACK);
      return decide(viewer, reportId, { state: 'DISMISSED', note: text === '' ? null : text }, origin);
    },
  };
}

/** The report for who may decide it: nobody decides about their own app or their own report. */
async function loadToDecide(tx: Tx, person: DeveloperViewer, reportId: string): Promise<Report> {
  const report = await tx.report.findUnique({
    where: { id: reportId },
    include: { app: { select: { members: { select: { developerId: true } } } } },
  });
  if (report === null) throw notFound('The report');
  if (report.app.members.some(({ developerId }) => developerId === person.developerId))
    throw new DomainError('OWN_APP', 'You are a member of this app. Somebody else must decide about its reports.');
  if (report.reporterId === person.developerId)
    throw new DomainError('FORBIDDEN', 'You made this report. Another reviewer or an admin decides it.');
  return report;
}
