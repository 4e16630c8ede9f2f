/** Owns the answer for an icon: public once published, before that only for those who may see the version. */
import type { IncomingMessage } from 'node:http';
import type { Viewer } from '../accounts/viewer.ts';
import { notFound } from '../errors.ts';
import type { RouteHandler } from '../http/router.ts';
import type { Database } from '../platform/db/database.ts';
import { visibleVersions } from '../versions/access.ts';
import { matchesNone } from './conditions.ts';
import { ICON_SIZES, type IconSize } from './icon.ts';
import type { Icon, IconSource, IconStore } from './icon-store.ts';
import { packageIdOf, versionCodeOf } from './parameters.ts';
import type { DistributionQueries } from './queries.ts';
import { IMMUTABLE } from './representation.ts';

const FILE = /^icon-(32|64|128)\.png$/;
/** Drafts may share a code; more of them than this is nobody's app. */
const MAX_SAME_CODE = 50;

/** Who sends a request, by its cookie or Authorization header; cookies count as the caller decides. */
export type ViewerOf = (request: IncomingMessage, address: string) => Promise<Viewer>;

interface IconHandlerOptions {
  readonly queries: DistributionQueries;
  readonly db: Database;
  readonly icons: IconStore;
  readonly viewerOf: ViewerOf;
}

/** Makes the handler of `/v1/assets/{packageId}/{versionCode}/{file}`. */
export function createIconHandler({ queries, db, icons, viewerOf }: IconHandlerOptions): RouteHandler {
  async function sourceFor(versionId: string): Promise<IconSource | null> {
    const version = await db.prisma.appVersion.findUnique({
      where: { id: versionId },
      include: { app: { select: { packageId: true } } },
    });
    if (version === null) return null;
    return {
      versionId,
      packageId: version.app.packageId,
      versionCode: version.versionCode,
      submitted: version.claimedCode !== null,
      icons: iconsOf(version.manifest),
    };
  }

  /** The version behind a code that the viewer may see: the submitted one, else their newest draft. */
  async function visibleId(viewer: Viewer, packageId: string, versionCode: number): Promise<string | null> {
    if (viewer.kind === 'anonymous') return null;
    const versions = await db.prisma.appVersion.findMany({
      where: { AND: [visibleVersions(viewer), { versionCode, app: { packageId } }] },
      orderBy: { createdAt: 'desc' },
      take: MAX_SAME_CODE,
      select: { id: true, claimedCode: true },
    });
    return (versions.find(({ claimedCode }) => claimedCode !== null) ?? versions[0])?.id ?? null;
  }

  return async (request, response, { params, address }) => {
    const packageId = packageIdOf(params.packageId);
    const versionCode = versionCodeOf(params.versionCode);
    const size = sizeOf(params.file);
    const published = queries.published(packageId, versionCode);
    const versionId = published?.id ?? (await visibleId(await viewerOf(request, address), packageId, versionCode));
    const icon: Icon | null = versionId === null ? null : await icons.get(versionId, size, () => sourceFor(versionId));
    if (icon === null) throw notFound('The icon');
    const headers = {
      'Cache-Control': published === null ? 'private, no-store' : IMMUTABLE,
      'Content-Security-Policy': 'sandbox',
      'X-Content-Type-Options': 'nosniff',
      ETag: icon.etag,
    };
    if (matchesNone(request.headers['if-none-match'], icon.etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, 'Content-Type': 'image/png', 'Content-Length': icon.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : icon.bytes);
  };
}

function sizeOf(file: string | undefined): IconSize {
  const text = FILE.exec(file ?? '')?.[1];
  const size = ICON_SIZES.find((candidate) => String(candidate) === text);
  if (size === undefined) throw notFound('The asset');
  return size;
}

/** `icons` of a stored manifest: text by size, whatever else was in it. */
function iconsOf(manifest: unknown): Record<string, string> {
  const icons = typeof manifest === 'object' && manifest !== null && 'icons' in manifest ? manifest.icons : null;
  if (typeof icons !== 'object' || icons === null) return {};
  return Object.fromEntries(
    Object.entries(icons).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
