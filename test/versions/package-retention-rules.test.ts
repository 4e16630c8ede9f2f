/** Which packages may go by the policy, and which never. */
import { describe, expect, it } from 'vitest';
import { isListed } from '../../server/distribution/metadata/bin-targets.ts';
import {
  expiredVersions,
  type RetentionApp,
  type RetentionVersion,
} from '../../server/versions/package-retention-rules.ts';
import { type PackageRetention, packageRetentionSchema } from '../../server/versions/package-retention-settings.ts';

const NOW = new Date('2026-06-01T00:00:00.000Z');
const daysAgo = (days: number): Date => new Date(NOW.getTime() - days * 86_400_000);
const ALL = { supersededDays: 30, neverPublishedDays: 30, rejectedDays: 30 };

interface Made {
  readonly code: number;
  readonly state?: string;
  readonly min?: string;
  /** Days since its publication; null for never. */
  readonly published?: number | null;
  /** Days since the last act. */
  readonly updated?: number;
  readonly stable?: string | null;
  /** Days since its rollouts came to where they are. */
  readonly finished?: number;
  readonly beta?: string;
  readonly rollbacks?: number;
  readonly reviews?: number;
  readonly reports?: number;
}

function versionOf(made: Made): RetentionVersion {
  const { code, state = 'PUBLISHED', min = '1.0.0', published = 100, updated = published ?? 100 } = made;
  const { stable = published === null ? null : 'COMPLETE', beta, rollbacks = 0, reviews = 0, reports = 0 } = made;
  const finishedAt = daysAgo(made.finished ?? published ?? 100);
  const ids = (count: number) => Array.from({ length: count }, (_, n) => ({ id: String(n) }));
  return {
    id: `v${code}`,
    versionCode: code,
    state,
    packageSize: 1_000,
    minMosisVersion: min,
    publishedAt: published === null ? null : daysAgo(published),
    updatedAt: daysAgo(updated),
    rollouts: [
      ...(stable === null ? [] : [{ track: 'STABLE', state: stable, finishedAt }]),
      ...(beta === undefined ? [] : [{ track: 'BETA', state: beta, finishedAt }]),
    ],
    rollbacks: ids(rollbacks),
    reviews: ids(reviews),
    reports: ids(reports),
  };
}

function gone(
  made: readonly Made[],
  {
    policy = ALL,
    status = 'PUBLISHED',
    latest = 0,
  }: { policy?: PackageRetention; status?: string; latest?: number } = {},
): string[] {
  const versions = made.map(versionOf);
  const newest = Math.max(...made.filter(({ state = 'PUBLISHED' }) => state === 'PUBLISHED').map(({ code }) => code));
  const app: RetentionApp = {
    id: 'a',
    packageId: 'com.example.a',
    status,
    latestVersionId: `v${latest === 0 ? newest : latest}`,
    versions,
  };
  const expired = expiredVersions(app, packageRetentionSchema.parse(policy), {
    now: NOW,
    isListed: (version, published) =>
      isListed(
        version,
        published.map((one) => ({ ...one, rollouts: one.rollouts.filter(({ state }) => state === 'COMPLETE') })),
      ),
  });
  return expired.map(({ version, reason }) => `${version.versionCode} ${reason}`);
}

const SIX: readonly Made[] = [1, 2, 3, 4, 5, 6].map((code) => ({ code }));
const with1 = (more: Partial<Made>): Made[] => SIX.map((made) => (made.code === 1 ? { ...made, ...more } : made));

describe('a published version', () => {
  it('goes when newer ones have taken its place, and three newer stay', () => {
    expect(gone(SIX)).toEqual(['1 SUPERSEDED', '2 SUPERSEDED', '3 SUPERSEDED']);
  });

  it('stays by default', () => {
    expect(packageRetentionSchema.parse({})).toEqual({
      supersededDays: null,
      neverPublishedDays: null,
      rejectedDays: null,
    });
    expect(
      gone([...SIX, { code: 7, state: 'REJECTED', published: null }], { policy: packageRetentionSchema.parse({}) }),
    ).toEqual([]);
  });

  it.each<[string, Partial<Made>]>([
    ['it is the newest for an older Mosis', { min: '0.9.0' }],
    ['a rollout of it is under way', { stable: 'ACTIVE' }],
    ['a rollout of it is paused', { beta: 'PAUSED' }],
    ['devices are taken back to it', { rollbacks: 1 }],
    ['something was done to it lately', { updated: 29 }],
    ['a reviewer looks at it', { reviews: 1 }],
    ['it is reported', { reports: 1 }],
    ['it is suspended', { state: 'SUSPENDED' }],
  ])('stays while %s', (_why, more) => {
    expect(gone(with1(more))).toEqual(['2 SUPERSEDED', '3 SUPERSEDED']);
  });

  it('stays while it is what the store shows', () => {
    expect(gone(SIX, { latest: 2 })).toEqual(['1 SUPERSEDED', '3 SUPERSEDED']);
  });

  it('stays until the newer ones have been out for long enough, and are for everybody', () => {
    const young = SIX.map((made) => (made.code > 3 ? { ...made, published: 29 } : made));
    expect(gone(young)).toEqual(['1 SUPERSEDED', '2 SUPERSEDED']);
    const ramped = SIX.map((made) => (made.code > 2 ? { ...made, finished: 29 } : made));
    expect(gone(ramped)).toEqual(['1 SUPERSEDED']);
    const few = SIX.map((made) => (made.code > 2 ? { ...made, stable: 'HALTED' } : made));
    expect(gone(few)).toEqual([]);
  });

  it('stays where what came after needs a newer Mosis', () => {
    const apart = SIX.map((made) => ({ ...made, min: `1.${made.code}.0` }));
    expect(gone(apart)).toEqual([]);
  });

  it('goes too when its owner took it out, but not one of the newest three', () => {
    expect(gone(with1({ state: 'UNPUBLISHED' }))).toEqual(['1 SUPERSEDED', '2 SUPERSEDED', '3 SUPERSEDED']);
    const out = { code: 1, state: 'UNPUBLISHED' };
    expect(gone([out, { code: 2 }, { code: 3 }, { code: 4 }])).toEqual(['1 SUPERSEDED']);
    expect(gone([out, { code: 2 }, { code: 3 }])).toEqual([]);
  });

  it('stays in an app that is suspended', () => {
    expect(gone(SIX, { status: 'SUSPENDED' })).toEqual([]);
  });
});

describe('a version that was never published', () => {
  it.each([
    ['REJECTED', ['9 REJECTED']],
    ['WITHDRAWN', ['9 NEVER_PUBLISHED']],
    ['APPROVED', ['9 NEVER_PUBLISHED']],
    ['SUBMITTED', []],
    ['IN_REVIEW', []],
  ])('and is %s', (state, expected) => {
    expect(gone([{ code: 9, state, published: null }])).toEqual(expected);
    expect(gone([{ code: 9, state, published: null, updated: 29 }])).toEqual([]);
    expect(gone([{ code: 9, state, published: null, reviews: 1 }])).toEqual([]);
  });
});

it('each reason has days of its own', () => {
  const all = [
    ...SIX,
    { code: 8, state: 'REJECTED', published: null },
    { code: 9, state: 'WITHDRAWN', published: null },
  ];
  const only = (given: object) => gone(all, { policy: packageRetentionSchema.parse(given) });
  expect(only({ rejectedDays: 30 })).toEqual(['8 REJECTED']);
  expect(only({ neverPublishedDays: 30 })).toEqual(['9 NEVER_PUBLISHED']);
  expect(only({ supersededDays: 3_650, rejectedDays: 101 })).toEqual([]);
});
