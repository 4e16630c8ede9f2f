/** Owns the GraphQL view of rescans: runs for admins, flags for whoever sees the version. Rules are in the service. */
import { z } from 'zod';
import { isAdmin } from '../accounts/access.ts';
import { builder } from '../graphql/builder.ts';
import { visibleVersions } from '../versions/access.ts';
import { SEVERITIES, SeverityEnum } from '../versions/check-types.ts';
import { VersionNode } from '../versions/schema.ts';
import { RESCAN_STATES, type RescanState } from './rescan-parts.ts';

/** Flags of one version that are shown; each rescan adds at most one. */
const MAX_FLAGS = 20;

const findingsSchema = z.array(
  z.object({
    code: z.string(),
    severity: z.enum(SEVERITIES),
    message: z.string(),
    help: z.string(),
    file: z.string().nullable(),
    line: z.number().nullable(),
    column: z.number().nullable(),
  }),
);

const RescanFinding = builder.objectRef<z.output<typeof findingsSchema>[number]>('RescanFinding').implement({
  description: 'What a rescan found in a published version and its own checks had not.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable code with an entry in the catalogue.' }),
    severity: t.expose('severity', { type: SeverityEnum, description: 'What it would do to a submission.' }),
    message: t.exposeString('message', { description: 'What is wrong here.' }),
    help: t.exposeString('help', { description: 'What to do about it.' }),
    file: t.exposeString('file', {
      nullable: true,
      description: 'Path in the package; null where the whole package is meant.',
    }),
    line: t.exposeInt('line', { nullable: true, description: 'From 1; null without a line.' }),
    column: t.exposeInt('column', { nullable: true, description: 'From 1; null without a column.' }),
  }),
});

const RescanFlagNode = builder.prismaNode('RescanFlag', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'RescanFlag',
  id: { field: 'id', description: 'Global id.' },
  description: 'A published version in which a rescan found something new. It changes nothing: a reviewer decides.',
  findUnique: (id, { viewer }) => ({ id, version: visibleVersions(viewer) }),
  fields: (t) => ({
    version: t.relation('version', { type: VersionNode, description: 'In which version.' }),
    errors: t.exposeInt('errors', { description: 'New findings that would refuse a submission.' }),
    warnings: t.exposeInt('warnings', { description: 'New findings that would send a submission to a person.' }),
    findings: t.field({
      type: [RescanFinding],
      description: 'The new findings, at most 200.',
      complexity: 10,
      resolve: ({ findings }) => findingsSchema.parse(findings),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was found.' }),
  }),
});

const RescanStateEnum = builder.enumType('RescanState', {
  description: 'How far a rescan is.',
  values: {
    RUNNING: { description: 'Under way, or waiting for its turn.' },
    DONE: { description: 'Every version was looked at.' },
    CANCELLED: { description: 'Ended by an admin; its flags stay.' },
    FAILED: { description: 'Its job failed for good; retrying the job goes on where it stopped.' },
  } satisfies Record<RescanState, object>,
});

const RescanNode = builder.prismaNode('Rescan', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'Rescan',
  id: { field: 'id', description: 'Global id.' },
  description: "One run of today's checks over the published versions. It changes no version's state. Admins only.",
  findUnique: (id, { viewer }) => ({ id: isAdmin(viewer) ? id : '' }),
  fields: (t) => ({
    state: t.field({
      type: RescanStateEnum,
      description: 'How far it is.',
      resolve: ({ state }) => RESCAN_STATES.find((known) => known === state) ?? 'FAILED',
    }),
    ruleset: t.exposeString('ruleset', { description: 'Version of the rules it runs.' }),
    total: t.exposeInt('total', { description: 'Versions that were published when it began.' }),
    checked: t.exposeInt('checked', { description: 'Versions looked at so far.' }),
    flagged: t.exposeInt('flagged', { description: 'Of these, with something new.' }),
    crashed: t.exposeInt('crashed', { description: 'Of these, where a check did not finish.' }),
    startedByName: t.string({
      nullable: true,
      description: 'Who started it; null for the operator or a removed account.',
      resolve: async ({ startedById }, _args, { db }) => {
        if (startedById === null) return null;
        const where = { id: startedById, status: { not: 'DELETED' } };
        return (await db.prisma.developer.findUnique({ where, select: { name: true } }))?.name ?? null;
      },
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null while it runs.',
    }),
    flags: t.relatedConnection('flags', {
      cursor: 'id',
      description: 'What it flagged, newest first.',
      query: { orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] },
    }),
  }),
});

builder.prismaObjectFields(VersionNode, (t) => ({
  rescanFlags: t.relation('rescanFlags', {
    type: RescanFlagNode,
    description: 'What rescans found in it since it was published, newest first; at most 20.',
    query: { orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take: MAX_FLAGS },
  }),
}));

builder.queryField('rescans', (t) =>
  t.prismaConnection({
    type: RescanNode,
    cursor: 'id',
    authScopes: { admin: true },
    description: 'Runs of the checks over published versions, newest first. Admins only.',
    resolve: (query, _parent, _args, { db }) =>
      db.prisma.rescan.findMany({ ...query, orderBy: [{ startedAt: 'desc' }, { id: 'desc' }] }),
  }),
);

const rescanPayload = (name: string, description: string) =>
  builder.objectRef<{ rescanId: string }>(name).implement({
    description,
    fields: (t) => ({
      rescan: t.prismaField({
        type: RescanNode,
        description: 'The rescan as it is now.',
        resolve: (query, { rescanId }, _args, { db }) =>
          db.prisma.rescan.findUniqueOrThrow({ ...query, where: { id: rescanId } }),
      }),
    }),
  });

builder.mutationField('startRescan', (t) =>
  t.field({
    type: rescanPayload('StartRescanPayload', 'The rescan that began.'),
    errors: {},
    authScopes: { admin: true },
    description:
      "Runs today's checks over all published versions, and has a reviewer look where they find something new. One at a time. Admins only.",
    resolve: async (_parent, _args, { services, viewer, caller }) => ({
      rescanId: (await services.rescans.start({ viewer, origin: caller })).id,
    }),
  }),
);

const CancelRescanInput = builder.inputType('CancelRescanInput', {
  description: 'Which rescan to end.',
  fields: (t) => ({ rescanId: t.globalID({ for: RescanNode, required: true, description: 'The rescan.' }) }),
});
builder.mutationField('cancelRescan', (t) =>
  t.field({
    type: rescanPayload('CancelRescanPayload', 'The rescan that was ended.'),
    errors: {},
    authScopes: { admin: true },
    description: 'Ends a rescan after the version it is at; what it flagged stays. Admins only.',
    args: { input: t.arg({ type: CancelRescanInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      rescanId: (await services.rescans.cancel({ viewer, origin: caller }, input.rescanId.id)).id,
    }),
  }),
);
