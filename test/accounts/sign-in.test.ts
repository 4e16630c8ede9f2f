/** Signing up, in and out, changing one's password: through the service, on a real database. */
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AccountsWorld,
  ANONYMOUS,
  codeOf,
  cookieHeaderOf,
  createAccountsWorld,
  DAY_MS,
  HOME,
  MINUTE_MS,
  PASSWORD,
} from './world.ts';

const SECOND_MS = 1_000;

let world: AccountsWorld;
beforeEach(async () => {
  world = await createAccountsWorld();
});
afterEach(() => world.dispose());

const ada = { email: 'ada@example.org', name: 'Ada', password: PASSWORD };
const elsewhere = { ip: '198.51.100.9', userAgent: 'Safari' };

describe('signing up', () => {
  it('makes an account without roles, signs it in and tells the audit log', async () => {
    const { viewer, cookie } = await world.accounts.signUp({ ...ada, email: '  Ada@EXAMPLE.org ' }, HOME);
    expect(viewer).toMatchObject({
      email: 'ada@example.org',
      reviewer: false,
      admin: false,
      credential: { kind: 'SESSION' },
    });
    expect(await world.byCookie(cookieHeaderOf(cookie))).toMatchObject({ developerId: viewer.developerId });
    const rows = await world.db.prisma.auditLog.findMany({ orderBy: { id: 'asc' } });
    expect(rows.map((row) => row.action)).toEqual(['account.register', 'account.sign_in']);
    expect(rows[0]).toMatchObject({ actorId: viewer.developerId, ip: HOME.ip, userAgent: HOME.userAgent });
  });

  it('refuses an address that is taken, in any case, also when two sign up at once', async () => {
    const both = await Promise.all([
      codeOf(world.accounts.signUp(ada, HOME)),
      codeOf(world.accounts.signUp({ ...ada, email: 'ADA@example.org' }, HOME)),
    ]);
    expect(both.sort()).toEqual(['EMAIL_TAKEN', 'done']);
    expect(await world.db.prisma.session.count()).toBe(1);
  });

  it.each([
    ['an address without a domain', { email: 'ada' }, 'input.email'],
    ['an address without a top-level domain', { email: 'ada@localhost' }, 'input.email'],
    ['an address with a space', { email: 'a da@example.org' }, 'input.email'],
    ['an address with an invisible character', { email: 'ada\u200b@example.org' }, 'input.email'],
    ['an address with a line break', { email: 'ada@example.org\nBcc: x@example.org' }, 'input.email'],
    ['an empty name', { name: '  ' }, 'input.name'],
    ['a name of 81 characters', { name: 'n'.repeat(81) }, 'input.name'],
    ['a name that turns the text direction', { name: 'Ada \u202eecnirp' }, 'input.name'],
    ['a name with a control character', { name: 'Ada\u0007' }, 'input.name'],
    ['a password that is not text', { password: 12345678 }, 'input.password'],
    ['a password of a megabyte', { password: 'p'.repeat(1_000_000) }, 'input.password'],
  ])('refuses %s', async (_, change, path) => {
    const refusal = world.accounts.signUp({ ...ada, ...change }, HOME);
    await expect(refusal).rejects.toMatchObject({ code: 'VALIDATION', details: { fields: [{ path }] } });
  });

  it('refuses a password that guessing starts with', async () => {
    expect(await codeOf(world.accounts.signUp({ ...ada, password: 'Password123!' }, HOME))).toBe('PASSWORD_REFUSED');
  });

  it('bounds the accounts made from one address', async () => {
    const codes: string[] = [];
    for (let i = 0; i < 61; i += 1)
      codes.push(await codeOf(world.accounts.signUp({ ...ada, email: `a${i}@example.org` }, HOME)));
    expect(codes.slice(0, 60).every((code) => code === 'done')).toBe(true);
    expect(codes[60]).toBe('RATE_LIMITED');
  });
});

describe('signing in', () => {
  it('takes the right password and no other', async () => {
    await world.accounts.signUp(ada, HOME);
    expect((await world.accounts.signIn(ANONYMOUS, ada, HOME)).viewer.email).toBe(ada.email);
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, { ...ada, password: `${PASSWORD} ` }, HOME))).toBe(
      'BAD_CREDENTIALS',
    );
  });

  it('answers an unknown address like a wrong password, after the same hashing and the same audit row', async () => {
    await world.accounts.signUp(ada, HOME);
    const failures: unknown[] = [];
    for (const email of [ada.email, 'nobody@example.org', 'not an address']) {
      world.hasher.verified.length = 0;
      await world.accounts
        .signIn(ANONYMOUS, { email, password: 'wrong password' }, HOME)
        .catch((error: Error) => failures.push(error.message));
      expect(world.hasher.verified).toHaveLength(1);
    }
    expect(new Set(failures).size).toBe(1);
    const rows = await world.db.prisma.auditLog.findMany({ where: { action: 'account.sign_in_failed' } });
    expect(rows).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toContain('nobody');
  });

  it('never finds an account without a password right', async () => {
    const { viewer } = await world.accounts.signUp(ada, HOME);
    await world.db.prisma.developer.update({ where: { id: viewer.developerId }, data: { passwordHash: null } });
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, HOME))).toBe('BAD_CREDENTIALS');
    expect(
      await codeOf(world.accounts.signIn(ANONYMOUS, { ...ada, password: 'no account has this password' }, HOME)),
    ).toBe('BAD_CREDENTIALS');
  });

  it('counts every try of a batch that runs at once, and lets the owner in from where they were before', async () => {
    await world.accounts.signUp(ada, elsewhere);
    await world.accounts.signIn(ANONYMOUS, ada, elsewhere);
    world.hasher.verified.length = 0;
    const codes = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        codeOf(world.accounts.signIn(ANONYMOUS, { ...ada, password: `guess ${i}` }, HOME)),
      ),
    );
    expect(codes.filter((code) => code === 'BAD_CREDENTIALS')).toHaveLength(10);
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(30);
    expect(world.hasher.verified).toHaveLength(10);
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, HOME))).toBe('RATE_LIMITED');
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, elsewhere))).toBe('done');
    world.clock.advance(15 * MINUTE_MS);
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, HOME))).toBe('done');
  });

  it('ends the session that the browser had before', async () => {
    const first = await world.person('Ada');
    await world.accounts.signIn(first.viewer, ada, HOME);
    expect(await world.byCookie(first.cookieHeader)).toEqual(ANONYMOUS);
  });

  it('says why an account is suspended, only to who knows the password', async () => {
    const admin = await world.person('Grace', { admin: true });
    const { viewer } = await world.person('Ada');
    await world.accounts.suspendAccount(admin.viewer, { developerId: viewer.developerId, reason: 'Spam.' }, HOME);
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, { ...ada, password: 'wrong password' }, HOME))).toBe(
      'BAD_CREDENTIALS',
    );
    await expect(world.accounts.signIn(ANONYMOUS, ada, HOME)).rejects.toMatchObject({
      code: 'ACCOUNT_SUSPENDED',
      message: 'This account is suspended: Spam.',
    });
  });
});

describe('signing out', () => {
  it('ends the session at once and takes the cookie away', async () => {
    const { viewer, cookieHeader } = await world.person('Ada');
    const { cookie } = await world.accounts.signOut(viewer, HOME);
    expect(cookie).toMatch(/^__Host-mosis=;.*Max-Age=0/);
    expect(await world.byCookie(cookieHeader)).toEqual(ANONYMOUS);
  });

  it('does nothing for a visitor', async () => {
    expect((await world.accounts.signOut(ANONYMOUS, HOME)).cookie).toContain('Max-Age=0');
  });
});

describe('changing the password', () => {
  const change = { currentPassword: PASSWORD, newPassword: 'violet gramophone tundra' };

  it('ends every other session, portal and CLI, and sign-ins that were confirmed but not fetched', async () => {
    const here = await world.person('Ada');
    const other = await world.accounts.signIn(ANONYMOUS, ada, elsewhere);
    const cli = await world.cli(here);
    world.clock.advance(MINUTE_MS);
    const { deviceCode, userCode } = await world.accounts.deviceLogins.start(
      { clientName: 'mosis', host: 'laptop' },
      elsewhere,
    );
    await world.accounts.deviceLogins.confirm(here.viewer, { userCode, approve: true }, HOME);
    await world.accounts.changePassword(here.viewer, change, HOME);
    expect(await world.byCookie(here.cookieHeader)).toMatchObject({ kind: 'developer' });
    expect(await world.byCookie(cookieHeaderOf(other.cookie))).toEqual(ANONYMOUS);
    expect(await codeOf(world.byBearer(cli.token))).toBe('UNAUTHENTICATED');
    expect(await codeOf(world.accounts.deviceLogins.poll({ deviceCode }, elsewhere))).toBe('DEVICE_CODE_UNKNOWN');
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, HOME))).toBe('BAD_CREDENTIALS');
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, { ...ada, password: change.newPassword }, HOME))).toBe('done');
  });

  it('shares the limit on guesses with signing in', async () => {
    const { viewer } = await world.person('Ada');
    const codes: string[] = [];
    for (let i = 0; i < 11; i += 1) {
      codes.push(
        await codeOf(world.accounts.changePassword(viewer, { ...change, currentPassword: `guess ${i}` }, HOME)),
      );
    }
    expect(codes.slice(0, 10).every((code) => code === 'BAD_CREDENTIALS')).toBe(true);
    expect(codes[10]).toBe('RATE_LIMITED');
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, HOME))).toBe('RATE_LIMITED');
  });

  it('lets one of two changes at once win', async () => {
    const { viewer } = await world.person('Ada');
    const codes = await Promise.all(
      ['violet gramophone tundra', 'walnut accordion fjord'].map((newPassword) =>
        codeOf(world.accounts.changePassword(viewer, { ...change, newPassword }, HOME)),
      ),
    );
    expect(codes.sort()).toEqual(['CONFLICT', 'done']);
  });

  it('refuses a weak new password and changes nothing', async () => {
    const { viewer } = await world.person('Ada');
    expect(await codeOf(world.accounts.changePassword(viewer, { ...change, newPassword: 'letmein123' }, HOME))).toBe(
      'PASSWORD_REFUSED',
    );
    expect(await codeOf(world.accounts.signIn(ANONYMOUS, ada, HOME))).toBe('done');
  });
});

describe('sessions', () => {
  it('are in the database only as a hash', async () => {
    const { cookieHeader } = await world.person('Ada');
    const token = cookieHeader.split('=')[1] ?? '';
    expect(token).toMatch(/^ms_[0-9A-Za-z]{49}$/);
    expect(JSON.stringify(await world.db.prisma.session.findMany())).not.toContain(token.slice(3));
    const row = await world.db.prisma.session.findFirstOrThrow();
    expect(row.id).toMatch(/^[0-9a-f]{64}$/);
    expect(await world.byCookie(`__Host-mosis=${row.id}`)).toEqual(ANONYMOUS);
  });

  it('end after 30 days without use, and go on while used, up to 90 days', async () => {
    const used = await world.person('Ada');
    const unused = await world.person('Bob');
    for (let day = 0; day < 88; day += 8) {
      world.clock.advance(8 * DAY_MS);
      const expected = day + 8 < 90 ? 'developer' : 'anonymous';
      expect((await world.byCookie(used.cookieHeader)).kind).toBe(expected);
    }
    expect((await world.byCookie(unused.cookieHeader)).kind).toBe('anonymous');
    // Lucia reads the real clock too: a second is room for what passes meanwhile.
    world.clock.advance(2 * DAY_MS - SECOND_MS);
    expect((await world.byCookie(used.cookieHeader)).kind).toBe('developer');
    world.clock.advance(SECOND_MS);
    expect((await world.byCookie(used.cookieHeader)).kind).toBe('anonymous');
  });

  it('end at exactly 30 days without use', async () => {
    const [ada, bob] = [await world.person('Ada'), await world.person('Bob')];
    world.clock.advance(30 * DAY_MS - SECOND_MS);
    expect((await world.byCookie(ada.cookieHeader)).kind).toBe('developer');
    world.clock.advance(SECOND_MS);
    expect((await world.byCookie(bob.cookieHeader)).kind).toBe('anonymous');
  });

  it('write down their use at most every ten minutes, with the address', async () => {
    const { viewer, cookieHeader } = await world.person('Ada');
    const lastUsed = async () => (await world.accounts.sessions.list(viewer.developerId))[0];
    const before = await lastUsed();
    world.clock.advance(9 * MINUTE_MS);
    await world.byCookie(cookieHeader, elsewhere);
    expect(await lastUsed()).toEqual(before);
    world.clock.advance(MINUTE_MS);
    await world.byCookie(cookieHeader, elsewhere);
    expect(await lastUsed()).toMatchObject({ ip: elsewhere.ip, lastUsedAt: world.clock.now() });
  });

  it('write nothing between in their last days, when nothing extends them any more', async () => {
    const ada = await world.person('Ada');
    const cli = await world.cli(ada);
    const reader = new Sqlite(world.path, { readonly: true });
    const seen = () => reader.pragma('data_version', { simple: true });
    for (const days of [29, 29, 29]) {
      world.clock.advance(days * DAY_MS);
      await world.byCookie(ada.cookieHeader);
      await world.byBearer(cli.token);
    }
    const before = seen();
    world.clock.advance(MINUTE_MS);
    expect((await world.byCookie(ada.cookieHeader)).kind).toBe('developer');
    expect((await world.byBearer(cli.token)).kind).toBe('developer');
    expect(seen()).toBe(before);
    reader.close();
  });

  it('are revoked by public id, only by their owner, and stop at once', async () => {
    const [ada, bob] = [await world.person('Ada'), await world.person('Bob')];
    const cli = await world.cli(ada);
    const sessionId = cli.viewer.credential.id;
    expect(await codeOf(world.accounts.revokeSession(bob.viewer, { sessionId }, HOME))).toBe('NOT_FOUND');
    const { sessions } = await world.accounts.revokeSession(ada.viewer, { sessionId }, HOME);
    expect(sessions.map(({ publicId }) => publicId)).toEqual([ada.viewer.credential.id]);
    expect(await codeOf(world.byBearer(cli.token))).toBe('UNAUTHENTICATED');
    expect(await world.accounts.credentials.isCredentialLive(cli.viewer.credential)).toBe(false);
  });

  it('are at most fifty an account; the longest unused one goes first', async () => {
    const first = await world.person('Ada');
    for (let i = 0; i < 50; i += 1) {
      world.clock.advance(1000);
      await world.accounts.signIn(ANONYMOUS, ada, HOME);
    }
    expect(await world.accounts.sessions.list(first.viewer.developerId)).toHaveLength(50);
    expect(await world.byCookie(first.cookieHeader)).toEqual(ANONYMOUS);
  });

  it('are swept when they have expired', async () => {
    await world.person('Ada');
    world.clock.advance(31 * DAY_MS);
    await world.person('Bob');
    await world.accounts.sweep();
    expect(await world.db.prisma.session.count()).toBe(1);
  });

  it('do not mix: a CLI token is no cookie, a cookie is no bearer token', async () => {
    const person = await world.person('Ada');
    const cli = await world.cli(person);
    expect(await world.byCookie(`__Host-mosis=${cli.token}`)).toEqual(ANONYMOUS);
    expect(await codeOf(world.byBearer(person.cookieHeader.split('=')[1] ?? ''))).toBe('UNAUTHENTICATED');
  });

  it.each([
    ['nothing', ''],
    ['another cookie that is not percent-encoded', 'theme=100%; other=%E0%A4%A'],
    ['an empty value', '__Host-mosis='],
    ['a made-up token', `__Host-mosis=ms_${'a'.repeat(49)}`],
    ['a name that only ends alike', 'x__Host-mosis=1'],
    ['a megabyte', `__Host-mosis=${'a'.repeat(1_000_000)}`],
  ])('are anonymous with %s', async (_, header) => {
    expect(await world.byCookie(header)).toEqual(ANONYMOUS);
  });

  it('read their cookie among others', async () => {
    const { cookieHeader } = await world.person('Ada');
    expect((await world.byCookie(`theme=100%;${cookieHeader}; other=1`)).kind).toBe('developer');
  });
});

describe('the cookie', () => {
  it('is __Host-mosis, Secure, HttpOnly and SameSite=Lax over https', async () => {
    const { cookie } = await world.person('Ada');
    expect(cookie).toMatch(/^__Host-mosis=ms_\w+; HttpOnly; Max-Age=7776000; Path=\/; SameSite=Lax; Secure$/);
  });

  it('has a plain name and no Secure on http://localhost', async () => {
    const local = await createAccountsWorld({ publicUrl: 'http://localhost:4000' });
    try {
      const { cookie } = await local.person('Ada');
      expect(cookie).toMatch(/^mosis=ms_\w+; HttpOnly; Max-Age=7776000; Path=\/; SameSite=Lax$/);
    } finally {
      await local.dispose();
    }
  });
});
