/**
 * Owns the structural rules of the container, docs/PACKAGE_FORMAT.md §1: a walk over every byte before any ZIP library sees
 * the file. It unpacks nothing, repairs nothing and never throws.
 */
import { checkEntry, type EntryKind } from './archive-entry.ts';
import { ARCHIVE_CATALOGUE as CODES } from './catalogue/archive.ts';
import { FindingList } from './finding-list.ts';
import type { Finding } from './findings.ts';
import { PACKAGE_LIMITS, type PackageLimits } from './limits.ts';
import { checkCollisions } from './paths.ts';
import { printable } from './text.ts';
import {
  type CentralRecord,
  descriptorBytes,
  END_BYTES,
  type EndRecord,
  FLAG_DESCRIPTOR,
  readCentral,
  readEnd,
  readLocal,
  viewOf,
  ZIP64_LOCATOR_BYTES,
  ZIP64_LOCATOR_SIGNATURE,
} from './zip-records.ts';

/** An entry whose structure was walked; sizes and CRC-32 are what the headers say, until the data was read. */
export interface ArchiveEntry {
  readonly path: string;
  readonly kind: EntryKind;
  readonly method: number;
  readonly crc32: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly localOffset: number;
  /** Where the packed data begins; 0 where the local header cannot be read. */
  readonly dataOffset: number;
}

export interface ArchiveReport {
  /** In the order of the file; to be used only when no finding is an error. */
  readonly entries: readonly ArchiveEntry[];
  readonly findings: readonly Finding[];
  readonly ok: boolean;
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly limits: PackageLimits;
  readonly findings: FindingList;
  readonly entries: ArchiveEntry[];
}

/** Walks the directory and every local header of a package. Work is linear in the file's size (sorting aside). */
export function walkArchive(bytes: Uint8Array, limits: PackageLimits = PACKAGE_LIMITS): ArchiveReport {
  const walk: Walk = { bytes, view: viewOf(bytes), limits, findings: new FindingList(limits.maxFindings), entries: [] };
  walkParts(walk);
  return { entries: walk.entries, findings: walk.findings.list(), ok: walk.findings.errors === 0 };
}

function walkParts(walk: Walk): void {
  const { bytes, limits, findings } = walk;
  if (bytes.length > limits.maxPackageBytes) {
    const message = `The package has ${bytes.length} bytes; at most ${limits.maxPackageBytes} are allowed.`;
    findings.add(CODES.ARCHIVE_TOO_LARGE, message);
    return;
  }
  const end = findEnd(walk);
  if (end === null || !checkEnd(end.record, end.offset, walk)) return;
  const records = walkDirectory(end.record, end.offset, walk);
  if (records === null) return;
  walkEntries(records, end.record.centralOffset, walk);
  const names = walk.entries.map((entry) => entry.path).filter((path) => path.length <= limits.maxPathBytes);
  checkCollisions(names, findings);
  checkTotal(walk);
}

/** The end record, which must be the last 22 bytes; where it is not, says what is in the way. */
function findEnd(walk: Walk): { record: EndRecord; offset: number } | null {
  const { bytes, view, findings } = walk;
  const last = bytes.length - END_BYTES;
  const record = readEnd(view, last);
  if (record !== null) {
    if (record.commentBytes === 0) return { record, offset: last };
    findings.add(CODES.ARCHIVE_COMMENT, `The archive announces a comment of ${record.commentBytes} bytes.`);
    return null;
  }
  for (let offset = last - 1; offset >= Math.max(0, last - 0xffff); offset -= 1) {
    if (bytes[offset] !== 0x50) continue;
    const earlier = readEnd(view, offset);
    if (earlier === null) continue;
    const extra = last - offset;
    if (earlier.commentBytes === extra) {
      findings.add(CODES.ARCHIVE_COMMENT, `The archive has a comment of ${extra} bytes.`);
    } else {
      findings.add(CODES.ARCHIVE_TRAILING_DATA, `${extra} bytes follow the end of the archive.`);
    }
    return null;
  }
  findings.add(CODES.ARCHIVE_NOT_ZIP, 'The file has no end-of-central-directory record.');
  return null;
}

/** Whether the directory can be walked within bounds: counts, disks and places of the end record. */
function checkEnd(end: EndRecord, endOffset: number, walk: Walk): boolean {
  const { view, limits, findings } = walk;
  const before = findings.errors;
  const locator = endOffset - ZIP64_LOCATOR_BYTES;
  const hasLocator = locator >= 0 && view.getUint32(locator, true) === ZIP64_LOCATOR_SIGNATURE;
  if (hasLocator || end.entries === 0xffff || end.centralBytes === 0xffffffff || end.centralOffset === 0xffffffff) {
    findings.add(CODES.ARCHIVE_ZIP64, 'The archive uses ZIP64 records.');
    return false;
  }
  if (end.disk !== 0 || end.centralDisk !== 0) {
    findings.add(CODES.ARCHIVE_MULTI_DISK, `The end record names disk ${Math.max(end.disk, end.centralDisk)}.`);
  }
  if (end.entriesOnDisk !== end.entries) {
    const message = `The end record counts ${end.entriesOnDisk} entries on this disk and ${end.entries} in all.`;
    findings.add(CODES.ARCHIVE_ENTRY_COUNT, message);
  }
  if (end.entries > limits.maxEntries) {
    const message = `The archive has ${end.entries} entries; at most ${limits.maxEntries} are allowed.`;
    findings.add(CODES.ARCHIVE_TOO_MANY_ENTRIES, message);
  }
  if (end.entries === 0) findings.add(CODES.ARCHIVE_EMPTY, 'The archive has no entries.');
  const centralEnd = end.centralOffset + end.centralBytes;
  if (centralEnd > endOffset) {
    findings.add(CODES.ARCHIVE_DIRECTORY_BROKEN, 'The central directory reaches past the end record.');
  } else if (centralEnd < endOffset) {
    const message = `${endOffset - centralEnd} bytes lie between the central directory and the end record.`;
    findings.add(CODES.ARCHIVE_GAP, message);
  }
  return findings.errors === before;
}

/** Every central record, or null when the directory does not hold exactly the announced ones. */
function walkDirectory(end: EndRecord, endOffset: number, walk: Walk): CentralRecord[] | null {
  const { bytes, view, findings } = walk;
  const records: CentralRecord[] = [];
  let offset = end.centralOffset;
  while (offset < endOffset && records.length < end.entries) {
    const record = readCentral(bytes, view, offset, endOffset);
    if (record === null) {
      const message = `The central directory cannot be read at byte ${offset} (entry ${records.length + 1}).`;
      findings.add(CODES.ARCHIVE_DIRECTORY_BROKEN, message);
      return null;
    }
    records.push(record);
    offset += record.recordBytes;
  }
  if (records.length === end.entries && offset === endOffset) return records;
  const more = records.length === end.entries ? 'more' : `only ${records.length}`;
  findings.add(CODES.ARCHIVE_ENTRY_COUNT, `The end record counts ${end.entries} entries; the directory has ${more}.`);
  return null;
}

/** Checks each entry by itself, then that local headers and data fill the file up to the directory without gap. */
function walkEntries(records: readonly CentralRecord[], centralOffset: number, walk: Walk): void {
  const { bytes, view, limits, findings } = walk;
  const spans: { start: number; end: number; name: string }[] = [];
  for (const record of records) {
    const local = readLocal(bytes, view, record.localOffset, centralOffset);
    const entry = checkEntry(record, local, limits, findings);
    walk.entries.push(entry);
    const name = printable(entry.path);
    if (local === null) continue;
    const dataEnd = local.dataOffset + record.packedBytes;
    const span = { start: record.localOffset, end: dataEnd, name };
    spans.push(span);
    if ((record.flags & FLAG_DESCRIPTOR) === 0) continue;
    const descriptor = descriptorBytes(view, dataEnd, record);
    if (descriptor === null) {
      const message = `The data descriptor of ${name} disagrees with the directory.`;
      findings.add(CODES.ARCHIVE_DESCRIPTOR_MISMATCH, message, { file: name });
    } else {
      span.end += descriptor;
    }
  }
  checkOrder(spans, findings);
  checkTiling(spans, centralOffset, findings);
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

function checkOrder(spans: readonly Span[], findings: FindingList): void {
  let start = -1;
  for (const span of spans) {
    if (span.start < start) {
      const message = `The central directory lists ${span.name} in another place than the file.`;
      findings.add(CODES.ARCHIVE_ORDER, message, { file: span.name });
      return;
    }
    start = span.start;
  }
}

/** Every byte before the directory belongs to exactly one span. */
function checkTiling(spans: readonly Span[], centralOffset: number, findings: FindingList): void {
  // A header or descriptor that could not be read leaves a hole that would say nothing new.
  const reportGaps = findings.errors === 0;
  let position = 0;
  for (const { start, end, name } of spans.toSorted((a, b) => a.start - b.start)) {
    if (start < position) {
      findings.add(CODES.ARCHIVE_OVERLAP, `${name} overlaps the entry before it.`, { file: name });
    } else if (start > position && reportGaps) {
      if (position === 0) findings.add(CODES.ARCHIVE_LEADING_DATA, `${start} bytes lie before the first entry.`);
      else findings.add(CODES.ARCHIVE_GAP, `${start - position} bytes lie unused before ${name}.`, { file: name });
    }
    position = Math.max(position, end);
  }
  if (position > centralOffset) {
    findings.add(CODES.ARCHIVE_OVERLAP, 'The last entry reaches into the central directory.');
  } else if (position < centralOffset && reportGaps) {
    findings.add(CODES.ARCHIVE_GAP, `${centralOffset - position} bytes lie unused before the central directory.`);
  }
}

function checkTotal(walk: Walk): void {
  const { limits, findings, entries } = walk;
  const total = entries.reduce((sum, entry) => sum + entry.unpackedBytes, 0);
  if (total <= limits.maxUnpackedBytes) return;
  const message = `The files declare ${total} bytes unpacked; at most ${limits.maxUnpackedBytes} are allowed.`;
  findings.add(CODES.ARCHIVE_UNPACKED_TOO_LARGE, message);
}
