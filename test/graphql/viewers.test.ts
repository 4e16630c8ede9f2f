/** Who may do what: the same acts by a guest, the owner, a member, a stranger, a reviewer, an admin and each scope of a key. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import type { Client } from '../support/client.ts';
import { type AppHandle, createSeed, localId, type Seed, type VersionHandle } from '../support/seed.ts';

const SCOPES = ['APPS_READ', 'APPS_WRITE', 'VERSIONS_WRITE', 'VERSIONS_PUBLISH', 'TELEMETRY_READ'] as const;
const VIEWERS = [
  'guest',
  'stranger',
  'owner',
  'maintainer',
  'reader',
  'reviewer',
  'admin',
  'otherAppKey',
  ...SCOPES,
] as const;
type ViewerName = (typeof VIEWERS)[number];

let app: TestApp;
let seed: Seed;
let notes: AppHandle;
let draft: VersionHandle;
let submitted: VersionHandle;
let published: VersionHandle;
const clients = {} as Record<ViewerName, Client>;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  const ada = await seed.developer('Ada');
  const rita = await seed.reviewer();
  notes = await ada.app('com.example.notes');
  const other = await ada.app('com.example.other');
  published = await notes.upload();
  await published.published(rita);
  submitted = await notes.upload({ permissions: ['storage', 'camera'] });
  await submitted.submitted();
  draft = await notes.upload();
  const [mia, rob] = [await seed.developer('Mia'), await seed.developer('Rob')];
  await app.services.work(async ({ tx }) => {
    for (const [person, role] of [
      [mia, 'MAINTAINER'],
      [rob, 'VIEWER'],
    ] as const) {
      await tx.appMember.create({
        data: { appId: notes.key, developerId: localId(person.id), role, createdAt: new Date() },
      });
    }
  });
  Object.assign(clients, {
    guest: app.client(),
    stranger: await seed.developer('Sam'),
    owner: ada,
    maintainer: mia,
    reader: rob,
    reviewer: rita,
    admin: await seed.admin(),
    otherAppKey: ada.as(await ada.apiKey(SCOPES, { appId: other.id })),
  });
  for (const scope of SCOPES) clients[scope] = ada.as(await ada.apiKey([scope]));
});
afterAll(() => app.close());

const KEYS_THAT_READ = ['APPS_READ', 'APPS_WRITE', 'VERSIONS_WRITE', 'VERSIONS_PUBLISH'] as const;
const MEMBERS = ['owner', 'maintainer', 'reader', ...KEYS_THAT_READ] as const;

describe('who sees', () => {
  const sights: [string, readonly ViewerName[], (client: Client) => Promise<unknown>][] = [
    [
      'the app',
      [...MEMBERS, 'TELEMETRY_READ', 'reviewer', 'admin'],
      async (client) => (await client.query('{ app(packageId: "com.example.notes") { id } }')).app,
    ],
    [
      'a draft',
      MEMBERS,
      async (client) => (await client.query('query($id: ID!) { version(id: $id) { id } }', { id: draft.id })).version,
    ],
    [
      'a draft by its global id',
      MEMBERS,
      async (client) => (await client.query('query($id: ID!) { node(id: $id) { id } }', { id: draft.id })).node,
    ],
    [
      'a submitted version',
      [...MEMBERS, 'reviewer', 'admin'],
      async (client) =>
        (await client.query('query($id: ID!) { version(id: $id) { files { path } } }', { id: submitted.id })).version,
    ],
  ];
  it.each(sights)('%s', async (_name, allowed, look) => {
    const seen: ViewerName[] = [];
    for (const name of VIEWERS) if ((await look(clients[name])) !== null) seen.push(name);
    expect(seen.sort()).toEqual([...allowed].sort());
  });

  it('an open review: reviewers and admins only', async () => {
    for (const name of [...MEMBERS, 'reviewer', 'admin'] as const) {
      const { version } = await clients[name].query<{ version: { review: { id: string } | null } }>(
        'query($id: ID!) { version(id: $id) { review { id } } }',
        { id: submitted.id },
      );
      expect([name, version.review !== null]).toEqual([name, name === 'reviewer' || name === 'admin']);
    }
  });

  it('the review queue, accounts, jobs and the audit log: who has the role, in the portal', async () => {
    const allowed = async (name: ViewerName, field: string) =>
      (await clients[name].send(`{ ${field} { nodes { id } } }`)).errors === undefined;
    for (const name of VIEWERS) {
      expect([name, await allowed(name, 'reviewQueue')]).toEqual([name, name === 'reviewer' || name === 'admin']);
      for (const field of ['developers', 'jobs', 'auditLog'])
        expect([name, field, await allowed(name, field)]).toEqual([name, field, name === 'admin']);
    }
  });
});

it('an API key of an admin reads no job and no audit entry, however it asks', async () => {
  const grace = await seed.admin();
  const { secret } = await grace.done<{ secret: string }>('createApiKey', { name: 'CI', scopes: SCOPES }, 'secret');
  const { jobs, auditLog } = await grace.query<Record<'jobs' | 'auditLog', { nodes: { id: string }[] }>>(
    '{ jobs(first: 1) { nodes { id } } auditLog(first: 1) { nodes { id } } }',
  );
  const ids = [...jobs.nodes, ...auditLog.nodes].map(({ id }) => id);
  expect(ids).toHaveLength(2);
  const byIds = 'query($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  expect(await grace.query(byIds, { ids })).toEqual({ nodes: ids.map((id) => ({ id })) });
  expect(await grace.as({ bearer: secret }).query(byIds, { ids })).toEqual({ nodes: [null, null] });
});

describe('who may', () => {
  type Table = Partial<Record<ViewerName, string>> & { readonly else: string };
  const UNSEEN = { guest: 'UNAUTHENTICATED', stranger: 'NOT_FOUND', reviewer: 'NOT_FOUND', admin: 'NOT_FOUND' };
  const acts: [string, () => Record<string, unknown>, Table][] = [
    [
      'updateListing',
      () => ({ appId: notes.id, summary: 'One line.' }),
      {
        ...UNSEEN,
        owner: 'done',
        maintainer: 'done',
        reader: 'FORBIDDEN',
        APPS_WRITE: 'done',
        otherAppKey: 'NOT_FOUND',
        else: 'SCOPE_MISSING',
      },
    ],
    [
      'startUpload',
      () => ({ appId: notes.id, size: 10, sha256: 'a'.repeat(64) }),
      {
        ...UNSEEN,
        owner: 'done',
        maintainer: 'done',
        reader: 'FORBIDDEN',
        VERSIONS_WRITE: 'done',
        otherAppKey: 'NOT_FOUND',
        else: 'SCOPE_MISSING',
      },
    ],
    [
      'updateDraft',
      () => ({ versionId: draft.id, releaseNotes: 'New.' }),
      {
        ...UNSEEN,
        owner: 'done',
        maintainer: 'done',
        reader: 'FORBIDDEN',
        VERSIONS_WRITE: 'done',
        otherAppKey: 'NOT_FOUND',
        else: 'SCOPE_MISSING',
      },
    ],
    [
      'publishVersion',
      () => ({ versionId: published.id }),
      {
        ...UNSEEN,
        owner: 'STATE_CONFLICT',
        maintainer: 'FORBIDDEN',
        reader: 'FORBIDDEN',
        VERSIONS_PUBLISH: 'STATE_CONFLICT',
        otherAppKey: 'NOT_FOUND',
        else: 'SCOPE_MISSING',
      },
    ],
    [
      'commentOnVersion',
      () => ({ versionId: submitted.id, body: 'Hello.' }),
      {
        ...UNSEEN,
        reviewer: 'done',
        owner: 'done',
        maintainer: 'done',
        reader: 'FORBIDDEN',
        VERSIONS_WRITE: 'done',
        otherAppKey: 'NOT_FOUND',
        else: 'SCOPE_MISSING',
      },
    ],
    [
      'suspendVersion',
      () => ({ versionId: draft.id, reason: 'x' }),
      { guest: 'UNAUTHENTICATED', reviewer: 'NOT_FOUND', admin: 'NOT_FOUND', else: 'FORBIDDEN' },
    ],
    [
      'deleteApp',
      () => ({ appId: notes.id }),
      {
        ...UNSEEN,
        owner: 'APP_HAS_PUBLISHED_VERSIONS',
        maintainer: 'FORBIDDEN',
        reader: 'FORBIDDEN',
        else: 'FORBIDDEN',
      },
    ],
    [
      'claimReview',
      () => ({ reviewId: Buffer.from('Review:0').toString('base64') }),
      { guest: 'UNAUTHENTICATED', reviewer: 'NOT_FOUND', admin: 'NOT_FOUND', else: 'FORBIDDEN' },
    ],
    [
      'setRoles',
      () => ({ developerId: 'RGV2ZWxvcGVyOjA=', reviewer: true, admin: true }),
      { guest: 'UNAUTHENTICATED', admin: 'NOT_FOUND', else: 'FORBIDDEN' },
    ],
  ];
  it.each(acts)('%s', async (name, input, table) => {
    const outcomes: Partial<Record<ViewerName, string>> = {};
    for (const viewer of VIEWERS) outcomes[viewer] = (await clients[viewer].act(name, input())).code ?? 'done';
    expect(outcomes).toEqual(Object.fromEntries(VIEWERS.map((viewer) => [viewer, table[viewer] ?? table.else])));
  });
});
