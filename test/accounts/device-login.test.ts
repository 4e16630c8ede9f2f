/** The sign-in of a command line: codes, tries, intervals, and that one poll alone gets the token. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAdmin, isReviewer } from '../../server/accounts/access.ts';
import { normaliseUserCode } from '../../server/accounts/device-login.ts';
import {
  type AccountsWorld,
  ANONYMOUS,
  codeOf,
  createAccountsWorld,
  DAY_MS,
  HOME,
  MINUTE_MS,
  type Person,
} from './world.ts';

let world: AccountsWorld;
let ada: Person;
beforeEach(async () => {
  world = await createAccountsWorld();
  ada = await world.person('Ada', { admin: true, reviewer: true });
});
afterEach(() => world.dispose());

const client = { clientName: 'mosis 1.0', host: 'laptop' };
const start = () => world.accounts.deviceLogins.start(client, { ip: '203.0.113.5', userAgent: 'mosis/1.0' });
const decide = (userCode: string, approve = true, person = ada) =>
  world.accounts.deviceLogins.confirm(person.viewer, { userCode, approve }, HOME);
const poll = (deviceCode: string) => world.accounts.deviceLogins.poll({ deviceCode }, HOME);

describe('a device sign-in', () => {
  it('shows who asks, is confirmed by the typed code, and gives a CLI session of 90 days without roles', async () => {
    const started = await start();
    expect(started.userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    expect(started).toMatchObject({ intervalSeconds: 5, verificationUrl: 'https://apps.example.org/device' });
    expect(await poll(started.deviceCode)).toMatchObject({ state: 'PENDING', token: null });
    const seen = await world.accounts.deviceLogins.lookUp(ada.viewer, ` ${started.userCode.toLowerCase()} `, HOME);
    expect(seen).toMatchObject({ ...client, ip: '203.0.113.5', state: 'PENDING' });
    expect((await decide(started.userCode)).request.state).toBe('CONFIRMED');
    world.clock.advance(5_000);
    const polled = await poll(started.deviceCode);
    expect(polled).toMatchObject({ state: 'CONFIRMED', viewer: { email: ada.email, reviewer: false, admin: false } });
    const viewer = await world.byBearer(polled.token ?? '');
    expect([isAdmin(viewer), isReviewer(viewer)]).toEqual([false, false]);
    const session = (await world.accounts.sessions.list(ada.viewer.developerId)).find(({ kind }) => kind === 'CLI');
    expect(session).toMatchObject({
      label: 'mosis 1.0 on laptop',
      expiresAt: new Date(world.clock.ms() + 90 * DAY_MS),
    });
    world.clock.advance(90 * DAY_MS - 1);
    expect((await world.byBearer(polled.token ?? '')).kind).toBe('developer');
    world.clock.advance(1);
    expect(await codeOf(world.byBearer(polled.token ?? ''))).toBe('UNAUTHENTICATED');
  });

  it('has its codes in the database only as hashes', async () => {
    const { deviceCode, userCode } = await start();
    const rows = JSON.stringify(await world.db.prisma.deviceLogin.findMany());
    expect(rows).not.toContain(deviceCode.slice(3));
    expect(rows).not.toContain(userCode.replace('-', ''));
  });

  it('gives the token to exactly one of many polls, at once or later', async () => {
    const { deviceCode, userCode } = await start();
    await decide(userCode);
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(poll(deviceCode))));
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(codes.filter((code) => code === 'SLOW_DOWN' || code === 'DEVICE_CODE_UNKNOWN')).toHaveLength(7);
    world.clock.advance(5_000);
    expect(await codeOf(poll(deviceCode))).toBe('DEVICE_CODE_UNKNOWN');
    expect(await world.db.prisma.session.count({ where: { kind: 'CLI' } })).toBe(1);
  });

  it('gives one token even when two polls pass the interval together', async () => {
    const { deviceCode, userCode } = await start();
    await decide(userCode);
    // Each reading of the time is six seconds later: no poll is too early.
    const { now } = world.clock;
    world.clock.now = () => {
      world.clock.advance(6_000);
      return now();
    };
    const codes = await Promise.all([codeOf(poll(deviceCode)), codeOf(poll(deviceCode)), codeOf(poll(deviceCode))]);
    expect(codes.sort()).toEqual(['DEVICE_CODE_UNKNOWN', 'DEVICE_CODE_UNKNOWN', 'done']);
    expect(await world.db.prisma.session.count({ where: { kind: 'CLI' } })).toBe(1);
  });

  it('is polled at most every five seconds', async () => {
    const { deviceCode } = await start();
    expect((await poll(deviceCode)).state).toBe('PENDING');
    world.clock.advance(4_000);
    await expect(poll(deviceCode)).rejects.toMatchObject({ code: 'SLOW_DOWN', details: { retryAfterSeconds: 5 } });
    world.clock.advance(1_000);
    expect((await poll(deviceCode)).state).toBe('PENDING');
  });

  it('can be denied, and is decided once', async () => {
    const { deviceCode, userCode } = await start();
    expect((await decide(userCode, false)).request.state).toBe('DENIED');
    expect(await codeOf(decide(userCode, true))).toBe('DEVICE_CODE_UNKNOWN');
    expect(await poll(deviceCode)).toEqual({ state: 'DENIED', token: null, viewer: null });
  });

  it('is decided by one of two people who type it at once', async () => {
    const bob = await world.person('Bob');
    const { userCode } = await start();
    const codes = await Promise.all([codeOf(decide(userCode)), codeOf(decide(userCode, false, bob))]);
    expect(codes.sort()).toEqual(['DEVICE_CODE_UNKNOWN', 'done']);
  });

  it('expires after ten minutes, before and after it was confirmed', async () => {
    const [first, second] = [await start(), await start()];
    await decide(second.userCode);
    world.clock.advance(10 * MINUTE_MS);
    expect(await codeOf(decide(first.userCode))).toBe('DEVICE_CODE_UNKNOWN');
    expect((await poll(first.deviceCode)).state).toBe('EXPIRED');
    expect((await poll(second.deviceCode)).state).toBe('EXPIRED');
    world.clock.advance(61 * MINUTE_MS);
    await world.accounts.sweep();
    expect(await world.db.prisma.deviceLogin.count()).toBe(0);
  });

  it('locks an account out for ten minutes after five wrong codes, also in one batch and by looking up', async () => {
    const { userCode } = await start();
    const wrong = Array.from({ length: 8 }, (_, i) =>
      codeOf(
        i % 2 === 0 ? decide('BBBB-BBBB') : world.accounts.deviceLogins.lookUp(ada.viewer, 'no code at all', HOME),
      ),
    );
    const codes = await Promise.all(wrong);
    expect(codes.filter((code) => code === 'DEVICE_CODE_UNKNOWN')).toHaveLength(5);
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(3);
    expect(await codeOf(decide(userCode))).toBe('RATE_LIMITED');
    const bob = await world.person('Bob');
    expect(await codeOf(decide(userCode, true, bob))).toBe('done');
    world.clock.advance(10 * MINUTE_MS);
    expect(await codeOf(decide((await start()).userCode))).toBe('done');
  });

  it('is not helped by right codes between the wrong ones', async () => {
    for (let i = 0; i < 4; i += 1) expect(await codeOf(decide('BBBB-BBBB'))).toBe('DEVICE_CODE_UNKNOWN');
    expect(await codeOf(decide((await start()).userCode))).toBe('done');
    expect(await codeOf(decide('BBBB-BBBB'))).toBe('DEVICE_CODE_UNKNOWN');
    expect(await codeOf(decide('BBBB-BBBB'))).toBe('RATE_LIMITED');
  });

  it('is confirmed only in the portal', async () => {
    const cli = await world.cli(ada);
    const { secret } = await world.accounts.apiKeys.create(ada.viewer, { name: 'CI', scopes: ['apps:read'] }, HOME);
    const { userCode } = await start();
    for (const viewer of [cli.viewer, await world.byBearer(secret)]) {
      expect(await codeOf(world.accounts.deviceLogins.confirm(viewer, { userCode, approve: true }, HOME))).toBe(
        'FORBIDDEN',
      );
      expect(await codeOf(world.accounts.deviceLogins.lookUp(viewer, userCode, HOME))).toBe('FORBIDDEN');
    }
    expect(await codeOf(world.accounts.deviceLogins.lookUp(ANONYMOUS, userCode, HOME))).toBe('UNAUTHENTICATED');
  });

  it('gives nothing to an account that was suspended after confirming', async () => {
    const admin = await world.person('Grace', { admin: true });
    const { deviceCode, userCode } = await start();
    await decide(userCode);
    await world.accounts.suspendAccount(admin.viewer, { developerId: ada.viewer.developerId, reason: 'Spam.' }, HOME);
    expect(await codeOf(poll(deviceCode))).toBe('DEVICE_CODE_UNKNOWN');
  });

  it('is not known by another code', async () => {
    await start();
    expect(await codeOf(poll('md_unknown'))).toBe('DEVICE_CODE_UNKNOWN');
  });

  it('is begun at most thirty times in ten minutes from one address', async () => {
    const codes: string[] = [];
    for (let i = 0; i < 31; i += 1) codes.push(await codeOf(start()));
    expect([codes[29], codes[30]]).toEqual(['done', 'RATE_LIMITED']);
  });

  it.each([
    ['BCDF-GHJK', 'BCDFGHJK'],
    ['bcdf ghjk', 'BCDFGHJK'],
    ['B-C-D-F-G-H-J-K', 'BCDFGHJK'],
    ['BCDF-GHJA', null],
    ['BCDF-GHJ', null],
    ['BCDF-GHJKL', null],
    ['', null],
  ])('reads the typed code %s', (typed, code) => {
    expect(normaliseUserCode(typed)).toBe(code);
  });
});
