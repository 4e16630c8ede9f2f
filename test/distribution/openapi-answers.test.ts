// What POST answers and metadata look like is what openapi.json says; what it lets devices send is what the server takes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '../../server/telemetry/events-schema.ts';
import { startApp } from '../support/app.ts';
import { batch, crash, createStand, deviceId, type Stand } from '../telemetry/stand.ts';
import { expectDescribed, schemaOf, spec } from './openapi-schema.ts';
import { createDistributionWorld, type DistributionWorld } from './world.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const post = (url: string, body: unknown, headers: Record<string, string> = JSON_TYPE) =>
  fetch(url, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

describe('the update check answers as described', () => {
  const CHECK = '/v1/updates/check';
  const asked = (versionCode: number, tag: string | null = null) => ({
    mosis_version: '1.0.0',
    tag,
    apps: [
      { package_id: 'com.example.hello', version_code: versionCode, track: 'stable' },
      { package_id: 'com.example.none', version_code: 1, track: 'beta' },
    ],
  });
  let world: DistributionWorld;
  beforeAll(async () => {
    world = await createDistributionWorld({ updateChecksAtOnce: 6, updateChecksPerSecond: 0.001 });
    const { id } = await world.version({ packageId: 'com.example.hello', versionCode: 7 });
    const at = new Date('2026-01-05T12:00:00Z');
    const { appId } = await world.db.prisma.appVersion.findUniqueOrThrow({ where: { id }, select: { appId: true } });
    const rollout = { id, appId, versionId: id, track: 'STABLE', seed: 'ab'.repeat(32), basisPoints: 10_000 };
    await world.db.prisma.rollout.create({
      data: { ...rollout, state: 'COMPLETE', schedule: [], startedAt: at, updatedAt: at },
    });
    world.distribution.storeChanged();
  });
  afterAll(() => world.dispose());

  it('with 200, 400, 413, 415 and 429', async () => {
    const url = `${world.url}${CHECK}`;
    const first = (await expectDescribed('post', CHECK, await post(url, asked(3)))) as {
      tag: string;
      updates: object[];
    };
    expect(first.updates).toHaveLength(1);
    expect(await expectDescribed('post', CHECK, await post(url, asked(3, first.tag)))).toMatchObject({
      unchanged: true,
    });
    const others: [number, unknown, Record<string, string>][] = [
      [400, '{', JSON_TYPE],
      [400, { ...asked(3), apps: [] }, JSON_TYPE],
      [413, ' '.repeat(65 * 1024), JSON_TYPE],
      [415, '{}', { 'content-type': 'text/plain' }],
      [429, asked(3), JSON_TYPE],
    ];
    for (const [status, body, headers] of others) {
      const response = await post(url, body, headers);
      expect(response.status).toBe(status);
      await expectDescribed('post', CHECK, response);
    }
  });
});

describe('telemetry answers as described', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await createStand({
      updateNotes: async (_, failures) => failures.map((each) => ({ ...each, note: 'Free some room first.' })),
    });
  });
  afterAll(() => stand.close());
  const EVENTS = '/v1/telemetry/events';
  const CRASH = '/v1/telemetry/crash';
  const REQUESTS = '/v1/telemetry/device-requests';
  const RESULT = '/v1/telemetry/device-requests/result';
  const failed = {
    type: 'app_update_failed',
    at: '2026-01-15T11:59:00Z',
    data: { to_code: 2, reason: 'DISK_FULL' },
  };
  const device = { package_id: 'com.example.notes', device_id: deviceId(1) };

  it.each<[string, number, unknown, Record<string, string>?]>([
    [EVENTS, 202, batch(1, { events: [failed, { type: 'nonsense', at: '2026-01-15T11:59:00Z' }, 5] })],
    [EVENTS, 400, '{'],
    [EVENTS, 400, batch(1, { consent: 'yes' })],
    [EVENTS, 404, batch(1, { app_id: 'com.example.unknown' })],
    [EVENTS, 413, ' '.repeat(257 * 1024)],
    [EVENTS, 415, '{}', { 'content-type': 'text/plain' }],
    [CRASH, 202, crash()],
    [CRASH, 400, crash({ crash_type: 'bored' })],
    [CRASH, 404, crash({ app_id: 'com.example.unknown' })],
    [REQUESTS, 400, { ...device, action: 'sell' }],
    [REQUESTS, 404, { ...device, package_id: 'com.example.unknown', action: 'export' }],
    [RESULT, 400, { token: 'x' }],
    [RESULT, 404, { token: 'x'.repeat(43) }],
  ])('%s with %i', async (path, status, body, headers) => {
    const response = await post(`${stand.url.replace('/v1/telemetry', '')}${path}`, body, headers);
    expect(response.status).toBe(status);
    await expectDescribed('post', path, response);
  });

  it('an answer with rejections and known issues, and another one is not described', async () => {
    const body = await (await post(`${stand.url}/events`, batch(2, { events: [failed, 5] }))).json();
    expect(body).toMatchObject({ accepted: 1, rejected: [{ index: 1 }], known_issues: [{ version_code: 2 }] });
    const schema = schemaOf({ $ref: '#/components/schemas/IngestAnswer' });
    expect(schema.safeParse(body).success).toBe(true);
    for (const wrong of [
      { ...body, accepted: '1' },
      { accepted: 1 },
      { ...body, rejected: [{ index: 1, reason: 'BORED' }] },
      { ...body, known_issues: [{ version_code: 2, reason: null }] },
    ])
      expect(schema.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
  });

  it.each(['export', 'erase'])('a request to %s, from its token to its result', async (action) => {
    const taken = await expectDescribed(
      'post',
      REQUESTS,
      await post(`${stand.url}/device-requests`, { ...device, action }),
    );
    const seen = new Set<number>();
    while (!seen.has(200)) {
      const response = await post(`${stand.url}/device-requests/result`, taken);
      seen.add(response.status);
      await expectDescribed('post', RESULT, response);
    }
  });

  it('a request that still runs', async () => {
    const waiting = await createStand({ jobs: { enqueue: () => undefined } });
    const taken = await (await post(`${waiting.url}/device-requests`, { ...device, action: 'erase' })).json();
    const response = await post(`${waiting.url}/device-requests/result`, taken);
    expect(response.status).toBe(202);
    await expectDescribed('post', RESULT, response);
    await waiting.close();
  });

  it('too many, on each path', async () => {
    const full = { take: () => 3 };
    const throttles = { address: full, site: full, device: full, app: full, requestAddress: full, requestDevice: full };
    const limited = await createStand({ throttles });
    for (const path of [EVENTS, CRASH, REQUESTS, RESULT]) {
      const response = await post(`${limited.url.replace('/v1/telemetry', '')}${path}`, '{}');
      expect(response.status).toBe(429);
      await expectDescribed('post', path, response);
    }
    await limited.close();
  });
});

describe('the schema of an event', () => {
  const BATCH = schemaOf({ $ref: '#/components/schemas/EventBatch' });
  const described = (event: object) => BATCH.safeParse(batch(1, { consent: true, events: [event] })).success;
  /** Each type with data that its own schema takes, from the limits that the document says. */
  const samples = EVENT_TYPES.map(({ name }) => {
    const schema = Object.values(spec.components.schemas).find(
      (each: { properties?: { type?: { const?: string } } }) => each.properties?.type?.const === name,
    ) as { properties: { data: { properties: Record<string, Record<string, unknown>> } } };
    return { name, data: Object.fromEntries(Object.entries(schema.properties.data.properties).map(sampleOf)) };
  });

  function sampleOf([field, { type, enum: values, maximum, pattern }]: [string, Record<string, unknown>]) {
    if (Array.isArray(values)) return [field, values.at(-1)];
    if (type === 'boolean') return [field, true];
    if (type !== 'string') return [field, maximum];
    return [field, pattern === undefined ? 'x' : String(pattern).startsWith('^[A-Z]') ? 'DISK_FULL' : '1.2.3'];
  }

  it.each(samples)('of $name takes what the server takes, to the limits, and nothing else', ({ name, data }) => {
    const at = '2026-01-15T11:59:00Z';
    const shape = EVENT_TYPES.find((each) => each.name === name)?.data;
    expect([described({ type: name, at, data }), shape?.accepts(data)]).toEqual([true, true]);
    expect([described({ type: name, at }), shape?.accepts(undefined)]).toEqual(
      shape?.optional === true ? [true, true] : [false, false],
    );
    const wrong: Record<string, unknown>[] = [{ ...data, user: 'alice' }];
    for (const [field, value] of Object.entries(data)) {
      wrong.push({ ...data, [field]: null });
      if (typeof value === 'number') wrong.push({ ...data, [field]: value + 1 }, { ...data, [field]: -1 });
      if (typeof value === 'string') wrong.push({ ...data, [field]: 'x'.repeat(201) });
    }
    for (const each of wrong)
      expect([described({ type: name, at, data: each }), shape?.accepts(each)], JSON.stringify(each)).toEqual([
        false,
        false,
      ]);
  });

  it('of a type that nobody knows is there for none', () => {
    expect(described({ type: 'nonsense', at: '2026-01-15T11:59:00Z', data: {} })).toBe(false);
  });
});

describe('metadata', () => {
  const FILE = '/v1/metadata/{file}';

  it('is served as described: each file, one that the device has, and one that is not there', async () => {
    const app = await startApp();
    try {
      await app.services.metadata.settled();
      const get = (name: string, headers: Record<string, string> = {}) =>
        fetch(`${app.url}/v1/metadata/${name}`, { headers });
      const metaOf = async (name: string) => {
        const { signed } = (await (await get(name)).json()) as {
          signed: { meta: Record<string, { version: number }> };
        };
        return Object.entries(signed.meta).map(([file, { version }]) => `${version}.${file}`);
      };
      const [snapshot = ''] = await metaOf('timestamp.json');
      const listed = await metaOf(snapshot);
      expect(listed.some((name) => name.endsWith('.targets.json'))).toBe(true);
      expect(listed.some((name) => /\.bin-\w+\.json$/.test(name))).toBe(true);
      for (const name of ['1.root.json', 'timestamp.json', snapshot, ...listed.slice(0, 3)]) {
        const response = await get(name);
        expect(response.status, name).toBe(200);
        const etag = response.headers.get('etag') ?? '';
        await expectDescribed('get', FILE, response);
        const again = await get(name, { 'if-none-match': etag });
        expect(again.status).toBe(304);
        await expectDescribed('get', FILE, again);
      }
      for (const name of ['2.root.json', '8.bin-0.json', 'nonsense']) {
        const response = await get(name);
        expect(response.status).toBe(404);
        await expectDescribed('get', FILE, response);
      }
    } finally {
      await app.close();
    }
  });
});
