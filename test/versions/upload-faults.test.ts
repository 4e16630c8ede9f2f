/** Uploads while the disk fails under them: the client gets a reference, and no path of the machine. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { tusPatch } from '../support/client.ts';
import { createSeed } from '../support/seed.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.close());

it('a fault while bytes arrive is masked, and the upload goes on once the disk is back', async () => {
  const ada = await createSeed(app).developer('Ada');
  const notes = await ada.app('com.example.notes');
  const bytes = notes.package();
  const upload = await notes.start(bytes);
  const folder = join(app.dataDir, 'uploads');
  await rename(folder, `${folder}.away`);
  await writeFile(folder, '');
  const answer = await tusPatch(upload, bytes);
  const text = await answer.text();
  expect(answer.status).toBe(500);
  expect(text).not.toContain(app.dataDir);
  expect(JSON.parse(text)).toMatchObject({
    code: 'INTERNAL',
    detail: expect.stringContaining(answer.headers.get('x-request-id') ?? '-'),
  });
  await rm(folder);
  await rename(`${folder}.away`, folder);
  expect((await tusPatch(upload, bytes)).status).toBe(204);
});
