/** Owns copying the bytes of one open file so that its holes stay holes. It follows no name, and reads no more than it is told. */
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;
/** What file systems hold for a file at least, where anything of it is filled. */
const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/**
 * Makes `to` a clone, which shares its blocks with the source until one of them is changed. False, and no file, where the file system
 * has none or anything else fails: a plain copy then meets what is truly wrong. On disk when it returns.
 */
export async function cloneFile(source: FileHandle, to: string, mode: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    // By the open file, not by its name: a link may stand there by now.
    await copyFile(`/proc/self/fd/${source.fd}`, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch {
    return false;
  }
  const copy = await open(to, 'r');
  try {
    await copy.chmod(mode);
    await copy.sync();
  } finally {
    await copy.close();
  }
  return true;
}

/** Copies the first `sizeBytes` to a new file, and leaves out blocks of zeros, which read the same as a hole. On disk when it returns. */
export async function copySparsely(
  source: FileHandle,
  to: string,
  { mode, sizeBytes }: { readonly mode: number; readonly sizeBytes: number },
): Promise<void> {
  const copy = await open(to, 'wx', mode);
  try {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, sizeBytes)));
    let at = 0;
    while (at < sizeBytes) {
      const { bytesRead } = await source.read(chunk, 0, Math.min(chunk.length, sizeBytes - at), at);
      if (bytesRead === 0) break;
      await writeFilled(copy, chunk.subarray(0, bytesRead), at);
      at += bytesRead;
    }
    await copy.truncate(at);
    await copy.sync();
  } finally {
    await copy.close();
  }
}

/** Writes each run of blocks that hold anything. */
async function writeFilled(copy: FileHandle, bytes: Buffer, at: number): Promise<void> {
  let from = 0;
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, bytes.length);
    if (bytes.compare(ZEROS, 0, end - start, start, end) !== 0) continue;
    await writeRun(copy, bytes, { from, end: start, at });
    from = end;
  }
  await writeRun(copy, bytes, { from, end: bytes.length, at });
}

async function writeRun(
  copy: FileHandle,
  bytes: Buffer,
  { from, end, at }: { readonly from: number; readonly end: number; readonly at: number },
): Promise<void> {
  let done = from;
  while (done < end) done += (await copy.write(bytes, done, end - done, at + done)).bytesWritten;
}
