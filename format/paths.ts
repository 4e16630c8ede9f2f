/** Owns the rules for names inside a package, docs/PACKAGE_FORMAT.md §1. It refuses names and never repairs one. */
import { PATH_CATALOGUE } from './catalogue/paths.ts';
import type { FindingList } from './finding-list.ts';
import type { PackageLimits } from './limits.ts';
import { foldCase, hasBidi, hasControl, printable } from './text.ts';

const DEVICE_NAME = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])$/i;

/** Bytes of a string in UTF-8, without encoding it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    // A surrogate pair is two units and four bytes; an unpaired surrogate is refused elsewhere.
    if (unit >= 0xd800 && unit <= 0xdfff) bytes += 1;
    else if (unit >= 0x800) bytes += 2;
    else if (unit >= 0x80) bytes += 1;
  }
  return bytes;
}

/** Adds a finding for each rule that a file's or (ending in `/`) directory's path breaks. */
export function checkPath(path: string, limits: PackageLimits, findings: FindingList): void {
  const shown = printable(path);
  const place = { file: shown };
  if (path === '' || path === '/') {
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_EMPTY, 'An entry has no name.', path === '' ? {} : place);
    return;
  }
  const bytes = utf8Length(path);
  if (bytes > limits.maxPathBytes) {
    const message = `The path ${shown} has ${bytes} bytes; at most ${limits.maxPathBytes} are allowed.`;
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_TOO_LONG, message, place);
    // The rules below work on the whole path; beyond its bound they stay unasked.
    return;
  }
  if (path.normalize('NFC') !== path) {
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_NOT_NFC, `The path ${shown} is not in Unicode NFC.`, place);
  }
  checkCharacters(path, findings);
  checkSegments(path, limits, findings);
}

function checkCharacters(path: string, findings: FindingList): void {
  const shown = printable(path);
  const place = { file: shown };
  if (hasControl(path)) {
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_CONTROL, `The path ${shown} has a control character.`, place);
  }
  if (hasBidi(path)) {
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_BIDI, `The path ${shown} has a bidirectional control.`, place);
  }
  if (path.includes('\\')) {
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_BACKSLASH, `The path ${shown} has a backslash.`, place);
  }
  if (path.includes(':')) findings.add(PATH_CATALOGUE.ARCHIVE_PATH_COLON, `The path ${shown} has a colon.`, place);
  if (path.startsWith('/')) findings.add(PATH_CATALOGUE.ARCHIVE_PATH_ABSOLUTE, `The path ${shown} is absolute.`, place);
}

function checkSegments(path: string, limits: PackageLimits, findings: FindingList): void {
  const shown = printable(path);
  const place = { file: shown };
  const relative = path.startsWith('/') ? path.slice(1) : path;
  const segments = (relative.endsWith('/') ? relative.slice(0, -1) : relative).split('/');
  if (segments.length > limits.maxPathDepth) {
    const message = `The path ${shown} has ${segments.length} segments; at most ${limits.maxPathDepth} are allowed.`;
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_TOO_DEEP, message, place);
  }
  const broken = new Set<keyof typeof PATH_CATALOGUE>();
  for (const segment of segments) {
    const problem = segmentProblem(segment, limits);
    if (problem !== null) broken.add(problem);
  }
  for (const code of broken) {
    const entry = PATH_CATALOGUE[code];
    findings.add(entry, `The path ${shown} is refused: ${entry.title.toLowerCase()}.`, place);
  }
}

function segmentProblem(segment: string, limits: PackageLimits): keyof typeof PATH_CATALOGUE | null {
  if (segment === '') return 'ARCHIVE_PATH_EMPTY_SEGMENT';
  if (segment === '.' || segment === '..') return 'ARCHIVE_PATH_TRAVERSAL';
  if (utf8Length(segment) > limits.maxSegmentBytes) return 'ARCHIVE_PATH_SEGMENT_TOO_LONG';
  // Windows opens the device whatever follows the first dot, and ignores spaces before it.
  if (DEVICE_NAME.test((segment.split('.')[0] ?? '').trimEnd())) return 'ARCHIVE_PATH_DEVICE_NAME';
  return segment.endsWith('.') || segment.endsWith(' ') ? 'ARCHIVE_PATH_TRAILING' : null;
}

/** Adds a finding for each path that collides with another: equal, equal but for case, or a file used as a folder. */
export function checkCollisions(paths: readonly string[], findings: FindingList): void {
  const names = new Map<string, string>();
  const keys: string[] = [];
  for (const path of paths) {
    const name = path.endsWith('/') ? path.slice(0, -1) : path;
    const key = foldCase(name);
    const earlier = names.get(key);
    const shown = printable(path);
    if (earlier === undefined) {
      names.set(key, path);
      keys.push(key);
    } else if (earlier === path) {
      findings.add(PATH_CATALOGUE.ARCHIVE_PATH_DUPLICATE, `${shown} appears more than once.`, { file: shown });
    } else if (earlier === `${path}/` || path === `${earlier}/`) {
      const message = `${shown} is a file and a folder.`;
      findings.add(PATH_CATALOGUE.ARCHIVE_PATH_FILE_AS_FOLDER, message, { file: shown });
    } else {
      const message = `${shown} and ${printable(earlier)} differ only in case or form.`;
      findings.add(PATH_CATALOGUE.ARCHIVE_PATH_CASE_COLLISION, message, { file: shown });
    }
  }
  for (const key of keys) checkParents(key, names, findings);
}

function checkParents(key: string, names: ReadonlyMap<string, string>, findings: FindingList): void {
  for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1)) {
    const parent = names.get(key.slice(0, slash));
    if (parent === undefined || parent.endsWith('/')) continue;
    const shown = printable(names.get(key) ?? key);
    const message = `${printable(parent)} is a file, but ${shown} lies in it.`;
    findings.add(PATH_CATALOGUE.ARCHIVE_PATH_FILE_AS_FOLDER, message, { file: shown });
  }
}
