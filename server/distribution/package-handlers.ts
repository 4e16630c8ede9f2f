/** Owns the answers about a published package: the redirect to the newest, its bytes, and its signature. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError, notFound } from '../errors.ts';
import type { RouteContext, RouteHandler } from '../http/router.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import { packageKey, packagePath } from '../versions/paths.ts';
import type { Admission } from './admission.ts';
import type { Buffers } from './buffers.ts';
import { chooseRange, matchesNone } from './conditions.ts';
import type { DownloadCounts } from './counts.ts';
import { deltaKey } from './deltas/paths.ts';
import { offeredDictionary, VARY } from './negotiation.ts';
import type { OpenFile, OpenFiles } from './open-files.ts';
import { mosisVersionOf, packageIdOf, versionCodeOf } from './parameters.ts';
import type { DistributionQueries, PublishedVersion } from './queries.ts';
import { sendPart } from './transfer.ts';

/** What never changes may be kept for a year, the longest that caches honour. */
export const IMMUTABLE = 'public, max-age=31536000, immutable';
export const PACKAGE_TYPE = 'application/vnd.mosis.package';

interface Found {
  readonly packageId: string;
  readonly versionCode: number;
  readonly version: PublishedVersion;
}

/** One form of a package: the file, or a delta that makes it. */
interface Representation {
  /** In the blob store. */
  readonly key: string;
  readonly size: number;
  /** Of the bytes as they are sent. */
  readonly sha256: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What else the client takes. */
  readonly instead?: Representation;
}

interface Sending {
  readonly found: Found;
  readonly chosen: Representation;
  readonly file: OpenFile;
  readonly context: RouteContext;
}

interface PackageHandlersOptions {
  readonly queries: DistributionQueries;
  readonly blobs: Pick<FolderBlobs, 'path'>;
  readonly files: OpenFiles;
  readonly buffers: Buffers;
  readonly admission: Admission;
  readonly counts: Pick<DownloadCounts, 'add'>;
  /** A reader must take a buffer within this time. */
  readonly idleMs: number;
}

/** Makes the handlers. None of them tells a hidden version from one that never was. */
export function createPackageHandlers(options: PackageHandlersOptions) {
  const { queries, blobs, files, buffers, admission, counts, idleMs } = options;

  function find({ params }: RouteContext): Found {
    const packageId = packageIdOf(params.packageId);
    const versionCode = versionCodeOf(params.versionCode);
    const version = queries.published(packageId, versionCode);
    if (version === null) throw notFound('The version');
    // The name of a consistent snapshot (TUF §7.2) says the hash too, and only the right one names the package.
    if (params.sha256 !== undefined && params.sha256 !== version.sha256) throw notFound('The package');
    return { packageId, versionCode, version };
  }

  /** Sends the newest version that runs on the asking device to its immutable address. */
  const redirect: RouteHandler = (_request, response, { params, url }) => {
    const packageId = packageIdOf(params.packageId);
    const mosisVersion = mosisVersionOf(url.searchParams);
    const code = queries.newestCompatible(packageId, mosisVersion);
    if (code === null) {
      throw notFound(mosisVersion === null ? 'The app' : `A version of the app that runs on Mosis ${mosisVersion}`);
    }
    response.writeHead(302, {
      Location: packagePath(packageId, code),
      'Cache-Control': 'no-cache',
      'Content-Length': 0,
    });
    response.end();
  };

  /** The package as the client takes it: a delta from what it has where there is one, else the file itself. */
  function choose(request: IncomingMessage, { packageId, versionCode, version }: Found): Representation {
    const key = packageKey(packageId, versionCode);
    const whole: Representation = {
      key,
      size: version.size,
      sha256: version.sha256,
      headers: { 'Use-As-Dictionary': `match="/v1/packages/${packageId}/*"` },
    };
    const dictionary = offeredDictionary(request.headers);
    const delta = dictionary === null ? null : queries.delta(version.id, dictionary);
    if (dictionary === null || delta === null) return whole;
    return {
      ...delta,
      key: deltaKey(packageId, versionCode, dictionary),
      headers: { 'Content-Encoding': 'dcz' },
      instead: whole,
    };
  }

  /** The package bytes; only a body costs a disk read. */
  const bytes: RouteHandler = async (request, response, context) => {
    const found = find(context);
    const chosen = choose(request, found);
    const etags = [chosen, chosen.instead].flatMap((one) => (one === undefined ? [] : [`"${one.sha256}"`]));
    const held = etags.find((etag) => matchesNone(request.headers['if-none-match'], etag));
    if (held !== undefined) {
      response.writeHead(304, { ETag: held, 'Cache-Control': IMMUTABLE, Vary: VARY }).end();
      return;
    }
    if (request.method === 'HEAD') {
      response.writeHead(200, { ...packageHeaders(found.version, chosen), 'Content-Length': chosen.size }).end();
      return;
    }
    const leave = admission.enter(context.address);
    try {
      const { file, opened } = await open(chosen);
      try {
        await send(request, response, { found, chosen: opened, file, context });
      } finally {
        file.release();
      }
    } finally {
      leave();
    }
  };

  /** A delta whose file is gone (a restored backup need not have it) is no reason to fail. */
  async function open(chosen: Representation): Promise<{ file: OpenFile; opened: Representation }> {
    try {
      return { file: await files.acquire(blobs.path(chosen.key)), opened: chosen };
    } catch (error) {
      if (chosen.instead === undefined || !isMissing(error)) throw error;
      return open(chosen.instead);
    }
  }

  async function send(request: IncomingMessage, response: ServerResponse, sending: Sending): Promise<void> {
    const { found, chosen, file, context } = sending;
    const part = partOf(request, response, { etag: `"${chosen.sha256}"`, size: chosen.size });
    response.writeHead(part.status, {
      ...packageHeaders(found.version, chosen),
      'Content-Length': part.length,
      ...(part.status === 206
        ? { 'Content-Range': `bytes ${part.start}-${part.start + part.length - 1}/${chosen.size}` }
        : {}),
    });
    const end = await sendPart(response, { descriptor: file.descriptor, ...part }, { buffers, idleMs });
    const { packageId, versionCode, version } = found;
    // Whoever has the last byte has downloaded it, in however many parts.
    if (end === 'sent' && part.start + part.length === chosen.size)
      counts.add(version.id, chosen.instead === undefined ? 'full' : 'delta', part.length);
    if (end === 'idle')
      context.log.info({ packageId, versionCode, idleMs }, 'download cut off: the reader took nothing');
  }

  /** The developer's signature.sig as it stands in the package. */
  const signature: RouteHandler = (request, response, context) => {
    const { version } = find(context);
    const body = Buffer.from(version.signature, 'utf8');
    const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
    if (matchesNone(request.headers['if-none-match'], etag)) {
      response.writeHead(304, { ETag: etag, 'Cache-Control': IMMUTABLE }).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': body.length,
      'Cache-Control': IMMUTABLE,
      ETag: etag,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };

  return { redirect, bytes, signature };
}

function packageHeaders(version: PublishedVersion, chosen: Representation): Record<string, string> {
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

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function partOf(
  request: IncomingMessage,
  response: ServerResponse,
  { etag, size }: { etag: string; size: number },
): { status: 200 | 206; start: number; length: number } {
  // Node joins repeated If-Range headers by ", ", which is then no entity tag; its type says string or list all the same.
  const ifRange = request.headers['if-range'];
  const choice = chooseRange(
    { range: request.headers.range, ifRange: typeof ifRange === 'string' ? ifRange : undefined },
    etag,
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
