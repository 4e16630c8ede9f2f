/** Owns the GraphQL view of what an admin must look after before devices feel it: the signed metadata. It changes nothing. */
import {
  METADATA_WARNINGS,
  type MetadataHealth,
  type MetadataWarning,
  type MetadataWarningCode,
} from '../distribution/metadata/health.ts';
import { builder } from '../graphql/builder.ts';

const WarningCode = builder.enumType('MetadataWarningCode', {
  description: 'What is wrong with the signed metadata.',
  values: {
    ROOT_DEVELOPMENT: { description: "The root's key lies on the server." },
    ROOT_ENDS_SOON: { description: 'The root ends within 60 days.' },
    ROOT_ENDED: { description: 'The root has ended: devices refuse everything.' },
    TIMESTAMP_STALE: { description: 'The timestamp was not signed anew when it was due.' },
    KEYS_MISSING: { description: 'The root names online keys that the server does not have.' },
    KEY_WAITS: { description: 'New online keys wait for the root that names them.' },
  } satisfies Record<MetadataWarningCode, object>,
});

const Warning = builder.objectRef<MetadataWarning>('MetadataWarning').implement({
  description: 'Something about the signed metadata that the operator must see to.',
  fields: (t) => ({
    code: t.field({
      type: WarningCode,
      description: 'Which.',
      resolve: ({ code }) => METADATA_WARNINGS.find((known) => known === code) ?? 'ROOT_ENDED',
    }),
    message: t.exposeString('message', { description: 'What, why and what to do, for people.' }),
  }),
});

const RootHealth = builder.objectRef<MetadataHealth>('RootHealth').implement({
  description: 'The root of the signed metadata, from which devices trust everything else.',
  fields: (t) => ({
    version: t.int({ description: 'Number of the newest root.', resolve: ({ root }) => root.version }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'After it devices refuse everything.',
      resolve: ({ root }) => root.expires,
    }),
    development: t.boolean({
      description: 'Whether its key lies on the server: good for trying out only.',
      resolve: ({ root }) => root.development,
    }),
    threshold: t.int({ description: 'How many of the keys must sign a root.', resolve: ({ root }) => root.threshold }),
    keys: t.stringList({ description: 'Ids of the keys that may sign a root.', resolve: ({ root }) => [...root.keys] }),
    warnings: t.field({
      type: [Warning],
      description: 'What the operator must see to, with the timestamp; empty where all is well.',
      resolve: ({ warnings }) => [...warnings],
    }),
  }),
});

const Health = builder.objectRef<MetadataHealth>('Health').implement({
  description: 'How the installation does.',
  fields: (t) => ({
    root: t.field({ type: RootHealth, description: 'The root of the signed metadata.', resolve: (health) => health }),
    timestampExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the signed timestamp ends; it is signed anew every 6 hours. Null before anything was signed.',
      resolve: ({ timestampExpires }) => timestampExpires,
    }),
  }),
});

builder.queryField('health', (t) =>
  t.field({
    type: Health,
    authScopes: { admin: true },
    description: 'How the installation does. Admins only.',
    resolve: (_parent, _args, { services }) => services.metadata.health(),
  }),
);
