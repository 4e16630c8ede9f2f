/** Owns the GraphQL types of uploads and the mutations that start them. The bytes themselves travel over tus. */
import { memberApps } from '../apps/access.ts';
import { ScreenshotNode, visibleScreenshots } from '../apps/schema-screenshots.ts';
import { builder } from '../graphql/builder.ts';
import { readsVersions } from './access.ts';
import { FindingType, findingOf } from './check-types.ts';
import { VersionNode } from './schema.ts';

const UploadStateEnum = builder.enumType('UploadState', {
  description: 'Where an upload is.',
  values: {
    OPEN: { description: 'Takes bytes.' },
    RECEIVED: { description: 'All bytes are stored; the format is being checked.' },
    ACCEPTED: { description: 'Became a draft version, or a screenshot.' },
    REFUSED: { description: 'Broke a rule; the findings say which. Its bytes are deleted.' },
  },
});
const UploadKindEnum = builder.enumType('UploadKind', {
  description: 'What is uploaded.',
  values: {
    PACKAGE: { description: 'A package, which becomes a draft version.' },
    SCREENSHOT: { description: 'A PNG for the listing: at most 4 MiB, 240 to 2560 pixels a side, 8 an app.' },
  },
});
const UploadViaEnum = builder.enumType('UploadVia', {
  description: 'What the upload was made with.',
  values: {
    PORTAL: { description: 'The portal.' },
    CLI: { description: 'The command line.' },
    API: { description: 'Anything else.' },
  },
});

export const UploadNode = builder.prismaNode('Upload', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Upload',
  id: { field: 'id', description: 'Global id.' },
  description: 'Bytes on their way to becoming a draft or a screenshot. Lives 24 hours.',
  findUnique: (id, { viewer }) =>
    readsVersions(viewer) ? { id, developerId: viewer.developerId, app: memberApps(viewer) } : { id, developerId: '' },
  fields: (t) => ({
    state: t.field({
      type: UploadStateEnum,
      description: 'Where it is.',
      resolve: ({ state }) =>
        (['OPEN', 'RECEIVED', 'ACCEPTED', 'REFUSED'] as const).find((known) => known === state) ?? 'OPEN',
    }),
    size: t.expose('size', { type: 'BigInt', description: 'Announced bytes.' }),
    sha256: t.expose('sha256', { type: 'Sha256', description: 'Announced hash.' }),
    url: t.field({
      type: 'URL',
      description: 'Where the bytes go: tus 1.0, HEAD and PATCH, with the token as bearer.',
      resolve: ({ id }, _args, { publicUrl }) => `${publicUrl}/uploads/${id}`,
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it and its verdict are deleted.' }),
    version: t.relation('version', {
      type: VersionNode,
      nullable: true,
      description: 'The draft it became; null before and for a refused one.',
    }),
    screenshot: t.field({
      type: ScreenshotNode,
      nullable: true,
      description: 'The screenshot it became; null before, for a refused one and for a package.',
      select: { screenshotId: true },
      resolve: ({ screenshotId }, _args, { db, viewer }) =>
        screenshotId === null
          ? null
          : db.prisma.screenshot.findFirst({ where: { id: screenshotId, AND: [visibleScreenshots(viewer)] } }),
    }),
    findings: t.field({
      type: [FindingType],
      description: 'Why it was refused, and what else was found; empty otherwise.',
      resolve: ({ id, findings }) => (findings as unknown[]).map((found, index) => findingOf(found, `${id}:${index}`)),
    }),
  }),
});

builder.queryField('upload', (t) =>
  t.prismaField({
    type: UploadNode,
    nullable: true,
    description: 'An upload of yours; null where there is none.',
    args: { id: t.arg.globalID({ required: true, description: 'Global id.' }) },
    resolve: (query, _parent, { id }, { db, viewer }) =>
      readsVersions(viewer) && id.typename === 'Upload'
        ? db.prisma.upload.findFirst({
            ...query,
            where: { id: id.id, developerId: viewer.developerId, app: memberApps(viewer) },
          })
        : null,
  }),
);

const UploadPayload = (name: string) =>
  builder.objectRef<{ uploadId: string; token: string }>(name).implement({
    description: 'The upload and the token its bytes travel with.',
    fields: (t) => ({
      upload: t.prismaField({
        type: UploadNode,
        description: 'The upload.',
        resolve: (query, { uploadId }, _args, { db }) =>
          db.prisma.upload.findUniqueOrThrow({ ...query, where: { id: uploadId } }),
      }),
      token: t.exposeString('token', { description: 'Bearer token for the bytes; lives an hour, shown once.' }),
    }),
  });

const StartUploadInput = builder.inputType('StartUploadInput', {
  description: 'What is about to be sent.',
  fields: (t) => ({
    appId: t.globalID({ required: true, description: 'The app it is for.' }),
    kind: t.field({ type: UploadKindEnum, description: 'What it is; PACKAGE by default.' }),
    size: t.field({ type: 'BigInt', required: true, description: 'Bytes of the file.' }),
    sha256: t.field({ type: 'Sha256', required: true, description: 'Of the file.' }),
    releaseNotes: t.string({ description: 'Of a package: plain text, up to 4,000 characters.' }),
    via: t.field({ type: UploadViaEnum, description: 'What you are; API by default.' }),
    idempotencyKey: t.string({ description: 'A repeat with the same key and input within 24 h gets the same upload.' }),
  }),
});

builder.mutationField('startUpload', (t) =>
  t.field({
    type: UploadPayload('StartUploadPayload'),
    errors: {},
    description: 'Opens an upload; its bytes then go to `upload.url` by tus.',
    args: { input: t.arg({ type: StartUploadInput, required: true, description: 'What is about to be sent.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      const given = {
        appId: input.appId.id,
        kind: input.kind ?? 'PACKAGE',
        size: input.size,
        sha256: input.sha256,
        releaseNotes: input.releaseNotes ?? '',
        via: input.via ?? 'API',
      } as const;
      const { upload, token } = await services.uploads.start(viewer, given, caller, input.idempotencyKey);
      return { uploadId: upload.id, token };
    },
  }),
);

const RenewUploadInput = builder.inputType('RenewUploadInput', {
  description: 'Which upload needs a new token.',
  fields: (t) => ({ uploadId: t.globalID({ required: true, description: 'The upload.' }) }),
});
builder.mutationField('renewUpload', (t) =>
  t.field({
    type: UploadPayload('RenewUploadPayload'),
    errors: {},
    description: 'A new token for an upload that still lives; the old one ends.',
    args: { input: t.arg({ type: RenewUploadInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer }) => {
      const { upload, token } = await services.uploads.renew(viewer, input.uploadId.id);
      return { uploadId: upload.id, token };
    },
  }),
);
