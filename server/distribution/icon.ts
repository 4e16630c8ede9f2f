/**
 * Owns making an icon fit to be served: what the store shows is made by us from the pixels, never the file that was uploaded.
 * It keeps the image's header, palette, transparency and pixels, and drops everything else a PNG can carry.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { decodePng } from '../../format/assets/png.ts';
import { crc32 } from '../../format/crc32.ts';

export const ICON_SIZES = [32, 64, 128] as const;
export type IconSize = (typeof ICON_SIZES)[number];

/** 128 by 128 pixels of 8 bytes with a filter byte a line take 131,200; seven interlaced passes a little more. */
const MAX_RAW_BYTES = 256 * 1024;
/** Kept beside the critical chunks: without it a palette loses its transparency. */
const KEPT = new Set(['IHDR', 'PLTE', 'tRNS']);
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A new PNG of the same pixels, or null when the bytes are no whole square PNG of `size` pixels. Never throws. */
export function reencodeIcon(bytes: Uint8Array, size: IconSize): Buffer | null {
  const decoded = decodePng(bytes);
  if (!decoded.ok || decoded.header.width !== size || decoded.header.height !== size) return null;
  // decodePng has checked every length and checksum that is walked here.
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Buffer[] = [];
  const data: Buffer[] = [];
  for (let at = SIGNATURE.length; at < source.length; ) {
    const length = source.readUInt32BE(at);
    const type = source.toString('latin1', at + 4, at + 8);
    const body = source.subarray(at + 8, at + 8 + length);
    if (type === 'IDAT') data.push(body);
    else if (KEPT.has(type)) kept.push(chunk(type, body));
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(data), { maxOutputLength: MAX_RAW_BYTES });
  return Buffer.concat([
    SIGNATURE,
    ...kept,
    chunk('IDAT', deflateSync(raw, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const whole = Buffer.alloc(body.length + 12);
  whole.writeUInt32BE(body.length, 0);
  whole.write(type, 4, 'latin1');
  body.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, body.length + 8)), body.length + 8);
  return whole;
}
