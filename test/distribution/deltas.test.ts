import { createHash, randomBytes } from 'node:crypto';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeDelta } from '../../format/delta.ts';
import { deltaKey } from '../../server/distribution/deltas/paths.ts';
import { createDeltas, type DeltaLimits } from '../../server/distribution/deltas/service.ts';
import type { JobContext } from '../../server/jobs/types.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { startApp } from '../support/app.ts';
import { createSeed } from '../support/seed.ts';
import { createDistributionWorld, type DistributionWorld, type StoredVersion, sha256 } from './world.ts';

const ID = 'com.example.big';
/** What all versions share; each adds a little of its own. */
const SHARED = randomBytes(200_000);
let world: DistributionWorld;
let changes: number;

beforeEach(async () => {
  world = await createDistributionWorld();
  changes = 0;
});
afterEach(() => world.dispose());

function deltas(limits: Partial<DeltaLimits> = {}) {
  return createDeltas({
    db: world.db,
    blobs: world.blobs,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    changed: () => {
      changes += 1;
    },
    limits,
  });
}

const context: JobContext = {
  attempt: 1,
  signal: new AbortController().signal,
  heartbeat: async () => undefined,
  progress: async () => undefined,
  fence: async () => undefined,
  complete: async () => undefined,
};

async function make(version: StoredVersion, options: { limits?: Partial<DeltaLimits>; context?: JobContext } = {}) {
  const job = { id: 'j', kind: 'make-deltas', key: 'k', attempt: 1, maxAttempts: 5, workerId: 'w' };
  await deltas(options.limits).handleJob({ ...job, payload: { versionId: version.id } }, options.context ?? context);
}

const publish = (versionCode: number, bytes = Buffer.concat([SHARED, randomBytes(1_000)])): Promise<StoredVersion> =>
  world.version({ packageId: ID, versionCode, bytes });
const rows = () => world.db.prisma.packageDelta.findMany({ orderBy: { baseSha256: 'asc' } });
const asks = (base: StoredVersion, more: Record<string, string> = {}): Record<string, string> => ({
  'accept-encoding': 'gzip, dcz',
  'available-dictionary': `:${Buffer.from(base.sha256, 'hex').toString('base64')}:`,
  ...more,
});
const body = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

async function twoVersions(): Promise<[StoredVersion, StoredVersion]> {
  const [old, next] = [await publish(1), await publish(2)];
  await make(next);
  return [old, next];
}

describe('a published version', () => {
  it('has deltas from the last five versions before it', async () => {
    const versions: StoredVersion[] = [];
    for (let code = 1; code <= 7; code += 1) versions.push(await publish(code));
    const newest = versions[6];
    if (newest === undefined) throw new Error('no versions');
    await make(newest);
    const bases = (await rows()).map((row) => row.baseSha256);
    expect(bases).toEqual(
      versions
        .slice(1, 6)
        .map((version) => version.sha256)
        .toSorted(),
    );
    expect(changes).toBe(1);
    await make(newest);
    expect([await rows(), changes]).toEqual([expect.objectContaining({ length: 5 }), 1]);
  });

  it('has none that saves too little, none of a large package, and none from a version that was never published', async () => {
    await publish(1, randomBytes(200_000));
    await world.version({ packageId: ID, versionCode: 2, bytes: SHARED, state: 'APPROVED', appStatus: 'PUBLISHED' });
    const next = await publish(3);
    await make(next);
    expect(await rows()).toEqual([]);
    await publish(4);
    const later = await publish(5);
    await make(later, { limits: { maxPackageBytes: 1_000 } });
    expect(await rows()).toEqual([]);
  });

  it('takes the room of deltas of older versions, and keeps within the budget of the app', async () => {
    const versions = [await publish(1), await publish(2), await publish(3)] as const;
    await make(versions[1]);
    const size = (await rows())[0]?.size ?? 0;
    await make(versions[2], { limits: { maxAppBytes: size * 2.5 } });
    expect((await rows()).map((row) => row.versionId)).toEqual([versions[2].id, versions[2].id]);
    const last = await publish(4);
    await make(last, { limits: { maxAppBytes: size * 1.5 } });
    expect((await rows()).map((row) => row.versionId)).toEqual([last.id]);
  });

  it('loses its row and its file when it leaves the store', async () => {
    const [old, next] = await twoVersions();
    const key = deltaKey(ID, 2, old.sha256);
    await deltas().sweep();
    expect(await world.blobs.stat(key)).not.toBeNull();
    await world.db.prisma.appVersion.update({ where: { id: next.id }, data: { state: 'UNPUBLISHED' } });
    await utimes(world.blobs.path(key), 0, 0);
    await deltas().sweep();
    expect([await rows(), await world.blobs.stat(key)]).toEqual([[], null]);
  });

  it('has whole deltas however often the job is cut off', async () => {
    await publish(1);
    const next = await publish(2);
    const cut: JobContext = { ...context, fence: () => Promise.reject(new Error('cut off')) };
    await expect(make(next, { context: cut })).rejects.toThrow('cut off');
    expect(await rows()).toEqual([]);
    await make(next);
    expect(await rows()).toHaveLength(1);
    expect(await readdir(join(world.folder, 'blobs', 'deltas', ID, '2'))).toHaveLength(1);
  });
});

describe('a client that has an earlier version', () => {
  it('gets the delta, with its own tag and digest, and makes the package of it', async () => {
    const [old, next] = await twoVersions();
    const response = await world.get(next.path, asks(old));
    const bytes = await body(response);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-encoding')).toBe('dcz');
    expect(response.headers.get('vary')).toBe('Accept-Encoding, Available-Dictionary');
    expect(response.headers.get('etag')).toBe(`"${sha256(bytes)}"`);
    const digest = createHash('sha256').update(bytes).digest('base64');
    expect(response.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`);
    expect(response.headers.get('use-as-dictionary')).toBeNull();
    expect(bytes.length).toBeLessThan(5_000);
    expect((await decodeDelta(bytes, old.bytes, next.bytes.length)).equals(next.bytes)).toBe(true);
  });

  it('goes on where it broke off, and asks whether it has it already', async () => {
    const [old, next] = await twoVersions();
    const whole = await world.get(next.path, asks(old));
    const etag = whole.headers.get('etag') ?? '';
    const bytes = await body(whole);
    const rest = await world.get(next.path, asks(old, { range: 'bytes=100-', 'if-range': etag }));
    expect([rest.status, rest.headers.get('content-range')]).toEqual([
      206,
      `bytes 100-${bytes.length - 1}/${bytes.length}`,
    ]);
    expect((await body(rest)).equals(bytes.subarray(100))).toBe(true);
    expect((await world.get(next.path, asks(old, { 'if-none-match': etag }))).status).toBe(304);
    expect((await world.get(next.path, asks(old, { 'if-none-match': `"${next.sha256}"` }))).status).toBe(304);
    const head = await world.get(next.path, asks(old), 'HEAD');
    expect([head.headers.get('etag'), head.headers.get('content-length')]).toEqual([etag, String(bytes.length)]);
    const past = await world.get(next.path, asks(old, { range: `bytes=${bytes.length}-` }));
    expect([past.status, past.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`]);
  });

  it('gets it under the name of a consistent snapshot too', async () => {
    const [old, next] = await twoVersions();
    const path = `/v1/packages/${ID}/2/${next.sha256}.package.mosis`;
    expect((await world.get(path, asks(old))).headers.get('content-encoding')).toBe('dcz');
  });

  it.each<[string, (old: StoredVersion) => Record<string, string>]>([
    ['that does not take dcz', (old) => asks(old, { 'accept-encoding': 'gzip, br, *' })],
    ['that refuses dcz', (old) => asks(old, { 'accept-encoding': 'dcz;q=0' })],
    ['with another package', () => asks({ sha256: sha256(SHARED) } as StoredVersion)],
    ['with a hash that is none', (old) => asks(old, { 'available-dictionary': `:${old.sha256}:` })],
    ['with two hashes', (old) => asks(old, { 'available-dictionary': `${asks(old)['available-dictionary']}, :x:` })],
    ['that says nothing of it', () => ({})],
  ])('%s gets the whole', async (_who, headers) => {
    const [old, next] = await twoVersions();
    const response = await world.get(next.path, headers(old));
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(response.headers.get('etag')).toBe(`"${next.sha256}"`);
    expect(response.headers.get('vary')).toBe('Accept-Encoding, Available-Dictionary');
    expect(response.headers.get('use-as-dictionary')).toBe(`match="/v1/packages/${ID}/*"`);
    expect((await body(response)).equals(next.bytes)).toBe(true);
  });

  it('gets the whole where the file of the delta is gone', async () => {
    const [old, next] = await twoVersions();
    await world.blobs.delete(deltaKey(ID, 2, old.sha256));
    const response = await world.get(next.path, asks(old));
    expect(response.headers.get('content-encoding')).toBeNull();
    expect((await body(response)).equals(next.bytes)).toBe(true);
  });

  it('gets nothing of a version that left the store', async () => {
    const [old, next] = await twoVersions();
    await world.db.prisma.appVersion.update({ where: { id: next.id }, data: { state: 'SUSPENDED' } });
    expect((await world.get(next.path, asks(old))).status).toBe(404);
  });
});

it('publishing makes the delta, and the update check tells of it', async () => {
  const app = await startApp();
  try {
    const seed = createSeed(app);
    const notes = await (await seed.developer('Ada')).app('com.example.notes');
    const reviewer = await seed.reviewer();
    const assets = { 'assets/data.json': JSON.stringify(randomBytes(25_000).toString('hex')) };
    const first = await notes.upload({ files: assets });
    await first.published(reviewer);
    const second = await notes.upload({ files: assets, version_code: first.versionCode + 1, version: '2.0.0' });
    await second.published(reviewer);
    await app.services.jobs.idle();
    const response = await fetch(`${app.url}/v1/updates/check`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        mosis_version: '1.0.0',
        apps: [{ package_id: 'com.example.notes', version_code: first.versionCode, track: 'stable' }],
      }),
    });
    const { updates } = (await response.json()) as { updates: { version_code: number; delta_size: number }[] };
    expect(updates).toMatchObject([{ version_code: second.versionCode, delta_size: expect.any(Number) }]);
    expect(updates[0]?.delta_size).toBeLessThan(second.bytes.length / 5);
  } finally {
    await app.close();
  }
});
