/** Admins suspend and reinstate apps over GraphQL; nobody else, and nobody their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Person, type Reviewer, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let ada: Developer;
let rita: Reviewer;
let grace: Person;
let version: VersionHandle;
beforeAll(async () => {
  app = await startApp();
  const seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  grace = await seed.admin();
  version = await (await ada.app()).upload();
  await version.published(rita);
});
afterAll(() => app.close());

const given = () => ({ appId: version.app.id, reason: 'It copies another app.' });
const inStore = async () => {
  const query = '{ store(first: 5) { nodes { packageId } } storeApp(packageId: "com.example.hello") { packageId } }';
  const { store, storeApp } = await app.client().query<{ store: { nodes: unknown[] }; storeApp: unknown }>(query);
  return [store.nodes.length, storeApp !== null];
};

describe('an app', () => {
  it('is suspended and reinstated by admins alone', async () => {
    for (const [name, viewer, code] of [
      ['guest', app.client(), 'UNAUTHENTICATED'],
      ['owner', ada, 'FORBIDDEN'],
      ['reviewer', rita, 'FORBIDDEN'],
    ] as const) {
      for (const act of ['suspendApp', 'reinstateApp'])
        expect([name, act, (await viewer.act(act, given())).code]).toEqual([name, act, code]);
    }
    expect(await inStore()).toEqual([1, true]);
  });

  it('that is suspended is out of the store, keeps its versions, publishes nothing, and tells its members why', async () => {
    const suspended = await grace.done<{ app: { status: string } }>('suspendApp', given(), 'app { status }');
    expect(suspended.app.status).toBe('SUSPENDED');
    expect(await inStore()).toEqual([0, false]);
    expect(await version.state()).toBe('PUBLISHED');
    const next = await version.app.upload({ version_code: 2 });
    await next.approved(rita);
    expect((await ada.act('publishVersion', { versionId: next.id })).code).toBe('APP_SUSPENDED');
    const { app: seen } = await ada.query<{ app: { events: { type: string; message: string | null }[] } }>(
      '{ app(packageId: "com.example.hello") { events(first: 30) { type message } } }',
    );
    expect(seen.events).toContainEqual({ type: 'SUSPENDED', message: 'It copies another app.' });
    expect((await grace.act('suspendApp', given())).code).toBe('STATE_CONFLICT');
    await grace.done('reinstateApp', given());
    expect(await inStore()).toEqual([1, true]);
    expect((await grace.act('reinstateApp', given())).code).toBe('STATE_CONFLICT');
    expect(app.rows("SELECT action, resource_id FROM audit_logs WHERE action LIKE 'admin.%_app' ORDER BY at")).toEqual([
      { action: 'admin.suspend_app', resource_id: version.app.key },
      { action: 'admin.reinstate_app', resource_id: version.app.key },
    ]);
  });

  it('needs a reason, and another admin where one is a member', async () => {
    expect((await grace.act('suspendApp', { ...given(), reason: ' ' })).code).toBe('VALIDATION');
    await grace.done('setRoles', { developerId: ada.id, admin: true, reviewer: false });
    expect((await ada.act('suspendApp', given())).code).toBe('OWN_APP');
  });
});
