/** Owns the GraphQL view of the settings' history, and its rollback. Each feature's own schema shows its settings. */
import { isAdmin } from '../accounts/access.ts';
import { builder } from '../graphql/builder.ts';
import { differences, type SettingDifference } from './difference.ts';

const SettingDifferenceType = builder.objectRef<SettingDifference>('SettingDifference').implement({
  description: 'One place in which a setting changed.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Which part: `leaseMinutes`, `rules.PRIVACY-1.text`.' }),
    before: t.exposeString('before', { nullable: true, description: 'What it was; null where there was nothing.' }),
    after: t.exposeString('after', { nullable: true, description: 'What it became; null where it was removed.' }),
  }),
});

export const SettingChangeNode = builder.prismaNode('SettingChange', {
  // Out of sight is null, not a fault.
  nullable: true,
  name: 'SettingChange',
  id: { field: 'id', description: 'Global id.' },
  description: 'One change of a setting. Admins only.',
  findUnique: (id, { viewer }) => ({ id: isAdmin(viewer) ? id : '' }),
  fields: (t) => ({
    key: t.exposeString('key', {
      description:
        'Which setting: `reviews` is the review policy, `rollout-guard` the automatic pause, `package-retention` how long packages are kept.',
    }),
    before: t.string({
      nullable: true,
      description: 'What was in force before, as JSON; null for the first change, before which the defaults were.',
      complexity: 5,
      resolve: ({ before }) => (before === null ? null : JSON.stringify(before)),
    }),
    after: t.string({
      description: 'What is in force since, as JSON.',
      complexity: 5,
      resolve: ({ after }) => JSON.stringify(after),
    }),
    summary: t.field({
      type: [SettingDifferenceType],
      description: 'What differs, place by place; the first change is compared with the defaults.',
      resolve: ({ key, before, after }, _args, { services }) =>
        differences(before ?? services.settings.defaults(key), after),
    }),
    actorName: t.string({
      nullable: true,
      description: 'Who changed it; null for the operator or a removed account.',
      resolve: async ({ actorId }, _args, { db }) =>
        actorId === null
          ? null
          : ((
              await db.prisma.developer.findUnique({
                where: { id: actorId, status: { not: 'DELETED' } },
                select: { name: true },
              })
            )?.name ?? null),
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
  }),
});

builder.queryField('settingChanges', (t) =>
  t.prismaConnection({
    type: SettingChangeNode,
    cursor: 'id',
    authScopes: { admin: true },
    description: 'Every change of a setting, newest first. Admins only.',
    args: { key: t.arg.string({ description: 'Only those of this setting, such as `reviews`; all by default.' }) },
    resolve: (query, _parent, { key }, { db }) =>
      db.prisma.settingChange.findMany({
        ...query,
        where: key == null ? {} : { key },
        orderBy: [{ at: 'desc' }, { id: 'desc' }],
      }),
  }),
);

const RollbackSettingInput = builder.inputType('RollbackSettingInput', {
  description: 'Which change to undo.',
  fields: (t) => ({ changeId: t.globalID({ required: true, description: 'The change.' }) }),
});
const RollbackSettingPayload = builder.objectRef<{ changeId: string }>('RollbackSettingPayload').implement({
  description: 'The change that put the setting back.',
  fields: (t) => ({
    change: t.prismaField({
      type: SettingChangeNode,
      description: 'The new change.',
      resolve: (query, { changeId }, _args, { db }) =>
        db.prisma.settingChange.findUniqueOrThrow({ ...query, where: { id: changeId } }),
    }),
  }),
});
builder.mutationField('rollbackSetting', (t) =>
  t.field({
    type: RollbackSettingPayload,
    errors: {},
    authScopes: { admin: true },
    description: 'Puts back what was in force before a change, as a change of its own. Admins only.',
    args: { input: t.arg({ type: RollbackSettingInput, required: true, description: 'Which change.' }) },
    resolve: async (_parent, { input }, { services, viewer, caller }) => ({
      changeId: await services.settings.rollback(viewer, input.changeId.id, caller),
    }),
  }),
);
