import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDevice } from '../../device/device.ts';
import { renewRestored } from '../../server/app.ts';
import { takeBackup } from '../../server/ops/backup.ts';
import { restoreBackup } from '../../server/ops/restore.ts';
import { startApp } from '../support/app.ts';
import { createTestClock } from '../support/clock.ts';
import { createSeed } from '../support/seed.ts';

const APP = 'com.example.notes';
const progress = { update: () => undefined, end: () => undefined };

it('of a server restored from a backup is never behind its devices', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mosis-restored-'));
  const clock = createTestClock(new Date());
  let app = await startApp({ clock });
  const { dataDir } = app;
  const device = () =>
    createDevice({ root: join(folder, 'device'), serverUrl: app.url, fetch, clock: () => clock.now() });
  try {
    const seed = createSeed(app);
    const ada = await seed.developer('Ada');
    const rita = await seed.reviewer('Rita');
    const notes = await ada.app(APP);
    await (await notes.upload()).published(rita);
    const second = await notes.upload({ version: '2.0.0' });
    await second.approved(rita);
    await app.services.metadata.settled();
    await device().provisionFromNetwork();
    await device().install(APP);

    const backup = join(folder, 'backup');
    const taken = await takeBackup({ dataDir, folder: backup, copies: true, now: clock.now(), progress });
    // The device sees metadata that the backup knows nothing of.
    for (const act of ['publishVersion', 'unpublishVersion', 'publishVersion', 'unpublishVersion']) {
      await ada.done(act, { versionId: second.id });
      await app.services.metadata.settled();
      await device().refresh();
    }
    await app.close({ keep: true });
    await restoreBackup({
      ...{ dataDir, folder: backup, manifest: taken.manifest, replaces: true, now: clock.now(), progress },
      renew: (path) => renewRestored(path, backup, clock),
    });
    // Each change above took a number of its own, faster than the server signs by itself; a restore takes longer than that.
    clock.advance(60_000);
    app = await startApp({ dataDir, clock });
    expect(app.rows('SELECT state FROM app_versions WHERE version_code = 2')).toEqual([{ state: 'APPROVED' }]);
    await device().refresh();

    const session = await createSeed(app).signIn(ada.email);
    await app.client().as(session).done('publishVersion', { versionId: second.id });
    await app.services.metadata.settled();
    expect(await device().update(APP)).toMatchObject({ kind: 'updated', app: { versionCode: 2 } });
  } finally {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  }
});
