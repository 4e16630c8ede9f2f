/** Owns the answer for a screenshot: public while its app is published, before that only for those who may see the app. */
import { pipeline } from 'node:stream/promises';
import { visibleApps } from '../apps/access.ts';
import { screenshotKey } from '../apps/screenshot-paths.ts';
import { notFound } from '../errors.ts';
import type { RouteHandler } from '../http/router.ts';
import { BlobMissing, type FolderBlobs } from '../platform/blobs/blobs.ts';
import type { Database } from '../platform/db/database.ts';
import { matchesNone } from './conditions.ts';
import type { ViewerOf } from './icon-handler.ts';
import { packageIdOf } from './parameters.ts';
import { IMMUTABLE } from './representation.ts';

const FILE = /^([0-9a-f]{64})\.png$/;

interface ScreenshotHandlerOptions {
  readonly db: Database;
  readonly blobs: FolderBlobs;
  readonly viewerOf: ViewerOf;
}

/** Makes the handler of `/v1/assets/{packageId}/screenshots/{file}`. */
export function createScreenshotHandler({ db, blobs, viewerOf }: ScreenshotHandlerOptions): RouteHandler {
  return async (request, response, { params, address }) => {
    const packageId = packageIdOf(params.packageId);
    const sha256 = FILE.exec(params.file ?? '')?.[1];
    if (sha256 === undefined) throw notFound('The asset');
    const found = await db.prisma.screenshot.findFirst({
      where: { sha256, app: { packageId } },
      select: { appId: true, size: true, app: { select: { status: true } } },
    });
    if (found === null) throw notFound('The screenshot');
    const isPublic = found.app.status === 'PUBLISHED';
    if (!isPublic) {
      const viewer = await viewerOf(request, address);
      const seen = await db.prisma.app.count({ where: { id: found.appId, AND: [visibleApps(viewer)] } });
      if (seen === 0) throw notFound('The screenshot');
    }
    const etag = `"${sha256}"`;
    const headers = {
      'Cache-Control': isPublic ? IMMUTABLE : 'private, no-store',
      'Content-Security-Policy': 'sandbox',
      'X-Content-Type-Options': 'nosniff',
      ETag: etag,
    };
    if (matchesNone(request.headers['if-none-match'], etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    const bytes = await blobs.openRead(screenshotKey(found.appId, sha256)).catch((error: unknown) => {
      // Deleted between the question and the answer.
      throw error instanceof BlobMissing ? notFound('The screenshot') : error;
    });
    response.writeHead(200, { ...headers, 'Content-Type': 'image/png', 'Content-Length': found.size });
    if (request.method === 'HEAD') {
      bytes.destroy();
      response.end();
      return;
    }
    await pipeline(bytes, response).catch((error: unknown) => {
      // Whoever asked has gone.
      if (!response.destroyed) throw error;
    });
  };
}
