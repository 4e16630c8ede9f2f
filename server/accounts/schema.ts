/** Owns the queries on accounts, and brings in the feature's types and mutations. */
import { DomainError } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import './schema-administration.ts';
import './schema-keys.ts';
import './schema-mutations.ts';
import { DeviceLoginRequestType, ViewerType } from './schema-types.ts';

const MAX_SEARCH_CHARS = 120;

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    nullable: true,
    description: 'Who is asking; null for a visitor.',
    resolve: (_, _args, { viewer }) => (viewer.kind === 'developer' ? viewer : null),
  }),
);

builder.queryField('deviceLogin', (t) =>
  t.field({
    type: DeviceLoginRequestType,
    nullable: true,
    description:
      'The open request behind a code that the viewer typed; null when the code is not known, has expired or was used. Five wrong codes lock this for ten minutes. Only in the portal.',
    args: { userCode: t.arg.string({ required: true, description: 'The eight letters, with or without the hyphen.' }) },
    resolve: async (_, { userCode }, { viewer, services, caller }) => {
      try {
        return await services.accounts.deviceLogins.lookUp(viewer, userCode, caller);
      } catch (error) {
        if (error instanceof DomainError && error.code === 'DEVICE_CODE_UNKNOWN') return null;
        throw error;
      }
    },
  }),
);

builder.queryField('developers', (t) =>
  t.prismaConnection({
    type: 'Developer',
    cursor: 'id',
    authScopes: { admin: true },
    description: 'Every account, newest first. Only for admins in the portal.',
    args: { search: t.arg.string({ description: 'A part of the name or e-mail address.' }) },
    resolve: (query, _, { search }, { db }) => {
      const text = search?.trim().slice(0, MAX_SEARCH_CHARS) ?? '';
      const matches =
        text === '' ? {} : { OR: [{ email: { contains: text.toLowerCase() } }, { name: { contains: text } }] };
      return db.prisma.developer.findMany({
        ...query,
        where: { status: { not: 'DELETED' }, ...matches },
        orderBy: { id: 'desc' },
      });
    },
  }),
);
