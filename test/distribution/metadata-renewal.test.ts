/** All bins of a level were signed together and end together: renewing them keeps nobody waiting. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { binName, binOf, binPrefixOf, targetPath } from '../../format/trust/targets.ts';
import { BIN_LEVEL_FILE } from '../../server/distribution/metadata/bin-level.ts';
import { RENEWED_AT_ONCE } from '../../server/distribution/metadata/repository.ts';
import { startApp } from '../support/app.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { copyMigratedDatabase, makeFolder } from '../support/database.ts';
import { createSeed } from '../support/seed.ts';
import { openRepository, serveFolder } from './root-world.ts';

const DAY = 86_400_000;

/** Waits for real, and looks again. */
async function until(fits: () => Promise<boolean>, withinMs: number): Promise<void> {
  const from = performance.now();
  while (!(await fits())) {
    if (performance.now() - from > withinMs) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Numbers of the bins that clients are served now, by name; those of levels that were left are not renewed. */
async function binNumbers(url: string, digits: number): Promise<Map<string, number>> {
  const signed = async (name: string) => {
    const answer = await fetch(`${url}/v1/metadata/${name}`);
    return ((await answer.json()) as { signed: { meta: Record<string, { version: number }> } }).signed;
  };
  const timestamp = await signed('timestamp.json');
  const snapshot = await signed(`${timestamp.meta['snapshot.json']?.version}.snapshot.json`);
  const form = new RegExp(`^bin-[0-9a-f]{${digits}}\\.json$`);
  return new Map(
    Object.entries(snapshot.meta)
      .filter(([name]) => form.test(name))
      .map(([name, { version }]) => [name, version]),
  );
}

async function renewed(url: string, clock: TestClock, digits: number): Promise<number> {
  const numbers = await binNumbers(url, digits);
  return [...numbers.values()].filter((number) => number >= Math.floor(clock.ms() / 1_000)).length;
}

/** Whether clients of 4,096 bins are served this target now. */
async function lists(url: string, path: string): Promise<boolean> {
  const name = `${binName(binOf(binPrefixOf(path), 12), 12)}.json`;
  const answer = await fetch(`${url}/v1/metadata/${(await binNumbers(url, 3)).get(name)}.${name}`);
  const { signed } = (await answer.json()) as { signed: { targets: Record<string, unknown> } };
  return Object.hasOwn(signed.targets, path);
}

it('bins that end together are renewed a share at a time, those that end first before the others, until all are', async () => {
  const folder = await makeFolder();
  const clock = createTestClock();
  await mkdir(join(folder, 'roots'));
  await writeFile(join(folder, 'roots', BIN_LEVEL_FILE), '8\n');
  await copyMigratedDatabase(join(folder, 'core.db'));
  const served = await serveFolder(folder);
  let repository = await openRepository(folder, { clock });
  try {
    await repository.service.start();
    expect((await binNumbers(served.url, 2)).size).toBe(256);
    await repository.service.stop();
    // One bin ends before all others.
    const soonest = await repository.db.prisma.metadataFile.findFirstOrThrow({
      where: { role: 'bin-e7', supersededAt: null },
    });
    const expiresAt = new Date(soonest.expiresAt.getTime() - DAY);
    await repository.db.prisma.metadataFile.update({ where: { name: soonest.name }, data: { expiresAt } });
    await repository.close();
    clock.advance(61 * DAY);
    repository = await openRepository(folder, { clock });
    await repository.service.start();
    expect(await renewed(served.url, clock, 2)).toBe(RENEWED_AT_ONCE);
    expect((await binNumbers(served.url, 2)).get('bin-e7.json')).toBe(Math.floor(clock.ms() / 1_000));
    await until(async () => (await renewed(served.url, clock, 2)) > RENEWED_AT_ONCE, 10_000);
    expect(await renewed(served.url, clock, 2)).toBe(2 * RENEWED_AT_ONCE);
    await until(async () => (await renewed(served.url, clock, 2)) === 256, 30_000);
  } finally {
    await served.close();
    await repository.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

it('a publication 61 days on is listed at once, while 4,096 bins are still being renewed', async () => {
  const clock = createTestClock(new Date());
  let app = await startApp({ clock });
  const { dataDir } = app;
  try {
    const seed = createSeed(app);
    const ada = await seed.developer('Ada');
    const rita = await seed.reviewer('Rita');
    const version = await (await ada.app('com.example.notes')).upload();
    await version.approved(rita);
    const path = targetPath('com.example.notes', version.versionCode);
    await app.close({ keep: true });
    await writeFile(join(dataDir, 'roots', BIN_LEVEL_FILE), '12\n');

    app = await startApp({ dataDir, clock });

    expect((await binNumbers(app.url, 3)).size).toBe(4_096);
    await app.close({ keep: true });
    clock.advance(61 * DAY);
    app = await startApp({ dataDir, clock });
    const again = app.client().as(await createSeed(app).signIn(ada.email));

    await again.done('publishVersion', { versionId: version.id });
    const from = performance.now();
    await until(() => lists(app.url, path), 10_000);
    expect(performance.now() - from).toBeLessThan(3_000);
    const done = await renewed(app.url, clock, 3);
    expect(done).toBeLessThan(2_048);
    await until(async () => (await renewed(app.url, clock, 3)) > done, 10_000);
  } finally {
    await app.close();
    await rm(dirname(dataDir), { recursive: true, force: true });
  }
}, 120_000);
