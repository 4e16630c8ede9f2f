/** Owns packages for tests, in memory: good ones by `goodPackage`, and hostile ones by a ZIP writer that can lie in each field. */
import { crc32, deflateRawSync } from 'node:zlib';
import { buildPackage } from '../../format/canonical.ts';
import { signPackage } from '../../format/package-signature.ts';

const encoder = new TextEncoder();

/** UTF-8 of a text. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** A secret key for tests only. */
export const TEST_SECRET_KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
export const OTHER_SECRET_KEY = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);

export const GOOD_MANIFEST = {
  id: 'com.example.hello',
  name: 'Hello',
  version: '1.2.3',
  version_code: 7,
  entry: 'assets/main.rml',
  permissions: ['storage'],
  min_mosis_version: '1.0.0',
  author: { name: 'Ada', email: 'ada@example.com' },
  icons: { '64': 'icons/64.png' },
  description: 'Says hello.',
  homepage: 'https://example.com/hello',
  default_locale: 'en',
};

export interface GoodPackageOptions {
  /** Merged into the manifest; a value of undefined removes the key. */
  readonly manifest?: Record<string, unknown>;
  /** Added to the files or replacing one; null removes it. */
  readonly files?: Record<string, Uint8Array | string | null>;
  /** Secret key to sign with; null leaves the package unsigned. */
  readonly secretKey?: Uint8Array | null;
}

/** A valid PNG of one colour. */
export function png(width: number, height = width): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = new Uint8Array(height * (1 + width * 3)).map((_, i) => (i % (1 + width * 3) === 0 ? 0 : 0x55));
  const zlibStream = Buffer.concat([Buffer.from([0x78, 0x9c]), deflateRawSync(rows), adler32(rows)]);
  return concat([
    Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('IDAT', zlibStream),
    pngChunk('IEND', new Uint8Array()),
  ]);
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat([utf8(type), data]);
  return concat([u32be(data.length), body, u32be(crc32(body))]);
}

function adler32(bytes: Uint8Array): Uint8Array {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return u32be(((b << 16) | a) >>> 0);
}

function u32be(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Several byte strings as one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** The files of a small valid app, with what the caller changes; signed unless `secretKey` is null. */
export function goodFiles(options: GoodPackageOptions = {}): Map<string, Uint8Array> {
  const manifest = { ...GOOD_MANIFEST, ...options.manifest };
  const files = new Map<string, Uint8Array>([
    ['manifest.json', utf8(JSON.stringify(manifest, null, 2))],
    [
      'assets/main.rml',
      utf8(
        '<rml>\n<head>\n<link type="text/rcss" href="main.rcss"/>\n<script src="main.lua"></script>\n</head>\n<body><p>Hello</p></body>\n</rml>\n',
      ),
    ],
    ['assets/main.rcss', utf8('body { color: #222222; }\n')],
    ['assets/main.lua', utf8('local saved = mosis.storage.get("greeting")\nreturn saved\n')],
    ['icons/64.png', png(64)],
    ['locales/en.json', utf8('{"hello": "Hello"}\n')],
  ]);
  for (const [path, content] of Object.entries(options.files ?? {})) {
    if (content === null) files.delete(path);
    else files.set(path, typeof content === 'string' ? utf8(content) : content);
  }
  const { secretKey = TEST_SECRET_KEY } = options;
  if (secretKey !== null && options.files?.['signature.sig'] === undefined) {
    files.set('signature.sig', signPackage(files, secretKey));
  }
  return files;
}

/** The canonical package of `goodFiles`. */
export function goodPackage(options: GoodPackageOptions = {}): Uint8Array {
  return buildPackage(goodFiles(options));
}

/** One entry of a raw ZIP; every field that is left out gets its honest value. */
export interface RawEntry {
  readonly name: string | Uint8Array;
  readonly content?: Uint8Array | string;
  readonly method?: number;
  /** The packed bytes as they stand in the file, whatever `content` and `method` are. */
  readonly data?: Uint8Array;
  readonly flags?: number;
  readonly crc32?: number;
  readonly packedBytes?: number;
  readonly unpackedBytes?: number;
  readonly extra?: Uint8Array;
  readonly comment?: Uint8Array;
  readonly versionNeeded?: number;
  readonly disk?: number;
  readonly madeBySystem?: number;
  /** Unix mode, such as 0o100644. */
  readonly mode?: number;
  readonly externalAttributes?: number;
  readonly localOffset?: number;
  /** Fields of the local header that differ from the directory's. */
  readonly local?: {
    readonly name?: string | Uint8Array;
    readonly method?: number;
    readonly flags?: number;
    readonly crc32?: number;
    readonly packedBytes?: number;
    readonly unpackedBytes?: number;
    readonly extra?: Uint8Array;
    readonly signature?: number;
    readonly versionNeeded?: number;
  };
  /** Bytes right after the data, such as a data descriptor. */
  readonly after?: Uint8Array;
  /** Bytes before the local header. */
  readonly before?: Uint8Array;
  /** Leave it out of the central directory, or of the file. */
  readonly omit?: 'central' | 'local';
}

/** What a raw ZIP says of itself in its end record, and what stands around its parts. */
export interface RawArchive {
  readonly beforeCentral?: Uint8Array;
  readonly beforeEnd?: Uint8Array;
  readonly afterEnd?: Uint8Array;
  readonly comment?: Uint8Array;
  readonly commentBytes?: number;
  readonly disk?: number;
  readonly centralDisk?: number;
  readonly entries?: number;
  readonly entriesOnDisk?: number;
  readonly centralBytes?: number;
  readonly centralOffset?: number;
  /** Order of the central directory, as indexes of the entries. */
  readonly order?: readonly number[];
}

const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? utf8(value) : value);

function u16(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff]));
}

function u32(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((v) => [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, (v >>> 24) & 0xff]));
}

/** A data descriptor, with or without its signature. */
export function descriptor(crc: number, packedBytes: number, unpackedBytes: number, withSignature = true): Uint8Array {
  return concat([withSignature ? u32(0x08074b50) : new Uint8Array(), u32(crc, packedBytes, unpackedBytes)]);
}

/** An extra field with this id. */
export function extraField(id: number, data: Uint8Array): Uint8Array {
  return concat([u16(id, data.length), data]);
}

interface PreparedEntry {
  readonly raw: RawEntry;
  readonly name: Uint8Array;
  readonly data: Uint8Array;
  readonly shared: { flags: number; method: number; crc32: number; packedBytes: number; unpackedBytes: number };
}

function prepare(raw: RawEntry): PreparedEntry {
  const name = bytesOf(raw.name);
  const content = bytesOf(raw.content ?? '');
  const method = raw.method ?? 0;
  const data = raw.data ?? (method === 8 ? Uint8Array.from(deflateRawSync(content)) : content);
  const flags = raw.flags ?? (name.some((byte) => byte >= 0x80) ? 0x0800 : 0);
  const shared = {
    flags,
    method,
    crc32: raw.crc32 ?? crc32(content),
    packedBytes: raw.packedBytes ?? data.length,
    unpackedBytes: raw.unpackedBytes ?? content.length,
  };
  return { raw, name, data, shared };
}

function localPart({ raw, name, data, shared }: PreparedEntry): Uint8Array {
  const local = { ...shared, ...raw.local };
  const localName = raw.local?.name === undefined ? name : bytesOf(raw.local.name);
  const extra = raw.local?.extra ?? raw.extra ?? new Uint8Array();
  return concat([
    u32(raw.local?.signature ?? 0x04034b50),
    u16(raw.local?.versionNeeded ?? raw.versionNeeded ?? 20, local.flags, local.method, 0, 0x21),
    u32(local.crc32, local.packedBytes, local.unpackedBytes),
    u16(localName.length, extra.length),
    localName,
    extra,
    data,
    raw.after ?? new Uint8Array(),
  ]);
}

function centralPart({ raw, name, shared }: PreparedEntry, offset: number): Uint8Array {
  const extra = raw.extra ?? new Uint8Array();
  const comment = raw.comment ?? new Uint8Array();
  const attributes = raw.externalAttributes ?? ((raw.mode ?? 0) << 16) >>> 0;
  return concat([
    u32(0x02014b50),
    u16(((raw.madeBySystem ?? 3) << 8) | 20, raw.versionNeeded ?? 20, shared.flags, shared.method, 0, 0x21),
    u32(shared.crc32, shared.packedBytes, shared.unpackedBytes),
    u16(name.length, extra.length, comment.length, raw.disk ?? 0, 0),
    u32(attributes, raw.localOffset ?? offset),
    name,
    extra,
    comment,
  ]);
}

/** A ZIP written byte by byte as told, honest where nothing is told. */
export function rawZip(entries: readonly RawEntry[], archive: RawArchive = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  const centrals: Uint8Array[] = [];
  let offset = 0;
  const push = (part: Uint8Array): void => {
    parts.push(part);
    offset += part.length;
  };
  for (const raw of entries) {
    const prepared = prepare(raw);
    if (raw.before !== undefined) push(raw.before);
    if (raw.omit !== 'central') centrals.push(centralPart(prepared, offset));
    if (raw.omit !== 'local') push(localPart(prepared));
  }
  if (archive.beforeCentral !== undefined) push(archive.beforeCentral);
  const centralOffset = offset;
  const ordered = (archive.order ?? centrals.keys().toArray()).map((i) => centrals[i] ?? new Uint8Array());
  const central = concat(ordered);
  push(central);
  if (archive.beforeEnd !== undefined) push(archive.beforeEnd);
  const comment = archive.comment ?? new Uint8Array();
  const count = archive.entries ?? ordered.length;
  push(u32(0x06054b50));
  push(u16(archive.disk ?? 0, archive.centralDisk ?? 0, archive.entriesOnDisk ?? count, count));
  push(u32(archive.centralBytes ?? central.length, archive.centralOffset ?? centralOffset));
  push(u16(archive.commentBytes ?? comment.length));
  push(comment);
  if (archive.afterEnd !== undefined) push(archive.afterEnd);
  return concat(parts);
}

/** A raw ZIP of the good files, with entries and archive fields changed. */
export function rawGoodZip(extra: readonly RawEntry[] = [], archive: RawArchive = {}): Uint8Array {
  const entries = [...goodFiles()].map(([name, content]): RawEntry => ({ name, content, method: 8 }));
  return rawZip([...entries, ...extra], archive);
}
