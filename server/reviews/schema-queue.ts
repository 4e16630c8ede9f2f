/** Owns the review queue in GraphQL: the list that reviewers work from, and a version's place in it. It writes nothing. */
import { queryFromInfo } from '@pothos/plugin-prisma';
import { isReviewer, requireSignedIn } from '../accounts/access.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { VersionNode } from '../versions/schema.ts';
import { anyMayTake, nobodyMayTake, VERSION_REVIEWS } from './access.ts';
import { connectionOf, type Place, pageOf } from './keyset.ts';
import { OPEN_STATES, type ReviewKind } from './kinds.ts';
import { ReviewKindEnum, ReviewNode } from './schema.ts';

/** What `waiting` counts up to. */
const MAX_COUNTED = 10_000;
/** Reviewers that are asked for in one statement, and the most reviews barred to all of these. */
const ASKED_REVIEWERS = 3;
const MAX_BARRED = 1_000;

interface QueuePosition {
  readonly position: number;
  readonly dueAt: Date;
  readonly medianWaitSeconds: number | null;
}
const QueuePositionType = builder.objectRef<QueuePosition>('QueuePosition').implement({
  description: 'Where a version waits.',
  fields: (t) => ({
    position: t.exposeInt('position', {
      description: '1 is next. Looks beside the state of other versions do not count.',
    }),
    dueAt: t.expose('dueAt', { type: 'DateTime', description: 'By when the platform means to decide.' }),
    medianWaitSeconds: t.exposeInt('medianWaitSeconds', {
      nullable: true,
      description: 'Median of the last 30 days, from queueing to the decision; null before there is one.',
    }),
  }),
});

builder.prismaObjectFields(VersionNode, (t) => ({
  queue: t.field({
    type: QueuePositionType,
    nullable: true,
    description: 'Place in the review queue; null when it does not wait.',
    complexity: 5,
    resolve: (version, _args, { services }) =>
      version.state === 'IN_REVIEW' ? services.reviews.position(version.id) : null,
  }),
}));

/**
 * The open reviews that are an admin's, because no reviewer may take them. Three reviewers are asked for in the database:
 * what is barred to three at once is so little that the others can be asked here.
 */
async function adminsReviews({ db, services }: GraphContext): Promise<Prisma.ReviewWhereInput> {
  const reviewers = await services.reviews.reviewers();
  const asked = reviewers.slice(0, ASKED_REVIEWERS);
  const roles = await db.prisma.appMember.findMany({ where: { developerId: { in: asked } } });
  const appIdsOf = (id: string) => roles.filter(({ developerId }) => developerId === id).map(({ appId }) => appId);
  const where = nobodyMayTake(asked.map((id) => ({ id, appIds: appIdsOf(id) })));
  if (reviewers.length <= ASKED_REVIEWERS) return where;
  const barred = await db.prisma.review.findMany({
    where,
    orderBy: { dueAt: 'asc' },
    take: MAX_BARRED,
    select: {
      id: true,
      kind: true,
      round: true,
      version: {
        select: { app: { select: { members: { select: { developerId: true } } } }, reviews: VERSION_REVIEWS },
      },
    },
  });
  return { id: { in: barred.filter((review) => !anyMayTake(review, reviewers)).map(({ id }) => id) } };
}

/** What leaves out reviews of the viewer's own apps; nothing for the many who have none, so that the lists stay on their index. */
async function notOfOwnApps({ db }: GraphContext, developerId: string): Promise<Prisma.ReviewWhereInput> {
  const one = await db.prisma.appMember.findFirst({ where: { developerId }, select: { appId: true } });
  return one === null ? {} : { version: { app: { members: { none: { developerId } } } } };
}

/** The reviews that are in the viewer's queue: a reviewer's without those of their own apps, an admin's that no reviewer may take. */
async function inQueueOf(
  context: GraphContext,
  filter: { mine: boolean; kinds: readonly ReviewKind[] | null },
): Promise<Prisma.ReviewWhereInput> {
  const { viewer } = context;
  const { developerId } = requireSignedIn(viewer);
  const held: Prisma.ReviewWhereInput = { state: 'CLAIMED', claimedById: developerId };
  const all: Prisma.ReviewWhereInput[] = [await notOfOwnApps(context, developerId)];
  if (filter.kinds !== null) all.push({ kind: { in: [...filter.kinds] } });
  if (filter.mine) all.push(held);
  else if (!isReviewer(viewer)) all.push({ OR: [held, await adminsReviews(context)] });
  return { AND: all };
}

/**
 * Ids of the next reviews by due time. Each state is read along its own index and the two are merged: together they would
 * be sorted as a whole for every page.
 */
async function nextInQueue(
  { db }: GraphContext,
  where: Prisma.ReviewWhereInput,
  { first, after }: { first: number; after: Place | null },
): Promise<string[]> {
  const behind: Prisma.ReviewWhereInput =
    after === null ? {} : { dueAt: { gte: after.at }, OR: [{ dueAt: { gt: after.at } }, { id: { gt: after.id } }] };
  const lists = await Promise.all(
    OPEN_STATES.map((state) =>
      db.prisma.review.findMany({
        where: { AND: [{ state }, behind, where] },
        orderBy: [{ dueAt: 'asc' }, { id: 'asc' }],
        take: first + 1,
        select: { id: true, dueAt: true },
      }),
    ),
  );
  return lists
    .flat()
    .sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime() || (a.id < b.id ? -1 : 1))
    .slice(0, first + 1)
    .map(({ id }) => id);
}

builder.queryField('reviewQueue', (t) =>
  t.connection(
    {
      type: ReviewNode,
      authScopes: { $any: { reviewer: true, admin: true } },
      description:
        'Reviews that wait or are held, by due time; never of apps you are a member of. An admin who is no reviewer sees those that no reviewer may take.',
      args: {
        mine: t.arg.boolean({ description: 'Only those you hold.' }),
        kinds: t.arg({ type: [ReviewKindEnum], description: 'Only reviews of these kinds; all by default.' }),
      },
      resolve: async (_parent, args, context, info) => {
        const { db } = context;
        const filter = { mine: args.mine === true, kinds: args.kinds ?? null };
        const where = await inQueueOf(context, filter);
        const page = pageOf(args);
        const ids = await nextInQueue(context, where, page);
        const query = queryFromInfo({
          context,
          info,
          typeName: 'Review',
          paths: [['nodes'], ['edges', 'node']],
          include: {},
        });
        const rows = await db.prisma.review.findMany({ ...query, where: { id: { in: ids } } });
        const byId = new Map(rows.map((row) => [row.id, row]));
        const inOrder = ids.flatMap((id) => byId.get(id) ?? []);
        return {
          ...connectionOf(inOrder, page, ({ dueAt: at, id }) => ({ at, id })),
          waiting: () =>
            db.prisma.review.count({
              where: { AND: [{ state: { in: [...OPEN_STATES] } }, where] },
              take: MAX_COUNTED,
            }),
        };
      },
    },
    {
      fields: (connection) => ({
        waiting: connection.int({
          description: 'Reviews in the whole list, counted up to 10,000.',
          complexity: 10,
          resolve: ({ waiting }) => waiting(),
        }),
      }),
    },
  ),
);
