/** Owns which of an app's packages nobody needs any more. Pure: it reads no database and removes nothing. */
import { compareSemver, parseSemver } from '../../format/semver.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { PackageRetention } from './package-retention-settings.ts';

export const RETENTION_REASONS = ['SUPERSEDED', 'NEVER_PUBLISHED', 'REJECTED'] as const;
export type RetentionReason = (typeof RETENTION_REASONS)[number];

/** What is read of an app to decide; of all its versions whose bytes are stored. */
export const RETENTION_APP = {
  id: true,
  packageId: true,
  status: true,
  latestVersionId: true,
  versions: {
    where: { claimedCode: { not: null }, bytesRemovedAt: null },
    select: {
      id: true,
      versionCode: true,
      state: true,
      packageSize: true,
      minMosisVersion: true,
      publishedAt: true,
      updatedAt: true,
      rollouts: { select: { track: true, state: true, finishedAt: true } },
      rollbacks: { select: { id: true } },
      reviews: { where: { state: { in: ['QUEUED', 'CLAIMED'] } }, select: { id: true } },
      reports: { where: { state: 'OPEN' }, select: { id: true } },
    },
  },
} as const satisfies Prisma.AppSelect;
export type RetentionApp = Prisma.AppGetPayload<{ select: typeof RETENTION_APP }>;
export type RetentionVersion = RetentionApp['versions'][number];

/** Whether the signed metadata lists a published version of an app with these published versions. */
export type IsListed = (version: RetentionVersion, published: readonly RetentionVersion[]) => boolean;

export interface Expired {
  readonly version: RetentionVersion;
  readonly reason: RetentionReason;
}

const DAY_MS = 86_400_000;
/** So many of the newest that were published stay, also those that their owner took out: they can be gone back to. */
const NEWEST_KEPT = 3;

/** The moment before which something must have happened, or null where the policy keeps everything. */
export function cutoff(days: number | null, now: Date): Date | null {
  return days === null ? null : new Date(now.getTime() - days * DAY_MS);
}

/** The versions of an app whose bytes may go. Nothing of a suspended app: it may be looked at again, and come back. */
export function expiredVersions(
  app: RetentionApp,
  policy: PackageRetention,
  { now, isListed }: { readonly now: Date; readonly isListed: IsListed },
): Expired[] {
  if (app.status === 'SUSPENDED') return [];
  return app.versions.flatMap((version) => {
    const reason = reasonOf(version);
    const before = reason === null ? null : cutoff(DAYS[reason](policy), now);
    if (reason === null || before === null || version.updatedAt > before || isLookedAt(version)) return [];
    if (reason === 'SUPERSEDED' && !isSuperseded(app, version, before, isListed)) return [];
    return [{ version, reason }];
  });
}

const DAYS: { readonly [Reason in RetentionReason]: (policy: PackageRetention) => number | null } = {
  SUPERSEDED: ({ supersededDays }) => supersededDays,
  NEVER_PUBLISHED: ({ neverPublishedDays }) => neverPublishedDays,
  REJECTED: ({ rejectedDays }) => rejectedDays,
};

/** What would be the reason, by its state alone. A suspended version stays: it is evidence, and may be reinstated. */
function reasonOf({ state, publishedAt }: RetentionVersion): RetentionReason | null {
  if (state === 'REJECTED') return 'REJECTED';
  if (publishedAt === null) return state === 'APPROVED' || state === 'WITHDRAWN' ? 'NEVER_PUBLISHED' : null;
  return state === 'PUBLISHED' || state === 'UNPUBLISHED' ? 'SUPERSEDED' : null;
}

function isLookedAt({ reviews, reports }: RetentionVersion): boolean {
  return reviews.length > 0 || reports.length > 0;
}

/** Whether every device that could take it has been offered a newer one since `before`, and nothing leads to it. */
function isSuperseded(app: RetentionApp, version: RetentionVersion, before: Date, isListed: IsListed): boolean {
  if (version.id === app.latestVersionId || version.rollbacks.length > 0) return false;
  if (version.rollouts.some(({ state }) => state === 'ACTIVE' || state === 'PAUSED')) return false;
  const newer = app.versions.filter(({ versionCode }) => versionCode > version.versionCode);
  if (newer.filter((other) => other.publishedAt !== null).length < NEWEST_KEPT) return false;
  const published = app.versions.filter(({ state }) => state === 'PUBLISHED');
  if (version.state === 'PUBLISHED' && isListed(version, published)) return false;
  return newer.some((other) => tookItsPlace(other, version, before));
}

function tookItsPlace(newer: RetentionVersion, version: RetentionVersion, before: Date): boolean {
  if (newer.state !== 'PUBLISHED' || newer.publishedAt === null || newer.publishedAt > before) return false;
  const least = parseSemver(newer.minMosisVersion);
  const own = parseSemver(version.minMosisVersion);
  if (least === null || own === null || compareSemver(least, own) > 0) return false;
  // It may have been out for a long time before every device was offered it.
  return newer.rollouts.some(
    ({ track, state, finishedAt }) =>
      track === 'STABLE' && state === 'COMPLETE' && (finishedAt === null || finishedAt <= before),
  );
}
