/** Owns how accounts, sessions and device sign-ins look in GraphQL. Keys are in schema-key-types.ts, queries in schema.ts. */

import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { isAdmin, requirePerson, requireSignedIn } from './access.ts';
import { CLI_RIGHTS, type DeviceLoginRequest } from './device-login.ts';
import { ApiKeyScopeEnum, ApiKeyType, SigningKeyType } from './schema-key-types.ts';
import type { SessionView } from './sessions.ts';
import type { Credential, DeveloperViewer, Viewer } from './viewer.ts';

const RoleEnum = builder.enumType('Role', {
  description: 'What an account may do beside having apps.',
  values: {
    DEVELOPER: { description: 'Has apps, uploads and publishes; every account.' },
    REVIEWER: { description: 'Decides on versions of others.' },
    ADMIN: { description: 'Gives roles, suspends apps and accounts, sees jobs and the audit log.' },
  },
});

const CredentialKindEnum = builder.enumType('CredentialKind', {
  description: 'What proved who is asking.',
  values: {
    SESSION: { description: 'The cookie of the portal.' },
    CLI: { description: 'A session from `mosis login`; never for reviewer or admin acts.' },
    API_KEY: { description: 'An API key, cut down to its scopes.' },
  },
});

const SessionKindEnum = builder.enumType('SessionKind', {
  description: 'Where a session is used.',
  values: {
    PORTAL: { description: 'In a browser; ends after 30 days without use.' },
    CLI: { description: 'On the command line; ends after 90 days.' },
  },
});

export const DeviceLoginStateEnum = builder.enumType('DeviceLoginState', {
  description: 'What became of a device sign-in.',
  values: {
    PENDING: { description: 'Nobody has decided yet.' },
    CONFIRMED: { description: 'Confirmed; the token is given out once.' },
    DENIED: { description: 'Refused by the person.' },
    EXPIRED: { description: 'Ten minutes have passed.' },
  },
});

/** An account is visible to itself and to admins; for everybody else it does not exist. */
function visibleDeveloper({ viewer }: GraphContext) {
  if (isAdmin(viewer)) return {};
  return { AND: [{ id: viewer.kind === 'developer' ? viewer.developerId : '' }] };
}

export const Developer = builder.prismaNode('Developer', {
  description: 'An account; visible to itself and to admins.',
  nullable: true,
  id: { field: 'id', description: 'Global id.' },
  findUnique: (id, context) => ({ id, ...visibleDeveloper(context) }),
  fields: (t) => ({
    email: t.exposeString('email', { description: 'What signs in.' }),
    name: t.exposeString('name', { description: 'The name shown to others.' }),
    roles: t.field({
      type: [RoleEnum],
      description: 'The roles of the account; reviewer and admin are in force only in the portal.',
      select: { reviewer: true, admin: true },
      resolve: ({ reviewer, admin }) => [
        'DEVELOPER' as const,
        ...(reviewer ? ['REVIEWER' as const] : []),
        ...(admin ? ['ADMIN' as const] : []),
      ],
    }),
    suspended: t.boolean({
      description: 'Whether an admin has suspended the account.',
      select: { status: true },
      resolve: ({ status }) => status === 'SUSPENDED',
    }),
    suspendedReason: t.exposeString('statusReason', {
      nullable: true,
      description: 'Why it is suspended; null when it is not.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the account was made.' }),
  }),
});

export const CredentialType = builder.objectRef<Credential>('Credential').implement({
  description: 'What the viewer came with, and what it allows.',
  fields: (t) => ({
    kind: t.field({
      type: CredentialKindEnum,
      description: 'Session, CLI session or API key.',
      resolve: ({ kind }) => kind,
    }),
    scopes: t.field({
      type: [ApiKeyScopeEnum],
      nullable: true,
      description: 'The scopes of an API key; null for sessions, which have all.',
      resolve: (credential) => (credential.kind === 'API_KEY' ? [...credential.scopes] : null),
    }),
    appId: t.globalID({
      nullable: true,
      description: 'The one app that an API key is for; null when it is for all.',
      resolve: (credential) =>
        credential.kind === 'API_KEY' && credential.appId !== null ? { type: 'App', id: credential.appId } : null,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null for an API key without an end.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
});

/** The sessions as this viewer sees them: the one in use is marked. */
export function markCurrent(sessions: readonly SessionView[], viewer: Viewer): (SessionView & { current: boolean })[] {
  const currentId = viewer.kind === 'developer' ? viewer.credential.id : null;
  return sessions.map((session) => ({ ...session, current: session.publicId === currentId }));
}

export const SessionType = builder.objectRef<SessionView & { readonly current: boolean }>('Session');
builder.node(SessionType, {
  description: 'A signed-in browser or command line of the viewer.',
  id: { description: 'Global id.', resolve: ({ publicId }) => publicId },
  loadOne: async (id, { viewer, services }) => {
    if (viewer.kind === 'anonymous' || viewer.credential.kind === 'API_KEY') return null;
    const sessions = await services.accounts.sessions.list(viewer.developerId);
    return markCurrent(sessions, viewer).find(({ publicId }) => publicId === id) ?? null;
  },
  fields: (t) => ({
    kind: t.expose('kind', { type: SessionKindEnum, description: 'Browser or command line.' }),
    label: t.exposeString('label', {
      nullable: true,
      description: 'Client and host of a CLI session; null for browsers.',
    }),
    ip: t.exposeString('ip', {
      nullable: true,
      description: 'The address it was last used from; null when not known.',
    }),
    userAgent: t.exposeString('userAgent', {
      nullable: true,
      description: 'What the client called itself; null when it did not.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it began.' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime', description: 'Its last use, to about ten minutes.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends if it is not used again.' }),
    current: t.exposeBoolean('current', { description: 'Whether the viewer is using it now.' }),
  }),
});

export const DeviceLoginRequestType = builder.objectRef<DeviceLoginRequest>('DeviceLoginRequest').implement({
  description: 'A command line that asks to be signed in.',
  fields: (t) => ({
    clientName: t.exposeString('clientName', {
      description: 'What the client calls itself; anybody can write anything here.',
    }),
    host: t.exposeString('host', { description: 'The machine it says it is on; anybody can write anything here.' }),
    ip: t.exposeString('ip', { nullable: true, description: 'The address it asked from; null when not known.' }),
    state: t.expose('state', { type: DeviceLoginStateEnum, description: 'What became of it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it asked.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when it can be confirmed.' }),
    rights: t.stringList({ description: 'What it may do once confirmed, in words.', resolve: () => [...CLI_RIGHTS] }),
  }),
});

/** Who is asking. Features add their own fields with `builder.objectField(ViewerType, …)`. */
export const ViewerType = builder.objectRef<DeveloperViewer>('Viewer').implement({
  description: 'Who is asking.',
  fields: (t) => ({
    developer: t.prismaField({
      type: Developer,
      description: 'The account.',
      resolve: (query, { developerId }, _, { db }) =>
        db.prisma.developer.findUniqueOrThrow({ ...query, where: { id: developerId } }),
    }),
    credential: t.field({
      type: CredentialType,
      description: 'What the viewer came with.',
      resolve: ({ credential }) => credential,
    }),
    sessions: t.field({
      type: [SessionType],
      description: 'Where the account is signed in, last used first. Not through an API key.',
      resolve: async (viewer, _, { services }) =>
        markCurrent(await services.accounts.sessions.list(requirePerson(viewer).developerId), viewer),
    }),
    apiKeys: t.field({
      type: [ApiKeyType],
      description: 'Every API key, ended ones too, newest first. Not through an API key.',
      resolve: (viewer, _, { services }) => services.accounts.apiKeys.list(requirePerson(viewer).developerId),
    }),
    signingKeys: t.field({
      type: [SigningKeyType],
      description: 'Every signing key, ended ones too, newest first.',
      resolve: (viewer, _, { services }) => services.accounts.signingKeys.list(requireSignedIn(viewer).developerId),
    }),
  }),
});
