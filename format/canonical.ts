/**
 * Owns the canonical form of a package, docs/PACKAGE_FORMAT.md §1: the same files give the same bytes on every machine.
 * It checks names and sizes, not what the files say.
 */
import { deflateSync } from 'fflate';
import { crc32 } from './crc32.ts';
import { FindingList } from './finding-list.ts';
import type { Finding } from './findings.ts';
import { MANIFEST_PATH } from './layout.ts';
import { PACKAGE_LIMITS } from './limits.ts';
import { checkCollisions, checkPath } from './paths.ts';
import { compareUtf8 } from './text.ts';
import {
  CENTRAL_BYTES,
  CENTRAL_SIGNATURE,
  END_BYTES,
  END_SIGNATURE,
  FLAG_UTF8,
  LOCAL_BYTES,
  LOCAL_SIGNATURE,
  METHOD_DEFLATE,
  METHOD_STORED,
  VERSION_NEEDED_MAX,
  viewOf,
} from './zip-records.ts';

const MADE_BY_UNIX = (3 << 8) | VERSION_NEEDED_MAX;
/** 1980-01-01 00:00 in MS-DOS form, the first time a ZIP can hold. */
const DOS_DATE = 0x0021;
const DOS_TIME = 0;
const MODE_0644 = (0o100644 << 16) >>> 0;

/** Files that cannot become a package; `findings` says why. */
export class PackageBuildError extends Error {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(`These files cannot become a package: ${findings.map((found) => found.message).join(' ')}`);
    this.name = 'PackageBuildError';
    this.findings = findings;
  }
}

/** `manifest.json` first, then by the bytes of the path; `signature.sig` has no place of its own. */
export function canonicalOrder(paths: Iterable<string>): string[] {
  return [...paths].sort((a, b) => {
    if (a === MANIFEST_PATH || b === MANIFEST_PATH) return a === b ? 0 : a === MANIFEST_PATH ? -1 : 1;
    return compareUtf8(a, b);
  });
}

interface PackedFile {
  readonly name: Uint8Array;
  readonly data: Uint8Array;
  readonly method: number;
  readonly crc32: number;
  readonly unpackedBytes: number;
}

/**
 * The canonical package of these files, whatever their order. A file is deflated when that makes it smaller and stored
 * otherwise. Throws `PackageBuildError` for names that a package may not have and for more than the limits allow.
 */
export function buildPackage(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  refuseBadNames(files);
  const encoder = new TextEncoder();
  const packed = canonicalOrder(files.keys()).map((path) =>
    pack(encoder.encode(path), files.get(path) ?? new Uint8Array()),
  );
  return writeArchive(packed);
}

function refuseBadNames(files: ReadonlyMap<string, Uint8Array>): void {
  const findings = new FindingList(PACKAGE_LIMITS.maxFindings);
  checkFileNames(files, findings);
  if (findings.errors > 0) throw new PackageBuildError(findings.list());
}

function checkFileNames(files: ReadonlyMap<string, Uint8Array>, findings: FindingList): void {
  for (const path of files.keys()) checkPath(path, PACKAGE_LIMITS, findings);
  checkCollisions([...files.keys()], findings);
}

function pack(name: Uint8Array, content: Uint8Array): PackedFile {
  const deflated = deflateSync(content, { level: 9 });
  const smaller = deflated.length < content.length;
  return {
    name,
    data: smaller ? deflated : content,
    method: smaller ? METHOD_DEFLATE : METHOD_STORED,
    crc32: crc32(content),
    unpackedBytes: content.length,
  };
}

function writeArchive(files: readonly PackedFile[]): Uint8Array {
  const localBytes = files.reduce((sum, file) => sum + LOCAL_BYTES + file.name.length + file.data.length, 0);
  const centralBytes = files.reduce((sum, file) => sum + CENTRAL_BYTES + file.name.length, 0);
  const bytes = new Uint8Array(localBytes + centralBytes + END_BYTES);
  const view = viewOf(bytes);
  let local = 0;
  let central = localBytes;
  for (const file of files) {
    writeCentral(view, central, file, local);
    bytes.set(file.name, central + CENTRAL_BYTES);
    central += CENTRAL_BYTES + file.name.length;
    writeLocal(view, local, file);
    bytes.set(file.name, local + LOCAL_BYTES);
    bytes.set(file.data, local + LOCAL_BYTES + file.name.length);
    local += LOCAL_BYTES + file.name.length + file.data.length;
  }
  view.setUint32(central, END_SIGNATURE, true);
  view.setUint16(central + 8, files.length, true);
  view.setUint16(central + 10, files.length, true);
  view.setUint32(central + 12, centralBytes, true);
  view.setUint32(central + 16, localBytes, true);
  return bytes;
}

function writeLocal(view: DataView, at: number, file: PackedFile): void {
  view.setUint32(at, LOCAL_SIGNATURE, true);
  writeShared(view, at + 4, file);
}

function writeCentral(view: DataView, at: number, file: PackedFile, localOffset: number): void {
  view.setUint32(at, CENTRAL_SIGNATURE, true);
  view.setUint16(at + 4, MADE_BY_UNIX, true);
  writeShared(view, at + 6, file);
  view.setUint32(at + 38, MODE_0644, true);
  view.setUint32(at + 42, localOffset, true);
}

/** The 24 bytes from "version needed" to the name's length, which both headers have alike. */
function writeShared(view: DataView, at: number, file: PackedFile): void {
  view.setUint16(at, VERSION_NEEDED_MAX, true);
  view.setUint16(at + 2, file.name.some((byte) => byte >= 0x80) ? FLAG_UTF8 : 0, true);
  view.setUint16(at + 4, file.method, true);
  view.setUint16(at + 6, DOS_TIME, true);
  view.setUint16(at + 8, DOS_DATE, true);
  view.setUint32(at + 10, file.crc32, true);
  view.setUint32(at + 14, file.data.length, true);
  view.setUint32(at + 18, file.unpackedBytes, true);
  view.setUint16(at + 22, file.name.length, true);
}
