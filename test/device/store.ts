/** Owns a small store over real HTTP for device tests: it serves what a test publishes, and fails the way a test asks. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { buildPackage } from '../../format/canonical.ts';
import { encodeDelta } from '../../format/delta.ts';
import { signPackage } from '../../format/package-signature.ts';
import { signPinLink } from '../../format/pins.ts';
import { keyIdOf, publicKeyFrom } from '../../format/signing.ts';
import { type TargetFacts, targetPath } from '../../format/trust/targets.ts';
import { createRepositoryFiles, type RepositoryFiles } from './repository.ts';

export const DEVELOPER_SECRET = new Uint8Array(32).fill(2);

export interface AppOptions {
  readonly id?: string;
  readonly versionCode?: number;
  readonly version?: string;
  readonly permissions?: readonly string[];
  readonly minMosisVersion?: string;
  /** Bytes of filler, so that a download takes more than one chunk. */
  readonly fillerBytes?: number;
  readonly signed?: boolean;
}

/** A small package that the format accepts. */
export function makePackage(options: AppOptions = {}): Uint8Array {
  const { id = 'com.example.notes', versionCode = 1, permissions = [], minMosisVersion = '1.0.0' } = options;
  const text = (value: string) => new TextEncoder().encode(value);
  const manifest = {
    id,
    name: 'Notes',
    version: options.version ?? `1.0.${versionCode}`,
    version_code: versionCode,
    entry: 'assets/main.rml',
    permissions,
    min_mosis_version: minMosisVersion,
    author: { name: 'Ada', email: 'ada@example.com' },
    icons: {},
  };
  const files = new Map([
    ['manifest.json', text(JSON.stringify(manifest))],
    ['assets/main.rml', text(`<rml><head><title>v${versionCode}</title></head><body></body></rml>\n`)],
    ['assets/version.txt', text(`${versionCode}\n`)],
    ['assets/filler.txt', filler(options.fillerBytes ?? 0, versionCode)],
  ]);
  if (options.signed !== false) files.set('signature.sig', signPackage(files, DEVELOPER_SECRET));
  return buildPackage(files);
}

/** Text that does not compress away. */
function filler(bytes: number, seed: number): Uint8Array {
  let text = '';
  for (let i = 0; text.length < bytes; i += 1) text += createHash('sha256').update(`${seed}/${i}`).digest('base64');
  return new TextEncoder().encode(text.slice(0, bytes));
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface Published {
  readonly id: string;
  readonly versionCode: number;
  readonly versionName: string;
  readonly permissions: readonly string[];
  readonly bytes: Uint8Array;
  /** What the store claims, which a test may falsify. */
  readonly sha256: string;
  readonly minMosisVersion: string;
  /** What the signed metadata says of it; null lists it not at all. */
  readonly facts: TargetFacts | null;
}

/** The first link of an app's chain of keys: the developer's own. */
export function firstPin(packageId: string, secretKey: Uint8Array = DEVELOPER_SECRET): TargetFacts['pins'][number] {
  const link = signPinLink({ packageId, serial: 1, keyIds: [keyIdOf(publicKeyFrom(secretKey))] }, secretKey);
  return {
    serial: 1,
    key_ids: [...link.keyIds],
    public_key: link.publicKey,
    signature: link.signature,
    recovered: false,
  };
}

/** An update check as devices send it. */
export interface AskedCheck {
  readonly tag: string | null;
  readonly apps: readonly { readonly package_id: string; readonly version_code: number; readonly track: string }[];
}

export interface StoreServer {
  readonly url: string;
  /** The signed metadata that it serves; `publish` makes it anew. */
  readonly repository: RepositoryFiles;
  /** Every package request: its Range header, or null. */
  readonly ranges: (string | null)[];
  readonly posts: { readonly path: string; readonly body: unknown }[];
  readonly checks: AskedCheck[];
  /** Empties `posts`. */
  forgetPosts(): void;
  publish(options: AppOptions, overrides?: Partial<Published>): Published;
  /** Runs before each package answer; true means that the test answered. */
  onPackage: ((request: IncomingMessage, response: ServerResponse, app: Published) => boolean) | null;
  /** Answers update checks, which the store does not know while this is null. */
  onCheck: ((check: AskedCheck) => unknown) | null;
  /** Whether a device that has an earlier package gets a delta from it. */
  deltas: boolean;
  /** Answers to telemetry, in turn; 202 when empty. */
  readonly telemetryAnswers: {
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly body?: unknown;
  }[];
  close(): Promise<void>;
}

/** Starts a store on a free port. */
export async function startStore(now: () => Date = () => new Date()): Promise<StoreServer> {
  const apps = new Map<string, Published[]>();
  const repository = createRepositoryFiles(now);
  let metadataVersion = Math.floor(now().getTime() / 1_000);
  const sign = () => {
    metadataVersion += 1;
    const all = [...apps.values()].flat().filter(({ facts }) => facts !== null);
    const targets = all.map(({ id, versionCode, bytes, sha256: hash, facts }) => [
      targetPath(id, versionCode),
      { length: bytes.length, sha256: hash, facts },
    ]);
    repository.publish(metadataVersion, Object.fromEntries(targets.reverse()));
  };
  sign();
  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const store: StoreServer = {
    url: `http://127.0.0.1:${port}`,
    repository,
    ranges: [],
    posts: [],
    checks: [],
    forgetPosts: () => void store.posts.splice(0),
    onPackage: null,
    onCheck: null,
    deltas: false,
    telemetryAnswers: [],
    publish(options, overrides = {}) {
      const bytes = overrides.bytes ?? makePackage(options);
      const { id = 'com.example.notes', versionCode = 1, permissions = [] } = options;
      const minMosisVersion = options.minMosisVersion ?? '1.0.0';
      const versionName = options.version ?? `1.0.${versionCode}`;
      const app: Published = {
        id,
        versionCode,
        versionName,
        permissions,
        bytes,
        sha256: sha256(bytes),
        minMosisVersion,
        facts: {
          v: 1,
          version: versionName,
          min_mosis_version: minMosisVersion,
          permissions: [...permissions],
          signer_key_id: keyIdOf(publicKeyFrom(DEVELOPER_SECRET)),
          pins: [firstPin(id)],
          rollouts: { stable: { seed: 'ab'.repeat(32), basis_points: 10_000, state: 'complete' } },
          rollbacks: [],
        },
        ...overrides,
      };
      apps.set(id, [app, ...(apps.get(id) ?? [])]);
      sign();
      return app;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', store.url);
    const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    if (url.pathname.startsWith('/v1/metadata/')) {
      const file = repository.files.get(url.pathname.slice('/v1/metadata/'.length));
      return response.writeHead(file === undefined ? 404 : 200).end(file);
    }
    if (url.pathname === '/graphql') {
      const body = JSON.parse(await bodyOf(request)) as { variables: { packageId: string } };
      return json(200, { data: { storeApp: storeApp(apps.get(body.variables.packageId)?.[0]) } });
    }
    if (url.pathname.startsWith('/v1/telemetry/')) {
      store.posts.push({ path: url.pathname, body: JSON.parse(await bodyOf(request)) });
      const { status, headers, body } = store.telemetryAnswers.shift() ?? { status: 202 };
      return json(status, body ?? {}, headers);
    }
    if (url.pathname === '/v1/updates/check' && store.onCheck !== null) {
      const check = JSON.parse(await bodyOf(request)) as AskedCheck;
      store.checks.push(check);
      return json(200, store.onCheck(check));
    }
    const download = /^\/v1\/store\/apps\/([^/]+)\/download$/.exec(url.pathname);
    const mosisVersion = url.searchParams.get('mosis_version') ?? '';
    const found = apps.get(download?.[1] ?? '')?.find(({ minMosisVersion }) => minMosisVersion <= mosisVersion);
    if (found !== undefined) {
      return response.writeHead(302, { location: `/v1/packages/${found.id}/${found.versionCode}/package.mosis` }).end();
    }
    const [, id = '', code = ''] = /^\/v1\/packages\/([^/]+)\/(\d+)\//.exec(url.pathname) ?? [];
    const app = apps.get(id)?.find(({ versionCode }) => versionCode === Number(code));
    if (app === undefined) return json(404, {});
    const delta = store.deltas ? await deltaFor(request, app, apps.get(id) ?? []) : null;
    if (delta !== null) return sendDelta(request, response, delta, () => store.onPackage?.(request, response, app));
    if (request.method === 'HEAD')
      return response.writeHead(200, { ...packageHeaders(app), 'content-length': app.bytes.length }).end();
    store.ranges.push(request.headers.range ?? null);
    if (store.onPackage?.(request, response, app) === true) return;
    sendPackage(request, response, app);
  };
  return store;
}

export function packageHeaders(app: Published): Record<string, string> {
  return {
    etag: `"${sha256(app.bytes)}"`,
    'repr-digest': `sha-256=:${Buffer.from(app.sha256, 'hex').toString('base64')}:`,
  };
}

/** The whole file, or the rest of it for a Range whose If-Range matches. */
export function sendPackage(request: IncomingMessage, response: ServerResponse, app: Published): void {
  const headers = packageHeaders(app);
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = range !== null && request.headers['if-range'] === headers.etag ? Number(range[1]) : 0;
  const rest = app.bytes.subarray(start);
  const total = app.bytes.length;
  const partial = start > 0 ? { 'content-range': `bytes ${start}-${total - 1}/${total}` } : {};
  response.writeHead(start > 0 ? 206 : 200, { ...headers, ...partial, 'content-length': rest.length });
  response.end(rest);
}

/** What the store offers of each app, the newest first, as an honest server says it. */
export function offering(...apps: readonly Published[]): (check: AskedCheck) => unknown {
  return (check) => ({
    tag: sha256(Buffer.from(JSON.stringify([check.apps, apps.map((app) => app.sha256)]))).slice(0, 22),
    updates: check.apps.flatMap((asked) =>
      apps
        .filter(({ id, versionCode }) => id === asked.package_id && versionCode > asked.version_code)
        .map((app) => hint(app)),
    ),
    gone: [],
  });
}

/** One offer of an update check. */
export function hint(app: Pick<Published, 'id' | 'versionCode' | 'sha256' | 'bytes'>, more: object = {}): object {
  const { id, versionCode, bytes } = app;
  const facts = { package_id: id, version_code: versionCode, sha256: app.sha256, size: bytes.length };
  return { ...facts, track: 'stable', delta_size: null, kind: 'update', known_issue: null, ...more };
}

async function deltaFor(
  request: IncomingMessage,
  app: Published,
  all: readonly Published[],
): Promise<{ bytes: Buffer; etag: string } | null> {
  const asked = /^:([A-Za-z0-9+/=]+):$/.exec(String(request.headers['available-dictionary'] ?? ''))?.[1];
  const base = all.find((each) => asked !== undefined && each.sha256 === Buffer.from(asked, 'base64').toString('hex'));
  const accepted = String(request.headers['accept-encoding'] ?? '').split(/, */);
  if (base === undefined || !accepted.includes('dcz')) return null;
  const bytes = await encodeDelta(app.bytes, base.bytes);
  return { bytes, etag: `"${sha256(bytes)}"` };
}

function sendDelta(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes, etag }: { bytes: Buffer; etag: string },
  disturb: () => boolean | undefined,
): void {
  const headers = { etag, 'content-encoding': 'dcz' };
  if (request.method === 'HEAD')
    return void response.writeHead(200, { ...headers, 'content-length': bytes.length }).end();
  if (disturb() === true) return;
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = bytes.subarray(start);
  const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(206, { ...headers, ...range, 'content-length': rest.length }).end(rest);
}

function storeApp(app: Published | undefined): unknown {
  if (app === undefined) return null;
  return { packageId: app.id, name: 'Notes', version: { minMosisVersion: app.minMosisVersion } };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8');
}
