/** Owns what kinds of files a package may hold, docs/PACKAGE_FORMAT.md §2: a file is what its bytes say. It parses none. */
import { CONTENTS_CATALOGUE as CODES } from './catalogue/contents.ts';
import type { FindingList } from './finding-list.ts';
import { SIGNATURE_PATH } from './layout.ts';
import { isUtf8, printable } from './text.ts';
import { END_BYTES, readCentral, readEnd, viewOf } from './zip-records.ts';

export const TEXT_TYPES = ['.json', '.rml', '.rcss', '.lua', '.txt', '.md'] as const;
export const MEDIA_TYPES = [
  '.png',
  '.jpg',
  '.jpeg',
  '.webp',
  '.ttf',
  '.otf',
  '.woff2',
  '.wav',
  '.ogg',
  '.mp3',
] as const;
type MediaType = (typeof MEDIA_TYPES)[number];

const LUA_BYTECODE = 0x1b;

const ELF = [0x7f, 0x45, 0x4c, 0x46];
const MACH_O = [
  [0xfe, 0xed, 0xfa, 0xce],
  [0xfe, 0xed, 0xfa, 0xcf],
  [0xce, 0xfa, 0xed, 0xfe],
  [0xcf, 0xfa, 0xed, 0xfe],
  [0xca, 0xfe, 0xba, 0xbe],
  [0xbe, 0xba, 0xfe, 0xca],
];

const ARCHIVES: readonly { readonly name: string; readonly magic: readonly number[]; readonly at?: number }[] = [
  { name: 'ZIP', magic: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'ZIP', magic: [0x50, 0x4b, 0x05, 0x06] },
  { name: 'ZIP', magic: [0x50, 0x4b, 0x07, 0x08] },
  { name: 'gzip', magic: [0x1f, 0x8b, 0x08] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: '7z', magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  { name: 'RAR', magic: [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'ar', magic: [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e, 0x0a] },
  { name: 'cab', magic: [0x4d, 0x53, 0x43, 0x46, 0x00, 0x00, 0x00, 0x00] },
  { name: 'tar', magic: [0x75, 0x73, 0x74, 0x61, 0x72], at: 257 },
];

const MEDIA: Readonly<Record<MediaType, (bytes: Uint8Array) => boolean>> = {
  '.png': (b) => startsWith(b, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  '.jpg': (b) => startsWith(b, [0xff, 0xd8, 0xff]),
  '.jpeg': (b) => startsWith(b, [0xff, 0xd8, 0xff]),
  '.webp': (b) => startsWith(b, ascii('RIFF')) && startsWith(b, ascii('WEBP'), 8),
  '.ttf': (b) => startsWith(b, [0, 1, 0, 0]) || startsWith(b, ascii('true')),
  // OpenType fonts with TrueType outlines keep the older version number.
  '.otf': (b) => startsWith(b, ascii('OTTO')) || startsWith(b, [0, 1, 0, 0]),
  '.woff2': (b) => startsWith(b, ascii('wOF2')),
  '.wav': (b) => startsWith(b, ascii('RIFF')) && startsWith(b, ascii('WAVE'), 8),
  '.ogg': (b) => startsWith(b, ascii('OggS')),
  // An ID3 tag, or a frame header: eleven sync bits, a version that exists, layer III.
  '.mp3': (b) =>
    startsWith(b, ascii('ID3')) || (b[0] === 0xff && ((b[1] ?? 0) & 0xe6) === 0xe2 && ((b[1] ?? 0) & 0x18) !== 0x08),
};

/** Adds a finding when the file's type is not allowed or its bytes are of another type than its name. */
export function checkContent(path: string, bytes: Uint8Array, findings: FindingList): void {
  const file = printable(path);
  const hidden = hiddenContent(bytes);
  if (hidden !== null) {
    findings.add(hidden.entry, `${file} is ${hidden.what}.`, { file });
    return;
  }
  const type = path === SIGNATURE_PATH ? '.json' : typeOf(path);
  const media = MEDIA_TYPES.find((known) => known === type);
  if (media !== undefined) {
    if (!MEDIA[media](bytes)) {
      findings.add(CODES.CONTENT_TYPE_MISMATCH, `${file} does not begin like a ${media} file.`, { file });
    }
  } else if (TEXT_TYPES.some((known) => known === type)) {
    checkText(file, type, bytes, findings);
  } else {
    const what = type === '' ? 'no extension' : `the extension ${printable(type, 20)}`;
    findings.add(CODES.CONTENT_TYPE_NOT_ALLOWED, `${file} has ${what}, which is not allowed.`, { file });
  }
}

/** The extension with its dot, as written; empty when there is none or nothing before it. */
export function typeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot);
}

function checkText(file: string, type: string, bytes: Uint8Array, findings: FindingList): void {
  if (type === '.lua' && bytes[0] === LUA_BYTECODE) {
    findings.add(CODES.CONTENT_LUA_COMPILED, `${file} begins with the byte 0x1B of compiled Lua.`, { file });
    return;
  }
  const nul = bytes.indexOf(0);
  if (nul !== -1) findings.add(CODES.CONTENT_TEXT_NUL, `${file} has a NUL at byte ${nul}.`, { file });
  else if (!isUtf8(bytes)) findings.add(CODES.CONTENT_TEXT_NOT_UTF8, `${file} is not UTF-8.`, { file });
}

function hiddenContent(bytes: Uint8Array): { entry: (typeof CODES)[keyof typeof CODES]; what: string } | null {
  const executable = executableKind(bytes);
  if (executable !== null) return { entry: CODES.CONTENT_EXECUTABLE, what: `a native program (${executable})` };
  const archive = ARCHIVES.find(({ magic, at }) => startsWith(bytes, magic, at));
  if (archive !== undefined) return { entry: CODES.CONTENT_NESTED_ARCHIVE, what: `an archive (${archive.name})` };
  if (endsAsZip(bytes)) return { entry: CODES.CONTENT_NESTED_ARCHIVE, what: 'also a ZIP archive, appended to it' };
  return null;
}

function executableKind(bytes: Uint8Array): string | null {
  if (startsWith(bytes, ELF)) return 'ELF';
  if (MACH_O.some((magic) => startsWith(bytes, magic))) return 'Mach-O';
  // A text may begin with the letters MZ; a DOS header has NUL bytes and 64 of them.
  const dos = bytes.length >= 64 && startsWith(bytes, ascii('MZ')) && bytes.subarray(0, 64).includes(0);
  return dos ? 'PE' : null;
}

/** Whether a ZIP reader, which looks from the end, would find an archive here. */
function endsAsZip(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const lowest = Math.max(0, bytes.length - END_BYTES - 0xffff);
  for (let offset = bytes.length - END_BYTES; offset >= lowest; offset -= 1) {
    // The first two letters are compared here, without a call: this loop runs over the tail of every file.
    if (bytes[offset] !== 0x50 || bytes[offset + 1] !== 0x4b) continue;
    const end = readEnd(view, offset);
    if (end === null) continue;
    const directory = offset - end.centralBytes;
    if (directory >= 0 && readCentral(bytes, view, directory, offset) !== null) return true;
  }
  return false;
}

function startsWith(bytes: Uint8Array, magic: readonly number[], at = 0): boolean {
  return bytes.length >= at + magic.length && magic.every((byte, i) => bytes[at + i] === byte);
}

function ascii(text: string): number[] {
  return [...text].map((c) => c.charCodeAt(0));
}
