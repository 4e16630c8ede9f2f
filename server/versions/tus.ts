/**
 * Owns how an upload's bytes travel: tus 1.0, HEAD and PATCH only. `startUpload` is the only creator; creation, deletion,
 * concatenation and deferred length are off. Tokens come in Authorization, never in a cookie.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { open } from 'node:fs/promises';
import { FileStore } from '@tus/file-store';
import { Server, Upload as TusUpload } from '@tus/server';
import { DomainError } from '../errors.ts';
import { asDomainError, problemDocument, statusOf } from '../http/problem.ts';
import type { Route, RouteContext } from '../http/router.ts';
import { SCREENSHOT_LIMITS } from '../validation/image.ts';
import type { Uploads } from './uploads.ts';

export const UPLOAD_PATH = '/uploads';

interface TusOptions {
  readonly uploads: Uploads;
  readonly folder: string;
  readonly maxPackageBytes: number;
  readonly publicUrl: string;
}

/** The route of uploads. */
export function uploadRoutes({ uploads, folder, maxPackageBytes, publicUrl }: TusOptions): Route[] {
  const running = new AsyncLocalStorage<RouteContext>();
  const server = new Server({
    path: UPLOAD_PATH,
    datastore: new SyncedStore(uploads, folder),
    // Each upload has its own announced size; this is the most that any may have.
    maxSize: Math.max(maxPackageBytes, SCREENSHOT_LIMITS.maxBytes),
    relativeLocation: true,
    allowedOrigins: [publicUrl],
    disableTerminationForFinishedUploads: true,
    async onIncomingRequest(request, id) {
      try {
        const upload = await uploads.authorise(id, bearer(request.headers.get('authorization')));
        // A crash between the last byte and its answer leaves a full upload that nobody finished.
        if (upload.state === 'OPEN') await uploads.finish(id);
      } catch (error) {
        throw asTusError(error);
      }
    },
    async onUploadFinish(_request, upload) {
      try {
        await uploads.finish(upload.id);
      } catch (error) {
        throw asTusError(error);
      }
      return {};
    },
    // What has no status is a fault: tus would answer its text, paths of this machine included.
    async onResponseError(_request, error) {
      if ('status_code' in error) return undefined;
      const { log, requestId = '' } = running.getStore() ?? {};
      log?.error({ err: error }, 'fault in an upload');
      return asTusProblem(asDomainError(error, requestId));
    },
  });
  return [
    {
      methods: ['HEAD', 'PATCH', 'OPTIONS'],
      path: `${UPLOAD_PATH}/{id}`,
      handler: async (request, response, context) => {
        await running.run(context, () => server.handle(request, response));
      },
    },
  ];
}

function bearer(header: string | null): string | null {
  return /^Bearer ([A-Za-z0-9_-]{20,128})$/.exec(header ?? '')?.[1] ?? null;
}

function asTusError(error: unknown): unknown {
  return error instanceof DomainError ? asTusProblem(error) : error;
}

function asTusProblem(error: DomainError): { status_code: number; body: string } {
  return { status_code: statusOf(error.code), body: `${JSON.stringify(problemDocument(error))}\n` };
}

/** tus's file store with sizes from our rows and every written byte synced, so that a resumed offset survives a power cut. */
class SyncedStore extends FileStore {
  readonly #uploads: Uploads;

  constructor(uploads: Uploads, directory: string) {
    super({
      directory,
      configstore: {
        get: async (id) => {
          const known = await uploads.sizeOf(id);
          return known === null ? undefined : new TusUpload({ id, size: known.size, offset: 0 });
        },
        set: async () => {},
        delete: async () => {},
      },
    });
    this.extensions = [];
    this.#uploads = uploads;
  }

  override async write(...[readable, id, offset]: Parameters<FileStore['write']>): Promise<number> {
    try {
      return await super.write(readable, id, offset);
    } finally {
      const handle = await open(this.#uploads.pathOf(id), 'r+').catch(() => null);
      await handle?.sync();
      await handle?.close();
    }
  }
}
