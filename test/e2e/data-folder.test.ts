/** What other accounts of the machine may read of a data folder that the real server made: nothing. */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-modes-'));
  server = await startServer({ dataDir: join(folder, 'data'), port: await freePort() });
}, 90_000);
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

it('is closed to others, database and unfinished uploads included', async () => {
  const names = await readdir(folder, { recursive: true });
  expect(names).toEqual(expect.arrayContaining(['data/core.db', 'data/uploads', 'data/setup-token']));
  const open: string[] = [];
  for (const name of names) {
    const { mode } = await stat(join(folder, name));
    if ((mode & 0o007) !== 0) open.push(name);
  }
  expect(open).toEqual([]);
});
