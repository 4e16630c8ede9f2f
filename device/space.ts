/** Owns asking whether there is room before a device fetches what it could not keep, and doing without where there is none. */
import { statfs } from 'node:fs/promises';
import { DeviceError, storageError } from './errors.ts';

/** Bytes that this process may still write where the folder lies. */
export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Throws DISK_FULL where there is no room for so many bytes; a disk may still fill up meanwhile. */
export async function requireRoom(folder: string, bytes: number, freeBytes: typeof freeBytesOf): Promise<void> {
  const free = await freeBytes(folder);
  if (bytes > free)
    throw new DeviceError('DISK_FULL', `This takes ${bytes} bytes in the device's folder; there is room for ${free}.`);
}

/** Does what must not make the work around it look failed: where the folder does not take it, it is left out. */
export async function whereRoom(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(storageError(error) instanceof DeviceError)) throw error;
  }
}
