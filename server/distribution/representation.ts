/** Owns the forms of a package, the file or a delta that makes it, and what their answers say. Pure; it sends nothing. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError } from '../errors.ts';
import { packageKey } from '../versions/paths.ts';
import { chooseRange } from './conditions.ts';
import { deltaKey } from './deltas/paths.ts';
import { offeredDictionary, VARY } from './negotiation.ts';
import type { PublishedVersion, StoredDelta } from './queries.ts';

/** What never changes may be kept for a year, the longest that caches honour. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';
export const PACKAGE_TYPE = 'application/vnd.mosis.package';

export interface FoundVersion {
  readonly packageId: string;
  readonly versionCode: number;
  readonly version: PublishedVersion;
}

/** One form of a package: the file, or a delta that makes it. */
export interface Representation {
  /** In the blob store. */
  readonly key: string;
  readonly size: number;
  /** Of the bytes as they are sent. */
  readonly sha256: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What else the client takes. */
  readonly instead?: Representation;
}

/** The package as the client takes it: a delta from what it has where there is one, else the file itself. */
export function chooseRepresentation(
  request: IncomingMessage,
  { packageId, versionCode, version }: FoundVersion,
  deltaOf: (versionId: string, baseSha256: string) => StoredDelta | null,
): Representation {
  const key = packageKey(packageId, versionCode);
  const whole: Representation = {
    key,
    size: version.size,
    sha256: version.sha256,
    headers: { 'Use-As-Dictionary': `match="/v1/packages/${packageId}/*"` },
  };
  const dictionary = offeredDictionary(request.headers);
  const delta = dictionary === null ? null : deltaOf(version.id, dictionary);
  if (dictionary === null || delta === null) return whole;
  return {
    ...delta,
    key: deltaKey(packageId, versionCode, dictionary),
    headers: { 'Content-Encoding': 'dcz' },
    instead: whole,
  };
}

/** What every answer with a package's bytes says, or an answer to HEAD. */
export function packageHeaders(version: PublishedVersion, chosen: Representation) {
  return {
    'Content-Type': PACKAGE_TYPE,
    'Accept-Ranges': 'bytes',
    ETag: `"${chosen.sha256}"`,
    // Of the bytes that are sent: a content coding is part of the representation (RFC 9530 §3.1).
    'Repr-Digest': `sha-256=:${Buffer.from(chosen.sha256, 'hex').toString('base64')}:`,
    'Cache-Control': IMMUTABLE,
    Vary: VARY,
    'X-Mosis-Signature': version.platformSignature,
    ...chosen.headers,
  };
}

export interface Part {
  readonly status: 200 | 206;
  /** Offset in bytes. */
  readonly start: number;
  readonly length: number;
}

/** What the request asks for of the bytes. Throws RANGE_NOT_SATISFIABLE, with `Content-Range` set. */
export function partOf(request: IncomingMessage, response: ServerResponse, { sha256, size }: Representation): Part {
  // Node joins repeated If-Range headers by ", ", which is then no entity tag; its type says string or list all the same.
  const ifRange = request.headers['if-range'];
  const choice = chooseRange(
    { range: request.headers.range, ifRange: typeof ifRange === 'string' ? ifRange : undefined },
    `"${sha256}"`,
    size,
  );
  switch (choice.kind) {
    case 'whole':
      return { status: 200, start: 0, length: size };
    case 'part':
      return { status: 206, start: choice.start, length: choice.length };
    case 'unsatisfiable':
      response.setHeader('Content-Range', `bytes */${size}`);
      throw new DomainError(
        'RANGE_NOT_SATISFIABLE',
        `There are ${size} bytes, 0 to ${size - 1}; the range asks for none of them.`,
      );
  }
}
