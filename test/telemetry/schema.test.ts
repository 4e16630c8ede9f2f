import { createRequire } from 'node:module';
import type { ExecutionResult } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiKeyScope, Viewer } from '../../server/accounts/viewer.ts';
import '../../server/graphql/base.ts';
import { builder } from '../../server/graphql/builder.ts';
import type { GraphContext } from '../../server/graphql/context.ts';
import '../../server/telemetry/schema.ts';
import '../../server/telemetry/schema-crashes.ts';
import '../../server/telemetry/schema-export.ts';
import '../../server/telemetry/schema-health.ts';
import type { CrashTriage } from '../../server/telemetry/crash-triage.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { APP, batch, crash, createStand, deviceId, START, type Stand } from './stand.ts';
import { populate, triageOf } from './triage-stand.ts';

// The same copy of graphql that Pothos loads: the test runner would take the package's other build.
const { execute, parse } = createRequire(import.meta.url)('graphql') as typeof import('graphql');

// The fields hang on App; here it is the least that carries them, so that this test needs no other feature.
builder.prismaNode('App', { name: 'App', id: { field: 'id' }, fields: () => ({}) });
builder.queryField('anyApp', (t) =>
  t.prismaField({
    type: 'App',
    nullable: true,
    args: { id: t.arg.string({ required: true }) },
    resolve: (query, _root, { id }, { db }) => db.prisma.app.findUnique({ ...query, where: { id } }),
  }),
);
builder.mutationField('nothing', (t) => t.boolean({ resolve: () => true }));
builder.subscriptionField('nothing', (t) =>
  t.boolean({ subscribe: () => (async function* () {})(), resolve: () => true }),
);
const schema = builder.toSchema();

let database: TestDatabase;
let stand: Stand;
let triage: CrashTriage;
beforeAll(async () => {
  database = await createTestDatabase();
  stand = await createStand();
  ({ triage } = triageOf(database, stand));
  await populate(database);
  await stand.post('events', batch(1, { events: [{ type: 'app_install', at: '2026-01-15T10:00:00Z' }] }));
  const start = { type: 'app_start', at: '2026-01-15T11:59:00Z', data: { launch_ms: 400 } };
  await stand.post('events', batch(2, { device_id: deviceId(2), app_version: '1.1.0', events: [start] }));
  await stand.post('events', batch(3, { dropped: { queue_full: 12 }, events: [5] }));
  await stand.post('crash', crash());
  await stand.post('crash', crash({ message: 'another', timestamp: '2026-01-15T11:00:00Z', context: undefined }));
  await stand.telemetry.flush();
});
afterAll(async () => {
  await stand.close();
  await database.dispose();
});

let viewer: Viewer;
const person = (id: string, changes: object = {}): Viewer => ({
  kind: 'developer',
  developerId: id,
  name: id,
  email: `${id}@example.com`,
  reviewer: false,
  admin: false,
  credential: { kind: 'SESSION', id: 'session', expiresAt: START },
  ...changes,
});
const key = (scopes: ApiKeyScope[], appId: string | null = null): Viewer =>
  person('owner', { credential: { kind: 'API_KEY', id: 'key', expiresAt: null, scopes, appId } });
beforeEach(() => {
  viewer = person('owner');
});

async function ask(fields: string): Promise<ExecutionResult> {
  const context: Pick<GraphContext, 'db' | 'viewer' | 'caller'> & {
    services: Pick<GraphContext['services'], 'telemetry' | 'crashTriage'>;
  } = {
    db: database.db,
    viewer,
    caller: { requestId: 'test', ip: '127.0.0.1', userAgent: null, transport: 'http' },
    services: { telemetry: stand.telemetry, crashTriage: triage },
  };
  const document = parse(`{ anyApp(id: "${APP.id}") { ${fields} } }`);
  return JSON.parse(JSON.stringify(await execute({ schema, document, contextValue: context })));
}

const RANGE = 'range: { from: "2026-01-01", to: "2026-01-31" }';

describe('App.telemetry', () => {
  it('answers totals, series and versions', async () => {
    const { data, errors } = await ask(`telemetry(${RANGE}) {
      totals { type count devices } series { date type version count devices merged }
      versions { version activeDevices crashes crashDevices crashFreeDevices installs }
      dropped { reason count } rejected { reason count }
      activeDevices crashes installs crashFreeDevices
    }`);
    expect(errors).toBeUndefined();
    expect(data?.anyApp).toEqual({
      telemetry: {
        totals: [
          { type: 'app_start', count: 1, devices: 1 },
          { type: 'app_crash', count: 2, devices: 1 },
          { type: 'app_install', count: 1, devices: 1 },
        ],
        series: [
          { date: '2026-01-15', type: 'app_start', version: null, count: 1, devices: 1, merged: false },
          { date: '2026-01-15', type: 'app_crash', version: null, count: 2, devices: 1, merged: false },
          { date: '2026-01-15', type: 'app_install', version: null, count: 1, devices: 1, merged: false },
        ],
        versions: [
          { version: '1.1.0', activeDevices: 1, crashes: 0, crashDevices: 0, crashFreeDevices: 1, installs: 0 },
          { version: '1.0.0', activeDevices: 1, crashes: 2, crashDevices: 1, crashFreeDevices: 0, installs: 1 },
        ],
        dropped: [{ reason: 'QUEUE_FULL', count: 12 }],
        rejected: [{ reason: 'MALFORMED', count: 1 }],
        activeDevices: 2,
        crashes: 2,
        installs: 1,
        crashFreeDevices: 0.5,
      },
    });
  });

  it('narrows and splits the series as asked', async () => {
    const { data } = await ask(
      `telemetry(${RANGE}, groupBy: VERSION, filter: { type: app_start }) { series { version type } }`,
    );
    expect(data?.anyApp).toEqual({ telemetry: { series: [{ version: '1.1.0', type: 'app_start' }] } });
  });

  it('refuses a range that is too long', async () => {
    const { errors } = await ask('telemetry(range: { from: "2020-01-01", to: "2026-01-01" }) { crashes }');
    expect(errors?.[0]?.message).toContain('at most 400 days');
  });

  const viewers: [string, Viewer, string | null][] = [
    ['the owner', person('owner'), null],
    ['a key with the scope', key(['telemetry:read']), null],
    ['a key for this app', key(['telemetry:read'], APP.id), null],
    ['a key without the scope', key(['apps:read']), 'lacks the scope telemetry:read'],
    ['a key for another app', key(['telemetry:read'], 'other'), 'not found'],
    ['a stranger', person('stranger'), 'not found'],
    ['a reviewer', person('stranger', { reviewer: true }), 'not found'],
    ['an admin', person('stranger', { admin: true }), 'not found'],
    ['a visitor', { kind: 'anonymous' }, 'Sign in'],
  ];
  it.each(viewers)('answers %s as they may', async (_name, who, refusal) => {
    viewer = who;
    for (const fields of [
      `telemetry(${RANGE}) { crashes }`,
      `releaseHealth(${RANGE}) { version }`,
      'crashGroups { nodes { count } }',
    ]) {
      const { errors } = await ask(fields);
      if (refusal === null) expect(errors).toBeUndefined();
      else expect(errors?.[0]?.message).toContain(refusal);
    }
  });
});

describe('App.telemetryExport', () => {
  it('is a CSV file of counts unless JSON is asked for, the small days of a version and type in one row', async () => {
    const { data, errors } = await ask(
      `telemetryExport(${RANGE}) { mediaType rows content } json: telemetryExport(${RANGE}, format: JSON) { mediaType rows content }`,
    );
    expect(errors).toBeUndefined();
    const { telemetryExport: csv, json } = Object(data?.anyApp);
    expect([csv.mediaType, csv.rows, json.mediaType, json.rows]).toEqual(['text/csv', 3, 'application/json', 3]);
    const [head, ...lines] = String(csv.content).split('\r\n');
    expect(head).toBe('date,version,type,count,devices');
    expect(lines.sort()).toEqual(['', ',1.0.0,app_crash,2,1', ',1.0.0,app_install,1,1', ',1.1.0,app_start,1,1']);
    expect(JSON.parse(String(json.content))).toContainEqual({
      date: null,
      version: '1.1.0',
      type: 'app_start',
      count: 1,
      devices: 1,
    });
  });

  it('is for members alone, by a key with its scope, and for no more days than a query', async () => {
    const refusal = async () => (await ask(`telemetryExport(${RANGE}) { rows }`)).errors?.[0]?.message;
    viewer = key(['apps:read']);
    expect(await refusal()).toContain('lacks the scope telemetry:read');
    viewer = person('stranger', { admin: true, reviewer: true });
    expect(await refusal()).toContain('not found');
    viewer = person('owner');
    const long = await ask('telemetryExport(range: { from: "2024-01-01", to: "2026-01-31" }) { rows }');
    expect(long.errors?.[0]?.message).toContain('at most 400 days');
  });
});

describe('App.releaseHealth', () => {
  it('answers each version with sessions, adoption and intervals', async () => {
    const { data, errors } = await ask(`releaseHealth(${RANGE}) {
      version activeDevices adoption sessions crashes crashDevices
      crashFreeDevices { value low high } crashFreeSessions { value low high }
    }`);
    expect(errors).toBeUndefined();
    expect(data?.anyApp).toEqual({
      releaseHealth: [
        {
          version: '1.1.0',
          activeDevices: 1,
          adoption: 0.5,
          sessions: 1,
          crashes: 0,
          crashDevices: 0,
          crashFreeDevices: { value: 1, low: expect.closeTo(0.2065, 4), high: 1 },
          crashFreeSessions: { value: 1, low: expect.closeTo(0.2065, 4), high: 1 },
        },
        {
          version: '1.0.0',
          activeDevices: 1,
          adoption: 0.5,
          sessions: 0,
          crashes: 2,
          crashDevices: 1,
          crashFreeDevices: { value: 0, low: 0, high: expect.closeTo(0.7935, 4) },
          crashFreeSessions: null,
        },
      ],
    });
  });
});

describe('App.crashGroups', () => {
  it('pages forward, the last seen first', async () => {
    const fields =
      'edges { node { id title crashType message stackTrace context firstSeen lastSeen count devices versions } } pageInfo { hasNextPage endCursor }';
    const first = await ask(`crashGroups(first: 1) { ${fields} }`);
    expect(first.data?.anyApp).toMatchObject({
      crashGroups: {
        edges: [
          { node: { message: 'another', context: null, lastSeen: '2026-01-15T11:00:00.000Z', versions: ['1.0.0'] } },
        ],
        pageInfo: { hasNextPage: true },
      },
    });
    const { endCursor } = (first.data as { anyApp: { crashGroups: { pageInfo: { endCursor: string } } } }).anyApp
      .crashGroups.pageInfo;
    const second = await ask(`crashGroups(first: 1, after: "${endCursor}") { ${fields} }`);
    expect(second.data?.anyApp).toMatchObject({
      crashGroups: {
        edges: [{ node: { crashType: 'lua_error', count: 1, devices: 1 } }],
        pageInfo: { hasNextPage: false },
      },
    });
  });

  it('are sorted, searched and narrowed as asked, and a cursor is good for its sort alone', async () => {
    const narrowed = await ask(
      `crashGroups(first: 5, sort: FIRST_SEEN, filter: { search: "ANOTHER", version: "1.0.0", state: OPEN }) {
        edges { cursor } nodes { message state affectedVersions { version count } resolvedInVersionCode regressedAt }
      }`,
    );
    const { data } = narrowed;
    const crashGroups = {
      nodes: [
        {
          message: 'another',
          state: 'OPEN',
          affectedVersions: [{ version: '1.0.0', count: 1 }],
          resolvedInVersionCode: null,
          regressedAt: null,
        },
      ],
    };
    expect(narrowed.errors).toBeUndefined();
    expect(data?.anyApp).toMatchObject({ crashGroups });
    const { cursor } = (data as { anyApp: { crashGroups: { edges: { cursor: string }[] } } }).anyApp.crashGroups
      .edges[0] ?? { cursor: '' };
    const { errors } = await ask(`crashGroups(sort: COUNT, after: "${cursor}") { nodes { count } }`);
    expect(errors?.[0]?.message).toContain('of another sort');
  });

  it.each(['after: "nonsense"', 'before: "x"', 'last: 5', 'first: -1'])('refuses %s', async (args) => {
    expect((await ask(`crashGroups(${args}) { nodes { count } }`)).errors).toHaveLength(1);
  });
});

// Last, as it adds devices.
describe('percentiles', () => {
  it('answers percentiles of what at least 5 devices measured, within 1 %', async () => {
    const fewer = await ask(`telemetry(${RANGE}, groupBy: TYPE) { percentiles { metric } }`);
    expect(fewer.data?.anyApp).toEqual({ telemetry: { percentiles: [] } });
    const start = { type: 'app_start', at: '2026-01-15T11:59:00Z', data: { launch_ms: 400 } };
    for (let n = 3; n < 7; n += 1)
      await stand.post('events', batch(100 + n, { device_id: deviceId(n), app_version: '1.1.0', events: [start] }));
    await stand.telemetry.flush();
    const { data, errors } = await ask(
      `telemetry(${RANGE}, groupBy: TYPE) { percentiles(metrics: [LAUNCH_MS]) { metric count devices p50 p99 merged date version } }`,
    );
    expect(errors).toBeUndefined();
    expect(data?.anyApp).toEqual({
      telemetry: {
        percentiles: [
          {
            metric: 'LAUNCH_MS',
            count: 5,
            devices: 5,
            p50: expect.closeTo(400, -1),
            p99: expect.closeTo(400, -1),
            merged: false,
            date: null,
            version: null,
          },
        ],
      },
    });
    const ofVersion = (version: string) =>
      ask(
        `telemetry(${RANGE}, filter: { version: "${version}" }) { percentiles(metrics: [LAUNCH_MS]) { date count } }`,
      );
    expect((await ofVersion('1.1.0')).data?.anyApp).toEqual({
      telemetry: { percentiles: [{ date: '2026-01-15', count: 5 }] },
    });
    await stand.post('events', batch(110, { device_id: deviceId(7), events: [start] }));
    await stand.telemetry.flush();
    // The one device with another version would be what the total has more.
    expect((await ofVersion('1.1.0')).data?.anyApp).toEqual({ telemetry: { percentiles: [] } });
  });
});
