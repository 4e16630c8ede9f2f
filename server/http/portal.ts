/** Owns serving the built portal: hashed files for ever, everything else the application's one page. It builds nothing. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import { DomainError } from '../errors.ts';
import { acceptsCoding } from '../platform/accept-encoding.ts';
import type { RouteHandler } from './router.ts';

const brotli = promisify(brotliCompress);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};
const COMPRESSED = new Set(['.html', '.js', '.css', '.json', '.svg', '.txt', '.webmanifest']);
const IMMUTABLE_FOLDER = '_app/immutable/';

/** What is known of a file; its bytes are read when it is asked for, and kept only compressed, or for as long as somebody is taking them. */
interface StaticFile {
  readonly source: string;
  readonly compressible: boolean;
  brotli: Promise<Buffer> | null;
  reading: Promise<Buffer> | null;
  plain: WeakRef<Buffer> | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads `folder` once and serves it from memory; a missing build is answered with what to run. */
export async function createPortal(folder: string): Promise<RouteHandler> {
  const files = await loadFiles(folder);
  const page = files.get('index.html');
  return async (request, response, { url }) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      throw new DomainError('METHOD_NOT_ALLOWED', `${request.method} is not possible here; use GET.`);
    }
    const path = url.pathname.slice(1);
    const known = files.get(path);
    if (known === undefined && isMissingFile(path)) {
      throw new DomainError('NOT_FOUND', `Nothing is served at ${url.pathname}.`);
    }
    const file = known ?? page;
    if (file === undefined)
      throw new DomainError('NOT_FOUND', 'The portal is not built. Run `npm start`, which builds it.');
    const useBrotli = file.compressible && acceptsCoding(String(request.headers['accept-encoding'] ?? ''), 'br');
    if (request.headers['if-none-match'] === file.headers.ETag) {
      response.writeHead(304, file.headers).end();
      return;
    }
    const body = useBrotli ? await compressed(file) : await plainOf(file);
    response.writeHead(200, {
      ...file.headers,
      'Content-Length': body.length,
      ...(useBrotli ? { 'Content-Encoding': 'br' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

/** Pages have dots in their paths (package ids); files lie in the build's own folders or at the top. */
function isMissingFile(path: string): boolean {
  return /^(?:_app|v1|uploads|schemas)\//.test(path) || (!path.includes('/') && extname(path) in TYPES);
}

async function loadFiles(folder: string): Promise<Map<string, StaticFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, StaticFile>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    const path = relative(folder, full).split(sep).join('/');
    files.set(path, describe(path, full, await readFile(full)));
  }
  return files;
}

/** Compresses a file once, when it is first asked for. */
function compressed(file: StaticFile): Promise<Buffer> {
  file.brotli ??= readFile(file.source).then((bytes) =>
    brotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  );
  return file.brotli;
}

/** The bytes as they are: one copy for all who take them now, however slowly. */
async function plainOf(file: StaticFile): Promise<Buffer> {
  const held = file.plain?.deref();
  if (held !== undefined) return held;
  file.reading ??= readFile(file.source).finally(() => {
    file.reading = null;
  });
  const bytes = await file.reading;
  file.plain = new WeakRef(bytes);
  return bytes;
}

function describe(path: string, source: string, body: Buffer): StaticFile {
  const extension = extname(path);
  const compressible = COMPRESSED.has(extension) && body.length > 1024;
  return {
    source,
    compressible,
    brotli: null,
    reading: null,
    plain: null,
    headers: {
      'Content-Type': TYPES[extension] ?? 'application/octet-stream',
      'Cache-Control': path.startsWith(IMMUTABLE_FOLDER) ? 'public, max-age=31536000, immutable' : 'no-cache',
      ETag: `"${createHash('sha256').update(body).digest('base64url')}"`,
      Vary: 'Accept-Encoding',
      ...(extension === '.html' ? { 'Content-Security-Policy': contentSecurityPolicy(body.toString('utf8')) } : {}),
    },
  };
}

/** Allows our own files and the inline scripts this very page has, by hash; nothing from anywhere else. */
function contentSecurityPolicy(html: string): string {
  const hashes = [...html.matchAll(/<script(?:\s[^>]*)?>([\s\S]*?)<\/script>/g)]
    .map((script) => script[1] ?? '')
    .filter((text) => text.trim() !== '')
    .map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  return [
    "default-src 'self'",
    `script-src ${["'self'", ...hashes].join(' ')}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
}
