/** Owns handing the bytes of a file over to a web server in front, by a header that names it. It sends nothing, and only to that server. */
import type { IncomingMessage } from 'node:http';
import type { FolderBlobs } from '../platform/blobs/blobs.ts';

/** Which header the server in front understands; `prefix` is nginx's internal location over the blob folder. */
export type Sendfile =
  | { readonly kind: 'off' }
  | { readonly kind: 'x-accel-redirect'; readonly prefix: string }
  | { readonly kind: 'x-sendfile' };

export interface FrontServer {
  /**
   * The headers that hand a stored file over, or null where this server sends the bytes itself: no front server is set, or the
   * request came past it, and whoever sent it would learn where files lie.
   */
  handOver(request: IncomingMessage, key: string): Readonly<Record<string, string>> | null;
}

interface FrontServerOptions {
  readonly sendfile: Sendfile;
  /** Whether the connection is of the server in front. */
  readonly isFromFront: (request: IncomingMessage) => boolean;
  readonly blobs: Pick<FolderBlobs, 'path'>;
}

export function createFrontServer({ sendfile, isFromFront, blobs }: FrontServerOptions): FrontServer {
  return {
    handOver(request, key) {
      if (sendfile.kind === 'off' || !isFromFront(request)) return null;
      // Throws for a key that could leave the folder, whichever header names it.
      const path = blobs.path(key);
      return sendfile.kind === 'x-sendfile'
        ? { 'X-Sendfile': path }
        : { 'X-Accel-Redirect': `${sendfile.prefix}${key.split('/').map(encodeURIComponent).join('/')}` };
    },
  };
}
