/** Owns turning loose files into contents under the rules of a package, docs/PACKAGE_FORMAT.md §1. It reads no disk. */
import { ARCHIVE_CATALOGUE as CODES } from './catalogue/archive.ts';
import type { PackageContents } from './check.ts';
import { FindingList } from './finding-list.ts';
import type { Finding } from './findings.ts';
import { PACKAGE_LIMITS, type PackageLimits } from './limits.ts';
import { checkCollisions, checkPath } from './paths.ts';
import { contentsOf, type FileRecord } from './reader.ts';
import { printable } from './text.ts';

export interface FolderReading {
  /** Null when any finding is an error. */
  readonly contents: PackageContents | null;
  readonly entries: readonly FileRecord[];
  readonly findings: readonly Finding[];
}

/**
 * Contents of files by relative path (`/` between segments), refused by the same rules for names, counts and sizes, with the
 * same codes, as a package made of them.
 */
export function contentsFromFiles(
  files: ReadonlyMap<string, Uint8Array>,
  limits: PackageLimits = PACKAGE_LIMITS,
): FolderReading {
  const findings = new FindingList(limits.maxFindings);
  checkAmounts(files, limits, findings);
  for (const path of files.keys()) checkPath(path, limits, findings);
  checkCollisions([...files.keys()], findings);
  if (findings.errors > 0) return { contents: null, entries: [], findings: findings.list() };
  return { ...contentsOf(files), findings: findings.list() };
}

function checkAmounts(files: ReadonlyMap<string, Uint8Array>, limits: PackageLimits, findings: FindingList): void {
  if (files.size === 0) findings.add(CODES.ARCHIVE_EMPTY, 'There are no files.');
  if (files.size > limits.maxEntries) {
    const message = `There are ${files.size} files; at most ${limits.maxEntries} are allowed.`;
    findings.add(CODES.ARCHIVE_TOO_MANY_ENTRIES, message);
  }
  let total = 0;
  for (const [path, bytes] of files) {
    total += bytes.length;
    if (bytes.length <= limits.maxFileBytes) continue;
    const file = printable(path);
    const message = `${file} has ${bytes.length} bytes; at most ${limits.maxFileBytes} are allowed.`;
    findings.add(CODES.ARCHIVE_FILE_TOO_LARGE, message, { file });
  }
  if (total > limits.maxUnpackedBytes) {
    const message = `The files have ${total} bytes together; at most ${limits.maxUnpackedBytes} are allowed.`;
    findings.add(CODES.ARCHIVE_UNPACKED_TOO_LARGE, message);
  }
}
