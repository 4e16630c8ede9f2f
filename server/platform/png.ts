/**
 * Owns making a PNG anew from what matters in it: header, palette, transparency and pixels. Everything else a PNG can carry is
 * dropped. It judges no image: format/assets/png.ts does.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { crc32 } from '../../format/crc32.ts';

/** Kept beside the pixels: without `tRNS` a palette loses its transparency. */
const KEPT = new Set(['IHDR', 'PLTE', 'tRNS']);
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * A new PNG of the same pixels. Only for bytes that `decodePng` has accepted, which checks every length and checksum that is
 * walked here. Throws when the pixels take more than `maxRawBytes`.
 */
export function repackPng(bytes: Uint8Array, maxRawBytes: number): Buffer {
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
  const raw = inflateSync(Buffer.concat(data), { maxOutputLength: maxRawBytes });
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
