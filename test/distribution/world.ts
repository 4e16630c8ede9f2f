/** Owns the world of the download tests: a real database, real files, the real router on a real socket. */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Viewer } from '../../server/accounts/viewer.ts';
import { ANONYMOUS } from '../../server/accounts/viewer.ts';
import { loadPlatformKey, type PlatformKey } from '../../server/distribution/platform-key.ts';
import {
  createDistribution,
  type Distribution,
  type DistributionLimits,
  type DistributionOptions,
} from '../../server/distribution/routes.ts';
import { notFound } from '../../server/errors.ts';
import { createRouter, type Route } from '../../server/http/router.ts';
import type { FolderBlobs } from '../../server/platform/blobs/blobs.ts';
import { createFolderBlobs } from '../../server/platform/blobs/folder.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { draftKey, packageKey } from '../../server/versions/paths.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPackage } from '../support/packages.ts';

const AT = new Date('2026-01-05T12:00:00.000Z');
export const SIGNATURE = '{"format":"mosis-package-v1","keyId":"SHA256:x","publicKey":"x","signature":"x"}\n';

export interface VersionSetup {
  readonly packageId?: string;
  readonly versionCode?: number;
  readonly state?: string;
  readonly appStatus?: string;
  readonly minMosisVersion?: string;
  readonly bytes?: Uint8Array;
  readonly icons?: Record<string, string>;
}

export interface StoredVersion {
  readonly id: string;
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly path: string;
}

export interface DistributionWorld extends TestDatabase {
  readonly blobs: FolderBlobs;
  readonly key: PlatformKey;
  readonly distribution: Distribution;
  readonly url: string;
  readonly server: Server;
  readonly ownerId: string;
  /** The requests whose sender was asked for. */
  readonly viewerAsked: IncomingMessage[];
  /** What requests are from here on sent as. */
  actAs(viewer: Viewer): void;
  /** A version of an app of the owner, with its package stored; made published unless told otherwise. */
  version(setup?: VersionSetup): Promise<StoredVersion>;
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Serves routes as the server does; `close` ends every connection. */
export async function serve(
  routes: readonly Route[],
): Promise<{ server: Server; url: string; close: () => Promise<void> }> {
  const server = createServer(
    createRouter({
      routes,
      fallback: () => {
        throw notFound('The page');
      },
      publicUrl: 'https://apps.example.org',
      trustedProxies: [],
      newRequestId: randomUUID,
      log: pino({ level: 'silent' }),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The person behind a portal session. */
export function developer(developerId: string, roles: { reviewer?: boolean } = {}): Viewer {
  return {
    kind: 'developer',
    developerId,
    name: 'Ada',
    email: 'ada@example.com',
    reviewer: roles.reviewer ?? false,
    admin: false,
    credential: { kind: 'SESSION', id: 's', expiresAt: new Date('2027-01-01T00:00:00Z') },
  };
}

/** A world of its own; `dispose` it. */
export async function createDistributionWorld(
  limits: Partial<DistributionLimits> = {},
  front: Pick<DistributionOptions, 'sendfile' | 'trustedProxies'> = {},
): Promise<DistributionWorld> {
  const database = await createTestDatabase();
  const { db, folder } = database;
  const blobs = await createFolderBlobs(join(folder, 'blobs'));
  const key = await loadPlatformKey(join(folder, 'keys'));
  const viewerAsked: IncomingMessage[] = [];
  let viewer: Viewer = ANONYMOUS;
  const distribution = createDistribution({
    db,
    sql: db.raw,
    blobs,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    key,
    publicUrl: 'https://apps.example.org',
    limits,
    ...front,
    viewerOf: async (request) => {
      viewerAsked.push(request);
      return viewer;
    },
  });
  const { server, url, close } = await serve(distribution.routes);
  const ownerId = randomUUID();
  await db.prisma.developer.create({
    data: { id: ownerId, email: 'ada@example.com', name: 'Ada', createdAt: AT, updatedAt: AT },
  });

  return {
    ...database,
    blobs,
    key,
    distribution,
    url,
    server,
    ownerId,
    viewerAsked,
    actAs: (next) => {
      viewer = next;
    },
    version: (setup = {}) => storeVersion({ db, blobs, key, ownerId }, setup),
    get: (path, headers = {}, method = 'GET') => fetch(`${url}${path}`, { method, headers, redirect: 'manual' }),
    async dispose() {
      await close();
      await distribution.close();
      await database.dispose();
    },
  };
}

type Place = Pick<DistributionWorld, 'db' | 'blobs' | 'key' | 'ownerId'>;

async function storeVersion({ db, blobs, key, ownerId }: Place, setup: VersionSetup): Promise<StoredVersion> {
  const { packageId = 'com.example.hello', versionCode = 7, state = 'PUBLISHED', minMosisVersion = '1.0.0' } = setup;
  const bytes = Buffer.from(setup.bytes ?? goodPackage({ manifest: { id: packageId, version_code: versionCode } }));
  const appStatus = setup.appStatus ?? (state === 'PUBLISHED' ? 'PUBLISHED' : 'DRAFT');
  const id = randomUUID();
  const app = await db.prisma.app.upsert({
    where: { packageId },
    update: { status: appStatus },
    create: {
      id: randomUUID(),
      packageId,
      name: 'Hello',
      developerId: ownerId,
      tags: [],
      status: appStatus,
      createdAt: AT,
      updatedAt: AT,
      members: { create: { developerId: ownerId, role: 'OWNER', createdAt: AT } },
    },
  });
  const hash = sha256(bytes);
  const icons = setup.icons ?? { '64': 'icons/64.png' };
  await db.prisma.appVersion.create({
    data: {
      id,
      appId: app.id,
      versionCode,
      versionName: '1.2.3',
      state,
      claimedCode: state === 'DRAFT' ? null : versionCode,
      packageSize: bytes.length,
      packageSha256: hash,
      unpackedSize: bytes.length,
      manifest: { icons },
      permissions: [],
      minMosisVersion,
      signature: SIGNATURE,
      platformSignature: key.sign({ packageId, versionCode, size: bytes.length, sha256: hash }),
      reviewReasons: [],
      uploadedById: ownerId,
      createdAt: AT,
      updatedAt: AT,
      publishedAt: state === 'PUBLISHED' ? AT : null,
    },
  });
  const blobKey = state === 'DRAFT' ? draftKey(id) : packageKey(packageId, versionCode);
  await blobs.put(blobKey, bytes, { sha256: hash });
  return { id, bytes, sha256: hash, path: `/v1/packages/${packageId}/${versionCode}/package.mosis` };
}
