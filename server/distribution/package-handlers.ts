/** Owns the answers about a published package: the redirect to the newest, its bytes, and its signature. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError, notFound } from '../errors.ts';
import type { RouteContext, RouteHandler } from '../http/router.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import { packagePath } from '../versions/paths.ts';
import type { Admission } from './admission.ts';
import type { Buffers } from './buffers.ts';
import { matchesNone } from './conditions.ts';
import type { DownloadCounts } from './counts.ts';
import type { FrontServer } from './front-server.ts';
import type { HotFiles } from './hot-files.ts';
import { VARY } from './negotiation.ts';
import type { OpenFiles } from './open-files.ts';
import { mosisVersionOf, packageIdOf, versionCodeOf } from './parameters.ts';
import type { DistributionQueries } from './queries.ts';
import {
  chooseRepresentation,
  type FoundVersion,
  IMMUTABLE,
  type Part,
  packageHeaders,
  partOf,
  type Representation,
} from './representation.ts';
import { sendBytes, sendPart, type Transfer } from './transfer.ts';

/** Bytes to send from, held until `release`. */
interface Source {
  send(response: ServerResponse, part: Part): Promise<Transfer>;
  release(): void;
}

interface Sending {
  readonly found: FoundVersion;
  readonly chosen: Representation;
  readonly source: Source;
  readonly context: RouteContext;
}

interface PackageHandlersOptions {
  readonly queries: DistributionQueries;
  readonly blobs: Pick<FolderBlobs, 'path' | 'stat'>;
  readonly files: OpenFiles;
  readonly hotFiles: HotFiles;
  readonly buffers: Buffers;
  readonly admission: Admission;
  readonly counts: Pick<DownloadCounts, 'add'>;
  readonly frontServer: FrontServer;
  /** A reader must take a buffer within this time. */
  readonly idleMs: number;
}

/** Makes the handlers. None of them tells a hidden version from one that never was. */
export function createPackageHandlers(options: PackageHandlersOptions) {
  const { queries, blobs, files, hotFiles, buffers, admission, counts, frontServer, idleMs } = options;

  function find({ params }: RouteContext): FoundVersion {
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

  /** The package bytes; only a body costs a disk read. */
  const bytes: RouteHandler = async (request, response, context) => {
    const found = find(context);
    if (found.version.bytesRemoved === 1)
      throw new DomainError(
        'NOT_FOUND',
        'The package of this version is not stored any more: newer versions took its place. Ask for the newest at /v1/store/apps/{packageId}/download.',
      );
    const chosen = chooseRepresentation(request, found, queries.delta);
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
    if (await isHandedOver(request, response, found, chosen)) return;
    const leave = admission.enter(context.address);
    try {
      const { source, opened } = await open(chosen);
      try {
        await send(request, response, { found, chosen: opened, source, context });
      } finally {
        source.release();
      }
    } finally {
      leave();
    }
  };

  /** Leaves the bytes to the server in front, where there is one; it does ranges by itself. */
  async function isHandedOver(
    request: IncomingMessage,
    response: ServerResponse,
    found: FoundVersion,
    chosen: Representation,
  ): Promise<boolean> {
    const header = frontServer.handOver(request, chosen.key);
    if (header === null) return false;
    if (chosen.instead !== undefined && (await blobs.stat(chosen.key)) === null)
      return isHandedOver(request, response, found, chosen.instead);
    const part = partOf(request, response, chosen);
    // What the server in front does with ranges is for it to say.
    const { 'Accept-Ranges': _ranges, ...headers } = packageHeaders(found.version, chosen);
    response.writeHead(200, { ...headers, ...header, 'Content-Length': 0 }).end();
    // How it ends is not told here, so what begins is counted: going on after a cut is no second download.
    const isBeginning = part.start === 0 && holdsLargerHalf(part.start, part.length, chosen.size);
    if (isBeginning && !mayFail(request, chosen)) count(found, chosen, part.length);
    return true;
  }

  /** A delta whose file is gone (a restored backup need not have it) is no reason to fail. */
  async function open(chosen: Representation): Promise<{ source: Source; opened: Representation }> {
    try {
      return { source: await sourceOf(chosen), opened: chosen };
    } catch (error) {
      if (chosen.instead === undefined || !isMissing(error)) throw error;
      return open(chosen.instead);
    }
  }

  async function sourceOf({ key, size }: Representation): Promise<Source> {
    const path = blobs.path(key);
    const hot = await hotFiles.take(path, size);
    if (hot !== null) {
      const { bytes: all, release } = hot;
      return {
        send: (response, { start, length }) => sendBytes(response, all.subarray(start, start + length), { idleMs }),
        release,
      };
    }
    const { descriptor, release } = await files.acquire(path);
    return {
      send: (response, { start, length }) => sendPart(response, { descriptor, start, length }, { buffers, idleMs }),
      release,
    };
  }

  async function send(request: IncomingMessage, response: ServerResponse, sending: Sending): Promise<void> {
    const { found, chosen, source, context } = sending;
    const part = partOf(request, response, chosen);
    const last = part.start + part.length;
    response.writeHead(part.status, {
      ...packageHeaders(found.version, chosen),
      'Content-Length': part.length,
      ...(part.status === 206 ? { 'Content-Range': `bytes ${part.start}-${last - 1}/${chosen.size}` } : {}),
    });
    const { end, bytes: sent } = await source.send(response, part);
    if (holdsLargerHalf(part.start, sent, chosen.size)) count(found, chosen, sent);
    if (end === 'idle') {
      const { packageId, versionCode } = found;
      context.log.info({ packageId, versionCode, idleMs }, 'download cut off: the reader took nothing');
    }
  }

  function count({ version }: FoundVersion, chosen: Representation, length: number): void {
    counts.add(version.id, chosen.instead === undefined ? 'full' : 'delta', length);
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

/**
 * Whether a download counts by these bytes: half or more from the first on, or more than half up to the last. Of an answer
 * that broke off and the one that went on to the end exactly one does, and a few bytes never do.
 */
function holdsLargerHalf(start: number, length: number, size: number): boolean {
  return start === 0 ? length * 2 >= size : start + length === size && length * 2 > size;
}

/** Whether the server in front may answer 412, as it does when it knows another tag or a time. */
function mayFail({ headers }: IncomingMessage, { sha256 }: Representation): boolean {
  const match = headers['if-match'];
  return headers['if-unmodified-since'] !== undefined || (match !== undefined && !matchesNone(match, `"${sha256}"`));
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
