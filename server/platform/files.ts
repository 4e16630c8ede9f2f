// Owns what several places do with one file: putting it in place whole, having it survive a power cut, and its hash. It knows no layout.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const READ_BYTES = 1 << 18;

/** Has a file's bytes, or the names in a folder, survive a power cut. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A text and the mode that its file is made with. */
export interface WholeText {
  readonly text: string;
  readonly mode: number;
}

/**
 * Puts a file where none is, durably: its name never shows half of it, and of two processes at once the first wins. Throws EEXIST where one
 * is; it stays as it was.
 */
export async function createWhole(path: string, given: WholeText): Promise<void> {
  await putInPlace(path, given, link);
}

/** The old file or the new one, whole, whenever this process ends; durable once this resolves. */
export async function replaceWhole(path: string, given: WholeText): Promise<void> {
  await putInPlace(path, given, rename);
}

async function putInPlace(
  path: string,
  { text, mode }: WholeText,
  put: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await put(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncPath(folder);
}

/** SHA-256 of a file, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: READ_BYTES }), hash);
  return hash.digest('hex');
}
