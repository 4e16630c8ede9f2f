/** The account part of the GraphQL schema: results by viewer, typed errors, cookies, and that aliases are tries. */
import { createRequire } from 'node:module';
import type { ExecutionResult } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publicKeyFrom } from '../../format/signing.ts';
import type { Viewer } from '../../server/accounts/viewer.ts';
import { schema } from '../../server/graphql/index.ts';
import { type AccountsWorld, ANONYMOUS, cookieHeaderOf, createAccountsWorld, PASSWORD, type Person } from './world.ts';

/** The copy of graphql that Pothos loads; the test runner would resolve the name to another file of the package. */
const { execute, parse, validate }: typeof import('graphql') = createRequire(import.meta.url)('graphql');

let world: AccountsWorld;
let cookies: string[];

beforeEach(async () => {
  world = await createAccountsWorld();
  cookies = [];
});
afterEach(() => world.dispose());

/** Runs an operation as the viewer and returns its data; top-level errors are thrown as their codes. */
async function run<Data = Record<string, unknown>>(
  viewer: Viewer,
  source: string,
  variables: Record<string, unknown> = {},
): Promise<Data> {
  const document = parse(source);
  expect(validate(schema, document)).toEqual([]);
  const result: ExecutionResult = await execute({
    schema,
    document,
    variableValues: variables,
    contextValue: {
      viewer,
      services: { accounts: world.accounts },
      db: world.db,
      caller: { requestId: '1', ip: '192.0.2.1', userAgent: 'Firefox', transport: 'http' },
      cookies: { set: (cookie: string) => cookies.push(cookie) },
      publicUrl: 'https://apps.example.org',
    },
  });
  const [error] = result.errors ?? [];
  if (error !== undefined) {
    const cause = error.originalError;
    throw new Error(cause !== undefined && 'code' in cause ? String(cause.code) : error.message);
  }
  return JSON.parse(JSON.stringify(result.data));
}

const PROBLEM = `... on Error { code message } ... on ValidationError { fields { path } } ... on RateLimitedError { retryAfterSeconds }
  ... on ConflictError { currentState }`;
const SIGN_UP = `mutation ($input: SignUpInput!) { signUp(input: $input) { __typename ... on SignUpPayload {
  viewer { developer { email name roles } credential { kind scopes appId } sessions { current kind } } } ${PROBLEM} } }`;
const ada = { email: 'ada@example.org', name: 'Ada', password: PASSWORD };

interface WithId {
  id: string;
}

async function globalIdOf(person: Person): Promise<string> {
  const { viewer } = await run<{ viewer: { developer: WithId } }>(person.viewer, '{ viewer { developer { id } } }');
  return viewer.developer.id;
}

describe('signing in over GraphQL', () => {
  it('answers with the viewer and sets the cookie', async () => {
    const { signUp } = await run(ANONYMOUS, SIGN_UP, { input: ada });
    expect(signUp).toEqual({
      __typename: 'SignUpPayload',
      viewer: {
        developer: { email: ada.email, name: 'Ada', roles: ['DEVELOPER'] },
        credential: { kind: 'SESSION', scopes: null, appId: null },
        sessions: [{ current: true, kind: 'PORTAL' }],
      },
    });
    expect(await world.byCookie(cookieHeaderOf(cookies[0] ?? ''))).toMatchObject({ email: ada.email });
  });

  it('answers expected failures as typed errors, without a cookie', async () => {
    await world.person('Ada');
    expect((await run(ANONYMOUS, SIGN_UP, { input: ada })).signUp).toMatchObject({
      __typename: 'DomainProblem',
      code: 'EMAIL_TAKEN',
    });
    expect((await run(ANONYMOUS, SIGN_UP, { input: { ...ada, email: 'x', name: '' } })).signUp).toMatchObject({
      __typename: 'ValidationError',
      code: 'VALIDATION',
      fields: [{ path: 'input.email' }, { path: 'input.name' }],
    });
    expect(cookies).toEqual([]);
  });

  it('counts every alias of a document as a try', async () => {
    await world.person('Ada');
    const aliases = Array.from(
      { length: 15 },
      (_, i) => `a${i}: signIn(input: { email: "ada@example.org", password: "guess ${i}" }) { __typename ${PROBLEM} }`,
    );
    const answers = Object.values(await run(ANONYMOUS, `mutation { ${aliases.join('\n')} }`));
    expect(answers.slice(0, 10)).toEqual(Array(10).fill(expect.objectContaining({ code: 'BAD_CREDENTIALS' })));
    expect(answers.slice(10)).toEqual(
      Array(5).fill(
        expect.objectContaining({ __typename: 'RateLimitedError', code: 'RATE_LIMITED', retryAfterSeconds: 900 }),
      ),
    );
  });

  it('signs a command line in', async () => {
    const person = await world.person('Ada');
    const started = await run<{ startDeviceLogin: { deviceCode: string; userCode: string } }>(
      ANONYMOUS,
      `mutation { startDeviceLogin(input: { clientName: "mosis", host: "laptop" }) { ... on StartDeviceLoginPayload { deviceCode userCode verificationUrl intervalSeconds } } }`,
    );
    const { deviceCode, userCode } = started.startDeviceLogin;
    const LOOK = 'query ($userCode: String!) { deviceLogin(userCode: $userCode) { clientName host ip state rights } }';
    expect((await run(person.viewer, LOOK, { userCode })).deviceLogin).toMatchObject({
      host: 'laptop',
      ip: '192.0.2.1',
      state: 'PENDING',
    });
    expect((await run(person.viewer, LOOK, { userCode: 'BBBB-BBBB' })).deviceLogin).toBeNull();
    const CONFIRM = `mutation ($input: ConfirmDeviceLoginInput!) { confirmDeviceLogin(input: $input) {
      __typename ... on ConfirmDeviceLoginPayload { request { state } } ${PROBLEM} } }`;
    const confirmed = await run(person.viewer, CONFIRM, { input: { userCode, approve: true } });
    expect(confirmed.confirmDeviceLogin).toMatchObject({ request: { state: 'CONFIRMED' } });
    const POLL = `mutation ($input: PollDeviceLoginInput!) { pollDeviceLogin(input: $input) {
      __typename ... on PollDeviceLoginPayload { state token viewer { credential { kind } } } ${PROBLEM} } }`;
    const { pollDeviceLogin } = await run<{ pollDeviceLogin: { token: string } }>(ANONYMOUS, POLL, {
      input: { deviceCode },
    });
    expect(pollDeviceLogin).toMatchObject({ state: 'CONFIRMED', viewer: { credential: { kind: 'CLI' } } });
    expect((await world.byBearer(pollDeviceLogin.token)).kind).toBe('developer');
    expect((await run(ANONYMOUS, POLL, { input: { deviceCode } })).pollDeviceLogin).toMatchObject({
      code: 'DEVICE_CODE_UNKNOWN',
    });
    expect(cookies).toEqual([]);
  });

  it('signs out and clears the cookie', async () => {
    const person = await world.person('Ada');
    expect((await run(person.viewer, 'mutation { signOut { ... on SignOutPayload { ok } } }')).signOut).toEqual({
      ok: true,
    });
    expect(cookies).toEqual([expect.stringContaining('Max-Age=0')]);
    expect(await world.byCookie(person.cookieHeader)).toEqual(ANONYMOUS);
  });
});

describe('what the viewer sees', () => {
  it('is nothing for a visitor', async () => {
    expect(await run(ANONYMOUS, '{ viewer { developer { id } } }')).toEqual({ viewer: null });
  });

  it('is not sessions and keys through an API key, but the signing keys', async () => {
    const person = await world.person('Ada');
    const { secret } = await world.accounts.apiKeys.create(
      person.viewer,
      { name: 'CI', scopes: ['apps:read'] },
      { ip: null, userAgent: null },
    );
    const viewer = await world.byBearer(secret);
    expect((await run(viewer, '{ viewer { credential { kind scopes } signingKeys { id } } }')).viewer).toEqual({
      credential: { kind: 'API_KEY', scopes: ['APPS_READ'] },
      signingKeys: [],
    });
    await expect(run(viewer, '{ viewer { sessions { id } } }')).rejects.toThrow('FORBIDDEN');
    await expect(run(viewer, '{ viewer { apiKeys { id } } }')).rejects.toThrow('FORBIDDEN');
  });

  it('is, by global id, only what is the viewer’s own', async () => {
    const [owner, other, admin] = [
      await world.person('Ada'),
      await world.person('Bob'),
      await world.person('Grace', { admin: true }),
    ];
    const origin = { ip: null, userAgent: null };
    await world.accounts.apiKeys.create(owner.viewer, { name: 'CI', scopes: ['apps:read'] }, origin);
    const publicKey = Buffer.from(publicKeyFrom(new Uint8Array(32).fill(1))).toString('base64');
    await world.accounts.signingKeys.register(owner.viewer, { name: 'Laptop', publicKey }, origin);
    const { viewer } = await run<{
      viewer: { developer: WithId; sessions: WithId[]; apiKeys: WithId[]; signingKeys: WithId[] };
    }>(
      owner.viewer,
      '{ viewer { developer { id } sessions { id } apiKeys { id app { id } } signingKeys { id pinnedApps { id } } } }',
    );
    const ids = [viewer.developer.id, viewer.sessions[0]?.id, viewer.apiKeys[0]?.id, viewer.signingKeys[0]?.id];
    const seenBy = async (by: Viewer) => {
      const { nodes } = await run<{ nodes: ({ __typename: string } | null)[] }>(
        by,
        'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }',
        { ids },
      );
      return nodes.map((node) => node?.__typename ?? null);
    };
    expect(await seenBy(owner.viewer)).toEqual(['Developer', 'Session', 'ApiKey', 'SigningKey']);
    expect(await seenBy(other.viewer)).toEqual([null, null, null, null]);
    expect(await seenBy(ANONYMOUS)).toEqual([null, null, null, null]);
    expect(await seenBy(admin.viewer)).toEqual(['Developer', null, null, null]);
  });

  it('is the list of accounts only for an admin in the portal', async () => {
    const admin = await world.person('Grace', { admin: true });
    await world.person('Ada');
    const LIST =
      'query ($search: String) { developers(first: 10, search: $search) { nodes { email roles suspended } } }';
    const { developers } = await run<{ developers: { nodes: { email: string }[] } }>(admin.viewer, LIST);
    expect(developers.nodes.map(({ email }) => email)).toEqual(['ada@example.org', 'grace@example.org']);
    expect((await run(admin.viewer, LIST, { search: 'GRACE@' })).developers).toEqual({
      nodes: [{ email: 'grace@example.org', roles: ['DEVELOPER', 'ADMIN'], suspended: false }],
    });
    await expect(run((await world.cli(admin)).viewer, LIST)).rejects.toThrow('FORBIDDEN');
    await expect(run(ANONYMOUS, LIST)).rejects.toThrow('UNAUTHENTICATED');
  });
});

describe('keys and sessions over GraphQL', () => {
  it('makes an API key for one app and revokes it', async () => {
    const person = await world.person('Ada');
    const now = world.clock.now();
    const { developerId } = person.viewer;
    await world.db.prisma.app.create({
      data: {
        id: 'app-1',
        developerId,
        packageId: 'org.example.a',
        name: 'A',
        tags: [],
        createdAt: now,
        updatedAt: now,
        members: { create: { developerId, role: 'OWNER', createdAt: now } },
      },
    });
    const CREATE = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
      __typename ... on CreateApiKeyPayload { secret apiKey { id prefix scopes app { id } revokedAt } } ${PROBLEM} } }`;
    const appId = Buffer.from('App:app-1').toString('base64');
    const { createApiKey } = await run<{ createApiKey: { secret: string; apiKey: WithId } }>(person.viewer, CREATE, {
      input: { name: 'CI', scopes: ['VERSIONS_WRITE'], appId },
    });
    expect(createApiKey.apiKey).toMatchObject({ scopes: ['VERSIONS_WRITE'], app: { id: appId }, revokedAt: null });
    const REVOKE = `mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { ... on RevokeApiKeyPayload { apiKey { revokedAt } } ${PROBLEM} } }`;
    const revoked = await run(person.viewer, REVOKE, { input: { apiKeyId: createApiKey.apiKey.id } });
    expect(revoked.revokeApiKey).toMatchObject({ apiKey: { revokedAt: now.toISOString() } });
    await expect(world.byBearer(createApiKey.secret)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('ends another session but the current one is marked', async () => {
    const person = await world.person('Ada');
    const cli = await world.cli(person);
    const list = await run<{ viewer: { sessions: { id: string; kind: string; current: boolean }[] } }>(
      person.viewer,
      '{ viewer { sessions { id kind current label } } }',
    );
    expect(list.viewer.sessions.map(({ kind, current }) => [kind, current]).sort()).toEqual([
      ['CLI', false],
      ['PORTAL', true],
    ]);
    const sessionId = list.viewer.sessions.find(({ kind }) => kind === 'CLI')?.id;
    const REVOKE =
      'mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { ... on RevokeSessionPayload { sessions { current } } } }';
    expect((await run(person.viewer, REVOKE, { input: { sessionId } })).revokeSession).toEqual({
      sessions: [{ current: true }],
    });
    await expect(world.byBearer(cli.token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('registers and ends a signing key, and says which state stands in the way', async () => {
    const person = await world.person('Ada');
    const publicKey = Buffer.from(publicKeyFrom(new Uint8Array(32).fill(1))).toString('base64');
    const REGISTER = `mutation ($input: RegisterSigningKeyInput!) { registerSigningKey(input: $input) {
      __typename ... on RegisterSigningKeyPayload { signingKey { id keyId status } } ${PROBLEM} } }`;
    const registered = await run<{ registerSigningKey: { signingKey: WithId } }>(person.viewer, REGISTER, {
      input: { name: 'Laptop', publicKey },
    });
    const { signingKey } = registered.registerSigningKey;
    expect(signingKey).toMatchObject({ status: 'ACTIVE', keyId: expect.stringMatching(/^SHA256:/) });
    const bad = await run(person.viewer, REGISTER, { input: { name: 'Laptop', publicKey: 'AAAA' } });
    expect(bad.registerSigningKey).toMatchObject({ __typename: 'DomainProblem', code: 'KEY_INVALID' });
    const END = `mutation ($input: EndSigningKeyInput!) { endSigningKey(input: $input) {
      __typename ... on EndSigningKeyPayload { signingKey { status endedAt compromisedSince } } ${PROBLEM} } }`;
    const input = { signingKeyId: signingKey.id, ending: 'COMPROMISED', since: world.clock.now().toISOString() };
    expect((await run(person.viewer, END, { input })).endSigningKey).toMatchObject({
      signingKey: {
        status: 'COMPROMISED',
        compromisedSince: input.since,
      },
    });
    expect((await run(person.viewer, END, { input })).endSigningKey).toMatchObject({ code: 'KEY_ENDED' });
  });
});

describe('administration over GraphQL', () => {
  it('changes roles, suspends and reinstates, only by an admin in the portal', async () => {
    const admin = await world.person('Grace', { admin: true });
    const person = await world.person('Ada');
    const developerId = await globalIdOf(person);
    const ROLES = `mutation ($input: SetRolesInput!) { setRoles(input: $input) { __typename ... on SetRolesPayload { developer { roles } } ${PROBLEM} } }`;
    const roles = { developerId, reviewer: true, admin: false };
    expect((await run(person.viewer, ROLES, { input: roles })).setRoles).toMatchObject({
      __typename: 'DomainProblem',
      code: 'FORBIDDEN',
    });
    expect((await run(admin.viewer, ROLES, { input: roles })).setRoles).toMatchObject({
      developer: {
        roles: ['DEVELOPER', 'REVIEWER'],
      },
    });
    const SUSPEND = `mutation ($input: SuspendAccountInput!) { suspendAccount(input: $input) {
      __typename ... on SuspendAccountPayload { developer { suspended suspendedReason } } ${PROBLEM} } }`;
    const input = { developerId, reason: 'Spam.' };
    expect((await run(admin.viewer, SUSPEND, { input })).suspendAccount).toMatchObject({
      developer: {
        suspended: true,
        suspendedReason: 'Spam.',
      },
    });
    expect((await run(admin.viewer, SUSPEND, { input })).suspendAccount).toMatchObject({
      __typename: 'ConflictError',
      currentState: 'SUSPENDED',
    });
    const REINSTATE =
      'mutation ($input: ReinstateAccountInput!) { reinstateAccount(input: $input) { ... on ReinstateAccountPayload { developer { suspended } } } }';
    expect((await run(admin.viewer, REINSTATE, { input: { developerId } })).reinstateAccount).toMatchObject({
      developer: {
        suspended: false,
      },
    });
  });

  it('makes the first admin with the token', async () => {
    const prepared = await world.accounts.setup.prepare();
    const token = new URL(prepared?.url ?? '').hash.replace('#token=', '');
    const SETUP = `mutation ($input: CompleteSetupInput!) { completeSetup(input: $input) {
      __typename ... on CompleteSetupPayload { viewer { developer { roles } } } ${PROBLEM} } }`;
    expect((await run(ANONYMOUS, SETUP, { input: { ...ada, token: 'wrong' } })).completeSetup).toMatchObject({
      code: 'SETUP_TOKEN_WRONG',
    });
    expect((await run(ANONYMOUS, SETUP, { input: { ...ada, token } })).completeSetup).toMatchObject({
      viewer: { developer: { roles: ['DEVELOPER', 'ADMIN'] } },
    });
    expect(cookies).toHaveLength(1);
  });
});

describe('the account types', () => {
  it('show no secret and no hash', () => {
    const names = Object.values(schema.getTypeMap()).flatMap((type) =>
      'getFields' in type ? Object.keys(type.getFields()) : [],
    );
    expect(names.filter((name) => /hash/i.test(name))).toEqual([]);
  });
});
