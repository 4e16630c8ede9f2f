/** Owns the GraphQL type of a permission, shared by versions and the store. */
import { PERMISSION_REGISTRY, PERMISSIONS } from '../../format/permissions.ts';
import { builder } from '../graphql/builder.ts';

export interface PermissionFacts {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly dangerous: boolean;
}

/** The registry's facts about a permission name; an unknown one counts as dangerous. */
export function permissionFacts(name: string): PermissionFacts {
  const known = PERMISSIONS.find((permission) => permission === name);
  if (known === undefined) return { name, title: name, description: 'Unknown to this server.', dangerous: true };
  const { title, description, level } = PERMISSION_REGISTRY[known];
  return { name, title, description, dangerous: level === 'dangerous' };
}

export const PermissionType = builder.objectRef<PermissionFacts>('Permission').implement({
  description: 'A right an app asks for.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'As the manifest writes it.' }),
    title: t.exposeString('title', { description: 'Short name for people.' }),
    description: t.exposeString('description', { description: 'What it lets an app do.' }),
    dangerous: t.exposeBoolean('dangerous', {
      description: 'Whether a reviewer always looks at apps that ask for it.',
    }),
  }),
});
