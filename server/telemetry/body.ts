/** Owns getting from a device's request to the JSON value in it: content type, gzip and zstd within bounds, UTF-8, JSON. */
import { isAscii, isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { z } from 'zod';
import { DomainError } from '../errors.ts';
import { readBody } from '../http/body.ts';
import { TELEMETRY_LIMITS } from './limits.ts';

const DECODERS = { gzip: promisify(gunzip), zstd: unpackZstd } as const;

/** The one frame that the bytes are. Node reads no further than its end and does not say so: what follows is refused here. */
function unpackZstd(raw: Buffer, { maxOutputLength }: { readonly maxOutputLength: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // With `info` the result says how much was read, which the types do not know.
    const done = (error: Error | null, result: unknown): void => {
      const unpacked = zstdResult.safeParse(result);
      if (error !== null) reject(error);
      else if (!unpacked.success) reject(unpacked.error);
      else if (unpacked.data.engine.bytesWritten < raw.length) reject(new Error('bytes after the frame'));
      else resolve(unpacked.data.buffer);
    };
    zstdDecompress(raw, { maxOutputLength, info: true }, done);
  });
}

const zstdResult = z.object({ buffer: z.instanceof(Buffer), engine: z.object({ bytesWritten: z.number() }) });

/** One of the seats for bodies that take long (server/http/seats.ts), or null where none is free. */
export type SlowSeat = () => (() => void) | null;

/** Reads a body as JSON. Throws as `readBytes` and `parseJson` do. */
export async function readJson(request: IncomingMessage, seat: SlowSeat): Promise<unknown> {
  return parseJson(await readBytes(request, seat));
}

/**
 * Reads the bytes of what should be JSON, unpacked. Throws UNSUPPORTED_MEDIA_TYPE (not announced as JSON, or an encoding
 * other than gzip and zstd), BODY_TOO_LARGE (256 KiB as sent, 2 MiB unpacked), TIMEOUT (10 s, or longer with a
 * seat and at no less than 1,000 bytes a second) and BAD_REQUEST (damaged encoding).
 */
export async function readBytes(request: IncomingMessage, seat: SlowSeat): Promise<Buffer> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.');
  }
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'zstd') {
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the body plain, or with Content-Encoding gzip or zstd.');
  }
  const raw = await readBody(request, {
    maxBytes: TELEMETRY_LIMITS.maxEncodedBytes,
    timeoutMs: TELEMETRY_LIMITS.bodyTimeoutMs,
    slow: {
      leastBytesPerSecond: TELEMETRY_LIMITS.minBytesPerSecond,
      idleMs: TELEMETRY_LIMITS.bodyIdleMs,
      seat,
    },
  });
  return encoding === 'identity' ? raw : decode(raw, encoding);
}

async function decode(raw: Buffer, encoding: keyof typeof DECODERS): Promise<Buffer> {
  try {
    return await DECODERS[encoding](raw, { maxOutputLength: TELEMETRY_LIMITS.maxDecodedBytes });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DomainError(
        'BODY_TOO_LARGE',
        `Unpacked, the body is over the limit of ${TELEMETRY_LIMITS.maxDecodedBytes} bytes. Send fewer events at a time.`,
      );
    }
    throw new DomainError(
      'BAD_REQUEST',
      `The body is not ${encoding === 'zstd' ? 'one valid frame of zstd' : 'valid gzip'}. Pack it again.`,
    );
  }
}

/** Levels of JSON that a body may have; ours have four. */
const MAX_JSON_DEPTH = 32;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];
/** What each byte outside strings does to the depth: `[` and `{` open a level, `]` and `}` close it. */
const STEPS = new Int8Array(256);
for (const opening of [0x5b, 0x7b]) STEPS[opening] = 1;
for (const closing of [0x5d, 0x7d]) STEPS[closing] = -1;

/** Whether the JSON is nested too deeply. Looked at before parsing: a kilobyte of gzip can hold a million brackets, and building those stops everything else. */
function isTooDeep(bytes: Buffer): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) inString = !inString;
    else if (inString) {
      if (byte === BACKSLASH) at += 1;
    } else {
      depth += STEPS[byte] ?? 0;
      if (depth > MAX_JSON_DEPTH) return true;
    }
  }
  return false;
}

/** The value in the bytes. Throws BAD_REQUEST for what is not UTF-8, not JSON, or nested over 32 levels deep. */
export function parseJson(bytes: Buffer): unknown {
  if (isTooDeep(bytes)) {
    throw new DomainError('BAD_REQUEST', `The JSON is nested over ${MAX_JSON_DEPTH} levels deep. Send it flatter.`);
  }
  try {
    if (!isUtf8(bytes)) throw new SyntaxError('not UTF-8');
    return JSON.parse(isAscii(bytes) ? bytes.toString('latin1') : bytes.toString('utf8'));
  } catch {
    throw new DomainError('BAD_REQUEST', 'The body is not JSON in UTF-8.');
  }
}
