/** Owns the REST endpoints devices download from, and the documents that describe them. It holds files open; close it. */
import { createHash } from 'node:crypto';
import type { Database as RawHandle } from 'better-sqlite3';
import { manifestJsonSchema } from '../../format/manifest-schema.ts';
import { isTrustedPeer } from '../http/address.ts';
import { createRateLimit } from '../http/rate-limit.ts';
import type { Route, RouteHandler } from '../http/router.ts';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/database.ts';
import type { Log } from '../platform/log.ts';
import { createAdmission } from './admission.ts';
import { createBuffers } from './buffers.ts';
import { matchesNone } from './conditions.ts';
import { createDownloadCounts } from './counts.ts';
import { createFrontServer, type Sendfile } from './front-server.ts';
import { createHotFiles } from './hot-files.ts';
import { createIconHandler, type ViewerOf } from './icon-handler.ts';
import { createIconStore } from './icon-store.ts';
import { createOpenFiles } from './open-files.ts';
import { openApiDocument } from './openapi.ts';
import { createPackageHandlers } from './package-handlers.ts';
import type { PlatformKey } from './platform-key.ts';
import { createDistributionQueries } from './queries.ts';
import { createScreenshotHandler } from './screenshot-handler.ts';
import { createOfferIndex } from './updates/offers.ts';
import { updateRoute } from './updates/routes.ts';

/** What downloads may take; sizes in bytes. */
export const DISTRIBUTION_LIMITS = Object.freeze({
  bufferBytes: 512 * 1024,
  /** For each reader past the first `largeBuffers`: a hundred at once must not cost a hundred large ones. */
  smallBufferBytes: 64 * 1024,
  largeBuffers: 24,
  /** Of each size; 13.5 MiB of buffers wait for use at most. */
  freeBuffers: 24,
  /** Descriptors kept open for the next reader. */
  keptFiles: 128,
  /** With a buffer each: 43 MiB at most. */
  maxDownloads: 512,
  maxDownloadsPerAddress: 128,
  /** A reader must take 256 KiB in this time, so 4 KiB a second (1 KiB with a small buffer). */
  idleMs: 60_000,
  /** How long a download may wait for its place in the database. */
  countFlushMs: 10_000,
  iconBytes: 16 * 1024 * 1024,
  /** Packages held in memory, and the largest of them. */
  hotBytes: 16 * 1024 * 1024,
  hotFileBytes: 2 * 1024 * 1024,
  /** Update checks of one address at once, and each second after that. */
  updateChecksAtOnce: 600,
  updateChecksPerSecond: 20,
});
export type DistributionLimits = { readonly [Name in keyof typeof DISTRIBUTION_LIMITS]: number };

export interface DistributionOptions {
  readonly db: Database;
  /** A read-only handle on the same database, which stays the caller's. */
  readonly sql: RawHandle;
  readonly blobs: FolderBlobs;
  readonly clock: Clock;
  readonly log: Log;
  readonly key: Pick<PlatformKey, 'keyId' | 'publicKeyBase64'>;
  /** Asked only for assets of versions that are not published. */
  readonly viewerOf: ViewerOf;
  /** The public origin, for the OpenAPI document. */
  readonly publicUrl: string;
  /** The server in front that sends files itself; none when it is left out. */
  readonly sendfile?: Sendfile;
  /** Addresses of servers in front. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<DistributionLimits>;
}

/** Makes the routes; `close` lets go of the open files (running downloads end first). */
export function createDistribution(options: DistributionOptions) {
  const { db, sql, blobs, clock, log, key, viewerOf, publicUrl } = options;
  const { sendfile = { kind: 'off' }, trustedProxies = [] } = options;
  const limits: DistributionLimits = { ...DISTRIBUTION_LIMITS, ...options.limits };
  const queries = createDistributionQueries(sql);
  const files = createOpenFiles(limits.keptFiles);
  const hotFiles = createHotFiles({ files, maxBytes: limits.hotBytes, maxFileBytes: limits.hotFileBytes });
  const buffers = createBuffers({
    size: limits.bufferBytes,
    smallSize: limits.smallBufferBytes,
    maxLarge: limits.largeBuffers,
    maxFree: limits.freeBuffers,
  });
  const admission = createAdmission({ maxRunning: limits.maxDownloads, maxPerAddress: limits.maxDownloadsPerAddress });
  const counts = createDownloadCounts({ db, clock, log, flushMs: limits.countFlushMs });
  const packages = createPackageHandlers({
    queries,
    blobs,
    files,
    hotFiles,
    buffers,
    admission,
    counts,
    frontServer: createFrontServer({
      sendfile,
      isFromFront: (request) => isTrustedPeer(request, trustedProxies),
      blobs,
    }),
    idleMs: limits.idleMs,
  });
  const offers = createOfferIndex(sql);
  const rate = createRateLimit(clock, {
    capacity: limits.updateChecksAtOnce,
    refillPerSecond: limits.updateChecksPerSecond,
  });
  const icons = createIconStore({ blobs, maxBytes: limits.iconBytes });
  const keys = { keys: [{ key_id: key.keyId, public_key: key.publicKeyBase64, status: 'active' }] };

  const read = (path: string, handler: RouteHandler): Route => ({ methods: ['GET', 'HEAD'], path, handler });
  const routes: Route[] = [
    read('/v1/store/apps/{packageId}/download', packages.redirect),
    read('/v1/packages/{packageId}/{versionCode}/package.mosis', packages.bytes),
    read('/v1/packages/{packageId}/{versionCode}/{sha256}.package.mosis', packages.bytes),
    read('/v1/packages/{packageId}/{versionCode}/signature.sig', packages.signature),
    read('/v1/assets/{packageId}/screenshots/{file}', createScreenshotHandler({ db, blobs, viewerOf })),
    read('/v1/assets/{packageId}/{versionCode}/{file}', createIconHandler({ queries, db, icons, viewerOf })),
    updateRoute({ offers, rate }),
    read('/v1/keys', document(keys, 'application/json; charset=utf-8')),
    read('/schemas/manifest-v1.json', document(manifestJsonSchema(), 'application/schema+json; charset=utf-8')),
    read('/openapi.json', document(openApiDocument(publicUrl), 'application/json; charset=utf-8')),
  ];
  return {
    routes,
    /** What is held now, for metrics and tests. */
    held: () => ({
      downloads: admission.running(),
      openFiles: files.count(),
      freeBuffers: buffers.free(),
      hotBytes: hotFiles.bytes(),
    }),
    /** The store shows something else from now on. */
    storeChanged: () => offers.forget(),
    /** Lets go of the files at once; resolves when every download is counted. */
    close(): Promise<void> {
      files.close();
      return counts.stop();
    },
    flushCounts: () => counts.flush(),
  };
}
export type Distribution = ReturnType<typeof createDistribution>;

/** A JSON document that stays the same while the server runs. */
function document(value: unknown, type: string): RouteHandler {
  const body = Buffer.from(JSON.stringify(value));
  const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
  const headers = { 'Cache-Control': 'public, max-age=300', ETag: etag };
  return (request, response) => {
    if (matchesNone(request.headers['if-none-match'], etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}
