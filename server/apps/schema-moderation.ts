/** Owns the GraphQL mutations by which admins suspend and reinstate apps. Rules are in the service. */
import { builder } from '../graphql/builder.ts';
import { AppNode } from './schema.ts';

for (const [name, act, description] of [
  [
    'suspendApp',
    'suspend',
    'Hides an app from store and downloads; its members are told why, and nothing of it can be published. Admins only.',
  ],
  ['reinstateApp', 'reinstate', 'Shows a suspended app again, with what is published of it. Admins only.'],
] as const) {
  const cased = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const Payload = builder.objectRef<{ appId: string }>(`${cased}Payload`).implement({
    description: 'The app as it is now.',
    fields: (t) => ({
      app: t.prismaField({
        type: AppNode,
        description: 'The app as it is now.',
        resolve: (query, { appId }, _args, { db }) =>
          db.prisma.app.findUniqueOrThrow({ ...query, where: { id: appId } }),
      }),
    }),
  });
  const Input = builder.inputType(`${cased}Input`, {
    description: 'Which app, and why.',
    fields: (t) => ({
      appId: t.globalID({ required: true, description: 'The app.' }),
      reason: t.string({ required: true, description: 'Why; its members read it. 1 to 2,000 characters.' }),
    }),
  });
  builder.mutationField(name, (t) =>
    t.field({
      type: Payload,
      errors: {},
      authScopes: { admin: true },
      description,
      args: { input: t.arg({ type: Input, required: true, description: 'Which one, and why.' }) },
      resolve: async (_parent, { input }, { services, viewer, caller }) => {
        const which = { id: input.appId.id };
        return { appId: (await services.appModeration[act]({ viewer, origin: caller }, which, input.reason)).id };
      },
    }),
  );
}
