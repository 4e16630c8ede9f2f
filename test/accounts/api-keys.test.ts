/** API keys: form, scopes, one app, expiry, revocation, and that only their hash is at rest. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasScope, reachesApp } from '../../server/accounts/access.ts';
import { checksum } from '../../server/accounts/secrets.ts';
import { type AccountsWorld, codeOf, createAccountsWorld, DAY_MS, HOME, MINUTE_MS, type Person } from './world.ts';

let world: AccountsWorld;
let ada: Person;
beforeEach(async () => {
  world = await createAccountsWorld();
  ada = await world.person('Ada');
});
afterEach(() => world.dispose());

const wish = { name: 'CI', scopes: ['versions:write', 'apps:read'] };

function makeKey(change: object = {}, person: Person = ada) {
  return world.accounts.apiKeys.create(person.viewer, { ...wish, ...change }, HOME);
}

async function makeApp(owner: Person, packageId: string): Promise<string> {
  const now = world.clock.now();
  const id = `app-${packageId}`;
  const { developerId } = owner.viewer;
  await world.db.prisma.app.create({
    data: {
      id,
      developerId,
      packageId,
      name: packageId,
      tags: [],
      createdAt: now,
      updatedAt: now,
      members: { create: { developerId, role: 'OWNER', createdAt: now } },
    },
  });
  return id;
}

describe('an API key', () => {
  it('is shown once, has a checksum, and is in the database only as a hash', async () => {
    const { secret, apiKey } = await makeKey();
    expect(secret).toMatch(/^mk_[0-9A-Za-z]{49}$/);
    expect(secret.slice(-6)).toBe(checksum(secret.slice(0, -6)));
    expect(apiKey).toMatchObject({
      prefix: secret.slice(0, 11),
      scopes: ['apps:read', 'versions:write'],
      lastUsedAt: null,
    });
    const everything = JSON.stringify([
      await world.db.prisma.apiKey.findMany(),
      await world.db.prisma.auditLog.findMany(),
    ]);
    expect(everything).not.toContain(secret.slice(11));
  });

  it('proves its developer, cut down to its scopes and without roles', async () => {
    const admin = await world.person('Grace', { admin: true, reviewer: true });
    const { secret, apiKey } = await makeKey({}, admin);
    const viewer = await world.byBearer(secret);
    expect(viewer).toMatchObject({
      kind: 'developer',
      developerId: admin.viewer.developerId,
      reviewer: false,
      admin: false,
      credential: { kind: 'API_KEY', id: apiKey.id, appId: null },
    });
    expect(hasScope(viewer, 'versions:write')).toBe(true);
    expect(hasScope(viewer, 'versions:publish')).toBe(false);
  });

  it.each([
    ['a changed character', (key: string) => `${key.slice(0, 10)}${key[10] === 'a' ? 'b' : 'a'}${key.slice(11)}`],
    ['a missing end', (key: string) => key.slice(0, -1)],
    ['something after it', (key: string) => `${key}a`],
    ['another key with a right checksum', () => `mk_${'a'.repeat(43)}${checksum(`mk_${'a'.repeat(43)}`)}`],
    ['its hash', () => 'f'.repeat(64)],
    ['nothing', () => ''],
  ])('is not taken with %s', async (_, change) => {
    const { secret } = await makeKey();
    expect(await codeOf(world.byBearer(change(secret)))).toBe('UNAUTHENTICATED');
  });

  it('lasts 90 days unless told otherwise, at most 366, and ends at its expiry', async () => {
    const { secret, apiKey } = await makeKey();
    expect(apiKey.expiresAt).toEqual(new Date(world.clock.ms() + 90 * DAY_MS));
    const at = (days: number) => new Date(world.clock.ms() + days * DAY_MS);
    expect(await codeOf(makeKey({ expiresAt: at(366) }))).toBe('done');
    expect(await codeOf(makeKey({ expiresAt: at(367) }))).toBe('VALIDATION');
    expect(await codeOf(makeKey({ expiresAt: at(0) }))).toBe('VALIDATION');
    world.clock.advance(90 * DAY_MS - 1);
    const viewer = await world.byBearer(secret);
    world.clock.advance(1);
    await expect(world.byBearer(secret)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: /expired/ });
    expect(await world.accounts.credentials.isLive(viewer)).toBe(false);
  });

  it('stops at once when revoked, by its owner only', async () => {
    const bob = await world.person('Bob');
    const { secret, apiKey } = await makeKey();
    const viewer = await world.byBearer(secret);
    expect(await codeOf(world.accounts.apiKeys.revoke(bob.viewer, { apiKeyId: apiKey.id }, HOME))).toBe('NOT_FOUND');
    expect(await world.accounts.credentials.liveness(viewer)).toBe('LIVE');
    const revoked = await world.accounts.apiKeys.revoke(ada.viewer, { apiKeyId: apiKey.id }, HOME);
    expect(revoked.apiKey.revokedAt).toEqual(world.clock.now());
    await expect(world.byBearer(secret)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: /revoked/ });
    expect(await world.accounts.credentials.liveness(viewer)).toBe('ENDED');
    world.clock.advance(MINUTE_MS);
    expect((await world.accounts.apiKeys.revoke(ada.viewer, { apiKeyId: apiKey.id }, HOME)).apiKey.revokedAt).toEqual(
      revoked.apiKey.revokedAt,
    );
  });

  it('writes down its use at most once a minute', async () => {
    const { secret } = await makeKey();
    const lastUsed = async () => (await world.accounts.apiKeys.list(ada.viewer.developerId))[0]?.lastUsedAt;
    await world.byBearer(secret);
    const first = world.clock.now();
    world.clock.advance(MINUTE_MS - 1);
    await world.byBearer(secret);
    expect(await lastUsed()).toEqual(first);
    world.clock.advance(1);
    await world.byBearer(secret);
    expect(await lastUsed()).toEqual(world.clock.now());
  });

  it('is for one app only when made so, and only for an app of its developer', async () => {
    const bob = await world.person('Bob');
    const mine = await makeApp(ada, 'org.example.mine');
    const other = await makeApp(bob, 'org.example.other');
    expect(await codeOf(makeKey({ appId: other }))).toBe('NOT_FOUND');
    await world.db.prisma.appMember.create({
      data: { appId: other, developerId: ada.viewer.developerId, role: 'VIEWER', createdAt: world.clock.now() },
    });
    expect(await codeOf(makeKey({ appId: other }))).toBe('done');
    const viewer = await world.byBearer((await makeKey({ appId: mine })).secret);
    expect([reachesApp(viewer, mine), reachesApp(viewer, other)]).toEqual([true, false]);
  });

  it.each([
    ['no scope', { scopes: [] }],
    ['an unknown scope', { scopes: ['admin'] }],
    ['no name', { name: '' }],
  ])('is not made with %s', async (_, change) => {
    expect(await codeOf(makeKey(change))).toBe('VALIDATION');
  });

  it('is not made or revoked through an API key, but through the CLI it is', async () => {
    const { secret, apiKey } = await makeKey();
    const byKey = await world.byBearer(secret);
    expect(await codeOf(world.accounts.apiKeys.create(byKey, wish, HOME))).toBe('FORBIDDEN');
    expect(await codeOf(world.accounts.apiKeys.revoke(byKey, { apiKeyId: apiKey.id }, HOME))).toBe('FORBIDDEN');
    const cli = await world.cli(ada);
    expect(await codeOf(world.accounts.apiKeys.create(cli.viewer, wish, HOME))).toBe('done');
  });

  it('is one of at most fifty that are live', async () => {
    let last = '';
    for (let i = 0; i < 50; i += 1) last = (await makeKey()).apiKey.id;
    expect(await codeOf(makeKey())).toBe('LIMIT_REACHED');
    await world.accounts.apiKeys.revoke(ada.viewer, { apiKeyId: last }, HOME);
    expect(await codeOf(makeKey())).toBe('done');
  });
});
