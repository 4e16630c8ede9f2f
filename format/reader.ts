/**
 * Owns reading a package: structure first, then every file inflated by node-stream-zip within bounds. It gives contents and
 * findings about the container, and judges no file. Node only.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { type ArchiveEntry, walkArchive } from './archive.ts';
import { ARCHIVE_CATALOGUE as CODES } from './catalogue/archive.ts';
import type { PackageContents } from './check.ts';
import { FindingList } from './finding-list.ts';
import type { Finding } from './findings.ts';
import { MANIFEST_PATH } from './layout.ts';
import { PACKAGE_LIMITS, type PackageLimits } from './limits.ts';
import { parseManifest } from './manifest.ts';
import { type MemoryZip, openMemoryZip } from './memory-zip.ts';
import { sha256Hex } from './sha256.ts';
import { compareUtf8, printable } from './text.ts';

/** Entries inflated at once; zlib works in four threads by default. */
const CONCURRENCY = 4;

export interface FileRecord {
  readonly path: string;
  /** Unpacked bytes. */
  readonly size: number;
  readonly sha256: string;
}

export interface PackageReading {
  /** Null when any finding is an error: nothing of a refused container is used. */
  readonly contents: PackageContents | null;
  /** In path-byte order; empty when the container is refused. */
  readonly entries: readonly FileRecord[];
  readonly findings: readonly Finding[];
  /** Bytes of the package file. */
  readonly size: number;
  /** SHA-256 of the package file; null when it is too large to be read. */
  readonly sha256: string | null;
  /** Bytes that were really inflated, for tests of the bounds. */
  readonly inflatedBytes: number;
}

/** Gives the memory for all files of a package together, once their declared sizes are known to be within the limits. */
export type Allocate = (totalBytes: number) => Uint8Array;

/** Reads and unpacks the package at `path`. Throws only when the file itself cannot be read. */
export async function readPackage(
  path: string,
  limits: PackageLimits = PACKAGE_LIMITS,
  allocate?: Allocate,
): Promise<PackageReading> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > limits.maxPackageBytes) return tooLarge(size, limits);
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return await readPackageBytes(bytes.subarray(0, filled), limits, allocate);
  } finally {
    await file.close();
  }
}

function tooLarge(size: number, limits: PackageLimits): PackageReading {
  const findings = new FindingList(1);
  const message = `The package has ${size} bytes; at most ${limits.maxPackageBytes} are allowed.`;
  findings.add(CODES.ARCHIVE_TOO_LARGE, message);
  return { contents: null, entries: [], findings: findings.list(), size, sha256: null, inflatedBytes: 0 };
}

/** The same for a package in memory, which must not change until the promise settles. */
export async function readPackageBytes(
  bytes: Uint8Array,
  limits: PackageLimits = PACKAGE_LIMITS,
  allocate?: Allocate,
): Promise<PackageReading> {
  if (bytes.length > limits.maxPackageBytes) return tooLarge(bytes.length, limits);
  const size = bytes.length;
  const sha256 = sha256Hex(bytes);
  const report = walkArchive(bytes, limits);
  if (!report.ok) {
    return { contents: null, entries: [], findings: report.findings, size, sha256, inflatedBytes: 0 };
  }
  const findings = new FindingList(limits.maxFindings);
  findings.addAll(report.findings);
  const unpacked = await unpackAll(bytes, report.entries, findings, allocate);
  if (findings.errors > 0) {
    return {
      contents: null,
      entries: [],
      findings: findings.list(),
      size,
      sha256,
      inflatedBytes: unpacked.inflatedBytes,
    };
  }
  const { contents, entries } = contentsOf(unpacked.files);
  return { contents, entries, findings: findings.list(), size, sha256, inflatedBytes: unpacked.inflatedBytes };
}

/** Files in path-byte order with their hashes and parsed manifest: what checks and records need. */
export function contentsOf(unordered: ReadonlyMap<string, Uint8Array>): {
  contents: PackageContents;
  entries: FileRecord[];
} {
  const files = new Map([...unordered].sort(([a], [b]) => compareUtf8(a, b)));
  const entries = [...files].map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256Hex(bytes) }));
  const manifestBytes = files.get(MANIFEST_PATH);
  const manifest = manifestBytes === undefined ? null : parseManifest(manifestBytes).manifest;
  const sha256 = new Map(entries.map((entry) => [entry.path, entry.sha256]));
  return { contents: { files, manifest, sha256 }, entries };
}

interface Unpacking {
  readonly files: Map<string, Uint8Array>;
  /** Where the next file of so many bytes goes. */
  readonly room: (bytes: number) => Uint8Array;
  inflatedBytes: number;
}

async function unpackAll(
  bytes: Uint8Array,
  entries: readonly ArchiveEntry[],
  findings: FindingList,
  allocate: Allocate | undefined,
): Promise<Unpacking> {
  const unpacking: Unpacking = { files: new Map(), room: roomFor(entries, allocate), inflatedBytes: 0 };
  let zip: MemoryZip;
  try {
    zip = await openMemoryZip(bytes);
  } catch (error) {
    findings.add(CODES.ARCHIVE_DATA_BROKEN, `The archive cannot be opened: ${messageOf(error)}.`);
    return unpacking;
  }
  try {
    const queue = entries.entries();
    const worker = async (): Promise<void> => {
      // The iterator is shared: each worker takes the next entry that nobody took.
      for (const [index, entry] of queue) await unpackEntry(zip, index, entry, unpacking, findings);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  } finally {
    await zip.close();
  }
  return unpacking;
}

function roomFor(entries: readonly ArchiveEntry[], allocate: Allocate | undefined): Unpacking['room'] {
  if (allocate === undefined) return (bytes) => new Uint8Array(bytes);
  const all = allocate(entries.reduce((sum, entry) => sum + entry.unpackedBytes, 0));
  let used = 0;
  return (bytes) => {
    used += bytes;
    return all.subarray(used - bytes, used);
  };
}

async function unpackEntry(
  zip: MemoryZip,
  index: number,
  entry: ArchiveEntry,
  unpacking: Unpacking,
  findings: FindingList,
): Promise<void> {
  const file = printable(entry.path);
  const seen = zip.entries[index];
  if (seen?.name !== entry.path || seen.offset !== entry.localOffset || seen.compressedSize !== entry.packedBytes) {
    findings.add(CODES.ARCHIVE_DATA_BROKEN, `Two readers do not agree on ${file}.`, { file });
    return;
  }
  if (entry.kind === 'directory') return;
  try {
    const stream = await zip.stream(seen);
    const content = await readStream(stream, entry.unpackedBytes, unpacking);
    // Sizes, ratio and total were bounded by what the headers declare, and this holds the data to it.
    if (content === null) {
      const message = `${file} does not unpack to the ${entry.unpackedBytes} bytes it declares.`;
      findings.add(CODES.ARCHIVE_SIZE_WRONG, message, { file });
    } else if (crc32(content) !== entry.crc32) {
      findings.add(CODES.ARCHIVE_CRC_WRONG, `${file} has another CRC-32 than it declares.`, { file });
    } else if (consumedBytes(stream) !== null && consumedBytes(stream) !== entry.packedBytes) {
      const left = entry.packedBytes - (consumedBytes(stream) ?? 0);
      findings.add(CODES.ARCHIVE_DATA_TRAILING, `${left} bytes follow the compressed data of ${file}.`, { file });
    } else {
      unpacking.files.set(entry.path, content);
    }
  } catch (error) {
    findings.add(CODES.ARCHIVE_DATA_BROKEN, `${file} cannot be unpacked: ${messageOf(error)}.`, { file });
  }
}

/** Exactly `expectedBytes` of a stream, or null; stops at the first chunk that goes beyond. */
async function readStream(
  stream: NodeJS.ReadableStream,
  expectedBytes: number,
  unpacking: Unpacking,
): Promise<Uint8Array | null> {
  const content = unpacking.room(expectedBytes);
  let filled = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('The stream gave text');
    unpacking.inflatedBytes += chunk.length;
    if (filled + chunk.length > expectedBytes) return null;
    content.set(chunk, filled);
    filled += chunk.length;
  }
  return filled === expectedBytes ? content : null;
}

/** Packed bytes zlib took; null for a stored entry, whose stream is not zlib's. */
function consumedBytes(stream: NodeJS.ReadableStream): number | null {
  return 'bytesWritten' in stream && typeof stream.bytesWritten === 'number' ? stream.bytesWritten : null;
}

function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}
