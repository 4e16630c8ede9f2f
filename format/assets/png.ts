/**
 * Owns the bounded decoding of a PNG (ISO/IEC 15948): every chunk, every CRC, every scan line. It gives no pixels.
 *
 * The compressed data is inflated in small steps and never beyond the size that the header promises.
 */
import { Unzlib } from 'fflate';
import { crc32 } from '../crc32.ts';

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colorType: number;
  readonly interlaced: boolean;
}
export type PngResult =
  | { readonly ok: true; readonly header: PngHeader }
  | { readonly ok: false; readonly message: string; readonly header: PngHeader | null };

/** What the decoder is ready to inflate: 2,048 by 2,048 pixels of 8 bytes. */
const MAX_RAW_BYTES = 2048 * (2048 * 8 + 1);
/** Encoders write chunks of 8 KiB and more; each takes its share of memory and time, however little is in it. */
const MAX_CHUNKS = 10_000;
/** Deflate makes at most 1,032 bytes of one, so one step makes at most 4.2 MB. */
const STEP_BYTES = 4096;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;

/** Samples in a pixel and the depths allowed, by colour type. */
const COLOR_TYPES: Readonly<Record<number, { readonly samples: number; readonly depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
/** What `tRNS` holds, by colour type; images with an alpha channel have none. */
const TRANSPARENT_COLOR_BYTES: Readonly<Record<number, number>> = { 0: 2, 2: 6 };
/** First column, first row, column step and row step of the seven passes of Adam7. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

class PngError extends Error {}

/** Whether the bytes begin as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Decodes a whole PNG; never throws, and inflates no more than the header says. */
export function decodePng(bytes: Uint8Array): PngResult {
  const decoder = new PngDecoder(bytes);
  try {
    return { ok: true, header: decoder.decode() };
  } catch (error) {
    if (error instanceof PngError) return { ok: false, message: error.message, header: decoder.header };
    throw error;
  }
}

class PngDecoder {
  header: PngHeader | null = null;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly data: Uint8Array[] = [];
  private paletteEntries = 0;
  private hasTransparency = false;
  private dataEnded = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  decode(): PngHeader {
    if (!isPng(this.bytes)) throw new PngError('it does not begin as a PNG');
    let pos = 8;
    for (let ended = false, chunks = 1; !ended; chunks++) {
      if (chunks > MAX_CHUNKS) throw new PngError(`it has more than ${MAX_CHUNKS} chunks`);
      if (pos + 12 > this.bytes.length) throw new PngError('it ends before its IEND chunk');
      const length = this.view.getUint32(pos);
      if (length > this.bytes.length - pos - 12) throw new PngError('a chunk goes past the end of the file');
      const type = String.fromCharCode(...this.bytes.subarray(pos + 4, pos + 8));
      if (!/^[A-Za-z]{4}$/.test(type)) throw new PngError('a chunk has no valid type');
      if (crc32(this.bytes.subarray(pos + 4, pos + 8 + length)) !== this.view.getUint32(pos + 8 + length))
        throw new PngError(`the CRC of the chunk ${type} is wrong`);
      this.chunk(type, pos + 8, length);
      pos += length + 12;
      ended = type === 'IEND';
    }
    if (pos !== this.bytes.length) throw new PngError('data follows its IEND chunk');
    return this.finish();
  }

  private chunk(type: string, at: number, length: number): void {
    if (this.header === null && type !== 'IHDR') throw new PngError('its first chunk is not IHDR');
    if (type !== 'IDAT' && this.data.length > 0) this.dataEnded = true;
    switch (type) {
      case 'IHDR':
        this.readHeader(at, length);
        return;
      case 'PLTE':
        this.readPalette(length);
        return;
      case 'tRNS':
        this.readTransparency(length);
        return;
      case 'IDAT':
        if (this.dataEnded) throw new PngError('its IDAT chunks are not together');
        this.data.push(this.bytes.subarray(at, at + length));
        return;
      case 'IEND':
        if (length !== 0) throw new PngError('its IEND chunk is not empty');
        return;
      default:
        // An upper-case first letter marks a chunk that no decoder may skip.
        if (type.charCodeAt(0) < 97) throw new PngError(`it has an unknown critical chunk ${type}`);
    }
  }

  private readHeader(at: number, length: number): void {
    if (this.header !== null || length !== 13) throw new PngError('its IHDR chunk is malformed');
    const width = this.view.getUint32(at);
    const height = this.view.getUint32(at + 4);
    const [bitDepth = 0, colorType = 0, compression, filter, interlace = 0] = this.bytes.subarray(at + 8, at + 13);
    if (width === 0 || height === 0 || width > 0x7fffffff || height > 0x7fffffff)
      throw new PngError('its size is not valid');
    if (COLOR_TYPES[colorType]?.depths.includes(bitDepth) !== true)
      throw new PngError(`colour type ${colorType} with ${bitDepth} bits does not exist`);
    if (compression !== 0 || filter !== 0 || interlace > 1) throw new PngError('its coding methods are not known');
    this.header = { width, height, bitDepth, colorType, interlaced: interlace === 1 };
  }

  private readPalette(length: number): void {
    const { header } = this;
    if (header === null || this.paletteEntries > 0 || this.data.length > 0 || length === 0 || length % 3 !== 0)
      throw new PngError('its palette is malformed or misplaced');
    if (header.colorType === 0 || header.colorType === 4) throw new PngError('a greyscale image has a palette');
    this.paletteEntries = length / 3;
    const most = header.colorType === 3 ? 2 ** header.bitDepth : 256;
    if (this.paletteEntries > most) throw new PngError('its palette is too large');
  }

  /** Its length says all: whoever makes an image anew keeps the chunk, so it has room for nothing else. */
  private readTransparency(length: number): void {
    const colorType = this.header?.colorType ?? 0;
    const fits =
      colorType === 3 ? length > 0 && length <= this.paletteEntries : length === TRANSPARENT_COLOR_BYTES[colorType];
    if (this.hasTransparency || this.data.length > 0 || !fits)
      throw new PngError('its transparency is malformed or misplaced');
    this.hasTransparency = true;
  }

  private finish(): PngHeader {
    const { header } = this;
    if (header === null || this.data.length === 0) throw new PngError('it has no image data');
    if (header.colorType === 3 && this.paletteEntries === 0) throw new PngError('its palette is missing');
    const passes = scanLines(header);
    const size = passes.reduce((sum, pass) => sum + pass.rows * pass.rowBytes, 0);
    if (size > MAX_RAW_BYTES) throw new PngError('it is too large to be decoded');
    checkFilters(inflate(this.data, size), passes);
    return header;
  }
}

interface Pass {
  readonly rows: number;
  /** With the filter byte. */
  readonly rowBytes: number;
}

function scanLines({ width, height, bitDepth, colorType, interlaced }: PngHeader): Pass[] {
  const bits = bitDepth * (COLOR_TYPES[colorType]?.samples ?? 0);
  const pass = (columns: number, rows: number): Pass =>
    columns > 0 && rows > 0 ? { rows, rowBytes: 1 + Math.ceil((columns * bits) / 8) } : { rows: 0, rowBytes: 0 };
  if (!interlaced) return [pass(width, height)];
  return ADAM7.map(([x, y, dx, dy]) => pass(Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)));
}

/** Inflates to exactly `size` bytes, and checks the Adler-32 that ends the stream. */
function inflate(parts: readonly Uint8Array[], size: number): Uint8Array {
  const raw = new Uint8Array(size);
  let filled = 0;
  const stream = new Unzlib((chunk) => {
    if (filled + chunk.length > size) throw new PngError('its image data is longer than its size says');
    raw.set(chunk, filled);
    filled += chunk.length;
  });
  const data = join(parts);
  if (data.length < 6) throw new PngError('its image data is cut off');
  try {
    for (let at = 0; at < data.length; at += STEP_BYTES)
      stream.push(data.subarray(at, at + STEP_BYTES), at + STEP_BYTES >= data.length);
  } catch (error) {
    if (error instanceof PngError) throw error;
    throw new PngError('its image data cannot be inflated');
  }
  if (filled < size) throw new PngError('its image data is shorter than its size says');
  const stored = new DataView(data.buffer, data.byteOffset + data.length - 4, 4).getUint32(0);
  if (stored !== adler32(raw)) throw new PngError('the checksum of its image data is wrong');
  return raw;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let at = 0; at < bytes.length; ) {
    // 3,800 additions of at most 255 to sums below 65,521 stay exact in 32 bits.
    for (const end = Math.min(at + 3800, bytes.length); at < end; at++) {
      a += bytes[at] ?? 0;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

function checkFilters(raw: Uint8Array, passes: readonly Pass[]): void {
  let at = 0;
  for (const { rows, rowBytes } of passes)
    for (let row = 0; row < rows; row++, at += rowBytes)
      if ((raw[at] ?? 0) > 4) throw new PngError('a scan line has an unknown filter');
}
