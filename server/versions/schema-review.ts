/** Owns what a review looks at beside a version itself: its base, the difference, approvals, rules, and its developer's record. It writes nothing. */
import { SigningKeyType } from '../accounts/schema-key-types.ts';
import { roleOn } from '../apps/access.ts';
import type { VersionFile } from '../generated/prisma/client.ts';
import { builder } from '../graphql/builder.ts';
import { isOfPlatform, VERSION_REVIEWS } from '../reviews/access.ts';
import { DECIDING_KINDS, OPEN_STATES } from '../reviews/kinds.ts';
import { PolicyRuleType } from '../reviews/schema-policy.ts';
import { readReviewSettings } from '../reviews/settings.ts';
import { visibleVersions } from './access.ts';
import { approvedBefore } from './base.ts';
import { type FileChange, fileChanges } from './file-changes.ts';
import { FILES_COST, PackageFile, VersionNode } from './schema.ts';
import { APPROVED_STATES } from './states.ts';

const MAX_RECENT = 10;
const MAX_KEYS = 50;
const MAX_VERSIONS = 1_000;

const FileChangeKindEnum = builder.enumType('FileChangeKind', {
  description: 'What became of a file.',
  values: {
    ADDED: { description: 'The base has no file of this path.' },
    REMOVED: { description: 'The version has no file of this path.' },
    CHANGED: { description: 'Both have it, with other bytes.' },
  } satisfies Record<FileChange<unknown>['kind'], object>,
});
const FileChangeType = builder.objectRef<FileChange<VersionFile>>('FileChange').implement({
  description: 'A file in which a version differs from its base.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Path in the package.' }),
    kind: t.expose('kind', { type: FileChangeKindEnum, description: 'What became of it.' }),
    before: t.field({
      type: PackageFile,
      nullable: true,
      description: 'The file of the base; null where it was added.',
      resolve: ({ before }) => before,
    }),
    after: t.field({
      type: PackageFile,
      nullable: true,
      description: 'The file of the version; null where it was removed.',
      resolve: ({ after }) => after,
    }),
  }),
});

/** Whose record it is; each number is read when it is asked for. */
interface RecordOf {
  readonly developerId: string;
}
const DeveloperRecordType = builder.objectRef<RecordOf>('DeveloperRecord').implement({
  description: 'What the platform knows of an app’s owner, over all apps that they own. For reviewers and admins.',
  fields: (t) => {
    const versions = (description: string, where: (developerId: string) => object) =>
      t.int({
        description,
        complexity: 3,
        resolve: ({ developerId }, _args, { db }) => db.prisma.appVersion.count({ where: where(developerId) }),
      });
    const reports = (state: 'OPEN' | 'UPHELD', description: string) =>
      t.int({
        description,
        complexity: 3,
        resolve: ({ developerId }, _args, { db }) => db.prisma.report.count({ where: { state, app: { developerId } } }),
      });
    return {
      name: t.string({
        description: 'Display name.',
        resolve: async ({ developerId: id }, _args, { db }) =>
          (await db.prisma.developer.findUniqueOrThrow({ where: { id }, select: { name: true } })).name,
      }),
      since: t.field({
        type: 'DateTime',
        description: 'When the account was made.',
        resolve: async ({ developerId: id }, _args, { db }) =>
          (await db.prisma.developer.findUniqueOrThrow({ where: { id }, select: { createdAt: true } })).createdAt,
      }),
      publishedApps: t.int({
        description: 'Apps that were ever published.',
        complexity: 3,
        resolve: ({ developerId }, _args, { db }) =>
          db.prisma.app.count({ where: { developerId, firstPublishedAt: { not: null } } }),
      }),
      approvals: versions('Versions that stand approved, by checks or people.', (developerId) => ({
        app: { developerId },
        state: { in: [...APPROVED_STATES] },
      })),
      rejections: t.int({
        description: 'Rejections by reviewers, of their newest 1,000 versions.',
        complexity: 5,
        // By versions first: from the reviews' side, every rejection there ever was would be read.
        resolve: async ({ developerId }, _args, { db }) => {
          const where = { app: { developerId }, claimedCode: { not: null } };
          const select = { id: true };
          const own = await db.prisma.appVersion.findMany({
            where,
            select,
            orderBy: { id: 'desc' },
            take: MAX_VERSIONS,
          });
          return db.prisma.review.count({
            where: {
              versionId: { in: own.map(({ id }) => id) },
              decision: 'REJECTED',
              kind: { in: [...DECIDING_KINDS] },
            },
          });
        },
      }),
      rejectedByChecks: versions('Versions in which the checks found errors.', (developerId) => ({
        app: { developerId },
        checkRuns: { some: { errors: { gt: 0 } } },
      })),
      suspensions: versions('Versions that are suspended now.', (developerId) => ({
        app: { developerId },
        state: 'SUSPENDED',
      })),
      openReports: reports('OPEN', 'Reports of users that nobody has decided about.'),
      upheldReports: reports('UPHELD', 'Reports of users that a reviewer found right.'),
      keys: t.field({
        type: [SigningKeyType],
        description: 'Signing keys of the account, ended ones too, newest first, at most 50.',
        resolve: async ({ developerId }, _args, { services }) =>
          (await services.accounts.signingKeys.list(developerId)).slice(0, MAX_KEYS),
      }),
      recent: t.prismaField({
        type: [VersionNode],
        description: 'The last ten decided versions of their apps, newest decision first.',
        resolve: (query, { developerId }, _args, { db, viewer }) =>
          db.prisma.appVersion.findMany({
            ...query,
            where: { app: { developerId }, decidedAt: { not: null }, AND: [visibleVersions(viewer)] },
            orderBy: [{ decidedAt: 'desc' }, { id: 'desc' }],
            take: MAX_RECENT,
          }),
      }),
    };
  },
});

interface ReviewedVersion {
  readonly state: string;
  readonly reviews: readonly {
    readonly kind: string;
    readonly state: string;
    readonly approvalsNeeded: number;
    readonly approvals: readonly unknown[];
  }[];
}

/** The review that the version waits for; undefined while it is not in review. */
function waitsFor({ state, reviews }: ReviewedVersion) {
  const isOpen = (each: string) => OPEN_STATES.some((open) => open === each);
  const decides = (each: string) => DECIDING_KINDS.some((kind) => kind === each);
  return state === 'IN_REVIEW' ? reviews.find((review) => isOpen(review.state) && decides(review.kind)) : undefined;
}

const IN_REVIEW = { state: true, reviews: VERSION_REVIEWS } as const;
const PLACE = { id: true, appId: true, versionCode: true } as const;

builder.prismaObjectFields(VersionNode, (t) => ({
  approvalsNeeded: t.int({
    description: 'How many different reviewers must approve it; 0 while it is not in review.',
    select: IN_REVIEW,
    resolve: (version) => waitsFor(version)?.approvalsNeeded ?? 0,
  }),
  approvalsGiven: t.int({
    description: 'How many have approved it so far; 0 while it is not in review.',
    select: IN_REVIEW,
    resolve: (version) => waitsFor(version)?.approvals.length ?? 0,
  }),
  policyRules: t.field({
    type: [PolicyRuleType],
    description:
      'Rules that the last rejection or suspension by a review refers to, as they read now; empty otherwise.',
    complexity: 3,
    resolve: async ({ id, state }, _args, { db }) => {
      if (state !== 'REJECTED' && state !== 'SUSPENDED') return [];
      const review = await db.prisma.review.findFirst({
        where: { versionId: id, decision: 'REJECTED' },
        orderBy: { decidedAt: 'desc' },
        select: { policyRefs: true },
      });
      const { rules } = await readReviewSettings(db.prisma);
      const ruleOf = (code: string) => rules.find((rule) => rule.code === code) ?? { code, title: code, text: '' };
      return ((review?.policyRefs ?? []) as string[]).map(ruleOf);
    },
  }),
  base: t.prismaField({
    type: VersionNode,
    nullable: true,
    description: 'What it is compared with: the newest version that was approved before it; null where there is none.',
    complexity: 5,
    select: PLACE,
    resolve: (query, version, _args, { db, viewer }) => {
      const { where, orderBy } = approvedBefore(version);
      return db.prisma.appVersion.findFirst({ ...query, where: { ...where, AND: [visibleVersions(viewer)] }, orderBy });
    },
  }),
  fileDiff: t.field({
    type: [FileChangeType],
    description: 'Files in which it differs from its base, by path; every file is ADDED where there is none.',
    // Two lists of at most 10,000 paths are read and merged.
    complexity: { field: 2 * FILES_COST, multiplier: 20 },
    select: PLACE,
    resolve: async (version, _args, { db, viewer }) => {
      const { where, orderBy } = approvedBefore(version);
      const base = await db.prisma.appVersion.findFirst({
        where: { ...where, AND: [visibleVersions(viewer)] },
        orderBy,
        select: { id: true },
      });
      const filesOf = (versionId: string) => db.prisma.versionFile.findMany({ where: { versionId } });
      const [before, after] = await Promise.all([base === null ? [] : filesOf(base.id), filesOf(version.id)]);
      return fileChanges(before, after);
    },
  }),
  developerRecord: t.field({
    type: DeveloperRecordType,
    nullable: true,
    description:
      'What the platform knows of its owner, for reviewers and admins who are no members; null for all others.',
    complexity: 10,
    select: {
      app: { select: { id: true, developerId: true, members: { select: { developerId: true, role: true } } } },
    },
    resolve: ({ app }, _args, { viewer }) =>
      isOfPlatform(viewer) && roleOn(viewer, app) === null ? { developerId: app.developerId } : null,
  }),
}));
