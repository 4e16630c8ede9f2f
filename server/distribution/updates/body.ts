/** Owns taking an update check out of a request, within bounds set before any work. */
import type { IncomingMessage } from 'node:http';
import { DomainError } from '../../errors.ts';
import { type BodyEnd, headerOf, takeBody } from '../../http/body.ts';
import { parseUpdateCheck, UPDATE_CHECK_LIMITS } from './request.ts';
import { scanUpdateCheck, type UpdateCheck } from './scan.ts';

const LIMITS = { maxBytes: UPDATE_CHECK_LIMITS.maxBytes, timeoutMs: UPDATE_CHECK_LIMITS.bodyTimeoutMs };

/**
 * Reads one check. Throws UNSUPPORTED_MEDIA_TYPE (no plain JSON) at once; `failed` is told BODY_TOO_LARGE, TIMEOUT, BAD_REQUEST (no
 * JSON), VALIDATION with the fields that are wrong, and what `done` throws.
 */
export function takeUpdateCheck(
  request: IncomingMessage,
  { done, failed }: { readonly done: (check: UpdateCheck) => void; readonly failed: BodyEnd['failed'] },
): void {
  requirePlainJson(request);
  takeBody(request, LIMITS, { done: (bytes) => done(readUpdateCheck(bytes)), failed });
}

function readUpdateCheck(bytes: Buffer): UpdateCheck {
  const byHand = scanUpdateCheck(bytes);
  if (byHand !== null) return byHand;
  // In a spelling of its own, such as with escaped letters: what the schema takes is read again in the usual one.
  const { mosis_version, tag, apps } = parseUpdateCheck(bytes);
  const usual = scanUpdateCheck(Buffer.from(JSON.stringify({ mosis_version: '0.0.0', apps })));
  if (usual === null) throw new Error('an update check that keeps to the schema cannot be read');
  return { ...usual, mosis_version, tag };
}

function requirePlainJson(request: IncomingMessage): void {
  const type = headerOf(request, 'content-type') ?? '';
  const isJson = type === 'application/json' || type.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
  const encoding = headerOf(request, 'content-encoding');
  if (!isJson || (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity'))
    throw new DomainError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json, without a Content-Encoding.');
}
