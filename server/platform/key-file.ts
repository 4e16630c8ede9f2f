/** Owns files with one secret each: made once, synced, mode 0600, never followed through a link. It knows no format. */
import { constants } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createWhole, syncPath } from './files.ts';

/** Anything for group or others. */
const FOREIGN_MODE = 0o077;

/** A key file is not fit for use; the message says what to do. Nothing was changed. */
export class KeyFileUnfit extends Error {
  override readonly name = 'KeyFileUnfit';
}

/** The text of a key file, or null where there is none. Throws KeyFileUnfit for what is no plain file, or what others can read. */
export async function readKeyFile(path: string): Promise<string | null> {
  // A pipe that stands here must not be waited for.
  const how = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, how).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    if (hasCode(error, 'ELOOP'))
      throw new KeyFileUnfit(`The key ${path} is a symbolic link; put the file itself there.`);
    throw error;
  });
  if (file === null) return null;
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new KeyFileUnfit(`The key ${path} is no file; put the key itself there.`);
    const { mode } = facts;
    if ((mode & FOREIGN_MODE) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      throw new KeyFileUnfit(
        `The key ${path} has mode ${shown}: others on this machine can use it. Run \`chmod 600 ${path}\`, and replace the key if anybody may have read it.`,
      );
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/**
 * The text of a key file; where there is none, what `make` gives is written first. Two processes at once get the same one:
 * the name never shows half a key, and the first link wins. Throws KeyFileUnfit.
 */
export async function readOrMakeKeyFile(path: string, make: () => string): Promise<string> {
  const there = await readKeyFile(path);
  if (there !== null) return there;
  await putKeyFile(path, make());
  const made = await readKeyFile(path);
  if (made === null) throw new KeyFileUnfit(`The key ${path} was removed while it was being made.`);
  return made;
}

/**
 * Has a key file (mode 0600, synced) be there: where there is none, with what `make` gives. Whatever is there, or another process puts
 * there first, stays as it is.
 */
export async function makeKeyFile(path: string, make: () => string): Promise<void> {
  const facts = await lstat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (facts === null) await putKeyFile(path, make());
}

async function putKeyFile(path: string, text: string): Promise<void> {
  const folderPath = dirname(path);
  await mkdir(folderPath, { recursive: true, mode: 0o700 });
  try {
    await createWhole(path, { text, mode: 0o600 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    // The other process may not have come so far.
    await syncPath(folderPath);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
