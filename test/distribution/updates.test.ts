import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOfferIndex } from '../../server/distribution/updates/offers.ts';
import { updateCheck } from '../../server/distribution/updates/request.ts';
import { scanUpdateCheck, type UpdateCheck } from '../../server/distribution/updates/scan.ts';
import { createDistributionWorld, type DistributionWorld } from './world.ts';

const ID = 'com.example.notes';
const AT = new Date('2026-01-05T12:00:00.000Z');

/** A version as the table writes it: code, then what is not usual of it. */
interface Made {
  readonly code: number;
  readonly min?: string;
  readonly state?: string;
  /** By track: state of the rollout and its share. */
  readonly stable?: readonly [state: string, basisPoints?: number];
  readonly beta?: readonly [state: string, basisPoints?: number];
}
interface Update {
  readonly version_code: number;
  readonly sha256: string;
  readonly size: number;
  readonly track: string;
  readonly delta_size: number | null;
  readonly kind: string;
  readonly known_issue: string | null;
}
interface Answer {
  readonly tag: string;
  readonly updates: readonly Update[];
  readonly gone: readonly string[];
}

const FULL = ['COMPLETE', 10_000] as const;
let world: DistributionWorld;
let appId: string;
let versionIds: Map<number, string>;

beforeAll(async () => {
  world = await createDistributionWorld();
});
afterAll(() => world.dispose());
beforeEach(async () => {
  await world.db.prisma.app.deleteMany();
  appId = randomUUID();
  versionIds = new Map();
  await world.db.prisma.app.create({
    data: {
      id: appId,
      packageId: ID,
      name: 'Notes',
      developerId: world.ownerId,
      tags: [],
      status: 'PUBLISHED',
      createdAt: AT,
      updatedAt: AT,
    },
  });
  world.distribution.storeChanged();
});

const hashOf = (code: number): string => createHash('sha256').update(String(code)).digest('hex');

async function make({ code, min = '1.0.0', state = 'PUBLISHED', ...tracks }: Made): Promise<void> {
  const id = randomUUID();
  versionIds.set(code, id);
  const { prisma } = world.db;
  await prisma.appVersion.create({
    data: {
      id,
      appId,
      versionCode: code,
      versionName: `1.${code}.0`,
      state,
      claimedCode: code,
      packageSize: 1_000 + code,
      packageSha256: hashOf(code),
      unpackedSize: 1_000,
      manifest: {},
      permissions: [],
      minMosisVersion: min,
      reviewReasons: [],
      uploadedById: world.ownerId,
      createdAt: AT,
      updatedAt: AT,
    },
  });
  for (const [track, rollout] of Object.entries({ STABLE: tracks.stable, BETA: tracks.beta })) {
    if (rollout === undefined) continue;
    await prisma.rollout.create({
      data: {
        id: randomUUID(),
        appId,
        versionId: id,
        track,
        seed: hashOf(code),
        basisPoints: rollout[1] ?? 10_000,
        state: rollout[0],
        schedule: [],
        startedAt: AT,
        updatedAt: AT,
      },
    });
  }
}

async function rollBack(from: number, to: number, track = 'STABLE', at = AT): Promise<void> {
  await world.db.prisma.rollback.create({
    data: {
      id: randomUUID(),
      appId,
      track,
      fromCode: from,
      toVersionId: versionIds.get(to) ?? '',
      reason: `${from} loses notes`,
      restoreData: false,
      createdAt: at,
    },
  });
}

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${world.url}/v1/updates/check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const installed = (version_code: number, track = 'stable', package_id = ID) => ({ package_id, version_code, track });

async function check(apps: readonly object[], more: object = {}): Promise<Answer> {
  const response = await post({ mosis_version: '1.5.0', apps, ...more });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

describe('the update check names', () => {
  it.each<[rule: string, made: readonly Made[], device: [code: number, track?: string], expected: readonly number[]]>([
    [
      'the newest version that every device gets',
      [
        { code: 1, stable: FULL },
        { code: 2, stable: FULL },
      ],
      [1],
      [2],
    ],
    [
      'nothing for the newest version',
      [
        { code: 1, stable: FULL },
        { code: 2, stable: FULL },
      ],
      [2],
      [],
    ],
    ['nothing for a version newer than all', [{ code: 2, stable: FULL }], [3], []],
    ['the newest for an installed version that is no longer offered', [{ code: 5, stable: FULL }], [3], [5]],
    ['no version without a rollout', [{ code: 2, stable: FULL }, { code: 3 }], [1], [2]],
    [
      'no version whose rollout is paused',
      [
        { code: 2, stable: FULL },
        { code: 3, stable: ['PAUSED', 500] },
      ],
      [1],
      [2],
    ],
    ['no version whose rollout was halted', [{ code: 2, stable: ['HALTED', 500] }], [1], []],
    ['no version whose rollout was superseded', [{ code: 2, stable: ['SUPERSEDED', 500] }], [1], []],
    ['no version that left the store', [{ code: 2, stable: FULL, state: 'UNPUBLISHED' }], [1], []],
    ['no suspended version', [{ code: 2, stable: FULL, state: 'SUSPENDED' }], [1], []],
    [
      'a version at a share, and the one for everybody behind it',
      [
        { code: 2, stable: FULL },
        { code: 3, stable: FULL },
        { code: 4, stable: ['ACTIVE', 2_500] },
      ],
      [1],
      [4, 3],
    ],
    [
      'a version at a share alone to those who have the one before',
      [
        { code: 3, stable: FULL },
        { code: 4, stable: ['ACTIVE', 1] },
      ],
      [3],
      [4],
    ],
    [
      'a hot fix for everybody before what is older at a share',
      [
        { code: 4, stable: ['ACTIVE', 2_500] },
        { code: 5, stable: FULL },
      ],
      [3],
      [5],
    ],
    [
      'no version that needs a newer Mosis, but the newest that runs',
      [
        { code: 2, stable: FULL },
        { code: 3, stable: FULL, min: '1.5.0' },
        { code: 4, stable: FULL, min: '1.10.0' },
      ],
      [1],
      [3],
    ],
    ['nothing where every newer version needs a newer Mosis', [{ code: 2, stable: FULL, min: '2.0.0-beta' }], [1], []],
    [
      'no beta version to a device on stable',
      [
        { code: 2, stable: FULL },
        { code: 3, beta: FULL },
      ],
      [1],
      [2],
    ],
    [
      'beta versions to a device on beta',
      [
        { code: 2, stable: FULL },
        { code: 3, beta: FULL },
      ],
      [1, 'beta'],
      [3],
    ],
    [
      'stable versions to a device on beta',
      [
        { code: 2, beta: FULL },
        { code: 3, stable: FULL },
      ],
      [1, 'beta'],
      [3],
    ],
    ['a version once that is on both tracks', [{ code: 2, stable: ['ACTIVE', 100], beta: FULL }], [1, 'beta'], [2]],
  ])('%s', async (_rule, made, [code, track], expected) => {
    for (const version of made) await make(version);
    const { updates, gone } = await check([installed(code, track)]);
    expect(updates.map((update) => update.version_code)).toEqual(expected);
    expect(updates.every(({ kind }) => kind === 'update')).toBe(true);
    expect(gone).toEqual([]);
  });

  it('size, hash, track and the size of the delta from what is installed', async () => {
    for (const code of [1, 2]) await make({ code, stable: FULL });
    await make({ code: 3, beta: FULL });
    await world.db.prisma.packageDelta.create({
      data: {
        versionId: versionIds.get(3) ?? '',
        baseVersionId: versionIds.get(2) ?? '',
        baseSha256: hashOf(2),
        size: 77,
        sha256: hashOf(77),
        createdAt: AT,
      },
    });
    const facts = { package_id: ID, version_code: 3, sha256: hashOf(3), size: 1_003, track: 'beta' };
    const rest = { kind: 'update', known_issue: null };
    expect((await check([installed(2, 'beta')])).updates).toEqual([{ ...facts, delta_size: 77, ...rest }]);
    expect((await check([installed(1, 'beta')])).updates).toEqual([{ ...facts, delta_size: null, ...rest }]);
  });

  it('the way back from a version that was rolled back, with why', async () => {
    await make({ code: 1, stable: FULL });
    await make({ code: 2, stable: ['HALTED', 500] });
    await rollBack(2, 1);
    const { updates } = await check([installed(2)]);
    expect(updates).toEqual([
      {
        package_id: ID,
        version_code: 1,
        sha256: hashOf(1),
        size: 1_001,
        track: 'stable',
        delta_size: null,
        kind: 'rollback',
        known_issue: '2 loses notes',
      },
    ]);
    expect((await check([installed(2, 'beta')])).updates, 'beta takes stable versions').toEqual(updates);
    expect((await check([installed(1)])).updates, 'for those who never had it').toEqual([]);
  });

  it('the newest of several ways back, and an update rather than any', async () => {
    for (const code of [1, 2]) await make({ code, stable: FULL });
    await make({ code: 3, stable: ['HALTED'] });
    await rollBack(3, 1);
    await rollBack(3, 2, 'STABLE', new Date(AT.getTime() + 1_000));
    expect((await check([installed(3)])).updates.map((update) => update.version_code)).toEqual([2]);
    await make({ code: 4, stable: FULL });
    world.distribution.storeChanged();
    expect((await check([installed(3)])).updates).toMatchObject([{ version_code: 4, kind: 'update' }]);
  });

  it('apps that are not served as gone, in the same call as updates', async () => {
    await make({ code: 2, stable: FULL });
    const answer = await check([installed(1, 'stable', 'com.example.never'), installed(1)]);
    expect(answer.gone).toEqual(['com.example.never']);
    expect(answer.updates).toHaveLength(1);
    await world.db.prisma.app.update({ where: { id: appId }, data: { status: 'SUSPENDED' } });
    world.distribution.storeChanged();
    expect(await check([installed(1)])).toMatchObject({ updates: [], gone: [ID] });
  });
});

describe('the tag', () => {
  it('of the last answer is answered unchanged until something moves', async () => {
    await make({ code: 2, stable: FULL });
    const first = await check([installed(1)], { tag: null });
    const again = await check([installed(1)], { tag: first.tag });
    expect(again).toEqual({ unchanged: true, tag: first.tag });
    await make({ code: 3, stable: FULL });
    world.distribution.storeChanged();
    const moved = await check([installed(1)], { tag: first.tag });
    expect(moved.updates).toMatchObject([{ version_code: 3 }]);
    expect(moved.tag).not.toBe(first.tag);
  });

  it('of an answer about other installed versions is not this answer', async () => {
    await make({ code: 2, stable: FULL });
    const before = await check([installed(1)]);
    const after = await check([installed(2)], { tag: before.tag });
    expect(after).toMatchObject({ updates: [], gone: [] });
  });
});

it('an answer in letters beyond ASCII arrives whole, with the headers of every answer', async () => {
  await make({ code: 1, stable: FULL });
  await make({ code: 2, stable: ['HALTED', 500] });
  await world.db.prisma.rollback.create({
    data: {
      ...{ id: randomUUID(), appId, track: 'STABLE', fromCode: 2, restoreData: false, createdAt: AT },
      ...{ toVersionId: versionIds.get(1) ?? '', reason: 'Verlor Einträge \u{1f5d2} "\u007f' },
    },
  });
  const response = await post({ mosis_version: '1.5.0', apps: [installed(2)] });
  expect(response.headers.get('x-request-id')).toMatch(/./);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('strict-transport-security')).toBe('max-age=31536000');
  const { updates } = (await response.json()) as Answer;
  expect(updates.map((update) => update.known_issue)).toEqual(['Verlor Einträge \u{1f5d2} "\u007f']);
  const refused = await post('{');
  expect(refused.headers.get('x-content-type-options')).toBe('nosniff');
  expect(refused.headers.get('x-request-id')).toMatch(/./);
  const asked = await fetch(`${world.url}/v1/updates/check?x=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mosis_version: '1.5.0', apps: [installed(2)] }),
  });
  expect([asked.status, asked.headers.get('x-content-type-options')]).toEqual([200, 'nosniff']);
});

describe('an update check is refused', () => {
  const good = { mosis_version: '1.5.0', apps: [installed(1)] };
  it.each<[string, unknown, number, string]>([
    ['that is no JSON', '{', 400, 'BAD_REQUEST'],
    ['of nested brackets', '['.repeat(30_000), 400, 'BAD_REQUEST'],
    ['of deep values', `{"mosis_version":"1.5.0","apps":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 400, 'VALIDATION'],
    ['with a name too many', { ...good, device: 'x' }, 400, 'VALIDATION'],
    ['with a name too many in an app', { ...good, apps: [{ ...installed(1), x: 1 }] }, 400, 'VALIDATION'],
    ['without apps', { ...good, apps: [] }, 400, 'VALIDATION'],
    [
      'with 201 apps',
      { ...good, apps: Array.from({ length: 201 }, (_, n) => installed(1, 'stable', `com.example.a${n}`)) },
      400,
      'VALIDATION',
    ],
    ['that names an app twice', { ...good, apps: [installed(1), installed(2)] }, 400, 'VALIDATION'],
    ['of a track that is none', { ...good, apps: [installed(1, 'alpha')] }, 400, 'VALIDATION'],
    ['of a code that is none', { ...good, apps: [installed(0)] }, 400, 'VALIDATION'],
    ['of a fraction', { ...good, apps: [installed(1.5)] }, 400, 'VALIDATION'],
    ['of an id that is none', { ...good, apps: [installed(1, 'stable', '../x')] }, 400, 'VALIDATION'],
    ['of a version that is none', { ...good, mosis_version: 'new' }, 400, 'VALIDATION'],
    ['with a tag too long', { ...good, tag: 'x'.repeat(65) }, 400, 'VALIDATION'],
    ['over 64 KiB', { ...good, tag: 'x'.repeat(70_000) }, 413, 'BODY_TOO_LARGE'],
  ])('%s', async (_what, body, status, code) => {
    const response = await post(body);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it('in another type or packed', async () => {
    expect((await post(good, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(good, { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('from an address that asks too often, with when to come back', async () => {
    const own = await createDistributionWorld({ updateChecksAtOnce: 2, updateChecksPerSecond: 0.1 });
    const ask = () =>
      fetch(`${own.url}/v1/updates/check`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(good),
      });
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await own.dispose();
  });
});

describe('the check by hand', () => {
  const text = fc.oneof(
    fc.constantFrom('1.5.0', 'x', 'com.example.a', 'com.example.b', 'stable', 'beta', ''),
    fc.string(),
  );
  const code = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.double(), fc.constant(2_147_483_648));
  const mostly = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
    fc.oneof(
      { arbitrary: usual, weight: 20 },
      { arbitrary: fc.oneof(text, code, fc.constantFrom(null, [], {})), weight: 1 },
    );
  const withMore = (usual: fc.Arbitrary<object>): fc.Arbitrary<object> =>
    fc.tuple(usual, fc.nat(20)).map(([value, n]) => (n === 0 ? { ...value, more: 1 } : value));
  const app = withMore(
    fc.record({
      package_id: mostly(fc.constantFrom('com.example.a', 'com.example.b', 'com.example.c')),
      version_code: mostly(fc.integer({ min: 1, max: 9 })),
      track: mostly(fc.constantFrom('stable', 'beta')),
    }),
  );
  const body = withMore(
    fc.record(
      {
        mosis_version: mostly(fc.constantFrom('1.5.0', '2.0.0-rc.1')),
        tag: mostly(fc.constantFrom('abc', null)),
        apps: mostly(fc.array(mostly(app), { maxLength: 3 })),
      },
      { requiredKeys: ['mosis_version', 'apps'] },
    ),
  );
  const spelled = fc
    .tuple(body, fc.constantFrom('', ' ', '\n\t', '\r\n'), fc.boolean())
    .map(([value, indent, backwards]) => JSON.stringify(backwards ? turned(value) : value, null, indent));
  const byBoth = (text: string | Buffer) => {
    const byHand = listed(scanUpdateCheck(Buffer.from(text)));
    const bySchema = updateCheck.safeParse(parsed(Buffer.from(text).toString('utf8')));
    return { byHand, bySchema: bySchema.success ? bySchema.data : null };
  };

  it('takes what the schema takes in any order and spacing, and nothing else, and reads it alike', () => {
    let taken = 0;
    fc.assert(
      fc.property(spelled, (text) => {
        const { byHand, bySchema } = byBoth(text);
        if (byHand !== null) taken += 1;
        // Escapes and other letters than ASCII's are left to the schema.
        if (byHand !== null || /^[\x20-\x5b\x5d-\x7e\s]*$/.test(text)) expect(byHand).toEqual(bySchema);
      }),
      { numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('takes no tag that begins as a text and ends as none', () => {
    const apps = JSON.stringify([installed(12, 'stable', 'com.example.a')]);
    for (const tag of ['"null\n', '"null\\', 'null"', '"'])
      expect(byBoth(`{"tag":${tag},"mosis_version":"1.5.0","apps":${apps}}`)).toEqual({ byHand: null, bySchema: null });
  });

  it('takes no text with a mistake in it that the schema would refuse', () => {
    const good = JSON.stringify({
      mosis_version: '1.5.0',
      tag: 'abc',
      apps: [installed(12, 'stable', 'com.example.a'), installed(3, 'beta', 'com.example.b')],
    });
    const at = fc.nat(good.length - 1);
    const other = fc.constantFrom(
      '',
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '0',
      '9',
      '.',
      '-',
      'e',
      'a',
      '_',
      ' ',
      '\\',
      '\0',
      'ä',
    );
    let taken = 0;
    fc.assert(
      fc.property(at, fc.nat(2), other, (start, length, text) => {
        const { byHand, bySchema } = byBoth(good.slice(0, start) + text + good.slice(start + length));
        if (byHand === null) return;
        taken += 1;
        expect(byHand).toEqual(bySchema);
      }),
      { numRuns: 5_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it.each<[string, string]>([
    ['more after the end', '{"mosis_version":"1.5.0","apps":[{"package_id":"a.b","version_code":1,"track":"beta"}]}{}'],
    [
      'a name twice',
      '{"mosis_version":"1.5.0","mosis_version":"1.6.0","apps":[{"package_id":"a.b","version_code":1,"track":"beta"}]}',
    ],
    [
      'a number that begins with 0',
      '{"mosis_version":"1.5.0","apps":[{"package_id":"a.b","version_code":01,"track":"beta"}]}',
    ],
    [
      'a number of eleven digits',
      '{"mosis_version":"1.5.0","apps":[{"package_id":"a.b","version_code":10000000001,"track":"beta"}]}',
    ],
    [
      'a comma before the end',
      '{"mosis_version":"1.5.0","apps":[{"package_id":"a.b","version_code":1,"track":"beta"},]}',
    ],
    ['no end', '{"mosis_version":"1.5.0","apps":[{"package_id":"a.b","version_code":1,"track":"beta'],
    [
      'an app twice, apart',
      `{"mosis_version":"1.5.0","apps":[${['a.b', 'a.c', 'a.b'].map((id) => `{"package_id":"${id}","version_code":1,"track":"beta"}`)}]}`,
    ],
  ])('leaves %s to the schema', (_what, text) => {
    expect(scanUpdateCheck(Buffer.from(text))).toBeNull();
  });
});

/** A check by hand as the schema would give it. */
function listed(check: UpdateCheck | null): unknown {
  if (check === null) return null;
  const { apps, ...rest } = check;
  const all = Array.from({ length: apps.length }, (_, n) => ({
    package_id: apps.packageId(n),
    version_code: apps.versionCode(n),
    track: apps.track(n),
  }));
  return { ...rest, apps: all };
}

/** The same with its names in the other order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, inner]) => [name, turned(inner)]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

it('200 apps in one check are answered', async () => {
  await make({ code: 2, stable: FULL });
  const others = Array.from({ length: 199 }, (_, n) => installed(1, 'beta', `com.example.a${n}`));
  const answer = await check([installed(1), ...others]);
  expect([answer.updates.length, answer.gone.length]).toEqual([1, 199]);
});

it('apps beyond those that memory is for are told the same', async () => {
  const ids = Array.from({ length: 12 }, (_, n) => `com.example.other${n}`);
  const { ownerId: developerId } = world;
  const common = { name: 'Other', developerId, tags: [], status: 'PUBLISHED', createdAt: AT, updatedAt: AT } as const;
  await world.db.prisma.app.createMany({ data: ids.map((packageId) => ({ id: randomUUID(), packageId, ...common })) });
  await make({ code: 2, stable: FULL });
  const index = createOfferIndex(world.db.raw, { maxApps: 4 });
  const told = (names: readonly string[]) => {
    const apps = names.map((package_id) => ({ package_id, version_code: 1, track: 'stable' }));
    const scanned = scanUpdateCheck(Buffer.from(JSON.stringify({ mosis_version: '9.0.0', apps })));
    if (scanned === null) throw new Error('the check is a good one');
    return names.map((_, n) => {
      const offers = index.of(scanned.apps, n);
      return typeof offers === 'string' ? offers : offers.stable.map(({ versionCode }) => versionCode);
    });
  };
  for (const names of [
    [ID, ...ids],
    [...ids, ID],
    [ID, 'com.example.nobody', ID.slice(0, -1)],
  ]) {
    const expected = names.map((name) => (name === ID ? [2] : ids.includes(name) ? 'current' : 'gone'));
    expect([told(names), told(names)]).toEqual([expected, expected]);
  }
});
