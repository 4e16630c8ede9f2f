// What a manifest that somebody has changed may not make a restore do.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANIFEST, readBackup } from '../../server/ops/backup.ts';

let folder = '';
const sha256 = createHash('sha256').update('x').digest('hex');
const progress = { update() {}, end() {} };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosis-backup-'));
  await writeFile(join(folder, 'core.db'), 'x');
});
afterAll(() => rm(folder, { recursive: true }));

async function read(...paths: string[]): Promise<number> {
  const files = paths.map((path) => ({ path, bytes: 1, sha256 }));
  await writeFile(
    join(folder, MANIFEST),
    JSON.stringify({ format: 'mosis-backup-v1', takenAt: '2026-01-01T00:00:00.000Z', bytes: 1, files }),
  );
  return (await readBackup(folder, progress)).files.length;
}

describe('a manifest of a backup', () => {
  it('is read where its files are there', async () => {
    expect(await read('core.db')).toBe(1);
  });

  it('without the core database is refused, for restoring it would leave an empty installation', async () => {
    await expect(read()).rejects.toThrow('no core.db');
  });

  it.each(['../x', '/etc/passwd', 'a//b', './core.db', 'keys/../../x', 'c:x'])('refuses the path %s', async (path) => {
    await expect(read('core.db', path)).rejects.toThrow('outside of it');
  });

  it.each(['lock', 'lock.json', 'operator.sock', 'restore-unfinished', 'restoring/core.db', 'core.db-wal'])(
    'refuses %s, which no backup has',
    async (path) => {
      await expect(read('core.db', path)).rejects.toThrow('no backup has');
    },
  );
});
