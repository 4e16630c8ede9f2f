/** Owns what a picture of a listing must be. Pure; runs in a check thread, for it decodes every pixel. */
import { createHash } from 'node:crypto';
import { decodePng } from '../../format/assets/png.ts';
import { SCREENSHOT_CATALOGUE as CODES } from '../../format/catalogue/screenshots.ts';
import { type CatalogueEntry, finding } from '../../format/findings.ts';
import { repackPng } from '../platform/png.ts';
import type { ImageResult } from './messages.ts';

/** What a screenshot may be; bytes of the file, pixels a side. */
export const SCREENSHOT_LIMITS = Object.freeze({
  maxBytes: 4 * 1024 * 1024,
  minSide: 240,
  maxSide: 2560,
  /** 2,560 by 2,560 pixels of 4 bytes with a filter byte a line; seven interlaced passes a little more. */
  maxRawBytes: 2560 * (2560 * 4 + 1) + 64 * 1024,
});

/** The picture made anew, or one finding that says why it is refused. Never throws for bad input. */
export function readImage(bytes: Uint8Array): ImageResult {
  const { maxBytes, minSide, maxSide, maxRawBytes } = SCREENSHOT_LIMITS;
  if (bytes.length > maxBytes) return refused(CODES.SCREENSHOT_SIZE, `The image has ${bytes.length} bytes.`);
  const header = decodePng(bytes.subarray(0, HEADER_BYTES)).header;
  if (header !== null && (outside(header.width) || outside(header.height))) {
    const message = `The image has ${header.width} by ${header.height} pixels; each side must have ${minSide} to ${maxSide}.`;
    return refused(CODES.SCREENSHOT_SIZE, message);
  }
  // Sixteen bits a sample double the work for what no screen of a device shows.
  if (header !== null && header.bitDepth > 8)
    return refused(CODES.SCREENSHOT_NOT_PNG, 'The image has 16 bits a sample.');
  const decoded = decodePng(bytes);
  if (!decoded.ok) return refused(CODES.SCREENSHOT_NOT_PNG, `The image is refused: ${decoded.message}.`);
  const made = repackPng(bytes, maxRawBytes);
  const { width, height } = decoded.header;
  const sha256 = createHash('sha256').update(made).digest('hex');
  return { type: 'image', findings: [], image: { bytes: Uint8Array.from(made), sha256, width, height } };
}

/** Signature and IHDR with its CRC. */
const HEADER_BYTES = 8 + 25;

function outside(side: number): boolean {
  return side < SCREENSHOT_LIMITS.minSide || side > SCREENSHOT_LIMITS.maxSide;
}

function refused(entry: CatalogueEntry, message: string): ImageResult {
  return { type: 'image', findings: [finding(entry, message)], image: null };
}
