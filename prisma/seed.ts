/**
 * Owns filling a data folder with made-up apps: `--small` with packages that can be downloaded and installed, `--large`
 * (100,000 apps, 500,000 versions) for load, without package files. It runs while no server uses the folder.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import RawDatabase, { type Database as RawHandle } from 'better-sqlite3';
import { toBase64 } from '../format/base64.ts';
import { keyIdOf, publicKeyFrom } from '../format/signing.ts';
import { readConfig } from '../server/config.ts';
import { loadPlatformKey } from '../server/distribution/platform-key.ts';
import type { FolderBlobs } from '../server/platform/blobs/blobs.ts';
import { createFolderBlobs } from '../server/platform/blobs/folder.ts';
import { lockFolder } from '../server/platform/db/lock.ts';
import { createIds, type Ids } from '../server/platform/ids.ts';
import { metadataBinOf } from '../server/versions/metadata-bins.ts';
import { applyMigrations } from './migrate.ts';
import { APP_COLUMNS, PIN_COLUMNS, ROLLOUT_COLUMNS, VERSION_COLUMNS } from './seed-columns.ts';
import { createRandom, type MadeUpApp, madeUpApp } from './seed-data.ts';
import { type MakePackage, type MakePin, madeUpPackage, madeUpPin, realPackages, realPin } from './seed-packages.ts';

export interface SeedSize {
  readonly developers: number;
  readonly apps: number;
  readonly versionsPerApp: number;
}
export const LARGE: SeedSize = { developers: 2_000, apps: 100_000, versionsPerApp: 5 };
export const SMALL: SeedSize = { developers: 5, apps: 30, versionsPerApp: 2 };

const SEED = 20_260_105;
const START_MS = Date.parse('2023-01-01T00:00:00Z');
const PERIOD_MS = 3 * 365 * 86_400_000;
const ROWS_PER_TRANSACTION = 20_000;
/** One app in so many was never submitted. */
const DRAFT_EVERY = 33;
const MIN_MOSIS = ['1.0.0', '1.2.0', '1.10.0', '2.0.0'];

/** The form of the dates that the database adapter writes. */
const stamp = (ms: number): string => new Date(ms).toISOString().replace('Z', '+00:00');

interface Context {
  readonly handle: RawHandle;
  readonly ids: Ids;
  readonly random: () => number;
  readonly signer: { readonly keyId: string; readonly publicKey: string };
  readonly makePackage: MakePackage;
  readonly makePin: MakePin;
}

/**
 * Adds developers, apps and versions to a migrated database that nobody has open: each version published for every device, each
 * app with its first pin. Returns the number of each.
 */
export function seedDatabase(
  path: string,
  size: SeedSize,
  options: { signer: Context['signer']; makePackage: MakePackage; makePin?: MakePin },
): SeedSize {
  const handle = new RawDatabase(path, { fileMustExist: true });
  try {
    // Rows come before the rows that they refer to; the check at the end covers all. A crash leaves a folder to delete.
    handle.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -262144',
    );
    if (handle.prepare('SELECT 1 FROM apps LIMIT 1').get() !== undefined) {
      throw new Error(`${path} has apps already: seed an empty data folder`);
    }
    const random = createRandom(SEED);
    let nowMs = START_MS;
    const clock = { now: () => new Date(nowMs), ms: () => nowMs++ };
    const ids = createIds(clock, (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256)));
    const context: Context = { handle, ids, random, makePin: madeUpPin, ...options };
    const developers = addDevelopers(context, size.developers);
    addApps(context, size, developers);
    handle.exec("INSERT INTO app_fts(app_fts) VALUES ('optimize')");
    const broken = handle.pragma('foreign_key_check') as unknown[];
    if (broken.length > 0) throw new Error(`${broken.length} rows refer to nothing`);
    handle.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return size;
  } finally {
    handle.close();
  }
}

function addDevelopers({ handle, ids }: Context, count: number): string[] {
  const insert = inserter(handle, 'developers', ['id', 'email', 'name', 'status', 'created_at', 'updated_at']);
  const at = stamp(START_MS);
  return handle.transaction(() =>
    Array.from({ length: count }, (_, index) => {
      const id = ids.next();
      insert([id, `developer${index}@example.com`, `Studio ${index + 1}`, 'ACTIVE', at, at]);
      return id;
    }),
  )();
}

function addApps(context: Context, size: SeedSize, developers: readonly string[]): void {
  const { handle } = context;
  const add: Inserters = {
    app: inserter(handle, 'apps', APP_COLUMNS),
    version: inserter(handle, 'app_versions', VERSION_COLUMNS),
    member: inserter(handle, 'app_members', ['app_id', 'developer_id', 'role', 'created_at']),
    pin: inserter(handle, 'pin_links', PIN_COLUMNS),
    rollout: inserter(handle, 'rollouts', ROLLOUT_COLUMNS),
  };
  const perTransaction = Math.max(1, Math.floor(ROWS_PER_TRANSACTION / size.versionsPerApp));
  for (let from = 0; from < size.apps; from += perTransaction) {
    handle.transaction(() => {
      for (let index = from; index < Math.min(size.apps, from + perTransaction); index += 1) {
        addApp(
          context,
          { index, versions: size.versionsPerApp, developerId: developers[index % developers.length] ?? '' },
          add,
        );
      }
    })();
  }
}

type Inserter = (values: readonly unknown[]) => void;
type Inserters = Readonly<Record<'app' | 'version' | 'member' | 'pin' | 'rollout', Inserter>>;

function addApp(
  context: Context,
  { index, versions, developerId }: { index: number; versions: number; developerId: string },
  add: Inserters,
): void {
  const { ids, random, signer } = context;
  const app = madeUpApp(index, random);
  const appId = ids.next();
  const draft = index % DRAFT_EVERY === DRAFT_EVERY - 1;
  const createdMs = START_MS + random() * PERIOD_MS * 0.5;
  const stepMs = (START_MS + PERIOD_MS - createdMs) / (versions + 1);
  let latestId: string | null = null;
  let latestMs = createdMs;
  for (let code = 1; code <= versions; code += 1) {
    latestId = ids.next();
    latestMs = createdMs + stepMs * (code - random());
    const values = versionRow(context, { app, appId, code, id: latestId, atMs: latestMs, draft, developerId });
    add.version(VERSION_COLUMNS.map((column) => values[column]));
    if (draft) continue;
    const seed = createHash('sha256').update(`${latestId} rollout`).digest('hex');
    const at = values.published_at;
    add.rollout([latestId, appId, latestId, 'STABLE', seed, 10_000, 'COMPLETE', '[]', at, at, at]);
  }
  const created = stamp(createdMs);
  const published = draft ? null : stamp(latestMs);
  const row: Record<(typeof APP_COLUMNS)[number], unknown> = {
    id: appId,
    developer_id: developerId,
    package_id: app.packageId,
    name: app.name,
    summary: app.summary,
    description: app.description,
    category: app.category,
    tags: JSON.stringify(app.tags),
    tag_text: app.tags.join(' '),
    status: draft ? 'DRAFT' : 'PUBLISHED',
    latest_version_id: draft ? null : latestId,
    first_published_at: draft ? null : created,
    last_published_at: published,
    highest_code: draft ? 0 : versions,
    created_at: created,
    updated_at: published ?? created,
  };
  add.app(APP_COLUMNS.map((column) => row[column]));
  add.member([appId, developerId, 'OWNER', created]);
  if (draft) return;
  const { serial, keyIds, publicKey, signature } = context.makePin(app.packageId, signer);
  add.pin([appId, serial, JSON.stringify(keyIds), signer.keyId, publicKey, signature, 0, created]);
}

function versionRow(
  { random, signer, makePackage }: Context,
  version: {
    app: MadeUpApp;
    appId: string;
    code: number;
    id: string;
    atMs: number;
    draft: boolean;
    developerId: string;
  },
): Record<(typeof VERSION_COLUMNS)[number], unknown> {
  const { app, code, draft } = version;
  const minMosisVersion = MIN_MOSIS[Math.floor(random() * MIN_MOSIS.length * 0.8)] ?? '1.0.0';
  const manifest = {
    id: app.packageId,
    name: app.name,
    version: `1.${code - 1}.0`,
    version_code: code,
    entry: 'assets/main.rml',
    permissions: app.permissions,
    min_mosis_version: minMosisVersion,
    author: { name: 'A developer', email: 'developer@example.com' },
    icons: { '64': 'icons/64.png' },
  };
  const facts = makePackage(app, code, manifest);
  const at = stamp(version.atMs);
  return {
    id: version.id,
    app_id: version.appId,
    version_code: code,
    version_name: manifest.version,
    state: draft ? 'DRAFT' : 'PUBLISHED',
    round: draft ? 0 : 1,
    claimed_code: draft ? null : code,
    package_size: facts.size,
    package_sha256: facts.sha256,
    unpacked_size: facts.size * 2,
    manifest: JSON.stringify(manifest),
    permissions: JSON.stringify(app.permissions),
    min_mosis_version: minMosisVersion,
    signature: facts.signature,
    signer_key_id: signer.keyId,
    signer_public_key: signer.publicKey,
    platform_signature: draft ? null : facts.platformSignature,
    release_notes: code === 1 ? 'First version.' : 'Small repairs.',
    review_reasons: '[]',
    uploaded_by_id: version.developerId,
    created_at: at,
    updated_at: at,
    submitted_at: draft ? null : at,
    decided_at: draft ? null : at,
    published_at: draft ? null : at,
    metadata_bin: draft ? null : metadataBinOf(app.packageId, code),
  };
}

function inserter(handle: RawHandle, table: string, columns: readonly string[]): Inserter {
  const statement = handle.prepare(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  return (values) => void statement.run(...values);
}

async function storePackages(blobs: FolderBlobs, stored: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [key, bytes] of stored)
    await blobs.put(key, bytes, { sha256: createHash('sha256').update(bytes).digest('hex') });
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { large: { type: 'boolean' }, small: { type: 'boolean' } } });
  if (values.large === values.small) {
    console.error('Usage: npm run seed -- --small | --large');
    process.exitCode = 2;
    return;
  }
  const { dataDir } = readConfig(process.env);
  const lock = lockFolder(dataDir, { pid: process.pid, startedAt: new Date().toISOString() });
  try {
    const startedMs = performance.now();
    const path = join(dataDir, 'core.db');
    await applyMigrations({ databasePath: path });
    const secretKey = Uint8Array.from(createHash('sha256').update(`made-up developer ${SEED}`).digest());
    const publicKey = publicKeyFrom(secretKey);
    const signer = { keyId: keyIdOf(publicKey), publicKey: toBase64(publicKey) };
    const stored = new Map<string, Uint8Array>();
    const make = values.large
      ? { makePackage: madeUpPackage, makePin: madeUpPin }
      : {
          makePackage: realPackages(secretKey, await loadPlatformKey(join(dataDir, 'keys')), stored),
          makePin: realPin(secretKey),
        };
    const made = seedDatabase(path, values.large ? LARGE : SMALL, { signer, ...make });
    await storePackages(await createFolderBlobs(join(dataDir, 'blobs')), stored);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`${made.apps} apps with ${made.apps * made.versionsPerApp} versions in ${dataDir}, in ${seconds} s.`);
  } finally {
    lock.release();
  }
}

if (import.meta.main) await main();
