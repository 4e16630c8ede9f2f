/** Owns a store with an app whose versions are rolled out, and what each of its public edges says of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { TargetFacts, targetPath } from '../../format/trust/targets.ts';
import { type StartAppOptions, startApp, type TestApp } from '../support/app.ts';
import type { Client, Outcome } from '../support/client.ts';
import {
  type AppHandle,
  createSeed,
  type Developer,
  type Reviewer,
  type Seed,
  type UploadOptions,
  type VersionHandle,
} from '../support/seed.ts';

/** A rollout as its developer sees it. */
export interface ShownRollout {
  readonly id: string;
  readonly track: string;
  readonly percent: number;
  readonly state: string;
  readonly pausedBy: string | null;
  readonly reason: string | null;
  readonly schedule: readonly { readonly at: string; readonly percent: number }[];
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly viewerCanChange: boolean;
}

export const ROLLOUT =
  'id track percent state pausedBy reason schedule { at percent } startedAt updatedAt finishedAt viewerCanChange';

export interface Stand {
  readonly app: TestApp;
  readonly seed: Seed;
  readonly ada: Developer;
  readonly rita: Reviewer;
  readonly notes: AppHandle;
  /** A version that may be published. */
  approved(options?: UploadOptions): Promise<VersionHandle>;
  /** One that is published so. */
  published(input?: Record<string, unknown>, options?: UploadOptions): Promise<VersionHandle>;
  /** Its rollout on a track; throws where there is none. */
  rollout(version: VersionHandle, track?: string): Promise<ShownRollout>;
  /** Runs a mutation of one rollout as Ada, or somebody else. */
  act(name: string, rollout: { readonly id: string }, input?: Record<string, unknown>, as?: Client): Promise<Outcome>;
  /** What the signed metadata says of a version code now, read by tuf-js; null where it is not listed. */
  target(versionCode: number): Promise<TargetFacts | null>;
  /** The version code that `/download` leads to, or null. */
  download(mosisVersion?: string): Promise<number | null>;
  /** What an update check offers to a device with this code, as `code kind`. */
  offers(versionCode: number, track?: 'stable' | 'beta'): Promise<string[]>;
  /** The version code on the app's page in the store, or null. */
  storeCode(): Promise<number | null>;
  /** What ROLLOUT_CHANGED events said, oldest first, as `code track change percent by`. */
  changes(): Promise<string[]>;
  /** The same server with a new app of Ada's; ends with this one. */
  another(): Promise<Stand>;
  close(): Promise<void>;
}

export async function createStand(options: StartAppOptions = {}): Promise<Stand> {
  const app = await startApp(options);
  const seed = createSeed(app);
  const ada = await seed.developer('Ada');
  const rita = await seed.reviewer();
  const notes = await ada.app('com.example.notes');
  return standOn({ app, seed, ada, rita, notes });
}

let apps = 0;

/** The same on a server that has them. */
export async function standOn(parts: Pick<Stand, 'app' | 'seed' | 'ada' | 'rita' | 'notes'>): Promise<Stand> {
  const { app, ada, rita, notes } = parts;
  const folder = await mkdtemp(join(tmpdir(), 'mosis-rollouts-'));
  const others: Stand[] = [];
  await writeFile(join(folder, 'root.json'), await (await fetch(`${app.url}/v1/metadata/1.root.json`)).text());

  async function approved(upload: UploadOptions = {}): Promise<VersionHandle> {
    const version = await notes.upload(upload);
    await version.approved(rita);
    return version;
  }

  return {
    ...parts,
    approved,
    async published(input = {}, upload = {}) {
      const version = await approved(upload);
      await ada.done('publishVersion', { versionId: version.id, ...input });
      return version;
    },
    async rollout(version, track = 'STABLE') {
      const { version: shown } = await ada.query<{ version: { rollouts: ShownRollout[] } }>(
        `query($id: ID!) { version(id: $id) { rollouts { ${ROLLOUT} } } }`,
        { id: version.id },
      );
      const found = shown.rollouts.find((rollout) => rollout.track === track);
      if (found === undefined) throw new Error(`no rollout on ${track}`);
      return found;
    },
    act: (name, rollout, input = {}, as = ada) =>
      as.act(name, { rolloutId: rollout.id, ...input }, 'rollout { state }'),
    async target(versionCode) {
      await app.services.metadata.settled();
      const client = new Updater({
        metadataDir: folder,
        metadataBaseUrl: `${app.url}/v1/metadata`,
        targetDir: folder,
        targetBaseUrl: `${app.url}/v1/packages`,
      });
      const target = await client.getTargetInfo(targetPath(notes.packageId, versionCode));
      return target === undefined ? null : TargetFacts.parse((target.custom as { mosis?: unknown }).mosis);
    },
    async download(mosisVersion = '9.0.0') {
      const path = `/v1/store/apps/${notes.packageId}/download?mosis_version=${mosisVersion}`;
      const response = await fetch(`${app.url}${path}`, { redirect: 'manual' });
      const code = /\/(\d+)\/package\.mosis$/.exec(response.headers.get('location') ?? '')?.[1];
      return code === undefined ? null : Number(code);
    },
    async offers(versionCode, track = 'stable') {
      const response = await fetch(`${app.url}/v1/updates/check`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          mosis_version: '9.0.0',
          tag: null,
          apps: [{ package_id: notes.packageId, version_code: versionCode, track }],
        }),
      });
      const { updates } = (await response.json()) as { updates: { version_code: number; kind: string }[] };
      return updates.map((update) => `${update.version_code} ${update.kind}`);
    },
    async storeCode() {
      const { storeApp } = await app
        .client()
        .query<{ storeApp: { version: { versionCode: number } } | null }>(
          'query($id: String!) { storeApp(packageId: $id) { version { versionCode } } }',
          { id: notes.packageId },
        );
      return storeApp?.version.versionCode ?? null;
    },
    async changes() {
      const { events } = await app.services.events.read({
        filter: { appId: notes.key, types: ['ROLLOUT_CHANGED'] },
        limit: 1000,
      });
      const codes = new Map(
        app
          .rows<{ id: string; code: number }>('SELECT id, version_code AS code FROM app_versions')
          .map(({ id, code }) => [id, code]),
      );
      return events.map(
        ({ versionId, payload }) =>
          `${codes.get(versionId ?? '')} ${payload.track} ${payload.change} ${payload.percent} ${payload.by}`,
      );
    },
    async another() {
      const other = await standOn({ ...parts, notes: await ada.app(`com.example.notes${++apps}`) });
      others.push(other);
      return other;
    },
    async close() {
      for (const other of others) await other.close();
      await app.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
