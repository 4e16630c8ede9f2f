/** Crash triage and live counts through a whole server: REST from devices, GraphQL and sockets for people. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGRESSIONS_JOB } from '../../server/telemetry/crash-regressions.ts';
import { startApp, type TestApp } from '../support/app.ts';
import type { Client } from '../support/client.ts';
import { type AppHandle, createSeed, type Developer, type Reviewer, type Seed } from '../support/seed.ts';

const LIVE = 'subscription($id: ID!) { live: telemetryLive(appId: $id) { events crashes reports versions } }';
const GROUP = 'id state count resolvedInVersionCode regressedInVersionCode regressedAt';

interface Live {
  readonly events: string | number;
  readonly crashes: string | number;
  readonly reports: number;
  readonly versions: readonly string[];
}
interface Group {
  readonly id: string;
  readonly state: string;
  readonly count: string | number;
  readonly resolvedInVersionCode: number | null;
  readonly regressedInVersionCode: number | null;
  readonly regressedAt: string | null;
}

let app: TestApp;
let seed: Seed;
let ada: Developer;
let mallory: Developer;
let rita: Reviewer;
let notes: AppHandle;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  mallory = await seed.developer('Mallory');
  rita = await seed.reviewer();
  notes = await ada.app('com.example.notes');
  await (await notes.upload({ version_code: 1, version: '1.0.0' })).published(rita);
  await (await notes.upload({ version_code: 2, version: '1.1.0' })).published(rita);
}, 120_000);
afterAll(() => app.close());

let sent = 0;
async function send(path: 'events' | 'crash', body: Record<string, unknown>, device = 1): Promise<void> {
  sent += 1;
  const id = `00000000-0000-4000-8000-${sent.toString(16).padStart(12, '0')}`;
  const response = await fetch(`${app.url}/v1/telemetry/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      [path === 'crash' ? 'report_id' : 'batch_id']: id,
      app_id: 'com.example.notes',
      app_version: '1.0.0',
      mosis_version: '1.0.0',
      device_id: device.toString(16).padStart(64, 'd'),
      ...body,
    }),
  });
  expect([response.status, await response.text()]).toEqual([202, '{"accepted":1,"rejected":[]}']);
}
const now = () => new Date().toISOString();
const start = (device: number, version = '1.0.0') =>
  send(
    'events',
    { app_version: version, consent: false, sent_at: now(), events: [{ type: 'app_start', at: now() }] },
    device,
  );
const crash = (message: string, version: string) =>
  send('crash', {
    app_version: version,
    timestamp: now(),
    crash_type: 'lua_error',
    message,
    stack_trace: `stack traceback:\n\tassets/${message}.lua:7: in function 'run'`,
  });

async function groups(client: Client, search: string): Promise<Group[]> {
  await app.services.telemetry.flush();
  const { node } = await client.query<{ node: { crashGroups: { nodes: Group[] } } }>(
    `query($id: ID!, $search: String) { node(id: $id) { ... on App {
      crashGroups(filter: { search: $search }) { nodes { ${GROUP} } } } } }`,
    { id: notes.id, search },
  );
  return node.crashGroups.nodes;
}
async function only(search: string): Promise<Group> {
  const [group, ...others] = await groups(app.client().as(ada.session), search);
  if (group === undefined || others.length > 0) throw new Error(`${others.length + 1} groups of ${search}`);
  return group;
}

describe('a crash group', () => {
  const as = (person: Developer) => app.client().as(person.session);

  it('is resolved, stays so for crashes before the fix, and comes back with one in it', async () => {
    await crash('alpha', '1.0.0');
    const { id } = await only('alpha');
    const resolved = await as(ada).done<{ crashGroup: Group }>(
      'resolveCrashGroup',
      { crashGroupId: id, inVersionCode: 2 },
      `crashGroup { ${GROUP} }`,
    );
    expect(resolved.crashGroup).toMatchObject({ id, state: 'RESOLVED', resolvedInVersionCode: 2, regressedAt: null });
    await crash('alpha', '1.0.0');
    expect(await only('alpha')).toMatchObject({ state: 'RESOLVED', regressedInVersionCode: null });
    await crash('alpha', '1.1.0');
    await app.services.telemetry.flush();
    await app.services.work(async (unit) => unit.enqueue({ kind: REGRESSIONS_JOB, key: 'test', payload: {} }));
    await expect.poll(async () => (await only('alpha')).state, { timeout: 20_000 }).toBe('REGRESSED');
    expect(await only('alpha')).toMatchObject({ id, regressedInVersionCode: 2 });
    const told = `query($id: ID!) { node(id: $id) { ... on App { events(first: 1) { type crash { fingerprint title } version { versionCode } } } } }`;
    const { fingerprint } = (
      await as(ada).query<{ node: { crashGroups: { nodes: { fingerprint: string }[] } } }>(
        'query($id: ID!) { node(id: $id) { ... on App { crashGroups(filter: { search: "alpha" }) { nodes { fingerprint } } } } }',
        { id: notes.id },
      )
    ).node.crashGroups.nodes[0] ?? { fingerprint: '' };
    const event = { type: 'CRASH_REGRESSED', version: { versionCode: 2 } };
    expect(await as(ada).query(told, { id: notes.id })).toEqual({
      node: { events: [{ ...event, crash: { fingerprint, title: expect.stringContaining('alpha') } }] },
    });
    // Who sees the app without being a member does not see how it is used.
    expect(await rita.query(told, { id: notes.id })).toEqual({ node: { events: [{ ...event, crash: null }] } });
    const audited = app.rows<{ action: string; via: string }>(
      "SELECT action, via FROM audit_logs WHERE action LIKE 'crash_group.%' ORDER BY id",
    );
    expect(audited).toEqual([
      { action: 'crash_group.resolve', via: 'SESSION' },
      { action: 'crash_group.regress', via: 'SYSTEM' },
    ]);
  });

  it('is ignored whatever comes in, until it is opened again', async () => {
    await crash('beta', '1.1.0');
    const { id } = await only('beta');
    await as(ada).done('ignoreCrashGroup', { crashGroupId: id });
    await crash('beta', '1.1.0');
    expect((await only('beta')).state).toBe('IGNORED');
    await as(ada).done('reopenCrashGroup', { crashGroupId: id });
    expect((await only('beta')).state).toBe('OPEN');
  });

  it('is nothing to strangers, and may not be decided about by a key that only reads', async () => {
    await crash('gamma', '1.0.0');
    const { id } = await only('gamma');
    for (const act of ['ignoreCrashGroup', 'reopenCrashGroup'])
      expect(await as(mallory).act(act, { crashGroupId: id })).toMatchObject({ code: 'NOT_FOUND' });
    const reads = app.client().as(await ada.apiKey(['TELEMETRY_READ', 'APPS_READ']));
    expect(await groups(reads, 'gamma')).toHaveLength(1);
    expect((await reads.act('resolveCrashGroup', { crashGroupId: id, inVersionCode: 2 })).code).toMatch(
      /SCOPE|FORBIDDEN/,
    );
    expect((await only('gamma')).state).toBe('OPEN');
  });
});

/** An address may send 600 at once: what is sent until a socket is there has to be less. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('telemetryLive over a socket', () => {
  /** Follows the app; `ready` once the server counts for it, `next` for the next message. */
  async function follow(client: Client) {
    const socket = client.socket();
    const messages = socket.iterate<{ live: Live }>({ query: LIVE, variables: { id: notes.id } });
    return { socket, next: async () => (await messages.next()) as IteratorResult<{ data?: { live: Live } }> };
  }

  it('tells in one message a second what came in, and names versions by 5 devices or not', async () => {
    const live = await follow(app.client().as(ada.session));
    const first = live.next();
    // The subscription begins with a first event that it tells of.
    const begun = performance.now();
    let isTold = false;
    void first.then(() => {
      isTold = true;
    });
    let device = 100;
    while (!isTold) {
      await start(device++);
      await pause();
    }
    const told = await first;
    for (let n = 0; n < 6; n += 1) await start(n, '1.1.0');
    await start(50, '1.0.0');
    await crash('delta', '1.0.0');
    const second = await live.next();
    const third = live.next();
    await start(1, '1.0.0');
    const both = [second, await third].map((message) => message.value?.data?.live);
    expect(told.value?.data?.live.reports).toBeGreaterThan(0);
    const reports = both.reduce((sum, message) => sum + (message?.reports ?? 0), 0);
    expect(reports).toBeGreaterThanOrEqual(9);
    expect(both.reduce((sum, message) => sum + Number(message?.crashes ?? 0), 0)).toBe(1);
    for (const message of both) expect(message?.versions).not.toContain('1.0.0');
    // Three messages have two seconds between them.
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    await live.socket.dispose();
  }, 30_000);

  it('is refused to strangers and to nobody', async () => {
    for (const client of [app.client(), app.client().as(mallory.session)]) {
      const { socket, next } = await follow(client);
      const refused = await next().then(
        (message) => JSON.stringify(message.value),
        (error: unknown) => JSON.stringify(error),
      );
      expect(refused).toMatch(/UNAUTHENTICATED|NOT_FOUND/);
      await socket.dispose();
    }
  });

  it('ends when the follower is no longer a member', async () => {
    const { socket, next } = await follow(app.client().as(ada.session));
    const first = next();
    let isTold = false;
    void first.then(() => {
      isTold = true;
    });
    let device = 200;
    while (!isTold) {
      await start(device++);
      await pause();
    }
    await app.services.work(async ({ tx }) => void (await tx.appMember.deleteMany({ where: { appId: notes.key } })));
    await start(1);
    const rest: unknown[] = [];
    for (let message = await next(); message.done !== true; message = await next()) rest.push(message.value);
    expect(rest.length).toBeLessThanOrEqual(1);
    await socket.dispose();
  }, 30_000);
});

it('a server that closes ends its followers', async () => {
  const closing = await startApp();
  try {
    const owner = await createSeed(closing).developer('Grace');
    const hers = await owner.app('com.example.chess');
    const socket = closing.client().as(owner.session).socket();
    const messages = socket.iterate({ query: LIVE, variables: { id: hers.id } });
    const next = messages.next().then(
      () => 'ended',
      () => 'ended',
    );
    await closing.close();
    expect(await next).toBe('ended');
    await socket.dispose();
  } finally {
    await closing.close().catch(() => undefined);
  }
}, 60_000);
