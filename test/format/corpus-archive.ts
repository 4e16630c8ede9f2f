/** Owns the bad packages of the container, docs/PACKAGE_FORMAT.md §1: one case or more for each code, as bytes in memory. */
import { deflateRawSync } from 'node:zlib';
import type { ARCHIVE_CATALOGUE } from '../../format/catalogue/archive.ts';
import type { PATH_CATALOGUE } from '../../format/catalogue/paths.ts';
import {
  concat,
  descriptor,
  extraField,
  goodPackage,
  type RawArchive,
  type RawEntry,
  rawGoodZip,
  rawZip,
  utf8,
} from '../support/packages.ts';

export interface BadPackage<Code extends string = string> {
  readonly code: Code;
  /** What is special, where a code has several cases. */
  readonly name?: string;
  readonly bytes: () => Uint8Array;
}

const MIB = 1024 * 1024;
const one =
  (entry: RawEntry): (() => Uint8Array) =>
  () =>
    rawGoodZip([entry]);
const archive =
  (fields: RawArchive): (() => Uint8Array) =>
  () =>
    rawGoodZip([], fields);
const named =
  (...names: (string | Uint8Array)[]): (() => Uint8Array) =>
  () =>
    rawGoodZip(names.map((name) => ({ name, content: 'x' })));
const text = (fields: Partial<RawEntry>): (() => Uint8Array) => one({ name: 'a.txt', content: 'hello', ...fields });
const HELLO_CRC = 0x3610a686;

/** Zeros whose sizes are honest: only the ratio gives them away. */
const bomb = (bytes: number): RawEntry => ({ name: 'zeros.txt', content: new Uint8Array(bytes), method: 8 });

export const ARCHIVE_CORPUS: readonly BadPackage<keyof typeof ARCHIVE_CATALOGUE>[] = [
  { code: 'ARCHIVE_TOO_LARGE', bytes: () => new Uint8Array(50 * MIB + 1) },
  { code: 'ARCHIVE_NOT_ZIP', bytes: () => utf8('this is no archive, but long enough to hold an end record') },
  { code: 'ARCHIVE_NOT_ZIP', name: 'no byte at all', bytes: () => new Uint8Array() },
  { code: 'ARCHIVE_EMPTY', bytes: () => rawZip([]) },
  { code: 'ARCHIVE_TOO_MANY_ENTRIES', bytes: archive({ entries: 10_001 }) },
  { code: 'ARCHIVE_ENTRY_COUNT', bytes: archive({ entries: 3 }) },
  { code: 'ARCHIVE_ENTRY_COUNT', name: 'more announced than present', bytes: archive({ entries: 30 }) },
  { code: 'ARCHIVE_ENTRY_COUNT', name: 'counts of disk and archive differ', bytes: archive({ entriesOnDisk: 2 }) },
  { code: 'ARCHIVE_DIRECTORY_BROKEN', bytes: archive({ centralOffset: 7, centralBytes: 0x7fffffff }) },
  { code: 'ARCHIVE_DIRECTORY_BROKEN', name: 'directory begins elsewhere', bytes: () => shiftedDirectory() },
  { code: 'ARCHIVE_COMMENT', bytes: archive({ comment: utf8('hidden') }) },
  { code: 'ARCHIVE_COMMENT', name: 'announced only', bytes: archive({ commentBytes: 9 }) },
  { code: 'ARCHIVE_COMMENT', name: 'of an entry', bytes: text({ comment: utf8('hidden') }) },
  { code: 'ARCHIVE_ZIP64', bytes: archive({ entries: 0xffff }) },
  {
    code: 'ARCHIVE_ZIP64',
    name: 'locator',
    bytes: archive({ beforeEnd: concat([utf8('PK\x06\x07'), new Uint8Array(16)]) }),
  },
  { code: 'ARCHIVE_ZIP64', name: 'size of an entry', bytes: text({ unpackedBytes: 0xffffffff }) },
  { code: 'ARCHIVE_MULTI_DISK', bytes: archive({ disk: 1 }) },
  { code: 'ARCHIVE_MULTI_DISK', name: 'directory on another disk', bytes: archive({ centralDisk: 2 }) },
  { code: 'ARCHIVE_MULTI_DISK', name: 'entry on another disk', bytes: text({ disk: 1 }) },
  {
    code: 'ARCHIVE_LEADING_DATA',
    bytes: () => rawZip([{ name: 'manifest.json', content: '{}', before: utf8('#!/bin/sh\n') }]),
  },
  { code: 'ARCHIVE_TRAILING_DATA', bytes: archive({ afterEnd: utf8('hidden') }) },
  { code: 'ARCHIVE_GAP', bytes: text({ before: utf8('hidden') }) },
  { code: 'ARCHIVE_GAP', name: 'before the directory', bytes: archive({ beforeCentral: utf8('hidden') }) },
  { code: 'ARCHIVE_GAP', name: 'before the end', bytes: archive({ beforeEnd: utf8('hidden') }) },
  { code: 'ARCHIVE_GAP', name: 'an entry missing from the directory', bytes: text({ omit: 'central' }) },
  {
    code: 'ARCHIVE_OVERLAP',
    bytes: () =>
      rawZip([
        { name: 'a.txt', content: 'x' },
        { name: 'a.txt', content: 'x', localOffset: 0, omit: 'local' },
      ]),
  },
  {
    code: 'ARCHIVE_OVERLAP',
    name: 'data reaches into the directory',
    bytes: text({ packedBytes: 60, unpackedBytes: 60 }),
  },
  {
    code: 'ARCHIVE_ORDER',
    bytes: () =>
      rawZip(
        [
          { name: 'a.txt', content: 'x' },
          { name: 'b.txt', content: 'y' },
        ],
        { order: [1, 0] },
      ),
  },
  { code: 'ARCHIVE_ENCRYPTED', bytes: text({ flags: 1 }) },
  { code: 'ARCHIVE_FLAGS', bytes: text({ flags: 0x20 }) },
  { code: 'ARCHIVE_FLAGS', name: 'strong encryption', bytes: text({ flags: 0x40 }) },
  { code: 'ARCHIVE_FLAGS', name: 'masked headers', bytes: text({ flags: 0x2000 }) },
  { code: 'ARCHIVE_METHOD', bytes: text({ method: 14 }) },
  { code: 'ARCHIVE_METHOD', name: 'deflate64', bytes: text({ method: 9 }) },
  { code: 'ARCHIVE_VERSION', bytes: text({ versionNeeded: 63 }) },
  { code: 'ARCHIVE_VERSION', name: 'in the local header only', bytes: text({ local: { versionNeeded: 45 } }) },
  { code: 'ARCHIVE_STORED_SIZE', bytes: text({ unpackedBytes: 3 }) },
  { code: 'ARCHIVE_EXTRA_MALFORMED', bytes: text({ extra: Uint8Array.from([0x55, 0x54, 40, 0, 1]) }) },
  {
    code: 'ARCHIVE_EXTRA_MALFORMED',
    name: 'in the local header only',
    bytes: text({ local: { extra: Uint8Array.from([1]) } }),
  },
  { code: 'ARCHIVE_EXTRA_ZIP64', bytes: text({ extra: extraField(1, new Uint8Array(16)) }) },
  {
    code: 'ARCHIVE_EXTRA_ZIP64',
    name: 'in the local header only',
    bytes: text({ local: { extra: extraField(1, new Uint8Array(16)) } }),
  },
  { code: 'ARCHIVE_EXTRA_UNICODE_PATH', bytes: text({ extra: extraField(0x7075, utf8('\x01\0\0\0\0b.txt')) }) },
  { code: 'ARCHIVE_LOCAL_HEADER_BROKEN', bytes: text({ localOffset: 3 }) },
  { code: 'ARCHIVE_LOCAL_HEADER_BROKEN', name: 'signature', bytes: text({ local: { signature: 0x04034b51 } }) },
  { code: 'ARCHIVE_LOCAL_HEADER_BROKEN', name: 'beyond the file', bytes: text({ localOffset: 0x7ffffff0 }) },
  { code: 'ARCHIVE_NAME_MISMATCH', bytes: text({ local: { name: 'b.txt' } }) },
  { code: 'ARCHIVE_METHOD_MISMATCH', bytes: text({ method: 8, local: { method: 0 } }) },
  { code: 'ARCHIVE_FLAGS_MISMATCH', bytes: text({ local: { flags: 0x0800 } }) },
  { code: 'ARCHIVE_CRC_MISMATCH', bytes: text({ local: { crc32: 1 } }) },
  { code: 'ARCHIVE_SIZE_MISMATCH', bytes: text({ local: { unpackedBytes: 4 } }) },
  { code: 'ARCHIVE_SIZE_MISMATCH', name: 'packed', bytes: text({ method: 8, local: { packedBytes: 4 } }) },
  {
    code: 'ARCHIVE_SIZE_MISMATCH',
    name: 'half left to the descriptor',
    bytes: text({ flags: 8, local: { unpackedBytes: 0, crc32: 0 }, after: descriptor(HELLO_CRC, 5, 5) }),
  },
  { code: 'ARCHIVE_DESCRIPTOR_MISMATCH', bytes: text({ flags: 8, after: descriptor(1, 5, 5) }) },
  { code: 'ARCHIVE_DESCRIPTOR_MISMATCH', name: 'absent', bytes: text({ flags: 8 }) },
  { code: 'ARCHIVE_SYMLINK', bytes: text({ mode: 0o120777 }) },
  { code: 'ARCHIVE_SYMLINK', name: 'made by another system', bytes: text({ mode: 0o120777, madeBySystem: 0 }) },
  { code: 'ARCHIVE_SPECIAL_FILE', bytes: text({ mode: 0o010644 }) },
  { code: 'ARCHIVE_SPECIAL_FILE', name: 'block device', bytes: text({ mode: 0o060644 }) },
  { code: 'ARCHIVE_KIND_MISMATCH', bytes: one({ name: 'folder/', mode: 0o100644 }) },
  { code: 'ARCHIVE_KIND_MISMATCH', name: 'file with the mode of a directory', bytes: text({ mode: 0o040755 }) },
  {
    code: 'ARCHIVE_KIND_MISMATCH',
    name: 'file with the DOS attribute of a directory',
    bytes: text({ madeBySystem: 0, externalAttributes: 0x10 }),
  },
  { code: 'ARCHIVE_DIRECTORY_WITH_DATA', bytes: one({ name: 'folder/', content: 'hidden', mode: 0o040755 }) },
  { code: 'ARCHIVE_FILE_TOO_LARGE', bytes: text({ unpackedBytes: 25 * MIB + 1, method: 8 }) },
  {
    code: 'ARCHIVE_UNPACKED_TOO_LARGE',
    bytes: () =>
      rawGoodZip(
        Array.from({ length: 110 }, (_, i) => ({
          name: `${i}.txt`,
          method: 8,
          data: new Uint8Array(8),
          unpackedBytes: MIB,
        })),
      ),
  },
  { code: 'ARCHIVE_RATIO', bytes: () => rawGoodZip([bomb(20 * MIB)]) },
  {
    code: 'ARCHIVE_RATIO',
    name: 'no packed byte',
    bytes: text({ method: 8, data: new Uint8Array(), unpackedBytes: 2 * MIB }),
  },
  { code: 'ARCHIVE_DATA_BROKEN', bytes: text({ method: 8, data: Uint8Array.from([0xff, 0xff, 0xff]) }) },
  {
    code: 'ARCHIVE_DATA_BROKEN',
    name: 'cut stream',
    bytes: text({ method: 8, data: Uint8Array.from(deflateRawSync('hello').subarray(0, 4)) }),
  },
  {
    code: 'ARCHIVE_DATA_TRAILING',
    bytes: text({ method: 8, data: concat([deflateRawSync('hello'), utf8('hidden')]) }),
  },
  { code: 'ARCHIVE_SIZE_WRONG', bytes: text({ method: 8, unpackedBytes: 3 }) },
  { code: 'ARCHIVE_SIZE_WRONG', name: 'shorter than declared', bytes: text({ method: 8, unpackedBytes: 9 }) },
  {
    code: 'ARCHIVE_SIZE_WRONG',
    name: 'bomb behind a small declared size',
    bytes: () => rawGoodZip([{ ...bomb(60 * MIB), unpackedBytes: 1000 }]),
  },
  { code: 'ARCHIVE_CRC_WRONG', bytes: text({ crc32: 1 }) },
  {
    code: 'ARCHIVE_CRC_WRONG',
    name: 'with a data descriptor that repeats it',
    bytes: text({ flags: 8, crc32: 1, after: descriptor(1, 5, 5) }),
  },
];

function shiftedDirectory(): Uint8Array {
  const bytes = goodPackage();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 22;
  view.setUint32(end + 12, view.getUint32(end + 12, true) - 1, true);
  view.setUint32(end + 16, view.getUint32(end + 16, true) + 1, true);
  return bytes;
}

const long = (length: number): string => 'n'.repeat(length);

export const PATH_CORPUS: readonly BadPackage<keyof typeof PATH_CATALOGUE>[] = [
  { code: 'ARCHIVE_PATH_EMPTY', bytes: named('') },
  { code: 'ARCHIVE_PATH_EMPTY', name: 'only a separator', bytes: one({ name: '/' }) },
  { code: 'ARCHIVE_PATH_NOT_UTF8', bytes: named(Uint8Array.from([0x63, 0xe9, 0x2e, 0x74, 0x78, 0x74])) },
  {
    code: 'ARCHIVE_PATH_NOT_UTF8',
    name: 'overlong separator',
    bytes: named(Uint8Array.from([0x61, 0xc0, 0xaf, 0x62])),
  },
  { code: 'ARCHIVE_PATH_FLAG', bytes: one({ name: 'café.txt', flags: 0 }) },
  { code: 'ARCHIVE_PATH_NOT_NFC', bytes: named('cafe\u0301.txt') },
  { code: 'ARCHIVE_PATH_TOO_LONG', bytes: named(`${long(200)}/${long(200)}/${long(200)}.txt`) },
  { code: 'ARCHIVE_PATH_TOO_LONG', name: 'the longest a header can hold', bytes: named('é'.repeat(32_767)) },
  { code: 'ARCHIVE_PATH_SEGMENT_TOO_LONG', bytes: named(`${long(256)}.txt`) },
  { code: 'ARCHIVE_PATH_SEGMENT_TOO_LONG', name: 'counted in bytes', bytes: named(`${'é'.repeat(130)}.txt`) },
  { code: 'ARCHIVE_PATH_TOO_DEEP', bytes: named('a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q.txt') },
  { code: 'ARCHIVE_PATH_TRAVERSAL', bytes: named('assets/../../etc/passwd.txt') },
  { code: 'ARCHIVE_PATH_TRAVERSAL', name: 'single dot', bytes: named('./a.txt') },
  { code: 'ARCHIVE_PATH_TRAVERSAL', name: 'directory', bytes: one({ name: '../' }) },
  { code: 'ARCHIVE_PATH_ABSOLUTE', bytes: named('/etc/passwd.txt') },
  { code: 'ARCHIVE_PATH_BACKSLASH', bytes: named('..\\a.txt') },
  { code: 'ARCHIVE_PATH_COLON', bytes: named('C:/a.txt') },
  { code: 'ARCHIVE_PATH_COLON', name: 'alternate stream', bytes: named('a.txt:b.txt') },
  { code: 'ARCHIVE_PATH_EMPTY_SEGMENT', bytes: named('assets//a.txt') },
  { code: 'ARCHIVE_PATH_EMPTY_SEGMENT', name: 'double slash at the start', bytes: named('//host/a.txt') },
  { code: 'ARCHIVE_PATH_CONTROL', bytes: named('a\nb.txt') },
  { code: 'ARCHIVE_PATH_CONTROL', name: 'NUL', bytes: named('a.txt\0.png') },
  { code: 'ARCHIVE_PATH_CONTROL', name: 'C1', bytes: named('a\u009b.txt') },
  { code: 'ARCHIVE_PATH_BIDI', bytes: named('photo_\u202egnp.txt') },
  { code: 'ARCHIVE_PATH_DEVICE_NAME', bytes: named('assets/NUL.txt') },
  { code: 'ARCHIVE_PATH_DEVICE_NAME', name: 'folder', bytes: named('con/a.txt') },
  { code: 'ARCHIVE_PATH_DEVICE_NAME', name: 'two extensions', bytes: named('COM1.tar.txt') },
  { code: 'ARCHIVE_PATH_TRAILING', bytes: named('a.txt.') },
  { code: 'ARCHIVE_PATH_TRAILING', name: 'space of a folder', bytes: named('assets /a.txt') },
  { code: 'ARCHIVE_PATH_DUPLICATE', bytes: named('a.txt', 'a.txt') },
  { code: 'ARCHIVE_PATH_CASE_COLLISION', bytes: named('Logo.txt', 'logo.txt') },
  { code: 'ARCHIVE_PATH_CASE_COLLISION', name: 'long s', bytes: named('sun.txt', '\u017fun.txt') },
  { code: 'ARCHIVE_PATH_CASE_COLLISION', name: 'final sigma', bytes: named('σ.txt', 'ς.txt') },
  { code: 'ARCHIVE_PATH_FILE_AS_FOLDER', bytes: named('a.txt', 'a.txt/b.txt') },
  { code: 'ARCHIVE_PATH_FILE_AS_FOLDER', name: 'but for case', bytes: named('A.txt/b.txt', 'a.txt') },
  { code: 'ARCHIVE_PATH_FILE_AS_FOLDER', name: 'file and directory of one name', bytes: named('a.txt', 'a.txt/') },
];
