/** Owns the developer's and the admin's side of the fleet: people, apps, versions and rollouts, through the public API alone. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { toBase64 } from '../format/base64.ts';
import { buildPackage } from '../format/canonical.ts';
import { signPinLink } from '../format/pins.ts';
import { keyIdOf, publicKeyFrom } from '../format/signing.ts';
import { type Client, cookieOf, createClient, tusUpload } from '../test/support/client.ts';
import { goodFiles, TEST_SECRET_KEY } from '../test/support/packages.ts';
import type { AppId } from './fleet-plan.ts';

const PASSWORD = 'teapot marmalade quorum';
const POLL_MS = 25;
const SERVED_AFTER_MS = 300;
/** Deltas that are being made, and events that the signed metadata has not followed yet. */
const OPEN_WORK = `SELECT (SELECT count(*) FROM jobs WHERE state IN ('READY', 'RUNNING') AND kind = 'make-deltas')
  + (SELECT count(*) FROM events WHERE n > (SELECT n FROM event_readers WHERE name = 'metadata')
       AND type IN ('PUBLISHED', 'UNPUBLISHED', 'SUSPENDED', 'REINSTATED', 'ROLLOUT_CHANGED')) AS n`;

export interface FleetVersion {
  readonly app: AppId;
  readonly code: number;
  readonly minMosis: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly bytes: Uint8Array;
  /** Global id. */
  readonly id: string;
}

export interface Plan {
  readonly track?: 'STABLE' | 'BETA';
  readonly percent?: number;
}

export interface FleetStore {
  readonly versions: readonly FleetVersion[];
  /** Makes a version, uploads it and has it approved. */
  prepare(app: AppId, code: number, options?: { readonly minMosis?: string }): Promise<void>;
  publish(app: AppId, code: number, plan?: Plan): Promise<void>;
  raise(app: AppId, code: number, percent: number): Promise<void>;
  halt(app: AppId, code: number): Promise<void>;
  rollBack(app: AppId, from: number, to: number): Promise<void>;
  suspend(app: AppId): Promise<void>;
  /** Resolves when devices can see all that was done. */
  settled(): Promise<void>;
  /** The developer's own client. */
  readonly developer: Client;
}

/** People and an empty store on a server that has just been started for the first time. */
export async function openStore(url: string, dataDir: string, apps: readonly AppId[]): Promise<FleetStore> {
  const token = (await readFile(join(dataDir, 'setup-token'), 'utf8')).trim();
  const admin = await enter(url, 'completeSetup', { token, name: 'Grace', email: 'grace@example.org' });
  const developer = await enter(url, 'signUp', { name: 'Devi', email: 'devi@example.org' });
  const reviewer = await enter(url, 'signUp', { name: 'Rita', email: 'rita@example.org' });
  await admin.done('setRoles', { developerId: reviewer.id, reviewer: true, admin: false });
  await admin.done('updateReviewPolicy', { secondApproval: false, sampleShare: 0 });
  const publicKey = publicKeyFrom(TEST_SECRET_KEY);
  await developer.done('registerSigningKey', { name: 'Laptop', publicKey: toBase64(publicKey) });
  const appIds = new Map<AppId, string>();
  for (const packageId of apps) appIds.set(packageId, await makeApp(developer, packageId));
  const versions: FleetVersion[] = [];
  const idOf = (app: AppId, code: number): string => {
    const found = versions.find((version) => version.app === app && version.code === code);
    if (found === undefined) throw new Error(`${app} ${code} was never made`);
    return found.id;
  };
  const appId = (app: AppId) => appIds.get(app) ?? '';
  const rolloutOf = async (app: AppId, code: number): Promise<string> => {
    const { version } = await developer.query<{ version: { rollouts: { id: string; track: string }[] } }>(
      'query($id: ID!) { version(id: $id) { rollouts { id track } } }',
      { id: idOf(app, code) },
    );
    return version.rollouts.find(({ track }) => track === 'STABLE')?.id ?? '';
  };
  return {
    versions,
    developer,
    async prepare(app, code, { minMosis = '1.0.0' } = {}) {
      const files = filesOf(app, code, minMosis);
      const bytes = buildPackage(files);
      const id = await upload(developer, appId(app), bytes);
      await approved(developer, reviewer, id);
      versions.push({ app, code, minMosis, files, bytes, id });
    },
    publish: async (app, code, plan = {}) =>
      void (await developer.done('publishVersion', { versionId: idOf(app, code), ...plan })),
    raise: async (app, code, percent) =>
      void (await developer.done('raiseRollout', { rolloutId: await rolloutOf(app, code), percent })),
    halt: async (app, code) =>
      void (await developer.done('haltRollout', { rolloutId: await rolloutOf(app, code), reason: 'It loses data.' })),
    rollBack: async (app, from, to) =>
      void (await developer.done('rollBack', {
        ...{ appId: appId(app), track: 'STABLE', reason: 'It loses data.', restoreData: true },
        ...{ fromVersionId: idOf(app, from), toVersionId: idOf(app, to) },
      })),
    suspend: async (app) =>
      void (await admin.done('suspendApp', { appId: appId(app), reason: 'It sends what it should not.' })),
    async settled() {
      const db = new Sqlite(join(dataDir, 'core.db'), { readonly: true });
      try {
        const open = db.prepare<[], { n: number }>(OPEN_WORK);
        while ((open.get()?.n ?? 0) > 0) await delay(POLL_MS);
      } finally {
        db.close();
      }
      // What is served comes from memory, which follows the database within moments.
      await delay(SERVED_AFTER_MS);
    },
  };
}

async function enter(
  url: string,
  name: 'signUp' | 'completeSetup',
  input: Record<string, string>,
): Promise<Client & { id: string }> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const client = createClient(url);
  const answer = await client.send(
    `mutation($input: ${type}Input!) { ${name}(input: $input) {
      ... on ${type}Payload { viewer { developer { id } } } ... on Error { code message } } }`,
    { input: { password: PASSWORD, ...input } },
  );
  const result = Object.values(answer.data ?? {})[0] as { viewer?: { developer: { id: string } } };
  if (result?.viewer === undefined) throw new Error(answer.text);
  return { ...client.as({ cookie: cookieOf(answer) }), id: result.viewer.developer.id };
}

async function makeApp(developer: Client, packageId: string): Promise<string> {
  const { app } = await developer.done<{ app: { id: string } }>(
    'createApp',
    { packageId, name: packageId.split('.').at(-1) },
    'app { id }',
  );
  const keyId = keyIdOf(publicKeyFrom(TEST_SECRET_KEY));
  const { serial, keyIds, publicKey, signature } = signPinLink(
    { packageId, serial: 1, keyIds: [keyId] },
    TEST_SECRET_KEY,
  );
  await developer.done('pinSigningKeys', { appId: app.id, serial, keyIds, signerKeyId: keyId, publicKey, signature });
  return app.id;
}

/** An app of some 50 kB of which a version changes a little, as versions do. */
function filesOf(app: AppId, code: number, minMosis: string): Map<string, Uint8Array> {
  const text = (seed: string, lines: number) =>
    Array.from({ length: lines }, (_, line) => createHash('sha256').update(`${seed}/${line}`).digest('base64')).join(
      '\n',
    );
  return goodFiles({
    manifest: { id: app, version: `1.${code}.0`, version_code: code, min_mosis_version: minMosis },
    files: {
      'assets/words.txt': text(app, 1_000),
      'assets/levels.txt': `${text(app, 300)}\n${text(`${app}/${code}`, 20)}`,
      'assets/version.txt': `${code}\n`,
    },
  });
}

async function upload(developer: Client, appId: string, bytes: Uint8Array): Promise<string> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const started = await developer.done<{ upload: { id: string; url: string }; token: string }>(
    'startUpload',
    { appId, size: bytes.length, sha256 },
    'upload { id url } token',
  );
  await tusUpload({ url: started.upload.url, token: started.token }, bytes);
  for (;;) {
    const { upload: now } = await developer.query<{
      upload: { state: string; version: { id: string } | null; findings: unknown };
    }>('query($id: ID!) { upload(id: $id) { state version { id } findings { code message } } }', {
      id: started.upload.id,
    });
    if (now.version !== null) return now.version.id;
    if (now.state === 'REFUSED') throw new Error(`A good package was refused: ${JSON.stringify(now.findings)}`);
    await delay(POLL_MS);
  }
}

/** Submitted, and approved by the reviewer where a person must look. */
async function approved(developer: Client, reviewer: Client, versionId: string): Promise<void> {
  await developer.done('submitVersion', { versionId });
  for (;;) {
    const { version } = await developer.query<{ version: { state: string } }>(
      'query($id: ID!) { version(id: $id) { state } }',
      { id: versionId },
    );
    if (version.state === 'APPROVED') return;
    if (version.state === 'IN_REVIEW') break;
    if (version.state !== 'SUBMITTED') throw new Error(`The version is ${version.state}.`);
    await delay(POLL_MS);
  }
  const { version } = await reviewer.query<{ version: { review: { id: string } } }>(
    'query($id: ID!) { version(id: $id) { review { id } } }',
    { id: versionId },
  );
  const { review } = await reviewer.done<{ review: { id: string; claimId: string } }>(
    'claimReview',
    { reviewId: version.review.id },
    'review { id claimId }',
  );
  await reviewer.done('approveReview', { reviewId: review.id, claimId: review.claimId });
}
