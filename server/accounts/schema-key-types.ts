/** Owns how API keys and signing keys look in GraphQL. Their mutations are in schema-keys.ts. */
import { memberApps, visibleApps } from '../apps/access.ts';
import { builder } from '../graphql/builder.ts';
import { requireSignedIn } from './access.ts';
import type { ApiKeyView } from './api-keys.ts';
import type { SigningKeyView } from './signing-keys.ts';

/** Apps of one account that are looked through for a key. */
const MAX_APPS = 500;

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

const SigningKeyStatusEnum = builder.enumType('SigningKeyStatus', {
  description: 'Whether a signing key can be used.',
  values: {
    ACTIVE: { description: 'Signs new versions.' },
    RETIRED: { description: 'Signs nothing new; what it signed stays.' },
    COMPROMISED: { description: 'Somebody else may have it: what was submitted with it since then was taken back.' },
  },
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
      description:
        'The one app that it is for; null when it is for all, or when the viewer may no longer see that app.',
      resolve: (query, { appId }, _, { db, viewer }) =>
        appId === null
          ? null
          : db.prisma.app.findUnique({ ...query, where: { id: appId, AND: [visibleApps(viewer)] } }),
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
      resolve: async (query, { keyId }, _, { db, viewer }) => {
        const apps = await db.prisma.app.findMany({
          where: { ...memberApps(requireSignedIn(viewer)), pins: { some: {} } },
          select: { id: true, pins: { orderBy: { serial: 'desc' }, take: 1, select: { keyIds: true } } },
          take: MAX_APPS,
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
