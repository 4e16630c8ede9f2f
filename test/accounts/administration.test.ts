/** Roles and suspension, and what each kind of viewer may do at all. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  hasScope,
  isAdmin,
  isReviewer,
  requireAdmin,
  requirePerson,
  requirePortal,
  requireReviewer,
  requireScope,
} from '../../server/accounts/access.ts';
import type { Viewer } from '../../server/accounts/viewer.ts';
import { DomainError } from '../../server/errors.ts';
import { type AccountsWorld, ANONYMOUS, codeOf, createAccountsWorld, HOME, type Person } from './world.ts';

let world: AccountsWorld;
let admin: Person;
let ada: Person;
beforeEach(async () => {
  world = await createAccountsWorld();
  admin = await world.person('Grace', { admin: true, reviewer: true });
  ada = await world.person('Ada');
});
afterEach(() => world.dispose());

const roles = (person: Person, reviewer: boolean, isAdminNow: boolean, by: Viewer = admin.viewer) =>
  world.accounts.setRoles(by, { developerId: person.viewer.developerId, reviewer, admin: isAdminNow }, HOME);
const suspend = (person: Person, by: Viewer = admin.viewer) =>
  world.accounts.suspendAccount(by, { developerId: person.viewer.developerId, reason: 'Spam.' }, HOME);
const reinstate = (person: Person, by: Viewer = admin.viewer) =>
  world.accounts.reinstateAccount(by, { developerId: person.viewer.developerId }, HOME);

describe('who may act', () => {
  async function viewers(): Promise<Record<string, Viewer>> {
    const scopes = ['apps:read', 'apps:write', 'versions:write', 'versions:publish', 'telemetry:read'];
    const { secret } = await world.accounts.apiKeys.create(admin.viewer, { name: 'CI', scopes }, HOME);
    return {
      visitor: ANONYMOUS,
      developer: await world.byCookie(ada.cookieHeader),
      admin: await world.byCookie(admin.cookieHeader),
      "the admin's CLI": await world.byBearer((await world.cli(admin)).token),
      "the admin's API key": await world.byBearer(secret),
    };
  }

  function outcome(act: () => unknown): string {
    try {
      act();
      return 'yes';
    } catch (error) {
      if (error instanceof DomainError) return error.code;
      throw error;
    }
  }

  it('is decided by account and credential', async () => {
    const table = Object.entries(await viewers()).map(([name, viewer]) => [
      name,
      outcome(() => requireAdmin(viewer)),
      outcome(() => requireReviewer(viewer)),
      outcome(() => requirePortal(viewer)),
      outcome(() => requirePerson(viewer)),
      outcome(() => requireScope(viewer, 'versions:publish')),
      isAdmin(viewer) || isReviewer(viewer),
      hasScope(viewer, 'apps:read'),
    ]);
    expect(table).toEqual([
      [
        'visitor',
        'UNAUTHENTICATED',
        'UNAUTHENTICATED',
        'UNAUTHENTICATED',
        'UNAUTHENTICATED',
        'UNAUTHENTICATED',
        false,
        false,
      ],
      ['developer', 'FORBIDDEN', 'FORBIDDEN', 'yes', 'yes', 'yes', false, true],
      ['admin', 'yes', 'yes', 'yes', 'yes', 'yes', true, true],
      ["the admin's CLI", 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'yes', 'yes', false, true],
      ["the admin's API key", 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'yes', false, true],
    ]);
  });

  it('is the admin in the portal alone, for every administrative act', async () => {
    for (const [name, viewer] of Object.entries(await viewers())) {
      const expected = name === 'admin' ? 'done' : name === 'visitor' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
      expect([name, await codeOf(roles(ada, true, false, viewer))]).toEqual([name, expected]);
      const victim = await world.person(`Victim${name.length}`);
      expect([name, await codeOf(suspend(victim, viewer))]).toEqual([name, expected]);
      if (expected !== 'done') await suspend(victim);
      expect([name, await codeOf(reinstate(victim, viewer))]).toEqual([name, expected]);
    }
  });

  it('is never by API key what concerns the account itself', async () => {
    const viewer = (await viewers())["the admin's API key"] ?? ANONYMOUS;
    expect(await codeOf(world.accounts.updateProfile(viewer, { name: 'X' }, HOME))).toBe('FORBIDDEN');
    expect(await codeOf(world.accounts.revokeSession(viewer, { sessionId: admin.viewer.credential.id }, HOME))).toBe(
      'FORBIDDEN',
    );
    expect(await codeOf(world.accounts.changePassword(viewer, { currentPassword: 'a', newPassword: 'b' }, HOME))).toBe(
      'FORBIDDEN',
    );
    await world.accounts.signOut(viewer, HOME);
    expect((await world.byCookie(admin.cookieHeader)).kind).toBe('developer');
  });
});

describe('roles', () => {
  it('come into force at once and are seen by open sockets as a change', async () => {
    const before = await world.byCookie(ada.cookieHeader);
    expect(await world.accounts.credentials.liveness(before)).toBe('LIVE');
    await roles(ada, true, false);
    expect(await world.accounts.credentials.liveness(before)).toBe('CHANGED');
    expect(await world.accounts.credentials.isCredentialLive(ada.viewer.credential)).toBe(true);
    expect(await world.byCookie(ada.cookieHeader)).toMatchObject({ reviewer: true, admin: false });
    const entry = await world.db.prisma.auditLog.findFirstOrThrow({ where: { action: 'admin.change_role' } });
    expect(entry).toMatchObject({
      actorId: admin.viewer.developerId,
      via: 'SESSION',
      resourceId: ada.viewer.developerId,
      details: { before: { reviewer: false, admin: false }, after: { reviewer: true, admin: false } },
    });
  });

  it('leave at least one active admin', async () => {
    expect(await codeOf(roles(admin, true, false))).toBe('STATE_CONFLICT');
    await roles(ada, false, true);
    expect(await codeOf(roles(admin, false, false))).toBe('done');
    expect(await codeOf(roles(admin, false, false, await world.byCookie(admin.cookieHeader)))).toBe('FORBIDDEN');
  });

  it('leave one admin when two remove each other at once', async () => {
    await roles(ada, false, true);
    const other = await world.byCookie(ada.cookieHeader);
    const codes = await Promise.all([codeOf(roles(ada, false, false)), codeOf(roles(admin, false, false, other))]);
    expect(codes.sort()).toEqual(['STATE_CONFLICT', 'done']);
    expect(await world.db.prisma.developer.count({ where: { admin: true } })).toBe(1);
  });

  it('are not given to nobody', async () => {
    const input = { developerId: 'nobody', reviewer: true, admin: true };
    expect(await codeOf(world.accounts.setRoles(admin.viewer, input, HOME))).toBe('NOT_FOUND');
  });
});

describe('a suspended account', () => {
  it('loses every access at once: session, CLI, API key, open sockets', async () => {
    const cli = await world.cli(ada);
    const { secret } = await world.accounts.apiKeys.create(ada.viewer, { name: 'CI', scopes: ['apps:read'] }, HOME);
    const keyViewer = await world.byBearer(secret);
    await suspend(ada);
    expect(await world.byCookie(ada.cookieHeader)).toEqual(ANONYMOUS);
    expect(await codeOf(world.byBearer(cli.token))).toBe('UNAUTHENTICATED');
    expect(await codeOf(world.byBearer(secret))).toBe('UNAUTHENTICATED');
    for (const viewer of [ada.viewer, cli.viewer, keyViewer]) {
      expect(await world.accounts.credentials.liveness(viewer)).toBe('ENDED');
    }
  });

  it('loses it even where a session row is left', async () => {
    await world.db.prisma.developer.update({ where: { id: ada.viewer.developerId }, data: { status: 'SUSPENDED' } });
    expect(await world.byCookie(ada.cookieHeader)).toEqual(ANONYMOUS);
    expect(await world.accounts.credentials.isCredentialLive(ada.viewer.credential)).toBe(false);
  });

  it('has its API keys again when reinstated, but signs in anew', async () => {
    const { secret } = await world.accounts.apiKeys.create(ada.viewer, { name: 'CI', scopes: ['apps:read'] }, HOME);
    await suspend(ada);
    expect(await codeOf(suspend(ada))).toBe('STATE_CONFLICT');
    await reinstate(ada);
    expect((await world.byBearer(secret)).kind).toBe('developer');
    expect(await world.byCookie(ada.cookieHeader)).toEqual(ANONYMOUS);
    expect(await codeOf(reinstate(ada))).toBe('STATE_CONFLICT');
  });

  it('is neither one’s own nor that of the last active admin', async () => {
    expect(await codeOf(suspend(admin))).toBe('STATE_CONFLICT');
    await roles(ada, false, true);
    await suspend(ada);
    expect(await codeOf(roles(admin, false, false))).toBe('STATE_CONFLICT');
  });
});

describe('showing credentials', () => {
  it.each([
    'Basic YTpi',
    'Bearer',
    'Bearer ',
    'Bearer mk_x',
    'Bearer mc_x',
    'Bearer ms_x',
    'Bearer a b',
    `Bearer ${'a'.repeat(10_000)}`,
    '',
  ])('refuses the Authorization header %s, even beside a good cookie', async (authorization) => {
    const shown = { cookie: ada.cookieHeader, authorization, address: HOME.ip, userAgent: null };
    expect(await codeOf(world.accounts.credentials.resolve(shown))).toBe('UNAUTHENTICATED');
  });

  it('takes away a cookie that no longer counts', async () => {
    const cookies: string[] = [];
    const shown = {
      authorization: undefined,
      address: HOME.ip,
      userAgent: null,
      onRefreshedCookie: (cookie: string) => void cookies.push(cookie),
    };
    await world.accounts.credentials.resolve({ ...shown, cookie: ada.cookieHeader });
    expect(cookies).toEqual([]);
    await world.accounts.credentials.resolve({ ...shown, cookie: '__Host-mosis=ms_old' });
    expect(cookies).toEqual([expect.stringContaining('Max-Age=0')]);
  });
});
