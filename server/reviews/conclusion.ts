/** Owns what follows from finished checks: refusal, a person's review, or approval with a sample now and then. */
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import type { Tx } from '../platform/db/database.ts';
import type { Unit } from '../unit-of-work.ts';
import type { CheckSummary } from '../validation/check-records.ts';
import type { SubmittedVersion } from '../validation/service.ts';
import { approvedBefore } from '../versions/base.ts';
import type { VersionWithApp } from '../versions/records.ts';
import { type ReviewReason, reasonsToReview } from './policy.ts';
import type { ReviewQueue } from './queue.ts';
import type { ReviewsOptions } from './records.ts';
import { upheldStillCounts } from './report-records.ts';
import { readReviewSettings } from './settings.ts';

interface ConclusionOptions extends Pick<ReviewsOptions, 'clock' | 'random' | 'versions'> {
  readonly queue: ReviewQueue;
}

export function createConclusion({ clock, random, versions, queue }: ConclusionOptions) {
  async function refuse(unit: Unit, version: VersionWithApp, { errors, warnings }: CheckSummary): Promise<void> {
    const base = { appId: version.appId, versionId: version.id };
    const reason = `The checks found ${errors} ${errors === 1 ? 'error' : 'errors'}.`;
    await versions().move(unit, version, 'failChecks', { decidedAt: clock.now(), stateReason: reason });
    unit.emit({ ...base, type: 'CHECKS_FAILED', payload: { errors, warnings } });
    unit.emit({ ...base, type: 'REJECTED', payload: { by: 'CHECKS', feedback: reason } });
    unit.audit({
      ...SYSTEM_ACTOR,
      action: 'review.reject',
      resourceType: 'version',
      resourceId: version.id,
      details: { by: 'CHECKS', errors },
    });
  }

  async function approve(unit: Unit, version: VersionWithApp): Promise<void> {
    await versions().move(unit, version, 'passChecks', { decidedAt: clock.now() });
    unit.emit({ appId: version.appId, versionId: version.id, type: 'APPROVED', payload: { by: 'CHECKS' } });
    unit.audit({
      ...SYSTEM_ACTOR,
      action: 'review.approve',
      resourceType: 'version',
      resourceId: version.id,
      details: { by: 'CHECKS' },
    });
    const { sampleShare } = await readReviewSettings(unit.tx);
    if (random() < sampleShare)
      await queue.openBeside(unit, { ...version, state: 'APPROVED' }, { kind: 'SAMPLE', reasons: ['SAMPLE'] });
  }

  return {
    /** What follows from finished checks, in the transaction that ends the check job. */
    async conclude(unit: Unit, submitted: SubmittedVersion, summary: CheckSummary): Promise<void> {
      const version = await versions().load(unit.tx, submitted.id);
      if (summary.errors > 0) return refuse(unit, version, summary);
      const { appId, id: versionId } = version;
      unit.emit({ appId, versionId, type: 'CHECKS_PASSED', payload: { warnings: summary.warnings } });
      const reasons = await policyReasons(unit.tx, submitted, summary);
      if (reasons.length === 0) return approve(unit, version);
      await versions().move(unit, version, 'requireReview', { reviewReasons: reasons });
      await queue.add(unit, version, { round: version.round, kind: 'MANUAL', reasons });
    },
  };
}

/** The facts that the policy asks for, and what it makes of them. */
async function policyReasons(tx: Tx, version: SubmittedVersion, summary: CheckSummary): Promise<ReviewReason[]> {
  const row = await tx.appVersion.findUniqueOrThrow({ where: { id: version.id }, include: { app: true } });
  const { appId, versionCode } = row;
  const [publishedApps, lastApproved, openReports, upheld, settings] = await Promise.all([
    tx.app.count({ where: { developerId: row.app.developerId, firstPublishedAt: { not: null } } }),
    tx.appVersion.findFirst(approvedBefore({ appId, versionCode })),
    tx.report.count({ where: { appId, state: 'OPEN' } }),
    upheldStillCounts(tx, appId),
    readReviewSettings(tx),
  ]);
  return reasonsToReview({
    hasPublishedApp: publishedApps > 0,
    permissions: row.permissions as string[],
    lastApprovedPermissions: lastApproved === null ? null : (lastApproved.permissions as string[]),
    warnings: summary.warnings,
    crashed: summary.crashed,
    openReports,
    reportsToReview: settings.reportsToReview,
    reportUpheld: upheld,
  });
}
