/** Owns the GraphQL view of known issues: their type, their place on versions, and their change. It writes through the service. */
import { notFound } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { visibleVersions } from '../versions/access.ts';
import { VersionNode, versionPayload } from '../versions/schema.ts';

const KnownIssueNode = builder.prismaNode('KnownIssue', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'KnownIssue',
  id: { field: 'id', description: 'Global id.' },
  description: 'A note for devices on which an update to a version failed.',
  findUnique: (id, { viewer }) => ({ id, version: { AND: [visibleVersions(viewer)] } }),
  fields: (t) => ({
    reason: t.string({
      nullable: true,
      description: 'The reason code of failed updates that it is about, such as `DOWNLOAD_CORRUPT`; null for any.',
      resolve: ({ reason }) => (reason === '' ? null : reason),
    }),
    note: t.exposeString('note', { description: 'Plain text for the user of a device.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first written.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last written.' }),
  }),
});

builder.prismaObjectFields(VersionNode, (t) => ({
  knownIssues: t.relation('knownIssues', {
    type: KnownIssueNode,
    description:
      'Notes that devices are told when an update to this version failed; the one for any reason also comes with the offer.',
    query: { orderBy: [{ reason: 'asc' }] },
  }),
}));

const NoteKnownIssuePayload = builder.objectRef<{ knownIssueId: string }>('NoteKnownIssuePayload').implement({
  description: 'The note as it is now.',
  fields: (t) => ({
    knownIssue: t.prismaField({
      type: KnownIssueNode,
      description: 'The note as it is now.',
      resolve: (query, { knownIssueId }, _args, { db }) =>
        db.prisma.knownIssue.findUniqueOrThrow({ ...query, where: { id: knownIssueId } }),
    }),
  }),
});
const NoteKnownIssueInput = builder.inputType('NoteKnownIssueInput', {
  description: 'Which version, and what devices are told.',
  fields: (t) => ({
    versionId: t.globalID({ required: true, description: 'The version that updates lead to.' }),
    reason: t.string({
      description:
        'A reason code of failed updates, such as `DOWNLOAD_CORRUPT`, up to 40 characters; any when left out.',
    }),
    note: t.string({ required: true, description: 'Plain text, 1 to 500 characters.' }),
    idempotencyKey: t.string({
      description: 'A repeat with the same key and input within 24 h gets the first answer.',
    }),
  }),
});
builder.mutationField('noteKnownIssue', (t) =>
  t.field({
    type: NoteKnownIssuePayload,
    errors: {},
    description:
      'Writes what devices are told when an update to a version fails, for one reason or for any; replaces the note that is there. For who may publish the version.',
    args: { input: t.arg({ type: NoteKnownIssueInput, required: true, description: 'Which one, and what.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      knownIssueId: await services.knownIssues.note(
        { viewer, origin: caller },
        { versionId: input.versionId.id, reason: input.reason, note: input.note },
        input.idempotencyKey,
      ),
    }),
  }),
);

const RemoveKnownIssueInput = builder.inputType('RemoveKnownIssueInput', {
  description: 'Which note.',
  fields: (t) => ({ knownIssueId: t.globalID({ required: true, description: 'The note.' }) }),
});
builder.mutationField('removeKnownIssue', (t) =>
  t.field({
    type: versionPayload('RemoveKnownIssuePayload'),
    errors: {},
    description: 'Removes a note on a known issue; devices are told no more of it. For who may publish the version.',
    args: { input: t.arg({ type: RemoveKnownIssueInput, required: true, description: 'Which one.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => {
      if (input.knownIssueId.typename !== 'KnownIssue') throw notFound('The note');
      const versionId = await services.knownIssues.remove({ viewer, origin: caller }, input.knownIssueId.id);
      return { versionId };
    },
  }),
);
