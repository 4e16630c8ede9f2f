/** Owns serving signed metadata: from memory while it is asked for, packed where the client takes that. It signs nothing. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { notFound } from '../../errors.ts';
import type { Route, RouteHandler } from '../../http/router.ts';
import { acceptsCoding } from '../../platform/accept-encoding.ts';
import { createByteCache } from '../../platform/byte-cache.ts';
import type { Database } from '../../platform/db/database.ts';
import { matchesNone } from '../conditions.ts';

import { readRootFile } from './root.ts';
import { TIMESTAMP_FILE } from './signed-files.ts';

const pack = promisify(gzip);

/** `7.root.json`, `1790000000.bin-0a3.json`, `timestamp.json`; nothing else is a file here. */
const FILE_NAME = /^(?:(\d{1,15})\.(root|targets|snapshot|bin-[0-9a-f]{1,3})|timestamp)\.json$/;
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** Whoever asks for what may be there soon must not be told from a cache that it is not. */
const FRESH = 'no-cache';
/** Below this packing saves nothing worth a header. */
const MIN_PACKED = 1_024;

interface HeldFile {
  readonly etag: string;
  readonly plain: Buffer;
  readonly packed: Buffer | null;
}

/** Bytes of files held in memory. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;

interface MetadataRoutesOptions {
  readonly db: Database;
  readonly rootsDir: string;
  readonly maxBytes?: number;
}

export function createMetadataRoutes({ db, rootsDir, maxBytes = MAX_HELD_BYTES }: MetadataRoutesOptions) {
  const held = createByteCache<HeldFile>({ maxBytes, sizeOf });
  /** Counts the timestamps that were in force. */
  let timestamps = 0;

  async function find(name: string): Promise<HeldFile | null> {
    const known = held.get(name);
    if (known !== undefined) return known;
    const before = timestamps;
    const text = await read(name);
    if (text === null) return null;
    const file = await prepare(text);
    // A timestamp that was read while the next one was signed would be served until the one after that.
    if (name !== TIMESTAMP_FILE || timestamps === before) held.set(name, file);
    return file;
  }

  async function read(name: string): Promise<string | null> {
    const [, version, role] = FILE_NAME.exec(name) ?? [];
    if (role === 'root') return readRootFile(rootsDir, Number(version));
    const row = await db.prisma.metadataText.findUnique({ where: { name }, select: { body: true } });
    return row?.body ?? null;
  }

  const handler: RouteHandler = async (request, response, { params }) => {
    const name = params.file ?? '';
    const file = FILE_NAME.test(name) ? await find(name) : null;
    if (file === null) throw notFound('The metadata file');
    send(request, response, file, name === TIMESTAMP_FILE ? FRESH : IMMUTABLE);
  };

  const routes: Route[] = [{ methods: ['GET', 'HEAD'], path: '/v1/metadata/{file}', handler }];
  return {
    routes,
    /** The timestamp is another one from now on. */
    forget(): void {
      timestamps += 1;
      held.delete(TIMESTAMP_FILE);
    },
  };
}

async function prepare(text: string): Promise<HeldFile> {
  const plain = Buffer.from(text, 'utf8');
  const etag = createHash('sha256').update(plain).digest('base64url');
  return { etag, plain, packed: plain.length < MIN_PACKED ? null : await pack(plain, { level: 9 }) };
}

function send(request: IncomingMessage, response: ServerResponse, file: HeldFile, caching: string): void {
  const takesGzip = acceptsCoding(String(request.headers['accept-encoding'] ?? ''), 'gzip');
  const packed = takesGzip ? file.packed : null;
  const etag = packed === null ? `"${file.etag}"` : `"${file.etag}-gzip"`;
  const headers = { 'Cache-Control': caching, ETag: etag, Vary: 'Accept-Encoding' };
  if (matchesNone(request.headers['if-none-match'], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const body = packed ?? file.plain;
  response.writeHead(200, {
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    ...(packed === null ? {} : { 'Content-Encoding': 'gzip' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function sizeOf({ plain, packed }: HeldFile): number {
  return plain.length + (packed?.length ?? 0);
}
