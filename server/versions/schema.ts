/** Owns the GraphQL type of versions, where it is reached from, and the payload of what moves one. It writes nothing. */

import { z } from 'zod';
import { AppNode } from '../apps/schema.ts';
import { builder } from '../graphql/builder.ts';
import { REVIEW_REASONS } from '../reviews/policy.ts';
import { ReviewReasonEnum } from '../reviews/reason-type.ts';
import { type MemberAct, mayAct, mayReview, maySuspend, readsVersions, visibleVersions } from './access.ts';
import { CheckRunType, FindingType, SEVERITIES, SeverityEnum } from './check-types.ts';
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

/** A package may have 10,000 files: a few lists of them are in one operation, and those of a page of versions are not. */
export const FILES_COST = 250;
/** For each text the package is opened and a file of up to 256 KiB unpacked: a few at once, never those of a whole list. */
const TEXT_COST = 500;

export const PackageFile = builder.prismaObject('VersionFile', {
  name: 'PackageFile',
  description: 'One file of a package.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Path in the package.' }),
    size: t.expose('size', { type: 'BigInt', description: 'Unpacked bytes.' }),
    sha256: t.expose('sha256', { type: 'Sha256', description: 'Of the unpacked bytes.' }),
    text: t.string({
      nullable: true,
      description: 'The text of the file; null where it is no text, over 256 KiB, or no longer stored.',
      complexity: TEXT_COST,
      select: {
        path: true,
        size: true,
        version: { select: { id: true, versionCode: true, app: { select: { packageId: true } } } },
      },
      resolve: (file, _args, { services }) => services.versions.readText(file.version, file),
    }),
  }),
});

/** The findings that a page of them is of: of one version, of one severity where its arguments say so. */
function findingsOf(version: unknown, args: unknown): { versionId: string; severity?: string } {
  const { id } = z.object({ id: z.string() }).parse(version);
  const { severity } = z.object({ severity: z.enum(SEVERITIES).nullish() }).parse(args);
  return severity == null ? { versionId: id } : { versionId: id, severity };
}

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
      bytesRemovedAt: t.expose('bytesRemovedAt', {
        type: 'DateTime',
        nullable: true,
        description:
          'When its package was removed by the retention policy: it cannot be downloaded, published or read since. Null while it is stored.',
      }),
      downloadUrl: t.field({
        type: 'URL',
        nullable: true,
        description: 'Where devices get it; null while it is not published, or its package is no longer stored.',
        select: { state: true, bytesRemovedAt: true, versionCode: true, app: { select: { packageId: true } } },
        resolve: (version, _args, { publicUrl }) =>
          version.state === 'PUBLISHED' && version.bytesRemovedAt === null
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
        complexity: { field: FILES_COST, multiplier: 10 },
        query: { orderBy: { path: 'asc' } },
      }),
      checks: t.relation('checkRuns', {
        type: CheckRunType,
        description: 'The checks of the newest round, in the order they ran.',
        query: { orderBy: { startedAt: 'asc' } },
      }),
      findings: t.relatedConnection(
        'findings',
        {
          cursor: 'id',
          type: FindingType,
          description: 'What the checks found, in the order found.',
          args: { severity: t.arg({ type: SeverityEnum, description: 'Only these.' }) },
          query: ({ severity }) => ({
            where: severity == null ? {} : { severity },
            orderBy: { position: 'asc' as const },
          }),
        },
        {
          fields: (connection) => ({
            // Counted by version: the plugin's own count groups the findings of every version there is.
            totalCount: connection.int({
              description: 'How many there are.',
              resolve: ({ parent, args }, _args, { db }) =>
                db.prisma.versionFinding.count({ where: findingsOf(parent, args) }),
            }),
          }),
        },
      ),
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
        resolve: (version, _args, { viewer }) => version.state === 'PUBLISHED' && maySuspend(viewer, version),
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

builder.prismaObjectFields(AppNode, (t) => ({
  latestVersion: t.field({
    type: VersionNode,
    nullable: true,
    description:
      'What the store shows of it: the newest version that every device on stable is offered, or where there is none the one that comes nearest; null while nothing is published.',
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
