/** Owns getting from a device's request to the JSON value in it: content type, gzip and zstd within bounds, UTF-8, JSON. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { DomainError } from '../errors.ts';
import { readBody } from '../http/body.ts';
import { TELEMETRY_LIMITS } from './limits.ts';

const DECODERS = { gzip: promisify(gunzip), zstd: promisify(zstdDecompress) } as const;

/**
 * Reads a JSON body. Throws UNSUPPORTED_MEDIA_TYPE (not JSON, or an encoding other than gzip and zstd), BODY_TOO_LARGE
 * (256 KiB as sent, 2 MiB unpacked), TIMEOUT (10 s) and BAD_REQUEST (damaged encoding, not UTF-8, not JSON).
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
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
  });
  return parse(encoding === 'identity' ? raw : await decode(raw, encoding));
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
    throw new DomainError('BAD_REQUEST', `The body is not valid ${encoding}. Pack it again.`);
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new DomainError('BAD_REQUEST', 'The body is not JSON in UTF-8.');
  }
}
