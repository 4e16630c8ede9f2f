import { createHash } from 'node:crypto';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobConflict, BlobCorrupt, BlobMissing, type FolderBlobs } from '../../server/platform/blobs/blobs.ts';
import { createFolderBlobs } from '../../server/platform/blobs/folder.ts';
import { makeFolder } from '../support/database.ts';

const KEY = 'packages/com.example.app/3/package.mosis';

let folder: string;
let blobs: FolderBlobs;

beforeEach(async () => {
  folder = await makeFolder();
  blobs = await createFolderBlobs(join(folder, 'store'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('stored files', () => {
  it('come back as they were put, whole and in part', async () => {
    await put('hello world');
    expect(await text(await blobs.openRead(KEY))).toBe('hello world');
    expect(await text(await blobs.openRead(KEY, { start: 6, end: 8 }))).toBe('wor');
    expect(await blobs.stat(KEY)).toMatchObject({ size: 11 });
  });

  it('are copied from a path, which stays', async () => {
    const path = join(folder, 'upload');
    const bytes = Buffer.alloc(700_000, 'x');
    await writeFile(path, bytes);
    await blobs.put(KEY, { path }, { sha256: sha256(bytes) });
    expect((await stat(blobs.path(KEY))).size).toBe(700_000);
    expect((await stat(path)).size).toBe(700_000);
  });

  it('may be put again with the same bytes, and are never replaced by others', async () => {
    await put('one');
    await put('one');
    await expect(put('two')).rejects.toThrow(BlobConflict);
    expect(await text(await blobs.openRead(KEY))).toBe('one');
  });

  it('are put by many at once as one, the same bytes or none', async () => {
    const outcomes = await Promise.allSettled([put('one'), put('two'), put('one'), put('two')]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(2);
    expect(await temporaryFiles()).toEqual([]);
  });

  it('are refused when their bytes are not the expected ones, and leave nothing', async () => {
    await expect(blobs.put(KEY, Buffer.from('x'), { sha256: sha256('y') })).rejects.toThrow(BlobCorrupt);
    expect(await blobs.stat(KEY)).toBeNull();
    expect(await temporaryFiles()).toEqual([]);
  });

  it('have keys that cannot leave the folder or name temporary files', async () => {
    const keys = [
      '',
      '/etc/passwd',
      '../up',
      'a/../../up',
      'a//b',
      'a/',
      '.incoming/x',
      'a/.hidden',
      'a\\b',
      'a\0b',
      'é',
    ];
    for (const key of [...keys, 'x'.repeat(500)]) {
      await expect(blobs.put(key, Buffer.from('x'), { sha256: sha256('x') }), key).rejects.toThrow(TypeError);
      expect(() => blobs.path(key)).toThrow(TypeError);
    }
  });

  it('say when they are missing, and may be deleted twice', async () => {
    await expect(blobs.openRead(KEY)).rejects.toThrow(BlobMissing);
    await expect(blobs.open(KEY)).rejects.toThrow(BlobMissing);
    await put('one');
    await blobs.delete(KEY);
    await blobs.delete(KEY);
    expect(await blobs.stat(KEY)).toBeNull();
  });

  it('are listed without what a crash left behind, which the sweep removes', async () => {
    await put('one');
    await writeFile(join(folder, 'store', '.incoming', 'half'), 'ha');
    expect(await keysUnder('')).toEqual([KEY]);
    expect(await keysUnder('packages/com.example.app/')).toEqual([KEY]);
    expect(await keysUnder('drafts/')).toEqual([]);
    expect(await blobs.sweep()).toBe(1);
    expect(await temporaryFiles()).toEqual([]);
    expect(await text(await blobs.openRead(KEY))).toBe('one');
  });
});

function put(content: string): Promise<void> {
  return blobs.put(KEY, Buffer.from(content), { sha256: sha256(content) });
}

async function keysUnder(prefix: string): Promise<string[]> {
  const all: string[] = [];
  for await (const key of blobs.list(prefix)) all.push(key);
  return all;
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function temporaryFiles(): Promise<string[]> {
  return readdir(join(folder, 'store', '.incoming'));
}
