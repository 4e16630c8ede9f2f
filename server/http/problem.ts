/** Owns how a failure looks over REST: RFC 9457 problem documents with the project's codes. */
import type { ServerResponse } from 'node:http';
import { DomainError, type ErrorCode } from '../errors.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  VALIDATION: 400,
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  ORIGIN_REFUSED: 403,
  SCOPE_MISSING: 403,
  ACCOUNT_SUSPENDED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TIMEOUT: 408,
  CONFLICT: 409,
  STATE_CONFLICT: 409,
  UPLOAD_EXPIRED: 410,
  BODY_TOO_LARGE: 413,
  UPLOAD_TOO_LARGE: 413,
  QUERY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RANGE_NOT_SATISFIABLE: 416,
  UPLOAD_HASH_MISMATCH: 422,
  RATE_LIMITED: 429,
  SLOW_DOWN: 429,
  INTERNAL: 500,
  OVERLOADED: 503,
};

/** The HTTP status that goes with a code; 400 where the table has no other word. */
export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 400;
}

/** The problem document of a failure: `{type, title, status, detail, code, …}`. */
export function problemDocument(error: DomainError): Record<string, unknown> {
  const status = statusOf(error.code);
  return {
    type: 'about:blank',
    title: error.code,
    status,
    detail: error.message,
    code: error.code,
    ...(error.details.fields === undefined ? {} : { fields: error.details.fields }),
    ...(error.details.reference === undefined ? {} : { reference: error.details.reference }),
  };
}

/** Answers with a problem document, or ends a response that has already begun. */
export function sendProblem(response: ServerResponse, error: DomainError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problemDocument(error));
  const retry = error.details.retryAfterSeconds;
  response.writeHead(statusOf(error.code), {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    ...(retry === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retry))) }),
    ...(error.code === 'BODY_TOO_LARGE' || error.code === 'TIMEOUT' ? { Connection: 'close' } : {}),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Turns anything thrown into what a client may see; `reference` names the log line of a fault. */
export function asDomainError(error: unknown, reference: string): DomainError {
  if (error instanceof DomainError) return error;
  return new DomainError(
    'INTERNAL',
    `Something failed on our side. Quote the reference ${reference} when you report it.`,
    {
      reference,
    },
  );
}
