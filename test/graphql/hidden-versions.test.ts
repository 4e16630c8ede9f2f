/** Every way around that leads to a version: events, the latest version, uploads and icons show no more than `version` does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import type { Client } from '../support/client.ts';
import { type AppHandle, createSeed, type Developer, type Reviewer, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let ada: Developer;
let rita: Reviewer;
let notes: AppHandle;
let published: VersionHandle;
let draft: VersionHandle;
let admin: Client;
let telemetryKey: Client;
beforeAll(async () => {
  app = await startApp();
  const seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  admin = await seed.admin();
  notes = await ada.app('com.example.notes');
  published = await notes.upload();
  await published.published(rita);
  draft = await notes.upload();
  telemetryKey = ada.as(await ada.apiKey(['TELEMETRY_READ']));
});
afterAll(() => app.close());

interface Shown {
  readonly type: string;
  readonly version: { readonly id: string } | null;
}

async function eventsOf(client: Client): Promise<Shown[]> {
  const { app: shown } = await client.query<{ app: { events: Shown[] } }>(
    '{ app(packageId: "com.example.notes") { events(first: 100) { type version { id } } } }',
  );
  return shown.events;
}

const versionsIn = (events: readonly Shown[]) => new Set(events.flatMap(({ version }) => version?.id ?? []));

describe('the events of an app', () => {
  it('show a member drafts too', async () => {
    expect(versionsIn(await eventsOf(ada))).toEqual(new Set([published.id, draft.id]));
  });

  it('show a reviewer and an admin nothing of drafts', async () => {
    for (const client of [rita, admin]) {
      const events = await eventsOf(client);
      expect(versionsIn(events)).toEqual(new Set([published.id]));
      expect(events.filter(({ type }) => type === 'UPLOADED')).toHaveLength(1);
    }
  });

  it('keep what happened to a deleted draft for members alone', async () => {
    const other = await ada.app('com.example.gone');
    const kept = await other.upload();
    await kept.published(rita);
    await ada.done('deleteDraft', { versionId: (await other.upload()).id });
    const uploads = async (client: Client) => {
      const { app: shown } = await client.query<{ app: { events: Shown[] } }>(
        '{ app(packageId: "com.example.gone") { events(first: 100) { type version { id } } } }',
      );
      return shown.events.filter(({ type }) => type === 'UPLOADED').map(({ version }) => version?.id ?? null);
    };
    expect(await uploads(ada)).toEqual([null, kept.id]);
    expect(await uploads(rita)).toEqual([kept.id]);
  });
});

describe('a key that may only read telemetry', () => {
  it('reaches no version through events, the latest version or an upload', async () => {
    expect(versionsIn(await eventsOf(telemetryKey))).toEqual(new Set());
    const { viewer } = await telemetryKey.query<{ viewer: { recentEvents: Shown[] } }>(
      '{ viewer { recentEvents(first: 50) { type version { id } } } }',
    );
    // What is about the app itself names no version.
    const ofApps = ['UPLOAD_REFUSED', 'PINS_CHANGED'];
    expect(viewer.recentEvents.filter(({ type }) => !ofApps.includes(type))).toEqual([]);
    const latest = '{ app(packageId: "com.example.notes") { latestVersion { id } } }';
    expect(await telemetryKey.query(latest)).toEqual({ app: { latestVersion: null } });
    expect(await ada.query(latest)).toEqual({ app: { latestVersion: { id: published.id } } });
    const upload = await notes.start(new Uint8Array(10));
    const node = 'query($id: ID!) { node(id: $id) { id } upload(id: $id) { id } }';
    expect(await telemetryKey.query(node, { id: upload.id })).toEqual({ node: null, upload: null });
    expect(await ada.query(node, { id: upload.id })).toEqual({ node: { id: upload.id }, upload: { id: upload.id } });
  });
});

it('the icon of an app is not that of a draft for those who may not see it', async () => {
  const icon = async (client: Client) =>
    (await client.query<{ app: { icon: string } }>('{ app(packageId: "com.example.notes") { icon } }')).app.icon;
  expect(await icon(ada)).toContain(`/${draft.versionCode}/`);
  expect(await icon(rita)).toContain(`/${published.versionCode}/`);
});
