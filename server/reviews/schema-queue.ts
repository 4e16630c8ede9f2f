/** Owns the review queue in GraphQL: the list that reviewers work from, and a version's place in it. It writes nothing. */
import { queryFromInfo } from '@pothos/plugin-prisma';
import { isReviewer, requireSignedIn } from '../accounts/access.ts';
import type { Viewer } from '../accounts/viewer.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { VersionNode } from '../versions/schema.ts';
import { nobodyMayTake, visibleReviews } from './access.ts';
import { connectionOf, type Place, pageOf } from './keyset.ts';
import { OPEN_STATES, type ReviewKind } from './kinds.ts';
import { ReviewKindEnum, ReviewNode } from './schema.ts';

/** What `waiting` counts up to. */
const MAX_COUNTED = 10_000;

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

/** The reviews that are in the viewer's queue: a reviewer's without those of their own apps, an admin's that no reviewer may take. */
async function inQueueOf(
  viewer: Viewer,
  { services }: GraphContext,
  filter: { mine: boolean; kinds: readonly ReviewKind[] | null },
): Promise<Prisma.ReviewWhereInput> {
  const { developerId } = requireSignedIn(viewer);
  const own: Prisma.ReviewWhereInput = { state: 'CLAIMED', claimedById: developerId };
  const all: Prisma.ReviewWhereInput[] = [visibleReviews(viewer)];
  if (filter.kinds !== null) all.push({ kind: { in: [...filter.kinds] } });
  if (filter.mine) all.push(own);
  else if (!isReviewer(viewer)) all.push({ OR: [own, nobodyMayTake(await services.reviews.reviewers())] });
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
        const { db, viewer } = context;
        const filter = { mine: args.mine === true, kinds: args.kinds ?? null };
        const where = await inQueueOf(viewer, context, filter);
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
