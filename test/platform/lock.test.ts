import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderInUse, lockFolder, readHolder } from '../../server/platform/db/lock.ts';
import { makeFolder } from '../support/database.ts';

const holder = { pid: process.pid, startedAt: '2026-01-05T12:00:00.000Z' };
const lockModule = join(import.meta.dirname, '../../server/platform/db/lock.ts');

let parent: string;
let folder: string;

beforeEach(async () => {
  parent = await makeFolder();
  folder = join(parent, 'data');
});

afterEach(() => rm(parent, { recursive: true, force: true }));

describe('data folder lock', () => {
  it('refuses a second holder and says who the first is', () => {
    const lock = lockFolder(folder, holder);
    lock.describe({ ...holder, address: 'http://127.0.0.1:4000' });
    expect(() => lockFolder(folder, holder)).toThrow(FolderInUse);
    expect(() => lockFolder(folder, holder)).toThrow(`process ${process.pid}, since 2026-01-05T12:00:00.000Z`);
    expect(readHolder(folder)).toEqual({ ...holder, address: 'http://127.0.0.1:4000' });
    lock.release();
  });

  it('can be taken again after its release', () => {
    const lock = lockFolder(folder, holder);
    lock.release();
    lock.release();
    expect(readHolder(folder)).toBeNull();
    lockFolder(folder, holder).release();
  });

  it('holds against another process, and ends when that is killed', async () => {
    const script = `import { lockFolder } from ${JSON.stringify(lockModule)};
      lockFolder(process.argv[1], { pid: process.pid, startedAt: 'then' });
      process.stdout.write('locked');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    expect(() => lockFolder(folder, holder)).toThrow(`process ${child.pid}, since then`);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const lock = lockFolder(folder, holder);
    expect(readHolder(folder)).toEqual(holder);
    lock.release();
  });
});
