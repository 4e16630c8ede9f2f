/**
 * Owns reading a package: structure first, then what node-stream-zip sees of it, then every file inflated into exactly the bytes
 * that it declares. It gives contents and findings about the container, and judges no file. Node only.
 */
import { open } from 'node:fs/promises';
import { crc32, inflateRawSync } from 'node:zlib';
import { type ArchiveEntry, walkArchive } from './archive.ts';
import { ARCHIVE_CATALOGUE as CODES } from './catalogue/archive.ts';
import type { PackageContents } from './check.ts';
import { FindingList } from './finding-list.ts';
import type { Finding } from './findings.ts';
import { MANIFEST_PATH } from './layout.ts';
import { PACKAGE_LIMITS, type PackageLimits } from './limits.ts';
import { parseManifest } from './manifest.ts';
import { readDirectory } from './memory-zip.ts';
import { sha256Hex } from './sha256.ts';
import { compareUtf8, printable } from './text.ts';
import { METHOD_STORED } from './zip-records.ts';

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
  readonly keep: (content: Uint8Array) => Uint8Array;
  inflatedBytes: number;
}

async function unpackAll(
  bytes: Uint8Array,
  entries: readonly ArchiveEntry[],
  findings: FindingList,
  allocate: Allocate | undefined,
): Promise<Unpacking> {
  const unpacking: Unpacking = { files: new Map(), keep: keeper(entries, allocate), inflatedBytes: 0 };
  let seen: Awaited<ReturnType<typeof readDirectory>>;
  try {
    seen = await readDirectory(bytes);
  } catch (error) {
    findings.add(CODES.ARCHIVE_DATA_BROKEN, `The archive cannot be opened: ${messageOf(error)}.`);
    return unpacking;
  }
  for (const [index, entry] of entries.entries()) {
    const other = seen[index];
    const agrees =
      other?.name === entry.path && other.offset === entry.localOffset && other.compressedSize === entry.packedBytes;
    const file = printable(entry.path);
    if (!agrees) findings.add(CODES.ARCHIVE_DATA_BROKEN, `Two readers do not agree on ${file}.`, { file });
    else if (entry.kind === 'file') unpackEntry(bytes, entry, unpacking, findings);
  }
  return unpacking;
}

/** Puts contents into the memory that the caller gives, where it gives some. */
function keeper(entries: readonly ArchiveEntry[], allocate: Allocate | undefined): Unpacking['keep'] {
  if (allocate === undefined) return (content) => content;
  const all = allocate(entries.reduce((sum, entry) => sum + entry.unpackedBytes, 0));
  let used = 0;
  return (content) => {
    all.set(content, used);
    used += content.length;
    return all.subarray(used - content.length, used);
  };
}

/** Sizes, ratio and total were bounded by what the headers declare; here the data is held to it. */
function unpackEntry(bytes: Uint8Array, entry: ArchiveEntry, unpacking: Unpacking, findings: FindingList): void {
  const file = printable(entry.path);
  const packed = bytes.subarray(entry.dataOffset, entry.dataOffset + entry.packedBytes);
  const { content, consumedBytes, problem } =
    entry.method === METHOD_STORED
      ? { content: packed, consumedBytes: packed.length, problem: null }
      : inflate(packed, entry.unpackedBytes);
  unpacking.inflatedBytes += problem === 'too-long' ? entry.unpackedBytes + 1 : content.length;
  if (problem === 'too-long' || (problem === null && content.length !== entry.unpackedBytes)) {
    const message = `${file} does not unpack to the ${entry.unpackedBytes} bytes it declares.`;
    findings.add(CODES.ARCHIVE_SIZE_WRONG, message, { file });
  } else if (problem !== null) {
    findings.add(CODES.ARCHIVE_DATA_BROKEN, `${file} cannot be unpacked: ${problem}.`, { file });
  } else if (crc32(content) !== entry.crc32) {
    findings.add(CODES.ARCHIVE_CRC_WRONG, `${file} has another CRC-32 than it declares.`, { file });
  } else if (consumedBytes !== entry.packedBytes) {
    const left = entry.packedBytes - consumedBytes;
    findings.add(CODES.ARCHIVE_DATA_TRAILING, `${left} bytes follow the compressed data of ${file}.`, { file });
  } else {
    unpacking.files.set(entry.path, unpacking.keep(content));
  }
}

interface Inflated {
  readonly content: Uint8Array;
  /** Packed bytes up to the end of the deflate stream. */
  readonly consumedBytes: number;
  /** `too-long` beyond `expectedBytes`, else what zlib says; null where it inflated. */
  readonly problem: string | null;
}

const NOTHING = new Uint8Array();
/** The least that zlib takes for its output. */
const MIN_CHUNK_BYTES = 64;

/**
 * Inflates into one buffer of the expected size and a byte: it stops at the first byte too many, allocates once, and does without the
 * streams that cost ten thousand small files a second, and large ones as much garbage as they have bytes.
 */
function inflate(packed: Uint8Array, expectedBytes: number): Inflated {
  const chunkSize = Math.max(MIN_CHUNK_BYTES, expectedBytes + 1);
  const maxOutputLength = Math.max(1, expectedBytes);
  try {
    const result: unknown = inflateRawSync(packed, { chunkSize, maxOutputLength, info: true });
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    const content = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    return { content, consumedBytes: engine.bytesWritten, problem: null };
  } catch (error) {
    const isTooLong = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return { content: NOTHING, consumedBytes: 0, problem: isTooLong ? 'too-long' : messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}
