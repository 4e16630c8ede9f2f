import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { expect, it } from 'vitest';
import { targetPath } from '../../format/trust/targets.ts';
import { startApp } from '../support/app.ts';
import { createSeed } from '../support/seed.ts';

it('a client of the metadata that is not ours downloads the package it vouches for', async () => {
  const app = await startApp();
  const folder = await mkdtemp(join(tmpdir(), 'mosis-tuf-'));
  try {
    const seed = createSeed(app);
    const ada = await seed.developer('Ada');
    const version = await (await ada.app('com.example.notes')).upload();
    await version.published(await seed.reviewer());
    await app.services.metadata.settled();
    await writeFile(join(folder, 'root.json'), await (await fetch(`${app.url}/v1/metadata/1.root.json`)).text());
    const client = new Updater({
      metadataDir: folder,
      metadataBaseUrl: `${app.url}/v1/metadata`,
      targetDir: folder,
      targetBaseUrl: `${app.url}/v1/packages`,
    });
    const target = await client.getTargetInfo(targetPath('com.example.notes', version.versionCode));
    if (target === undefined) throw new Error('the package is no target');
    const path = await client.downloadTarget(target, join(folder, 'got.mosis'));
    expect((await readFile(path)).equals(Buffer.from(version.bytes))).toBe(true);
  } finally {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  }
});
