/** Owns screenshots in GraphQL: the type, where it is reached from, and the mutations. Bytes arrive by `startUpload`. */
import type { Viewer } from '../accounts/viewer.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { builder } from '../graphql/builder.ts';
import { StoreAppNode } from '../store/schema.ts';
import { visibleApps } from './access.ts';
import { AppNode } from './schema.ts';
import { screenshotPath } from './screenshot-paths.ts';
import { MAX_SCREENSHOTS, ORDER } from './screenshots.ts';

/** The screenshots that exist for the viewer: of published apps, and of apps that they may see. */
export function visibleScreenshots(viewer: Viewer): Prisma.ScreenshotWhereInput {
  return { app: { OR: [{ status: 'PUBLISHED' }, visibleApps(viewer)] } };
}

export const ScreenshotNode = builder.prismaNode('Screenshot', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Screenshot',
  id: { field: 'id', description: 'Global id.' },
  description: 'A picture of an app in its listing.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleScreenshots(viewer)] }),
  fields: (t) => ({
    url: t.field({
      type: 'URL',
      description: 'A PNG; it never changes.',
      select: { sha256: true, app: { select: { packageId: true } } },
      resolve: ({ app, sha256 }, _args, { publicUrl }) => `${publicUrl}${screenshotPath(app.packageId, sha256)}`,
    }),
    width: t.exposeInt('width', { description: 'Pixels.' }),
    height: t.exposeInt('height', { description: 'Pixels.' }),
  }),
});

builder.prismaObjectFields(AppNode, (t) => ({
  screenshots: t.relation('screenshots', {
    description: 'Pictures of the listing, at most 8, the first one first.',
    complexity: MAX_SCREENSHOTS,
    query: { orderBy: ORDER },
  }),
}));

builder.objectFields(StoreAppNode, (t) => ({
  screenshots: t.prismaField({
    type: [ScreenshotNode],
    description: 'Pictures of the app, at most 8, the first one first.',
    complexity: { field: MAX_SCREENSHOTS, multiplier: 2 },
    resolve: (query, { packageId }, _args, { db }) =>
      db.prisma.screenshot.findMany({ ...query, where: { app: { packageId } }, orderBy: ORDER, take: MAX_SCREENSHOTS }),
  }),
}));

const ScreenshotsPayload = (name: string) =>
  builder.objectRef<{ appId: string }>(name).implement({
    description: 'The app whose screenshots changed.',
    fields: (t) => ({
      app: t.prismaField({
        type: AppNode,
        description: 'The app as it is now.',
        resolve: (query, { appId }, _args, { db }) =>
          db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
      }),
    }),
  });

const OrderScreenshotsInput = builder.inputType('OrderScreenshotsInput', {
  description: 'An order of screenshots.',
  fields: (t) => ({
    appId: t.globalID({ required: true, description: 'The app.' }),
    screenshotIds: t.globalIDList({
      required: true,
      description: 'Each screenshot of the app once, the first one first.',
    }),
  }),
});
builder.mutationField('orderScreenshots', (t) =>
  t.field({
    type: ScreenshotsPayload('OrderScreenshotsPayload'),
    errors: {},
    description: 'Puts the screenshots of an app in an order.',
    args: { input: t.arg({ type: OrderScreenshotsInput, required: true, description: 'The order.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const wanted = input.screenshotIds.map(({ id }) => id);
      await services.screenshots.order(viewer, input.appId.id, wanted, caller);
      return { appId: input.appId.id };
    },
  }),
);

const DeleteScreenshotInput = builder.inputType('DeleteScreenshotInput', {
  description: 'Which screenshot to delete.',
  fields: (t) => ({ screenshotId: t.globalID({ required: true, description: 'The screenshot.' }) }),
});
builder.mutationField('deleteScreenshot', (t) =>
  t.field({
    type: ScreenshotsPayload('DeleteScreenshotPayload'),
    errors: {},
    description: 'Deletes a screenshot and its bytes.',
    args: { input: t.arg({ type: DeleteScreenshotInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      appId: await services.screenshots.delete(viewer, input.screenshotId.id, caller),
    }),
  }),
);
