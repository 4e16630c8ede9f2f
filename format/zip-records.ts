/** Owns the byte layout of ZIP records (APPNOTE 6.3.10 §4.3): reads and writes fields, judges nothing. */

export const LOCAL_SIGNATURE = 0x04034b50;
export const CENTRAL_SIGNATURE = 0x02014b50;
export const END_SIGNATURE = 0x06054b50;
export const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
export const DESCRIPTOR_SIGNATURE = 0x08074b50;
export const LOCAL_BYTES = 30;
export const CENTRAL_BYTES = 46;
export const END_BYTES = 22;
export const ZIP64_LOCATOR_BYTES = 20;

export const FLAG_ENCRYPTED = 0x0001;
export const FLAG_DESCRIPTOR = 0x0008;
export const FLAG_UTF8 = 0x0800;
/** Bits 1 and 2 tell the compression level, which no reader needs. */
export const FLAGS_ALLOWED = 0x0006 | FLAG_DESCRIPTOR | FLAG_UTF8;

/** ZIP 2.0 has deflate and folders, and nothing that this format refuses. */
export const VERSION_NEEDED_MAX = 20;

export const METHOD_STORED = 0;
export const METHOD_DEFLATE = 8;

/** The fields that local and central headers share. */
interface CommonFields {
  /** "Version needed to extract": tenths. */
  readonly versionNeeded: number;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
}

export interface LocalRecord extends CommonFields {
  readonly nameBytes: Uint8Array;
  readonly extra: Uint8Array;
  /** Where the entry's data begins. */
  readonly dataOffset: number;
}

export interface CentralRecord extends CommonFields {
  readonly nameBytes: Uint8Array;
  readonly extra: Uint8Array;
  readonly commentBytes: number;
  readonly disk: number;
  /** Upper byte of "version made by": 3 is Unix, 19 is macOS. */
  readonly system: number;
  readonly externalAttributes: number;
  readonly localOffset: number;
  readonly recordBytes: number;
}

export interface EndRecord {
  readonly disk: number;
  readonly centralDisk: number;
  readonly entriesOnDisk: number;
  readonly entries: number;
  readonly centralBytes: number;
  readonly centralOffset: number;
  readonly commentBytes: number;
}

/** A view over the same bytes, without copying. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The 22 bytes of the end record at `offset`; null when it is none. */
export function readEnd(view: DataView, offset: number): EndRecord | null {
  if (offset < 0 || offset + END_BYTES > view.byteLength) return null;
  if (view.getUint32(offset, true) !== END_SIGNATURE) return null;
  return {
    disk: view.getUint16(offset + 4, true),
    centralDisk: view.getUint16(offset + 6, true),
    entriesOnDisk: view.getUint16(offset + 8, true),
    entries: view.getUint16(offset + 10, true),
    centralBytes: view.getUint32(offset + 12, true),
    centralOffset: view.getUint32(offset + 16, true),
    commentBytes: view.getUint16(offset + 20, true),
  };
}

/** The central record at `offset`, which must lie wholly before `limit`; null when it does not or is none. */
export function readCentral(bytes: Uint8Array, view: DataView, offset: number, limit: number): CentralRecord | null {
  if (offset + CENTRAL_BYTES > limit || view.getUint32(offset, true) !== CENTRAL_SIGNATURE) return null;
  const nameEnd = offset + CENTRAL_BYTES + view.getUint16(offset + 28, true);
  const extraEnd = nameEnd + view.getUint16(offset + 30, true);
  const commentBytes = view.getUint16(offset + 32, true);
  if (extraEnd + commentBytes > limit) return null;
  return {
    system: view.getUint8(offset + 5),
    versionNeeded: view.getUint16(offset + 6, true),
    flags: view.getUint16(offset + 8, true),
    method: view.getUint16(offset + 10, true),
    crc32: view.getUint32(offset + 16, true),
    packedBytes: view.getUint32(offset + 20, true),
    unpackedBytes: view.getUint32(offset + 24, true),
    nameBytes: bytes.subarray(offset + CENTRAL_BYTES, nameEnd),
    extra: bytes.subarray(nameEnd, extraEnd),
    commentBytes,
    disk: view.getUint16(offset + 34, true),
    externalAttributes: view.getUint32(offset + 38, true),
    localOffset: view.getUint32(offset + 42, true),
    recordBytes: extraEnd + commentBytes - offset,
  };
}

/** The local header at `offset`, which must lie wholly before `limit`; null when it does not or is none. */
export function readLocal(bytes: Uint8Array, view: DataView, offset: number, limit: number): LocalRecord | null {
  if (offset + LOCAL_BYTES > limit || view.getUint32(offset, true) !== LOCAL_SIGNATURE) return null;
  const nameEnd = offset + LOCAL_BYTES + view.getUint16(offset + 26, true);
  const extraEnd = nameEnd + view.getUint16(offset + 28, true);
  if (extraEnd > limit) return null;
  return {
    versionNeeded: view.getUint16(offset + 4, true),
    flags: view.getUint16(offset + 6, true),
    method: view.getUint16(offset + 8, true),
    crc32: view.getUint32(offset + 14, true),
    packedBytes: view.getUint32(offset + 18, true),
    unpackedBytes: view.getUint32(offset + 22, true),
    nameBytes: bytes.subarray(offset + LOCAL_BYTES, nameEnd),
    extra: bytes.subarray(nameEnd, extraEnd),
    dataOffset: extraEnd,
  };
}

type DescribedFields = Pick<CommonFields, 'crc32' | 'packedBytes' | 'unpackedBytes'>;

/**
 * Bytes of the data descriptor at `offset` when it agrees with `fields`: 16 with its signature, 12 without; null when
 * neither form agrees.
 */
export function descriptorBytes(view: DataView, offset: number, fields: DescribedFields): 12 | 16 | null {
  const agrees = (at: number): boolean =>
    at + 12 <= view.byteLength &&
    view.getUint32(at, true) === fields.crc32 &&
    view.getUint32(at + 4, true) === fields.packedBytes &&
    view.getUint32(at + 8, true) === fields.unpackedBytes;
  if (offset + 16 <= view.byteLength && view.getUint32(offset, true) === DESCRIPTOR_SIGNATURE && agrees(offset + 4)) {
    return 16;
  }
  return agrees(offset) ? 12 : null;
}
