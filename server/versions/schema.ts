/** Owns the GraphQL types of versions, uploads, checks and findings, and their mutations. It writes through the services only. */

import { isAdmin } from '../accounts/access.ts';
import { memberApps } from '../apps/access.ts';
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import { REVIEW_REASONS } from '../reviews/policy.ts';
import { ReviewReasonEnum } from '../reviews/reason-type.ts';
import { type MemberAct, mayAct, mayReview, readsVersions, visibleVersions } from './access.ts';
import { CheckRunType, FindingType, findingOf, SeverityEnum } from './check-types.ts';
import { packagePath } from './paths.ts';
import { PermissionType, permissionFacts } from './permission-type.ts';
import { parseState, type VERSION_STATES } from './states.ts';

export const VersionStateEnum = builder.enumType('VersionState', {
  description: 'Where a version is on its way to devices.',
  values: {
    DRAFT: { description: 'Uploaded, not submitted.' },
    SUBMITTED: { description: 'The checks run or wait to run.' },
    IN_REVIEW: { description: 'A person looks at it, or it waits for one.' },
    APPROVED: { description: 'May be published.' },
    PUBLISHED: { description: 'In the store.' },
    UNPUBLISHED: { description: 'Taken out of the store by its owner.' },
    SUSPENDED: { description: 'Taken out of the store by the platform, with a reason.' },
    REJECTED: { description: 'Refused by the checks or by a person, with the reasons.' },
    WITHDRAWN: { description: 'Taken back before it was published.' },
  } satisfies Record<(typeof VERSION_STATES)[number], object>,
});

const PackageFile = builder.prismaObject('VersionFile', {
  name: 'PackageFile',
  description: 'One file of a package.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Path in the package.' }),
    size: t.expose('size', { type: 'BigInt', description: 'Unpacked bytes.' }),
    sha256: t.expose('sha256', { type: 'Sha256', description: 'Of the unpacked bytes.' }),
    text: t.string({
      nullable: true,
      description: 'The text of the file; null where it is no text, over 256 KiB, or no longer stored.',
      complexity: 20,
      select: {
        path: true,
        size: true,
        version: { select: { id: true, versionCode: true, app: { select: { packageId: true } } } },
      },
      resolve: (file, _args, { services }) => services.versions.readText(file.version, file),
    }),
  }),
});

const FACTS = {
  state: true,
  appealed: true,
  app: { select: { id: true, members: { select: { developerId: true, role: true } } } },
} as const;

export const VersionNode = builder.prismaNode('AppVersion', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Version',
  id: { field: 'id', description: 'Global id.' },
  description: 'One uploaded package of an app and what became of it.',
  findUnique: (id, { viewer }) => ({ id, AND: [visibleVersions(viewer)] }),
  fields: (t) => {
    const can = (act: MemberAct, description: string) =>
      t.boolean({ description, select: FACTS, resolve: (version, _args, { viewer }) => mayAct(viewer, version, act) });
    return {
      app: t.relation('app', { description: 'Whose version it is.' }),
      versionCode: t.exposeInt('versionCode', { description: 'Orders versions; from the manifest.' }),
      versionName: t.expose('versionName', { type: 'SemVer', description: 'For people; from the manifest.' }),
      state: t.field({
        type: VersionStateEnum,
        description: 'Where it is.',
        resolve: (version) => parseState(version.state),
      }),
      stateReason: t.exposeString('stateReason', {
        nullable: true,
        description: 'Why it is in this state; null where nothing was said.',
      }),
      round: t.exposeInt('round', {
        description: 'Review round: 0 for a draft, 1 after submission, one more for an appeal.',
      }),
      packageSize: t.expose('packageSize', { type: 'BigInt', description: 'Bytes of the package file.' }),
      packageSha256: t.expose('packageSha256', { type: 'Sha256', description: 'Of the package file.' }),
      unpackedSize: t.expose('unpackedSize', { type: 'BigInt', description: 'Bytes of all files.' }),
      permissions: t.field({
        type: [PermissionType],
        description: 'What it asks for.',
        resolve: (version) => (version.permissions as string[]).map(permissionFacts),
      }),
      minMosisVersion: t.expose('minMosisVersion', { type: 'SemVer', description: 'Oldest Mosis it runs on.' }),
      releaseNotes: t.exposeString('releaseNotes', { description: 'Plain text; empty where none were given.' }),
      signerKeyId: t.exposeString('signerKeyId', {
        nullable: true,
        description: 'Key that signed it; null for an unsigned draft.',
      }),
      createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was uploaded.' }),
      submittedAt: t.expose('submittedAt', { type: 'DateTime', nullable: true, description: 'Null for a draft.' }),
      decidedAt: t.expose('decidedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Last approval or rejection; null before.',
      }),
      publishedAt: t.expose('publishedAt', {
        type: 'DateTime',
        nullable: true,
        description: 'Last publication; null before.',
      }),
      downloadUrl: t.field({
        type: 'URL',
        nullable: true,
        description: 'Where devices get it; null while it is not published.',
        select: { state: true, versionCode: true, app: { select: { packageId: true } } },
        resolve: (version, _args, { publicUrl }) =>
          version.state === 'PUBLISHED'
            ? `${publicUrl}${packagePath(version.app.packageId, version.versionCode)}`
            : null,
      }),
      file: t.prismaField({
        type: PackageFile,
        nullable: true,
        description: 'One file of the package by its path; null where there is none.',
        args: { path: t.arg.string({ required: true, description: 'Path in the package.' }) },
        resolve: (query, { id }, { path }, { db }) =>
          db.prisma.versionFile.findUnique({ ...query, where: { versionId_path: { versionId: id, path } } }),
      }),
      files: t.relation('files', {
        type: PackageFile,
        description: 'What is in the package.',
        query: { orderBy: { path: 'asc' } },
      }),
      checks: t.relation('checkRuns', {
        type: CheckRunType,
        description: 'The checks of the newest round, in the order they ran.',
        query: { orderBy: { startedAt: 'asc' } },
      }),
      findings: t.relatedConnection('findings', {
        cursor: 'id',
        type: FindingType,
        description: 'What the checks found, in the order found.',
        args: { severity: t.arg({ type: SeverityEnum, description: 'Only these.' }) },
        totalCount: true,
        query: ({ severity }) => ({
          where: severity == null ? {} : { severity },
          orderBy: { position: 'asc' as const },
        }),
      }),
      reviewReasons: t.field({
        type: [ReviewReasonEnum],
        description: 'Why a person looks at it; empty where none does.',
        resolve: (version) => REVIEW_REASONS.filter((reason) => (version.reviewReasons as string[]).includes(reason)),
      }),
      feedback: t.string({
        nullable: true,
        description: 'What the last rejection said; null where it was not rejected.',
        select: { state: true, stateReason: true },
        resolve: (version) => (version.state === 'REJECTED' ? version.stateReason : null),
      }),
      viewerCanSubmit: can('submit', 'Whether you may submit it now.'),
      viewerCanWithdraw: can('withdraw', 'Whether you may withdraw it now.'),
      viewerCanPublish: can('publish', 'Whether you may publish it now.'),
      viewerCanUnpublish: can('unpublish', 'Whether you may unpublish it now.'),
      viewerCanAppeal: can('appeal', 'Whether you may appeal its rejection now.'),
      viewerCanReview: t.boolean({
        description: 'Whether you may decide about it: a reviewer who is no member of its app, while it is in review.',
        select: FACTS,
        resolve: (version, _args, { viewer }) => version.state === 'IN_REVIEW' && mayReview(viewer, version),
      }),
      viewerCanSuspend: t.boolean({
        description: 'Whether you may suspend it now.',
        select: FACTS,
        resolve: (version, _args, { viewer }) =>
          version.state === 'PUBLISHED' && (mayReview(viewer, version) || isAdmin(viewer)),
      }),
    };
  },
});

builder.queryField('version', (t) =>
  t.prismaField({
    type: VersionNode,
    nullable: true,
    description: 'A version by its global id; null where it does not exist for the viewer.',
    args: { id: t.arg.globalID({ required: true, description: 'Global id.' }) },
    resolve: (query, _parent, { id }, { db, viewer }) =>
      id.typename === 'Version'
        ? db.prisma.appVersion.findFirst({ ...query, where: { id: id.id, AND: [visibleVersions(viewer)] } })
        : null,
  }),
);

const UploadStateEnum = builder.enumType('UploadState', {
  description: 'Where an upload is.',
  values: {
    OPEN: { description: 'Takes bytes.' },
    RECEIVED: { description: 'All bytes are stored; the format is being checked.' },
    ACCEPTED: { description: 'Became a draft version.' },
    REFUSED: { description: 'Broke a rule; the findings say which. Its bytes are deleted.' },
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
  description: 'Bytes on their way to becoming a draft. Lives 24 hours.',
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
  description: 'The package that is about to be sent.',
  fields: (t) => ({
    appId: t.globalID({ required: true, description: 'The app it is a version of.' }),
    size: t.field({ type: 'BigInt', required: true, description: 'Bytes of the file.' }),
    sha256: t.field({ type: 'Sha256', required: true, description: 'Of the file.' }),
    releaseNotes: t.string({ description: 'Plain text, up to 4,000 characters.' }),
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

/** The payload of every mutation that moves a version. */
export const versionPayload = (name: string) =>
  builder.objectRef<{ versionId: string }>(name).implement({
    description: 'The version as it is now.',
    fields: (t) => ({
      version: t.prismaField({
        type: VersionNode,
        description: 'The version as it is now.',
        resolve: (query, { versionId }, _args, { db }) =>
          db.prisma.appVersion.findUniqueOrThrow({ ...query, where: { id: versionId } }),
      }),
    }),
  });

const repeatable = {
  description: 'A repeat with the same key and input within 24 h gets the first answer.',
};

const SubmitVersionInput = builder.inputType('SubmitVersionInput', {
  description: 'Which draft.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('submitVersion', (t) =>
  t.field({
    type: versionPayload('SubmitVersionPayload'),
    errors: {},
    description:
      'Sends a draft to the checks and, where the policy asks for it, to a reviewer. Its version code is spent.',
    args: { input: t.arg({ type: SubmitVersionInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.versions.submit(viewer, input.versionId.id, caller, input.idempotencyKey),
    }),
  }),
);

const PublishVersionInput = builder.inputType('PublishVersionInput', {
  description: 'Which approved or unpublished version.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version.' }),
    idempotencyKey: t.string(repeatable),
  }),
});
builder.mutationField('publishVersion', (t) =>
  t.field({
    type: versionPayload('PublishVersionPayload'),
    errors: {},
    description: "Puts a version into the store, with the platform's signature.",
    args: { input: t.arg({ type: PublishVersionInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.versions.publish(viewer, input.versionId.id, caller, input.idempotencyKey),
    }),
  }),
);

for (const [name, act, description] of [
  ['withdrawVersion', 'withdraw', 'Takes a version back before it is published; a submitted code stays spent.'],
  ['unpublishVersion', 'unpublish', 'Takes a version out of the store.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which version.',
    fields: (t) => ({ versionId: t.globalID({ required: true, description: 'The version.' }) }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: versionPayload(`${cased}Payload`),
      errors: {},
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which one.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => ({
        versionId: await services.versions[act](viewer, input.versionId.id, caller),
      }),
    }),
  );
}

for (const [name, act, description] of [
  [
    'suspendVersion',
    'suspend',
    'Takes a published version out of the store, as a reviewer or admin, with a reason its developer is shown.',
  ],
  ['reinstateVersion', 'reinstate', 'Puts a suspended version back, as a reviewer or admin.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which version, and why.',
    fields: (t) => ({
      versionId: t.globalID({ required: true, description: 'The version.' }),
      reason: t.string({ required: true, description: 'Shown to its developer; 1 to 2,000 characters.' }),
    }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: versionPayload(`${cased}Payload`),
      errors: {},
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which one, and why.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => ({
        versionId: await services.versions[act](viewer, input.versionId.id, input.reason, caller),
      }),
    }),
  );
}

const UpdateDraftInput = builder.inputType('UpdateDraftInput', {
  description: 'New release notes.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'A draft or approved version.' }),
    releaseNotes: t.string({ required: true, description: 'Plain text, up to 4,000 characters.' }),
  }),
});
builder.mutationField('updateDraft', (t) =>
  t.field({
    type: versionPayload('UpdateDraftPayload'),
    errors: {},
    description: 'Changes the release notes while a version is a draft or approved.',
    args: { input: t.arg({ type: UpdateDraftInput, required: true, description: 'What to change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      versionId: await services.versions.updateDraft(viewer, input.versionId.id, input.releaseNotes, caller),
    }),
  }),
);

const DeleteDraftInput = builder.inputType('DeleteDraftInput', {
  description: 'Which draft.',
  fields: (t) => ({ versionId: t.globalID({ required: true, description: 'The draft.' }) }),
});
const DeleteDraftPayload = builder.objectRef<{ appId: string }>('DeleteDraftPayload').implement({
  description: 'The app the draft belonged to.',
  fields: (t) => ({
    app: t.prismaField({
      type: AppNode,
      description: 'The app as it is now.',
      resolve: (query, { appId }, _args, { db }) => db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
    }),
  }),
});
builder.mutationField('deleteDraft', (t) =>
  t.field({
    type: DeleteDraftPayload,
    errors: {},
    description: 'Deletes a draft and its bytes.',
    args: { input: t.arg({ type: DeleteDraftInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      appId: await services.versions.deleteDraft(viewer, input.versionId.id, caller),
    }),
  }),
);

builder.prismaObjectFields(AppNode, (t) => ({
  latestVersion: t.field({
    type: VersionNode,
    nullable: true,
    description: 'Newest published version; null before publication.',
    select: (_args, _context, nestedSelection) => ({ latestVersion: nestedSelection() }),
    resolve: (app, _args, { viewer }) => (readsVersions(viewer) ? app.latestVersion : null),
  }),
  version: t.prismaField({
    type: VersionNode,
    nullable: true,
    description:
      'The version with a code: the submitted one, else the newest draft; null where there is none for the viewer.',
    args: { versionCode: t.arg.int({ required: true, description: 'Version code.' }) },
    resolve: (query, { id }, { versionCode }, { db, viewer }) =>
      db.prisma.appVersion.findFirst({
        ...query,
        where: { appId: id, versionCode, AND: [visibleVersions(viewer)] },
        orderBy: [{ claimedCode: { sort: 'asc', nulls: 'last' } }, { createdAt: 'desc' }],
      }),
  }),
}));

const UnpublishAppInput = builder.inputType('UnpublishAppInput', {
  description: 'Which app.',
  fields: (t) => ({ appId: t.globalID({ required: true, description: 'The app.' }) }),
});
const UnpublishAppPayload = builder.objectRef<{ appId: string }>('UnpublishAppPayload').implement({
  description: 'The app as it is now.',
  fields: (t) => ({
    app: t.prismaField({
      type: AppNode,
      description: 'The app as it is now.',
      resolve: (query, { appId }, _args, { db }) => db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
    }),
  }),
});
builder.mutationField('unpublishApp', (t) =>
  t.field({
    type: UnpublishAppPayload,
    errors: {},
    description: 'Takes every published version of an app out of the store, in one step.',
    args: { input: t.arg({ type: UnpublishAppInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      appId: await services.versions.unpublishAll(viewer, input.appId.id, caller),
    }),
  }),
);
