/**
 * Owns packages as deltas of earlier ones, in the form of RFC 9842 (`dcz`): fixed bytes, the SHA-256 of the dictionary, a zstd
 * frame. Server and device share it. It reads no file, and says nothing of whether the result is to be trusted.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** A zstd skippable frame of 32 bytes, whose content is the hash (RFC 9842 §5). */
const MAGIC = Uint8Array.of(0x5e, 0x2a, 0x4d, 0x18, 0x20, 0x00, 0x00, 0x00);
const HASH_BYTES = 32;
export const DELTA_HEADER_BYTES = MAGIC.length + HASH_BYTES;

const ZSTD_MAGIC = 0xfd2fb528;
const MIB = 1024 * 1024;
const LEVEL = 19;

/** Whether this Node has zstd with dictionaries; the command line also runs on older ones, which take whole packages. */
export const KNOWS_DELTAS = typeof zlib.zstdDecompress === 'function';

/** The bytes are no delta, of another dictionary, or of more than was announced. */
export class DeltaUnfit extends Error {
  override readonly name = 'DeltaUnfit';
}

/** The largest window a frame may ask for (RFC 9842 §5): 8 MiB or 1.25 times the dictionary, at most 128 MiB. */
export function maxWindowBytes(dictionaryBytes: number): number {
  return Math.min(128 * MIB, Math.max(8 * MIB, Math.floor(dictionaryBytes * 1.25)));
}

/** The delta that makes `target` of `dictionary`. Takes about a second a megabyte, in the thread pool. */
export async function encodeDelta(target: Uint8Array, dictionary: Uint8Array): Promise<Buffer> {
  const { constants } = zlib;
  const frame = await promisify(zlib.zstdCompress)(target, {
    dictionary,
    pledgedSrcSize: target.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_windowLog]: Math.floor(Math.log2(maxWindowBytes(dictionary.length))),
      [constants.ZSTD_c_checksumFlag]: 0,
    },
  });
  return Buffer.concat([MAGIC, createHash('sha256').update(dictionary).digest(), frame]);
}

/** The SHA-256 (hex) of the dictionary that a delta needs, or null for bytes that are none. */
export function dictionaryOf(delta: Uint8Array): string | null {
  if (delta.length <= DELTA_HEADER_BYTES || MAGIC.some((byte, at) => delta[at] !== byte)) return null;
  return Buffer.from(delta.subarray(MAGIC.length, DELTA_HEADER_BYTES)).toString('hex');
}

/**
 * The `sizeBytes` that the delta makes of the dictionary. Throws DeltaUnfit; never makes more bytes than announced, and takes
 * no frame whose window is over what the RFC allows.
 */
export async function decodeDelta(delta: Uint8Array, dictionary: Uint8Array, sizeBytes: number): Promise<Buffer> {
  const wanted = dictionaryOf(delta);
  if (wanted === null) throw new DeltaUnfit('These bytes are no delta.');
  if (wanted !== createHash('sha256').update(dictionary).digest('hex'))
    throw new DeltaUnfit(`The delta needs the dictionary ${wanted}.`);
  const frame = delta.subarray(DELTA_HEADER_BYTES);
  const window = windowOf(frame);
  if (window === null || window > maxWindowBytes(dictionary.length))
    throw new DeltaUnfit('The frame of the delta is damaged or asks for too much memory.');
  let made: Buffer;
  try {
    made = await promisify(zlib.zstdDecompress)(frame, { dictionary, maxOutputLength: Math.max(1, sizeBytes) });
  } catch (cause) {
    throw new DeltaUnfit('The delta is damaged, or makes more bytes than were announced.', { cause });
  }
  if (made.length !== sizeBytes) throw new DeltaUnfit(`The delta makes ${made.length} bytes instead of ${sizeBytes}.`);
  return made;
}

/** Bytes of the window of the first frame (RFC 8878 §3.1.1.1), or null where none begins. */
function windowOf(frame: Uint8Array): number | null {
  if (frame.length < 6) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) return null;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const window = view.getUint8(5);
    const base = 2 ** (10 + (window >> 3));
    return base + (base / 8) * (window & 7);
  }
  // The window is the content, whose size follows the dictionary's id.
  const at = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  const sizeBytes = [1, 2, 4, 8][descriptor >> 6] ?? 1;
  if (frame.length < at + sizeBytes) return null;
  switch (sizeBytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}
