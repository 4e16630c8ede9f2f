/**
 * Owns the bridge to node-stream-zip: it reads the directory from bytes in memory instead of a file, so that what was walked is
 * exactly what the second reader sees, whatever happens to the file meanwhile. It checks and unpacks nothing.
 */
import fs from 'node:fs';
import StreamZip from 'node-stream-zip';

/** The library's seam for another file system; its type declarations leave it out. The version is pinned exactly. */
interface FileSystemSeam {
  setFs(fileSystem: object): void;
}

const FIRST_MEMORY_FD = 2 ** 31;
const opened = new Map<number, Uint8Array>();
let nextFd = FIRST_MEMORY_FD;

type ReadDone = (error: Error | null, bytesRead: number, buffer: Buffer) => void;

function readMemory(
  fd: number,
  buffer: Buffer,
  offset: number,
  length: number,
  position: number,
  done: ReadDone,
): void {
  const bytes = opened.get(fd);
  if (bytes === undefined) {
    fs.read(fd, buffer, offset, length, position, done);
    return;
  }
  const part = bytes.subarray(position, position + length);
  buffer.set(part, offset);
  process.nextTick(done, null, part.length, buffer);
}

function statMemory(fd: number, done: (error: Error | null, stats: { size: number }) => void): void {
  const bytes = opened.get(fd);
  if (bytes === undefined) fs.fstat(fd, done);
  else process.nextTick(done, null, { size: bytes.length });
}

function closeMemory(fd: number, done: (error?: Error | null) => void): void {
  if (opened.delete(fd)) process.nextTick(done, null);
  else fs.close(fd, done);
}

(StreamZip as unknown as FileSystemSeam).setFs({ ...fs, read: readMemory, fstat: statMemory, close: closeMemory });

/** What node-stream-zip sees in an archive in memory, in the order of the central directory. Rejects when it cannot read it. */
export async function readDirectory(bytes: Uint8Array): Promise<readonly StreamZip.ZipEntry[]> {
  const fd = nextFd;
  nextFd += 1;
  opened.set(fd, bytes);
  const entries: StreamZip.ZipEntry[] = [];
  // Entries are taken from the event: the library's own table is a plain object, in which `__proto__` is no key.
  // The chunk is large enough for any directory record, which the library needs to hold in one piece.
  const zip = new StreamZip.async({
    fd,
    storeEntries: false,
    skipEntryNameValidation: true,
    chunkSize: 128 * 1024,
  });
  zip.on('entry', (entry) => entries.push(entry));
  try {
    await zip.entriesCount;
  } catch (error) {
    opened.delete(fd);
    throw error;
  }
  await zip.close();
  return entries;
}
