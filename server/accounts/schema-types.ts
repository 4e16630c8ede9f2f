/** Owns how accounts, sessions, keys and device sign-ins look in GraphQL. Queries are in schema.ts, mutations in schema-mutations.ts. */

import { builder } from '../graphql/builder.ts';
import type { GraphContext } from '../graphql/context.ts';
import { isAdmin, requirePerson, requireSignedIn } from './access.ts';
import type { ApiKeyView } from './api-keys.ts';
import { CLI_RIGHTS, type DeviceLoginRequest } from './device-login.ts';
import type { SessionView } from './sessions.ts';
import type { SigningKeyView } from './signing-keys.ts';
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

export const ApiKeyScopeEnum = builder.enumType('ApiKeyScope', {
  description: 'What an API key may do.',
  values: {
    APPS_READ: { value: 'apps:read', description: 'Read apps, versions and findings.' },
    APPS_WRITE: { value: 'apps:write', description: 'Create apps and edit listings.' },
    VERSIONS_WRITE: { value: 'versions:write', description: 'Upload, submit and withdraw versions.' },
    VERSIONS_PUBLISH: { value: 'versions:publish', description: 'Publish and unpublish approved versions.' },
    TELEMETRY_READ: { value: 'telemetry:read', description: 'Read telemetry and crashes.' },
  } as const,
});

const SessionKindEnum = builder.enumType('SessionKind', {
  description: 'Where a session is used.',
  values: {
    PORTAL: { description: 'In a browser; ends after 30 days without use.' },
    CLI: { description: 'On the command line; ends after 90 days.' },
  },
});

const SigningKeyStatusEnum = builder.enumType('SigningKeyStatus', {
  description: 'Whether a signing key can be used.',
  values: {
    ACTIVE: { description: 'Signs new versions.' },
    RETIRED: { description: 'Signs nothing new; what it signed stays.' },
    COMPROMISED: { description: 'Somebody else may have it: what was submitted with it since then was taken back.' },
  },
});

const DeviceLoginStateEnum = builder.enumType('DeviceLoginState', {
  description: 'What became of a device sign-in.',
  values: {
    PENDING: { description: 'Nobody has decided yet.' },
    CONFIRMED: { description: 'Confirmed; the token is given out once.' },
    DENIED: { description: 'Refused by the person.' },
    EXPIRED: { description: 'Ten minutes have passed.' },
  },
});

export { DeviceLoginStateEnum };

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

export const ApiKeyType = builder.objectRef<ApiKeyView>('ApiKey');
builder.node(ApiKeyType, {
  description: 'A key for scripts and continuous integration; the key itself is shown once, when it is made.',
  id: { description: 'Global id.', resolve: ({ id }) => id },
  loadOne: async (id, { viewer, services }) => {
    if (viewer.kind === 'anonymous' || viewer.credential.kind === 'API_KEY') return null;
    return (await services.accounts.apiKeys.list(viewer.developerId)).find((key) => key.id === id) ?? null;
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What its owner calls it.' }),
    prefix: t.exposeString('prefix', { description: 'Its first characters, to tell keys apart.' }),
    scopes: t.field({ type: [ApiKeyScopeEnum], description: 'What it may do.', resolve: ({ scopes }) => [...scopes] }),
    app: t.prismaField({
      type: 'App',
      nullable: true,
      description: 'The one app that it is for; null when it is for all.',
      resolve: (query, { appId }, _, { db }) =>
        appId === null ? null : db.prisma.app.findUnique({ ...query, where: { id: appId } }),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Its last use, to about a minute; null before the first.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ends; null when it does not.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null when it was not.',
    }),
  }),
});

export const SigningKeyType = builder.objectRef<SigningKeyView>('SigningKey');
builder.node(SigningKeyType, {
  description: 'The public half of a key that signs packages (docs/PACKAGE_FORMAT.md, section 4).',
  id: { description: 'Global id.', resolve: ({ id }) => id },
  loadOne: async (id, { viewer, services }) => {
    if (viewer.kind === 'anonymous') return null;
    return (await services.accounts.signingKeys.list(viewer.developerId)).find((key) => key.id === id) ?? null;
  },
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What its owner calls it.' }),
    keyId: t.exposeString('keyId', {
      description: '`SHA256:` and the base64url of the SHA-256 of the raw public key.',
    }),
    publicKey: t.exposeString('publicKey', { description: 'Base64 of the raw 32 bytes.' }),
    status: t.expose('status', { type: SigningKeyStatusEnum, description: 'Whether it can be used.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was registered.' }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was retired or found compromised; null while active.',
    }),
    compromisedSince: t.expose('compromisedSince', {
      type: 'DateTime',
      nullable: true,
      description: 'Since when it counts as compromised; null when it does not.',
    }),
    pinnedApps: t.prismaField({
      type: ['App'],
      description: "The owner's apps whose current key set holds it.",
      resolve: async (query, { developerId, keyId }, _, { db }) => {
        const mine = { OR: [{ developerId }, { members: { some: { developerId } } }] };
        const apps = await db.prisma.app.findMany({
          where: { ...mine, pins: { some: {} } },
          select: { id: true, pins: { orderBy: { serial: 'desc' }, take: 1, select: { keyIds: true } } },
          take: 500,
        });
        const holding = apps.filter(({ pins: [pin] }) => Array.isArray(pin?.keyIds) && pin.keyIds.includes(keyId));
        return db.prisma.app.findMany({
          ...query,
          where: { id: { in: holding.map(({ id }) => id) } },
          orderBy: { name: 'asc' },
        });
      },
    }),
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
