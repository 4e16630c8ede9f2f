/** Owns taking an update check out of a request, within bounds set before any work. */
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../../errors.ts';
import { readBody } from '../../http/body.ts';
import { parseUpdateCheck, UPDATE_CHECK_LIMITS, type UpdateCheck } from './request.ts';
import { scanUpdateCheck } from './scan.ts';

const { maxBytes, bodyTimeoutMs: timeoutMs } = UPDATE_CHECK_LIMITS;

/**
 * Reads one check. Throws UNSUPPORTED_MEDIA_TYPE (no plain JSON), BODY_TOO_LARGE, TIMEOUT, BAD_REQUEST (no JSON) and VALIDATION
 * with the fields that are wrong.
 */
export async function readUpdateCheck(request: IncomingMessage): Promise<UpdateCheck> {
  requirePlainJson(request);
  const bytes = await readBody(request, { maxBytes, timeoutMs });
  return scanUpdateCheck(bytes) ?? parseUpdateCheck(bytes);
}

function requirePlainJson({ headers }: IncomingMessage): void {
  const type = headers['content-type'] ?? '';
  const isJson = type === 'application/json' || type.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
  const encoding = headers['content-encoding'];
  if (!isJson || (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity'))
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json, without a Content-Encoding.');
}
