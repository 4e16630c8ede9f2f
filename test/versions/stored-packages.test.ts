/** The bytes of versions: what the housekeeping removes because no row owns it, and what it leaves. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, localId, type Seed } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let ada: Developer;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
});
afterAll(() => app.close());

let apps = 0;
const newApp = () => ada.app(`com.example.bytes${++apps}`);
const draftOf = (key: string) => join(app.dataDir, 'blobs', 'drafts', `${key}.mosis`);
const finalOf = (packageId: string, code: number) =>
  join(app.dataDir, 'blobs', 'packages', packageId, String(code), 'package.mosis');

/** Makes the file as old as one that an hour ago was left behind. */
async function age(path: string): Promise<string> {
  const then = new Date(Date.now() - 3_600_000);
  await utimes(path, then, then);
  return path;
}

async function writeOld(path: string, content: Uint8Array | string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return age(path);
}

let runs = 0;
async function keepHouse(): Promise<void> {
  const key = `housekeeping-test:${++runs}`;
  await app.services.work(async (unit) => unit.enqueue({ kind: 'housekeeping', key, payload: {} }));
  await expect.poll(() => app.rows('SELECT state FROM jobs WHERE key = ?', key)).toEqual([{ state: 'DONE' }]);
}

describe('bytes of drafts', () => {
  it('go with their app, and with a draft that was withdrawn; those of a living draft stay', async () => {
    const [deleted, kept] = [await newApp(), await newApp()];
    const gone = await deleted.upload();
    const withdrawn = await kept.upload({ version_code: 1 });
    const living = await kept.upload({ version_code: 2 });
    for (const { key } of [gone, withdrawn, living]) await age(draftOf(key));
    await ada.done('deleteApp', { appId: deleted.id });
    await ada.done('withdrawVersion', { versionId: withdrawn.id });
    await keepHouse();
    const left = [gone, withdrawn, living].map(({ key }) => existsSync(draftOf(key)));
    expect(left).toEqual([false, false, true]);
    expect(await living.submitted()).toBe('IN_REVIEW');
  });

  it('stay while they are young, for their row may not be written yet', async () => {
    const deleted = await newApp();
    const gone = await deleted.upload();
    await ada.done('deleteApp', { appId: deleted.id });
    await keepHouse();
    expect(existsSync(draftOf(gone.key))).toBe(true);
  });

  it('stay while the gate still owes their upload its row, however old they are', async () => {
    const notes = await newApp();
    const { id } = await notes.start(notes.package());
    const key = localId(id);
    await app.services.work(async ({ tx }) => {
      await tx.upload.update({ where: { id: key }, data: { state: 'RECEIVED' } });
    });
    const path = await writeOld(draftOf(key), notes.package());
    await keepHouse();
    expect(existsSync(path)).toBe(true);
  });

  it('of a submitted version are removed where its final file is, and put there where it is not', async () => {
    const notes = await newApp();
    const doubled = await notes.upload();
    const unplaced = await notes.upload();
    for (const version of [doubled, unplaced]) {
      await version.submitted();
      await copyFile(finalOf(notes.packageId, version.versionCode), draftOf(version.key));
      await age(draftOf(version.key));
    }
    await rm(finalOf(notes.packageId, unplaced.versionCode));
    await keepHouse();
    for (const version of [doubled, unplaced]) {
      expect(existsSync(draftOf(version.key))).toBe(false);
      const stored = await readFile(finalOf(notes.packageId, version.versionCode));
      expect(stored.equals(version.bytes)).toBe(true);
    }
  });
});

describe('final files', () => {
  it('of no submitted version are removed, so that their code can be submitted with other bytes', async () => {
    const notes = await newApp();
    const version = await notes.upload({ version_code: 1 });
    await version.submitted();
    const own = await age(finalOf(notes.packageId, 1));
    const orphan = await writeOld(finalOf(notes.packageId, 2), 'of a lost row');
    const young = finalOf(notes.packageId, 3);
    await mkdir(dirname(young), { recursive: true });
    await writeFile(young, 'of a row to come');
    await keepHouse();
    expect([own, orphan, young].map((path) => existsSync(path))).toEqual([true, false, true]);
    const next = await notes.upload({ version_code: 2 });
    await next.submitted();
    expect((await readFile(orphan)).equals(next.bytes)).toBe(true);
  });

  it('of an app that the database does not know stay: it may be the wrong database', async () => {
    const stranger = await writeOld(finalOf('com.example.elsewhere', 1), 'of another database');
    await keepHouse();
    expect(existsSync(stranger)).toBe(true);
  });
});
