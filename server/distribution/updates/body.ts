/** Owns taking an update check out of a request, within bounds set before any work. */
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../../errors.ts';
import { readBody } from '../../http/body.ts';
import { parseUpdateCheck, UPDATE_CHECK_LIMITS, type UpdateCheck } from './request.ts';

/**
 * Reads one check. Throws UNSUPPORTED_MEDIA_TYPE (no plain JSON), BODY_TOO_LARGE, TIMEOUT, BAD_REQUEST (no JSON) and VALIDATION
 * with the fields that are wrong.
 */
export async function readUpdateCheck(request: IncomingMessage): Promise<UpdateCheck> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (type !== 'application/json' || encoding !== 'identity')
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json, without a Content-Encoding.');
  const { maxBytes, bodyTimeoutMs } = UPDATE_CHECK_LIMITS;
  return parseUpdateCheck(await readBody(request, { maxBytes, timeoutMs: bodyTimeoutMs }));
}
