// What developers decide about crash groups, and the reopening of those that came back.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Viewer } from '../../server/accounts/viewer.ts';
import type { EventRecord } from '../../server/events/types.ts';
import { isMailed, mailChoices, outgoingData } from '../../server/notifications/event-kinds.ts';
import { eventMail } from '../../server/notifications/mail-text.ts';
import type { CrashRegressions } from '../../server/telemetry/crash-regressions.ts';
import type { CrashGroupFilter, CrashTriage } from '../../server/telemetry/crash-triage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { APP, crash, createStand, deviceId, START, type Stand } from './stand.ts';
import { populate, publish, triageOf } from './triage-stand.ts';

const ORIGIN = { ip: '127.0.0.1', userAgent: null };
const person = (id: string): Viewer => ({
  kind: 'developer',
  developerId: id,
  name: id,
  email: `${id}@example.com`,
  reviewer: false,
  admin: false,
  credential: { kind: 'SESSION', id: 'session', expiresAt: START },
});
const owner = { viewer: person('owner'), origin: ORIGIN };

let database: TestDatabase;
let stand: Stand;
let triage: CrashTriage;
let regressions: CrashRegressions;
let which: { appId: string; fingerprint: string };
let sent = 0;

beforeEach(async () => {
  database = await createTestDatabase();
  stand = await createStand();
  await populate(database);
  for (const [code, name] of [
    [1, '1.0.0'],
    [2, '1.1.0'],
    [3, '1.2.0'],
  ] as const)
    await publish(database, code, name);
  ({ triage, regressions } = triageOf(database, stand));
  await happen('1.0.0');
  const [group] = (await read()).groups;
  which = { appId: APP.id, fingerprint: group?.fingerprint ?? '' };
});
afterEach(async () => {
  await stand.close();
  await database.dispose();
});

/** A crash that comes in a second later than whatever came before. */
async function happen(version: string, changes: Record<string, unknown> = {}): Promise<void> {
  stand.clock.advance(1_000);
  sent += 1;
  const id = `00000000-0000-4000-8000-${sent.toString().padStart(12, '0')}`;
  await stand.post('crash', crash({ report_id: id, app_version: version, device_id: deviceId(sent), ...changes }));
  await stand.telemetry.flush();
}

const read = (filter: CrashGroupFilter = {}) =>
  triage.page(APP.id, { first: 10, after: null, sort: 'LAST_SEEN', filter });
const states = async () => (await read()).groups.map(({ state, regressedInCode }) => [state, regressedInCode]);
const audited = async () =>
  (await database.db.prisma.auditLog.findMany({ where: { resourceType: 'crash_group' }, orderBy: { id: 'asc' } })).map(
    ({ action, actorId }) => [action, actorId],
  );

describe('a resolved crash group', () => {
  beforeEach(() => triage.resolve(owner, which, 2));

  it('is found by its fingerprint alone, reopened where it came back, and in its own app only', async () => {
    expect(await triage.group(which)).toMatchObject({ fingerprint: which.fingerprint, state: 'RESOLVED' });
    await happen('1.2.0');
    await regressions.reopen();
    expect(await triage.group(which)).toMatchObject({ state: 'REGRESSED', regressedInCode: 3 });
    expect(await triage.group({ appId: APP.id, fingerprint: '0'.repeat(32) })).toBeNull();
    expect(await triage.group({ appId: 'another', fingerprint: which.fingerprint })).toBeNull();
  });

  it('stays resolved while crashes come from versions before the fix', async () => {
    await happen('1.0.0');
    expect(await regressions.reopen()).toBe(0);
    expect(await states()).toEqual([['RESOLVED', null]]);
  });

  it('is not changed by reading it, and its members are told once when it is reopened', async () => {
    await happen('1.2.0');
    expect(await triage.group(which)).toMatchObject({ state: 'RESOLVED' });
    expect(await states()).toEqual([['RESOLVED', null]]);
    expect(await database.db.prisma.event.count()).toBe(0);
    expect([await regressions.reopen(), await regressions.reopen()]).toEqual([1, 0]);
    expect(await database.db.prisma.event.findMany()).toMatchObject([
      {
        type: 'CRASH_REGRESSED',
        appId: APP.id,
        versionId: 'version-3',
        actorId: null,
        payload: {
          fingerprint: which.fingerprint,
          title: expect.stringContaining('nil'),
          versionCode: 3,
          version: '1.2.0',
        },
      },
    ]);
  });

  it('is found among more resolved groups than are looked at in one turn', async () => {
    const fingerprints = Array.from({ length: 450 }, (_, n) => (n + 1).toString(16).padStart(32, '0'));
    const { updatedAt } = await database.db.prisma.crashGroupMark.findFirstOrThrow();
    await database.db.prisma.crashGroupMark.createMany({
      data: fingerprints.map((fingerprint) => ({
        appId: APP.id,
        fingerprint,
        state: 'RESOLVED',
        resolvedInCode: 1,
        updatedAt,
      })),
    });
    await happen('1.2.0');
    expect(await regressions.reopen()).toBe(1);
    expect(await triage.group(which)).toMatchObject({ state: 'REGRESSED' });
  });

  it('is reopened by a crash in the version of the fix or a later one, once, with one audit row of the system', async () => {
    await happen('1.2.0');
    await happen('1.1.0');
    await Promise.all([regressions.reopen(), regressions.reopen(), regressions.reopen()]);
    expect(await states()).toEqual([['REGRESSED', 2]]);
    await happen('1.2.0');
    await regressions.reopen();
    expect(await states()).toEqual([['REGRESSED', 2]]);
    expect(await audited()).toEqual([
      ['crash_group.resolve', 'owner'],
      ['crash_group.regress', null],
    ]);
  });

  it('is not reopened by what a device says its version code is', async () => {
    await happen('1.0.0', { version_code: 2_000_000_000 });
    await happen('9.9.9', { version_code: 3 });
    expect(await regressions.reopen()).toBe(0);
    expect(await states()).toEqual([['RESOLVED', null]]);
  });

  it('is not reopened by crashes that came in before it was resolved', async () => {
    await triage.reopen(owner, which);
    await happen('1.2.0');
    stand.clock.advance(1_000);
    await triage.resolve(owner, which, 2);
    await regressions.reopen();
    expect(await states()).toEqual([['RESOLVED', null]]);
    await happen('1.2.0');
    await regressions.reopen();
    expect(await states()).toEqual([['REGRESSED', 3]]);
  });
});

describe('crash groups', () => {
  it('that are ignored stay ignored, and open again by hand alone', async () => {
    await triage.ignore(owner, which);
    await happen('1.2.0');
    await regressions.reopen();
    expect(await states()).toEqual([['IGNORED', null]]);
    expect(await triage.reopen(owner, which)).toMatchObject({ state: 'OPEN' });
    await expect(triage.reopen(owner, which)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('are narrowed by state, version and text, and sorted by reports, devices and times', async () => {
    await happen('1.1.0', { message: 'out of paper', fingerprint: 'printer', timestamp: '2026-01-15T09:00:00Z' });
    await happen('1.1.0', { message: 'no paper 100 %', fingerprint: 'printer', timestamp: '2026-01-15T09:30:00Z' });
    await triage.ignore(owner, which);
    const titles = async (filter: CrashGroupFilter) => (await read(filter)).groups.map(({ message }) => message);
    expect(await titles({ state: 'OPEN' })).toEqual(['out of paper']);
    expect(await titles({ state: 'IGNORED' })).toEqual([crash().message]);
    expect(await titles({ state: 'REGRESSED' })).toEqual([]);
    expect(await titles({ version: '1.0.0' })).toEqual([crash().message]);
    expect(await titles({ search: 'OUT OF' })).toEqual(['out of paper']);
    expect(await titles({ search: '%' })).toEqual([]);
    for (const [sort, counts] of [
      ['LAST_SEEN', [1, 2]],
      ['FIRST_SEEN', [1, 2]],
      ['COUNT', [2, 1]],
      ['DEVICES', [2, 1]],
    ] as const) {
      const { groups } = await triage.page(APP.id, { first: 10, after: null, sort, filter: {} });
      expect(groups.map(({ count }) => count)).toEqual(counts);
      const cursor = groups[0]?.cursor ?? null;
      const next = await triage.page(APP.id, { first: 1, after: cursor, sort, filter: {} });
      expect([next.groups.map(({ count }) => count), next.hasNextPage]).toEqual([[counts[1]], false]);
    }
  });

  it('are decided about by maintainers of the app alone, and only where there is such a group', async () => {
    const act = (id: string) => triage.resolve({ viewer: person(id), origin: ORIGIN }, which, 2);
    await expect(act('viewer')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(act('stranger')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(triage.resolve(owner, { ...which, fingerprint: 'f'.repeat(32) }, 2)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(triage.ignore(owner, { ...which, appId: 'another' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(triage.resolve(owner, which, 0)).rejects.toMatchObject({ code: 'VALIDATION' });
    await expect(read({ search: 'x'.repeat(201) })).rejects.toMatchObject({ code: 'VALIDATION' });
    expect(await audited()).toEqual([]);
  });
});

it('tells by webhook and mail which crash came back, and leads to it', () => {
  const event: EventRecord = {
    cursor: 'epoch.1',
    type: 'CRASH_REGRESSED',
    appId: APP.id,
    versionId: 'version-3',
    actorId: null,
    payload: { fingerprint: 'f'.repeat(32), title: 'index a nil value <b>', versionCode: 3, version: '1.2.0' },
    at: START,
  };
  expect(outgoingData(event)).toEqual({ fingerprint: 'f'.repeat(32), title: 'index a nil value <b>' });
  expect(isMailed(event, mailChoices(null))).toBe(true);
  const about = {
    app: { name: 'Notes', packageId: APP.packageId },
    version: { versionCode: 3, versionName: '1.2.0' },
    comments: [],
  };
  const mail = eventMail(event, about, 'https://store.example');
  expect(mail.subject).toBe('A crash came back in Notes 1.2.0 (3)');
  expect(mail.text).toContain('> index a nil value <b>');
  expect(mail.text).toContain(`https://store.example/apps/${APP.packageId}?tab=analytics&crash=${'f'.repeat(32)}`);
  expect(mail.html).not.toContain('<b>');
});
