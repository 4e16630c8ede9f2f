/** Owns the store in GraphQL: public types and queries, the same for every viewer. It decides nothing; the service does. */
import { CATALOGUE } from '../../format/catalogue.ts';
import type { CatalogueEntry } from '../../format/findings.ts';
import { PERMISSIONS } from '../../format/permissions.ts';
import { CATEGORIES } from '../apps/inputs.ts';
import { CategoryEnum } from '../apps/schema.ts';
import { invalidField } from '../errors.ts';
import { builder } from '../graphql/builder.ts';
import { SEVERITIES, SeverityEnum } from '../versions/check-types.ts';
import { packagePath } from '../versions/paths.ts';
import { PermissionType, permissionFacts } from '../versions/permission-type.ts';
import type { BetaVersion, StoreApp, StoreVersion } from './queries.ts';
import { DEFAULT_PAGE, MAX_PAGE, type STORE_SORTS } from './service.ts';

const StoreSortEnum = builder.enumType('StoreSort', {
  description: 'Order of the store.',
  values: {
    NEWEST: { description: 'Newest publication first.' },
    NAME: { description: 'By name; the case of ASCII letters does not count. Of a search, the best 500 matches.' },
    RELEVANCE: { description: 'Best match first; without a search, newest first.' },
  } satisfies Record<(typeof STORE_SORTS)[number], object>,
});

/** A version with the app it is of: addresses need both. */
interface OfferedVersion {
  readonly packageId: string;
  readonly version: StoreVersion;
}

const StoreVersionType = builder.objectRef<OfferedVersion>('StoreVersion').implement({
  description: 'The version of an app that the store offers.',
  fields: (t) => ({
    versionCode: t.int({ description: 'Orders versions.', resolve: ({ version }) => version.versionCode }),
    versionName: t.field({ type: 'SemVer', description: 'For people.', resolve: ({ version }) => version.versionName }),
    permissions: t.field({
      type: [PermissionType],
      description: 'What it asks for.',
      // Most apps ask for a few; the registry has thirteen.
      complexity: { field: 1, multiplier: 3 },
      resolve: ({ version }) => version.permissions.map(permissionFacts),
    }),
    minMosisVersion: t.field({
      type: 'SemVer',
      description: 'Oldest Mosis it runs on.',
      resolve: ({ version }) => version.minMosisVersion,
    }),
    packageSize: t.field({
      type: 'BigInt',
      description: 'Bytes of the package file.',
      resolve: ({ version }) => version.packageSize,
    }),
    packageSha256: t.field({
      type: 'Sha256',
      description: 'Of the package file.',
      resolve: ({ version }) => version.packageSha256,
    }),
    releaseNotes: t.string({
      description: 'Plain text; empty where none were given.',
      resolve: ({ version }) => version.releaseNotes,
    }),
    publishedAt: t.field({
      type: 'DateTime',
      description: 'When it was published.',
      resolve: ({ version }) => version.publishedAt,
    }),
    downloadUrl: t.field({
      type: 'URL',
      description: 'The package file; it never changes.',
      resolve: ({ packageId, version }, _args, { publicUrl }) =>
        `${publicUrl}${packagePath(packageId, version.versionCode)}`,
    }),
    signedBy: t.string({
      description: "Id of the developer's key that signed it.",
      resolve: ({ version }) => version.signedBy,
    }),
    platformSignature: t.string({
      description: "The platform's signature over package id, version code, size and SHA-256: `<keyId>.<base64>`.",
      resolve: ({ version }) => version.platformSignature,
    }),
  }),
});

const StoreBetaVersionType = builder.objectRef<BetaVersion>('StoreBetaVersion').implement({
  description: 'A version that only devices on the beta track are offered.',
  fields: (t) => ({
    versionCode: t.exposeInt('versionCode', { description: 'Orders versions.' }),
    versionName: t.field({ type: 'SemVer', description: 'For people.', resolve: ({ versionName }) => versionName }),
  }),
});

export const StoreAppNode = builder.node(builder.objectRef<StoreApp>('StoreApp'), {
  description: 'A published app.',
  id: { resolve: ({ packageId }) => packageId, description: 'Global id.' },
  loadOne: (packageId, { services }) => services.store.app(packageId),
  fields: (t) => ({
    packageId: t.exposeString('packageId', { description: 'Reverse DNS name, for ever.' }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    summary: t.exposeString('summary', { description: 'One line; may be empty.' }),
    description: t.exposeString('description', { description: 'Plain text; may be empty.' }),
    category: t.field({
      type: CategoryEnum,
      nullable: true,
      description: 'Shelf; null while its developer chose none.',
      resolve: (app) => CATEGORIES.find((name) => name === app.category) ?? null,
    }),
    tags: t.stringList({ description: 'Search words.', resolve: ({ tags }) => [...tags] }),
    homepage: t.expose('homepage', { type: 'URL', nullable: true, description: 'Null where none is given.' }),
    publishedAt: t.expose('publishedAt', { type: 'DateTime', description: 'First publication.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'Newest publication.' }),
    developerName: t.exposeString('developerName', { description: 'Who publishes it.' }),
    version: t.field({
      type: StoreVersionType,
      description:
        'What installing it gets: the newest version that every device on stable is offered; of an app that has none, what it offers to some.',
      resolve: ({ packageId, version }) => ({ packageId, version }),
    }),
    betaVersion: t.field({
      type: StoreBetaVersionType,
      nullable: true,
      description:
        'The newest version that devices on the beta track are offered, all or some of them; null where there is none that is newer than the one for stable. Of an app that has nothing for stable it is `version` itself.',
      complexity: 5,
      resolve: ({ packageId }, _args, { services }) => services.store.beta(packageId),
    }),
    icon: t.field({
      type: 'URL',
      nullable: true,
      description: 'Square PNG; null where the package has none of that size.',
      args: { size: t.arg.int({ defaultValue: 64, description: 'Pixels: 32, 64 or 128.' }) },
      resolve: ({ packageId, version }, { size }, { publicUrl }) => {
        const wanted = String(size ?? 64);
        if (!version.iconSizes.includes(wanted)) return null;
        return `${publicUrl}/v1/assets/${packageId}/${version.versionCode}/icon-${wanted}.png`;
      },
    }),
  }),
});

/** Apps on a page of this `first`, for the cost; the service refuses what is out of bounds. */
function appsOn(first: number | null | undefined): number {
  return Math.min(MAX_PAGE, Math.max(1, first ?? DEFAULT_PAGE));
}

builder.queryField('store', (t) =>
  t.connection(
    {
      type: StoreAppNode,
      description: 'Published apps: everything, or what a search and filters leave.',
      args: {
        search: t.arg.string({
          description: 'Words or beginnings of words, all of which must be found; at most 200 characters.',
        }),
        category: t.arg({ type: CategoryEnum, description: 'Only this shelf.' }),
        tags: t.arg.stringList({ description: 'Only apps with all of these tags.' }),
        permissions: t.arg.stringList({ description: 'Only apps whose offered version asks for all of these.' }),
        sort: t.arg({ type: StoreSortEnum, description: 'Default: RELEVANCE with a search, NEWEST without.' }),
      },
      // A row is read once, however many fields are asked of it: nodes and edges take the multiplier.
      complexity: ({ first }) => ({ field: 10, multiplier: appsOn(first) / 10 }),
      resolve: (_root, args, { services }) => {
        if (args.before != null || args.last != null) {
          throw invalidField('before', 'The store is read forward: give first and after.');
        }
        const { items, hasNextPage } = services.store.list(args);
        return {
          edges: items.map(({ app, cursor }) => ({ cursor, node: app })),
          pageInfo: {
            hasNextPage,
            hasPreviousPage: args.after != null,
            startCursor: items[0]?.cursor ?? null,
            endCursor: items.at(-1)?.cursor ?? null,
          },
        };
      },
    },
    { name: 'StoreAppConnection', description: 'A page of the store.' },
    { name: 'StoreAppEdge', description: 'An app on a page of the store.' },
  ),
);

builder.queryField('storeApp', (t) =>
  t.field({
    type: StoreAppNode,
    nullable: true,
    description: 'A published app; null where none has the package id.',
    args: { packageId: t.arg.string({ required: true, description: 'Reverse DNS name.' }) },
    resolve: (_root, { packageId }, { services }) => services.store.app(packageId),
  }),
);

builder.queryField('permissions', (t) =>
  t.field({
    type: [PermissionType],
    description: 'Every permission a manifest can ask for.',
    resolve: () => PERMISSIONS.map(permissionFacts),
  }),
);

const FindingHelp = builder.objectRef<CatalogueEntry>('FindingHelp').implement({
  description: 'What a finding code means and what to do about it.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable code.' }),
    severity: t.field({
      type: SeverityEnum,
      description: 'What a finding of it does.',
      resolve: ({ severity }) => SEVERITIES.find((known) => known === severity.toUpperCase()) ?? 'ERROR',
    }),
    title: t.exposeString('title', { description: 'Short name.' }),
    why: t.exposeString('why', { description: 'Why the rule exists.' }),
    fix: t.exposeString('fix', { description: 'What to do.' }),
    bad: t.exposeString('bad', { description: 'An example that gets it.' }),
    good: t.exposeString('good', { description: 'The same made right.' }),
    section: t.exposeString('section', { description: 'Section of the package format.' }),
  }),
});

builder.queryField('finding', (t) =>
  t.field({
    type: FindingHelp,
    nullable: true,
    description: 'Help for a finding code; null for one that does not exist.',
    args: { code: t.arg.string({ required: true, description: 'Such as MANIFEST_ID.' }) },
    resolve: (_root, { code }) => CATALOGUE.get(code) ?? null,
  }),
);

builder.queryField('findingCatalogue', (t) =>
  t.field({
    type: [FindingHelp],
    description: 'Every finding code, in the order of the package format.',
    resolve: () => [...CATALOGUE.values()],
  }),
);
