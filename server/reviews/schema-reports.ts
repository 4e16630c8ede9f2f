/** Owns reports in GraphQL: what users say about published apps, and what reviewers make of it. It writes through the service only. */
import { queryFromInfo } from '@pothos/plugin-prisma';
import { isAdmin } from '../accounts/access.ts';
import { visibleApps } from '../apps/access.ts';
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { StoreAppNode } from '../store/schema.ts';
import { visibleVersions } from '../versions/access.ts';
import { VersionNode } from '../versions/schema.ts';
import { visibleReports } from './access.ts';
import { connectionOf, pageOf } from './keyset.ts';
import { REPORT_REASONS, REPORT_STATES, upheldStillCounts } from './report-records.ts';
import { ReviewNode } from './schema.ts';

/** Open reports that a review shows, the oldest. */
const MAX_SHOWN = 100;

const ReportReasonEnum = builder.enumType('ReportReason', {
  description: 'What is wrong with an app.',
  values: {
    MALWARE: { description: 'It does harm.' },
    PRIVACY: { description: 'It takes or shows data that it should not.' },
    SCAM: { description: 'It deceives people, or passes for something else.' },
    COPYRIGHT: { description: 'It uses what belongs to others.' },
    OFFENSIVE: { description: 'Its content is not allowed.' },
    BROKEN: { description: 'It does not start or does not work.' },
    OTHER: { description: 'Something else; the text says what.' },
  } satisfies Record<(typeof REPORT_REASONS)[number], object>,
});
const ReportStateEnum = builder.enumType('ReportState', {
  description: 'What became of a report.',
  values: {
    OPEN: { description: 'Nobody has decided about it.' },
    UPHELD: { description: 'A reviewer found it right.' },
    DISMISSED: { description: 'A reviewer found nothing in it.' },
  } satisfies Record<(typeof REPORT_STATES)[number], object>,
});

export const ReportNode = builder.prismaNode('Report', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Report',
  id: { field: 'id', description: 'Global id.' },
  description: 'What an account says is wrong with a published app. Its reporter sees it, and reviewers and admins do.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleReports(viewer)] }),
  fields: (t) => ({
    packageId: t.string({
      description: 'Of the app it is about.',
      select: { app: { select: { packageId: true } } },
      resolve: ({ app }) => app.packageId,
    }),
    app: t.prismaField({
      type: AppNode,
      nullable: true,
      description: 'The app it is about; null for a reporter, who sees it in the store only.',
      resolve: (query, { appId }, _args, { db, viewer }) =>
        db.prisma.app.findUnique({ ...query, where: { id: appId, AND: [visibleApps(viewer)] } }),
    }),
    version: t.prismaField({
      type: VersionNode,
      nullable: true,
      description: 'The version that was in the store then; null for a reporter, and where it is gone.',
      resolve: (query, { versionId }, _args, { db, viewer }) =>
        versionId === null
          ? null
          : db.prisma.appVersion.findUnique({ ...query, where: { id: versionId, AND: [visibleVersions(viewer)] } }),
    }),
    reason: t.field({
      type: ReportReasonEnum,
      description: 'What is wrong.',
      resolve: ({ reason }) => REPORT_REASONS.find((known) => known === reason) ?? 'OTHER',
    }),
    body: t.exposeString('body', { description: 'In the words of the reporter; plain text, may be empty.' }),
    state: t.field({
      type: ReportStateEnum,
      description: 'What became of it.',
      resolve: ({ state }) => REPORT_STATES.find((known) => known === state) ?? 'OPEN',
    }),
    reporterName: t.string({
      nullable: true,
      description: 'Who made it, for admins; null for everybody else.',
      resolve: async ({ reporterId }, _args, { db, viewer }) =>
        isAdmin(viewer)
          ? ((await db.prisma.developer.findUnique({ where: { id: reporterId }, select: { name: true } }))?.name ??
            null)
          : null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made, or opened again.' }),
    decisionNote: t.exposeString('decisionNote', {
      nullable: true,
      description: 'What the reviewer said; null where nothing.',
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was decided; null before.',
    }),
  }),
});

builder.prismaObjectFields(ReviewNode, (t) => ({
  reports: t.prismaField({
    type: [ReportNode],
    description: 'Open reports of the app, the oldest 100.',
    complexity: 10,
    select: { version: { select: { appId: true } } },
    resolve: (query, review, _args, { db, viewer }) =>
      db.prisma.report.findMany({
        ...query,
        where: { appId: review.version.appId, state: 'OPEN', AND: [visibleReports(viewer)] },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        take: MAX_SHOWN,
      }),
  }),
}));

builder.queryField('reports', (t) =>
  t.connection({
    type: ReportNode,
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Reports, newest first; never of apps you are a member of. Reviewers and admins only.',
    args: { state: t.arg({ type: ReportStateEnum, description: 'Only these; all by default.' }) },
    resolve: async (_parent, args, context, info) => {
      const page = pageOf(args);
      const { after, first } = page;
      const behind =
        after === null
          ? {}
          : { createdAt: { lte: after.at }, OR: [{ createdAt: { lt: after.at } }, { id: { lt: after.id } }] };
      const rows = await context.db.prisma.report.findMany({
        ...queryFromInfo({ context, info, typeName: 'Report', paths: [['nodes'], ['edges', 'node']], include: {} }),
        where: { AND: [visibleReports(context.viewer), behind], ...(args.state == null ? {} : { state: args.state }) },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: first + 1,
      });
      return connectionOf(rows, page, ({ createdAt: at, id }) => ({ at, id }));
    },
  }),
);

/** What the viewer has to do with a store app; null for who cannot report. Answers of visitors alone are cached. */
async function standing({ db, viewer }: GraphContext, packageId: string) {
  if (viewer.kind === 'anonymous' || viewer.credential.kind === 'API_KEY') return null;
  const { developerId } = viewer;
  return db.prisma.app.findUnique({
    where: { packageId },
    select: {
      id: true,
      members: { where: { developerId }, select: { role: true } },
      reports: { where: { reporterId: developerId }, select: { id: true, state: true } },
    },
  });
}

builder.objectFields(StoreAppNode, (t) => ({
  viewerReport: t.prismaField({
    type: ReportNode,
    nullable: true,
    description: 'What you reported about it; null where you did not, and for visitors and API keys.',
    complexity: 5,
    resolve: async (query, { packageId }, _args, context) => {
      const id = (await standing(context, packageId))?.reports[0]?.id;
      return id === undefined ? null : context.db.prisma.report.findUnique({ ...query, where: { id } });
    },
  }),
  viewerCanReport: t.boolean({
    description:
      'Whether you may report it now: signed in, no member of the app, and without a report of yours that is open, or upheld with no version approved since.',
    complexity: 5,
    resolve: async ({ packageId }, _args, context) => {
      const found = await standing(context, packageId);
      if (found === null || found.members.length > 0) return false;
      const state = found.reports[0]?.state;
      return state === 'UPHELD' ? !(await upheldStillCounts(context.db.prisma, found.id)) : state !== 'OPEN';
    },
  }),
}));

const reportPayload = (name: string) =>
  builder.objectRef<{ reportId: string }>(name).implement({
    description: 'The report as it is now.',
    fields: (t) => ({
      report: t.prismaField({
        type: ReportNode,
        description: 'The report as it is now.',
        resolve: (query, { reportId }, _args, { db }) =>
          db.prisma.report.findUniqueOrThrow({ ...query, where: { id: reportId } }),
      }),
    }),
  });

const ReportAppInput = builder.inputType('ReportAppInput', {
  description: 'What is wrong with an app.',
  fields: (t) => ({
    packageId: t.string({ required: true, description: 'The published app.' }),
    reason: t.field({ type: ReportReasonEnum, required: true, description: 'What is wrong.' }),
    body: t.string({ description: 'In your words; plain text, up to 2,000 characters.' }),
  }),
});
builder.mutationField('reportApp', (t) =>
  t.field({
    type: reportPayload('ReportAppPayload'),
    errors: {},
    description:
      'Reports a published app, once an account: an open report of yours is answered as it is, and so is one that was upheld until a version was approved; another decided one is opened again. At most 10 in 24 hours.',
    args: { input: t.arg({ type: ReportAppInput, required: true, description: 'Which app, and what is wrong.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reportId: await services.reviews.report(viewer, { ...input, body: input.body ?? '' }, caller),
    }),
  }),
);

const UpholdReportInput = builder.inputType('UpholdReportInput', {
  description: 'A report that is right.',
  fields: (t) => ({
    reportId: t.globalID({ required: true, description: 'The report.' }),
    note: t.string({ required: true, description: 'Why; shown to its reporter. 1 to 8,000 characters.' }),
  }),
});
builder.mutationField('upholdReport', (t) =>
  t.field({
    type: reportPayload('UpholdReportPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description:
      'Finds a report right: the published version is queued for a look, and later ones go to a person until one was approved.',
    args: { input: t.arg({ type: UpholdReportInput, required: true, description: 'Which one, and why.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reportId: await services.reviews.upholdReport(viewer, input.reportId.id, input.note, caller),
    }),
  }),
);

const DismissReportInput = builder.inputType('DismissReportInput', {
  description: 'A report with nothing in it.',
  fields: (t) => ({
    reportId: t.globalID({ required: true, description: 'The report.' }),
    note: t.string({ description: 'Shown to its reporter; up to 8,000 characters.' }),
  }),
});
builder.mutationField('dismissReport', (t) =>
  t.field({
    type: reportPayload('DismissReportPayload'),
    errors: {},
    authScopes: { $any: { reviewer: true, admin: true } },
    description: 'Finds nothing in a report; it no longer counts.',
    args: { input: t.arg({ type: DismissReportInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      reportId: await services.reviews.dismissReport(viewer, input.reportId.id, input.note ?? '', caller),
    }),
  }),
);
