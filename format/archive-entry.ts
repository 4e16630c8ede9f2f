/** Owns the structural rules for one entry, docs/PACKAGE_FORMAT.md §1: its two headers, its name, mode and sizes. */
import type { ArchiveEntry } from './archive.ts';
import { ARCHIVE_CATALOGUE as CODES } from './catalogue/archive.ts';
import { PATH_CATALOGUE } from './catalogue/paths.ts';
import type { FindingList } from './finding-list.ts';
import type { CatalogueEntry } from './findings.ts';
import type { PackageLimits } from './limits.ts';
import { checkPath } from './paths.ts';
import { decodeUtf8, printable } from './text.ts';
import {
  type CentralRecord,
  FLAG_DESCRIPTOR,
  FLAG_ENCRYPTED,
  FLAG_UTF8,
  FLAGS_ALLOWED,
  type LocalRecord,
  METHOD_DEFLATE,
  METHOD_STORED,
  VERSION_NEEDED_MAX,
  viewOf,
} from './zip-records.ts';

export type EntryKind = 'file' | 'directory';

const SYSTEM_UNIX = 3;
const SYSTEM_MACOS = 19;
const MODE_KIND = 0o170000;
const MODE_DIRECTORY = 0o040000;
const MODE_REGULAR = 0o100000;
const MODE_SYMLINK = 0o120000;
const DOS_DIRECTORY = 0x10;
const EXTRA_ZIP64 = 0x0001;
const EXTRA_UNICODE_PATH = 0x7075;
const latin1 = new TextDecoder('latin1');

/** Checks one directory record and its local header (null when it cannot be read) and gives the entry they describe. */
export function checkEntry(
  record: CentralRecord,
  local: LocalRecord | null,
  limits: PackageLimits,
  findings: FindingList,
): ArchiveEntry {
  const path = entryPath(record, limits, findings);
  const name = printable(path);
  const add = (entry: CatalogueEntry, message: string): void => findings.add(entry, message, { file: name });
  checkFields(record, name, add);
  checkVersion(record.versionNeeded, name, add);
  checkSizes(record, name, limits, add);
  checkExtra(record.extra, name, add);
  const kind = checkKind(record, path, name, add);
  if (local === null) {
    add(CODES.ARCHIVE_LOCAL_HEADER_BROKEN, `${name} has no readable local header at byte ${record.localOffset}.`);
  } else {
    checkExtra(local.extra, name, add);
    checkVersion(local.versionNeeded, name, add);
    checkAgreement(record, local, name, add);
  }
  const { method, crc32, packedBytes, unpackedBytes, localOffset } = record;
  const dataOffset = local?.dataOffset ?? 0;
  return { path, kind, method, crc32, packedBytes, unpackedBytes, localOffset, dataOffset };
}

type Add = (entry: CatalogueEntry, message: string) => void;

/** The name as text; where it is not UTF-8 a Latin-1 reading, only to have something to show. */
function entryPath(record: CentralRecord, limits: PackageLimits, findings: FindingList): string {
  const path = decodeUtf8(record.nameBytes);
  if (path === null) {
    const shown = latin1.decode(record.nameBytes.subarray(0, limits.maxPathBytes));
    const message = `The name ${printable(shown)} is not UTF-8.`;
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_NOT_UTF8, message, { file: printable(shown) });
    return shown;
  }
  checkPath(path, limits, findings);
  if (path.length !== record.nameBytes.length && (record.flags & FLAG_UTF8) === 0) {
    const message = `The name ${printable(path)} is not ASCII and lacks flag bit 11.`;
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_FLAG, message, { file: printable(path) });
  }
  return path;
}

function checkFields(record: CentralRecord, name: string, add: Add): void {
  if ((record.flags & FLAG_ENCRYPTED) !== 0) add(CODES.ARCHIVE_ENCRYPTED, `${name} is encrypted.`);
  const unknown = record.flags & ~FLAGS_ALLOWED & ~FLAG_ENCRYPTED;
  if (unknown !== 0) add(CODES.ARCHIVE_FLAGS, `${name} has general purpose flags 0x${unknown.toString(16)}.`);
  if (record.method !== METHOD_STORED && record.method !== METHOD_DEFLATE) {
    add(CODES.ARCHIVE_METHOD, `${name} is compressed with method ${record.method}.`);
  }
  if (record.disk !== 0) add(CODES.ARCHIVE_MULTI_DISK, `${name} lies on disk ${record.disk}.`);
  if (record.commentBytes !== 0) add(CODES.ARCHIVE_COMMENT, `${name} has a comment of ${record.commentBytes} bytes.`);
}

function checkVersion(versionNeeded: number, name: string, add: Add): void {
  if (versionNeeded <= VERSION_NEEDED_MAX) return;
  add(CODES.ARCHIVE_VERSION, `${name} says it needs ZIP ${versionNeeded / 10} to be read.`);
}

function checkSizes(record: CentralRecord, name: string, limits: PackageLimits, add: Add): void {
  const { packedBytes, unpackedBytes, method } = record;
  if (packedBytes === 0xffffffff || unpackedBytes === 0xffffffff || record.localOffset === 0xffffffff) {
    add(CODES.ARCHIVE_ZIP64, `${name} keeps its size or place in a ZIP64 field.`);
    return;
  }
  if (unpackedBytes > limits.maxFileBytes) {
    const message = `${name} declares ${unpackedBytes} bytes; at most ${limits.maxFileBytes} are allowed.`;
    add(CODES.ARCHIVE_FILE_TOO_LARGE, message);
  }
  if (method === METHOD_STORED && packedBytes !== unpackedBytes) {
    add(CODES.ARCHIVE_STORED_SIZE, `${name} is stored, but ${packedBytes} bytes packed and ${unpackedBytes} unpacked.`);
  }
  if (unpackedBytes > limits.ratioFloorBytes && unpackedBytes > packedBytes * limits.maxRatio) {
    const message = `${name} unpacks ${packedBytes} bytes to ${unpackedBytes}, more than ${limits.maxRatio} to 1.`;
    add(CODES.ARCHIVE_RATIO, message);
  }
}

function checkExtra(extra: Uint8Array, name: string, add: Add): void {
  const view = viewOf(extra);
  let zip64 = false;
  let unicodePath = false;
  let offset = 0;
  while (offset + 4 <= extra.length) {
    const id = view.getUint16(offset, true);
    zip64 ||= id === EXTRA_ZIP64;
    unicodePath ||= id === EXTRA_UNICODE_PATH;
    offset += 4 + view.getUint16(offset + 2, true);
  }
  if (zip64) add(CODES.ARCHIVE_EXTRA_ZIP64, `${name} has extra field 0x0001.`);
  if (unicodePath) add(CODES.ARCHIVE_EXTRA_UNICODE_PATH, `${name} has extra field 0x7075.`);
  if (offset !== extra.length) add(CODES.ARCHIVE_EXTRA_MALFORMED, `${name} has an extra field that does not parse.`);
}

function checkKind(record: CentralRecord, path: string, name: string, add: Add): EntryKind {
  const kind = path.endsWith('/') ? 'directory' : 'file';
  const unix = record.system === SYSTEM_UNIX || record.system === SYSTEM_MACOS;
  // Other systems have no mode there, yet some readers apply the bits whatever the system says.
  const mode = (record.externalAttributes >>> 16) & MODE_KIND;
  if (mode === MODE_SYMLINK) add(CODES.ARCHIVE_SYMLINK, `${name} is a symbolic link.`);
  else if (mode !== 0 && mode !== MODE_REGULAR && mode !== MODE_DIRECTORY) {
    add(CODES.ARCHIVE_SPECIAL_FILE, `${name} has the mode 0${mode.toString(8)} of a special file.`);
  } else if (mode === (kind === 'file' ? MODE_DIRECTORY : MODE_REGULAR)) {
    add(CODES.ARCHIVE_KIND_MISMATCH, `${name} is a ${kind} by its name and not by its mode.`);
  } else if (kind === 'file' && !unix && (record.externalAttributes & DOS_DIRECTORY) !== 0) {
    add(CODES.ARCHIVE_KIND_MISMATCH, `${name} is a file by its name and a directory by its attributes.`);
  }
  if (kind === 'directory' && (record.packedBytes !== 0 || record.unpackedBytes !== 0)) {
    add(CODES.ARCHIVE_DIRECTORY_WITH_DATA, `The directory ${name} has ${record.packedBytes} bytes of data.`);
  }
  return kind;
}

function checkAgreement(record: CentralRecord, local: LocalRecord, name: string, add: Add): void {
  if (!sameBytes(record.nameBytes, local.nameBytes)) {
    const other = printable(
      decodeUtf8(local.nameBytes.subarray(0, 512)) ?? latin1.decode(local.nameBytes.subarray(0, 512)),
    );
    add(CODES.ARCHIVE_NAME_MISMATCH, `The directory says ${name}, the local header ${other}.`);
  }
  if (record.method !== local.method) {
    add(CODES.ARCHIVE_METHOD_MISMATCH, `${name}: method ${record.method} in the directory, ${local.method} locally.`);
  }
  if (record.flags !== local.flags) {
    const flags = `0x${record.flags.toString(16)} in the directory, 0x${local.flags.toString(16)} locally`;
    add(CODES.ARCHIVE_FLAGS_MISMATCH, `${name}: flags ${flags}.`);
  }
  const { crc32, packedBytes, unpackedBytes } = local;
  // With a data descriptor the local header may leave all three to it, but not some.
  const left = (record.flags & FLAG_DESCRIPTOR) !== 0 && crc32 === 0 && packedBytes === 0 && unpackedBytes === 0;
  if (left) return;
  if (crc32 !== record.crc32) add(CODES.ARCHIVE_CRC_MISMATCH, `${name} has another CRC-32 in its local header.`);
  if (packedBytes !== record.packedBytes || unpackedBytes !== record.unpackedBytes) {
    add(CODES.ARCHIVE_SIZE_MISMATCH, `${name} has other sizes in its local header.`);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
