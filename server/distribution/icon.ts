/** Owns making an icon fit to be served: what the store shows is made by us from the pixels, never the file that was uploaded. */
import { decodePng } from '../../format/assets/png.ts';
import { repackPng } from '../platform/png.ts';

export const ICON_SIZES = [32, 64, 128] as const;
export type IconSize = (typeof ICON_SIZES)[number];

/** 128 by 128 pixels of 8 bytes with a filter byte a line take 131,200; seven interlaced passes a little more. */
const MAX_RAW_BYTES = 256 * 1024;

/** A new PNG of the same pixels, or null when the bytes are no whole square PNG of `size` pixels. Never throws. */
export function reencodeIcon(bytes: Uint8Array, size: IconSize): Buffer | null {
  const decoded = decodePng(bytes);
  if (!decoded.ok || decoded.header.width !== size || decoded.header.height !== size) return null;
  return repackPng(bytes, MAX_RAW_BYTES);
}
