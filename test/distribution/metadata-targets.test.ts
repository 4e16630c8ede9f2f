/** What is a target, read by prepared SQL, is what the plain rules say of every row there is. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPairFrom } from '../../format/keys.ts';
import { signBytes, verifyBytes } from '../../format/signing.ts';
import { BIN_LEVELS, binOf, binPrefixOf, targetPath } from '../../format/trust/targets.ts';
import { createRandom } from '../../prisma/seed-data.ts';
import { createBinReader, isListed } from '../../server/distribution/metadata/bin-targets.ts';
import { roleKey, signatureOf } from '../../server/distribution/metadata/role-keys.ts';
import type { Tx } from '../../server/platform/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const APPS = 120;
const SEED = 4_711;
const AT = new Date('2026-03-01T00:00:00Z');
const VERSION_STATES = ['PUBLISHED', 'PUBLISHED', 'PUBLISHED', 'UNPUBLISHED', 'SUSPENDED', 'APPROVED', 'DRAFT'];
const ROLLOUT_STATES = ['ACTIVE', 'PAUSED', 'COMPLETE', 'COMPLETE', 'COMPLETE', 'HALTED', 'SUPERSEDED'];
const APP_STATES = ['PUBLISHED', 'PUBLISHED', 'PUBLISHED', 'UNPUBLISHED', 'SUSPENDED', 'DRAFT'];
const SHOWN: Readonly<Record<string, string>> = { ACTIVE: 'active', PAUSED: 'paused', COMPLETE: 'complete' };

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await fill(database);
}, 60_000);
afterAll(() => database.dispose());

/** Apps and versions in every state, with rollouts, rollbacks and chains of pins; the same each time. */
function fill({ db }: TestDatabase): Promise<void> {
  // In one transaction: each by itself would wait for the disk.
  return db.transaction((tx) => fillIn(tx));
}

async function fillIn(tx: Tx): Promise<void> {
  const random = createRandom(SEED);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const hex = (bytes: number) =>
    Array.from({ length: bytes * 2 }, () => Math.floor(random() * 16).toString(16)).join('');
  const at = { createdAt: AT, updatedAt: AT };
  await tx.developer.create({ data: { id: 'ada', email: 'ada@example.com', name: 'Ada', ...at } });
  for (let index = 0; index < APPS; index += 1) {
    const appId = `app-${index}`;
    const packageId = `com.example.app${index}`;
    await tx.app.create({
      data: { id: appId, developerId: 'ada', packageId, name: packageId, status: pick(APP_STATES), tags: [], ...at },
    });
    const links = 1 + Math.floor(random() * 3);
    await tx.pinLink.createMany({
      data: Array.from({ length: links }, (_, link) => ({
        ...{ appId, serial: links - link, keyIds: [hex(8), hex(8)], signerKeyId: hex(8), publicKey: hex(32) },
        ...{ signature: hex(64), recovered: random() < 0.2, createdAt: AT },
      })),
    });
    const count = Math.floor(random() * 14);
    for (let versionCode = 1; versionCode <= count; versionCode += 1) {
      const id = `${appId}-${versionCode}`;
      const state = pick(VERSION_STATES);
      const wasPublished = state !== 'DRAFT' && state !== 'APPROVED';
      await tx.appVersion.create({
        data: {
          ...{ id, appId, versionCode, versionName: `1.${versionCode}.0`, state, packageSize: versionCode * 1_000 },
          ...{ packageSha256: hex(32), unpackedSize: 1, manifest: {}, permissions: random() < 0.5 ? [] : ['storage'] },
          ...{ minMosisVersion: pick(['1.0.0', '1.2.0', '2.0.0']), signerKeyId: hex(8), reviewReasons: [] },
          ...{ uploadedById: 'ada', publishedAt: wasPublished ? AT : null, ...at },
          metadataBin: wasPublished ? binPrefixOf(targetPath(packageId, versionCode)) : null,
          bytesRemovedAt: random() < 0.1 ? AT : null,
        },
      });
      for (const track of ['STABLE', 'BETA']) {
        if (!wasPublished || random() < 0.4) continue;
        await tx.rollout.create({
          data: {
            ...{ id: `${id}-${track}`, appId, versionId: id, track, seed: hex(32), state: pick(ROLLOUT_STATES) },
            ...{ basisPoints: Math.floor(random() * 10_001), schedule: [], startedAt: AT, updatedAt: AT },
          },
        });
      }
      for (let back = 0; random() < 0.08; back += 1) {
        await tx.rollback.create({
          data: {
            ...{ id: `${id}-${back}`, appId, track: pick(['STABLE', 'BETA']), fromCode: 90 - back, toVersionId: id },
            ...{ reason: `It "broke"\n${back}`, restoreData: random() < 0.5, createdAt: new Date(AT.getTime() - back) },
          },
        });
      }
    }
  }
}

/** The rules, over all rows by the client of the tables. */
async function byTheRules({ db }: TestDatabase): Promise<Map<string, unknown>> {
  const apps = await db.prisma.app.findMany({
    where: { status: 'PUBLISHED' },
    include: {
      pins: { orderBy: { serial: 'asc' } },
      versions: { include: { rollouts: true, rollbacks: { orderBy: { createdAt: 'asc' } } } },
    },
  });
  const targets = new Map<string, unknown>();
  for (const app of apps) {
    const offered = app.versions.filter(
      ({ state, bytesRemovedAt }) => state === 'PUBLISHED' && bytesRemovedAt === null,
    );
    const facts = offered.map((version) => ({
      ...version,
      rollouts: version.rollouts.filter(({ state }) => state === 'COMPLETE'),
    }));
    for (const version of offered.filter((one) => isListed(one, facts))) {
      const rollouts = Object.fromEntries(
        ['STABLE', 'BETA'].flatMap((track) =>
          version.rollouts
            .filter((rollout) => rollout.track === track)
            .map(({ seed, basisPoints, state }) => [
              track.toLowerCase(),
              { seed, basis_points: basisPoints, state: SHOWN[state] ?? 'halted' },
            ]),
        ),
      );
      const mosis = {
        ...{ v: 1, version: version.versionName, min_mosis_version: version.minMosisVersion },
        ...{ permissions: version.permissions, signer_key_id: version.signerKeyId },
        pins: app.pins.map(({ serial, keyIds, publicKey, signature, recovered }) => ({
          ...{ serial, key_ids: keyIds, public_key: publicKey, signature, recovered },
        })),
        rollouts,
        rollbacks: version.rollbacks.map(({ track, fromCode, reason, restoreData }) => ({
          ...{ track: track.toLowerCase(), from: fromCode, reason, restore_data: restoreData },
        })),
      };
      targets.set(targetPath(app.packageId, version.versionCode), {
        ...{ length: version.packageSize, hashes: { sha256: version.packageSha256 }, custom: { mosis } },
      });
    }
  }
  return targets;
}

describe('the targets of all bins together', () => {
  it.each(BIN_LEVELS)('are those of the rules, each in its bin and byte for byte, at %i bits', async (level) => {
    const reader = createBinReader(database.db.raw);
    const found = new Map<string, unknown>();
    for (let bin = 0; bin < 1 << level; bin += 1) {
      const targets = await reader.targetsOf(bin, level);
      expect(Object.keys(targets)).toEqual(Object.keys(targets).toSorted());
      for (const [path, target] of Object.entries(targets)) {
        expect(binOf(binPrefixOf(path), level)).toBe(bin);
        found.set(path, target);
      }
    }
    const expected = await byTheRules(database);
    expect(expected.size).toBeGreaterThan(100);
    expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
    for (const [path, target] of expected) expect(JSON.stringify(found.get(path)), path).toBe(JSON.stringify(target));
  });

  it('are counted as those that could be listed, and no further than asked', async () => {
    const reader = createBinReader(database.db.raw);
    const all = await database.db.prisma.appVersion.count({
      where: { state: 'PUBLISHED', bytesRemovedAt: null, app: { status: 'PUBLISHED' } },
    });
    expect(await reader.countListed(100_000)).toBe(all);
    expect(await reader.countListed(100)).toBe(100);
  });
});

it('what the online keys sign is what the one signer of the format signs, and its verifier takes it', () => {
  for (const length of [0, 1, 100, 100_000]) {
    const pair = keyPairFrom(Uint8Array.from(randomBytes(32)));
    const message = randomBytes(length);
    const { sig } = signatureOf(message, roleKey(pair));
    expect(sig).toBe(Buffer.from(signBytes(message, pair.secretKey)).toString('hex'));
    expect(verifyBytes(message, Buffer.from(sig, 'hex'), pair.publicKey)).toBe(true);
  }
});
