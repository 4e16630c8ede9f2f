import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64 } from '../../format/base64.ts';
import { parsePlatformSignature, verifyPlatformStatement } from '../../format/platform-statement.ts';
import { chooseRange } from '../../server/distribution/conditions.ts';
import { packageKey } from '../../server/versions/paths.ts';
import { createDistributionWorld, type DistributionWorld, SIGNATURE, type StoredVersion, sha256 } from './world.ts';

/** More than two buffers, and no multiple of one. */
const SIZE = 700_003;
const ID = 'com.example.big';

let world: DistributionWorld;
let big: StoredVersion;

beforeAll(async () => {
  world = await createDistributionWorld();
  big = await world.version({ packageId: ID, versionCode: 3, bytes: randomBytes(SIZE) });
});
afterAll(() => world.dispose());

async function body(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

/** Descriptors of this process that point into the world's packages. */
function descriptorsOf(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`);
      return target.startsWith(folder) && target.endsWith('package.mosis') ? [target] : [];
    } catch {
      return [];
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error('waited 10 s');
    await wait(5);
  }
}

describe('a package', () => {
  it('comes whole, with what proves and keeps it', async () => {
    const response = await world.get(big.path);
    expect(response.status).toBe(200);
    expect(sha256(await body(response))).toBe(big.sha256);
    const { headers } = response;
    expect(
      Object.fromEntries(
        ['etag', 'content-length', 'content-type', 'accept-ranges', 'cache-control'].map((name) => [
          name,
          headers.get(name),
        ]),
      ),
    ).toEqual({
      etag: `"${big.sha256}"`,
      'content-length': String(SIZE),
      'content-type': 'application/vnd.mosis.package',
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect(headers.get('repr-digest')).toBe(`sha-256=:${Buffer.from(big.sha256, 'hex').toString('base64')}:`);
  });

  it('carries the signature of the platform key over its statement', async () => {
    const { headers } = await world.get(big.path, {}, 'HEAD');
    const signature = parsePlatformSignature(headers.get('x-mosis-signature') ?? '');
    const { keys } = (await (await world.get('/v1/keys')).json()) as {
      keys: { key_id: string; public_key: string; status: string }[];
    };
    expect(keys).toEqual([{ key_id: world.key.keyId, public_key: world.key.publicKeyBase64, status: 'active' }]);
    const publicKey = fromBase64(keys[0]?.public_key ?? '', 32);
    if (signature === null || publicKey === null) throw new Error('no signature or key');
    const statement = { packageId: ID, versionCode: 3, size: SIZE, sha256: big.sha256 };
    expect(verifyPlatformStatement(statement, signature, publicKey)).toBe(true);
    expect(verifyPlatformStatement({ ...statement, versionCode: 4 }, signature, publicKey)).toBe(false);
  });

  const EDGE = 256 * 1024;
  const OFFSETS = [0, 1, 17, EDGE - 1, EDGE, EDGE + 1, 2 * EDGE - 1, 2 * EDGE, 524_999, SIZE - 2, SIZE - 1];
  const LENGTHS = [1, 2, 100, EDGE - 1, EDGE, EDGE + 1, SIZE];

  it.each(OFFSETS)('comes byte-exact in parts from offset %i', async (start) => {
    for (const length of LENGTHS) {
      const end = start + length - 1;
      const response = await world.get(big.path, { range: `bytes=${start}-${end}` });
      const last = Math.min(end, SIZE - 1);
      expect([response.status, response.headers.get('content-range')]).toEqual([206, `bytes ${start}-${last}/${SIZE}`]);
      const got = await body(response);
      expect(got.equals(big.bytes.subarray(start, last + 1)), `${start}+${length}`).toBe(true);
    }
  });

  it.each([
    ['bytes=5-', 5, SIZE - 1],
    [`bytes=${SIZE - 1}-`, SIZE - 1, SIZE - 1],
    ['bytes=-1', SIZE - 1, SIZE - 1],
    ['bytes=-300000', SIZE - 300_000, SIZE - 1],
    [`bytes=-${SIZE * 2}`, 0, SIZE - 1],
    ['Bytes = 0-0', 0, 0],
    ['bytes=0-999999999999999', 0, SIZE - 1],
    ['bytes=0-99999999999999999999', 0, SIZE - 1],
    ['bytes=-99999999999999999999', 0, SIZE - 1],
  ])('understands %s', async (range, first, last) => {
    const response = await world.get(big.path, { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([206, `bytes ${first}-${last}/${SIZE}`]);
    expect((await body(response)).equals(big.bytes.subarray(first, last + 1))).toBe(true);
  });

  it.each([
    `bytes=${SIZE}-`,
    `bytes=${SIZE}-${SIZE + 5}`,
    'bytes=9-3',
    'bytes=-0',
    'bytes=-',
    'bytes=x-9',
    'bytes=1-2-3',
    'bytes=0x1-2',
    'bytes=99999999999999999999-',
  ])('refuses %s', async (range) => {
    const response = await world.get(big.path, { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${SIZE}`]);
    expect(await response.json()).toMatchObject({ status: 416, code: 'RANGE_NOT_SATISFIABLE' });
  });

  it.each([`bytes=${' '.repeat(15_000)}x`, `bytes=1-${' '.repeat(15_000)}x`, `bytes${' '.repeat(15_000)}x=1-2`])(
    'is judged at once, however long the white space in it',
    (range) => {
      const startedMs = performance.now();
      for (let n = 0; n < 20; n += 1) chooseRange({ range, ifRange: undefined }, '"tag"', SIZE);
      // Tried in all its splits, one alone takes half a second.
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    },
  );

  it.each(['bytes=0-1,5-6', 'pages=1-2', 'bytes=0-0,-1'])('comes whole for %s', async (range) => {
    const response = await world.get(big.path, { range });
    expect(response.status).toBe(200);
    expect((await body(response)).length).toBe(SIZE);
  });

  it('comes in part only if it is still the same', async () => {
    const range = 'bytes=10-19';
    const status = async (ifRange: string): Promise<number> =>
      (await world.get(big.path, { range, 'if-range': ifRange })).status;
    expect(await status(`"${big.sha256}"`)).toBe(206);
    expect(await status(`W/"${big.sha256}"`)).toBe(200);
    expect(await status('"0000"')).toBe(200);
    expect(await status('Wed, 21 Oct 2015 07:28:00 GMT')).toBe(200);
  });

  it('answers conditions and HEAD without touching the file', async () => {
    const gone = await world.version({ packageId: 'com.example.gone', versionCode: 1 });
    await world.blobs.delete(packageKey('com.example.gone', 1));
    const status = async (etag: string): Promise<number> =>
      (await world.get(gone.path, { 'if-none-match': etag })).status;
    expect(await status(`"${gone.sha256}"`)).toBe(304);
    expect(await status(`"x", W/"${gone.sha256}"`)).toBe(304);
    expect(await status('*')).toBe(304);
    const head = await world.get(gone.path, { range: 'bytes=0-1' }, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(gone.bytes.length)]);
    expect(await status('"other"'), 'only now is the file missed').toBe(500);
  });

  it('has the name of a consistent snapshot too, and no name with another hash', async () => {
    const named = (hash: string): string => `/v1/packages/${ID}/3/${hash}.package.mosis`;
    const response = await world.get(named(big.sha256), { range: 'bytes=5-9' });
    expect([response.status, response.headers.get('etag')]).toEqual([206, `"${big.sha256}"`]);
    expect((await body(response)).equals(big.bytes.subarray(5, 10))).toBe(true);
    const head = await world.get(named(big.sha256), {}, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(SIZE)]);
    for (const other of ['0'.repeat(64), big.sha256.toUpperCase(), '', `${big.sha256}0`, 'x']) {
      expect((await world.get(named(other))).status, other).toBe(404);
    }
  });

  it('has its signature file beside it', async () => {
    const response = await world.get(`/v1/packages/${ID}/3/signature.sig`);
    expect(await response.text()).toBe(SIGNATURE);
    const again = await world.get(`/v1/packages/${ID}/3/signature.sig`, {
      'if-none-match': response.headers.get('etag') ?? '',
    });
    expect(again.status).toBe(304);
  });
});

describe('a small package that is asked for again', () => {
  it('comes from memory, whole and in parts, without its file', async () => {
    const own = await createDistributionWorld({ keptFiles: 0 });
    const small = await own.version({ packageId: ID, versionCode: 1, bytes: randomBytes(600_000) });
    for (let n = 0; n < 2; n += 1) expect(sha256(await body(await own.get(small.path)))).toBe(small.sha256);
    expect(own.distribution.held().hotBytes).toBe(600_000);
    await own.blobs.delete(packageKey(ID, 1));
    expect(sha256(await body(await own.get(small.path)))).toBe(small.sha256);
    for (const [start, end] of [
      [0, 0],
      [262_143, 262_145],
      [599_999, 599_999],
      [7, 599_990],
    ] as const) {
      const part = await own.get(small.path, { range: `bytes=${start}-${end}` });
      expect([part.status, part.headers.get('content-length')]).toEqual([206, String(end - start + 1)]);
      expect((await body(part)).equals(small.bytes.subarray(start, end + 1))).toBe(true);
    }
    await own.dispose();
  });

  it('stays out of memory when it is large, and when it was asked for once', async () => {
    const own = await createDistributionWorld({ hotFileBytes: 1_000_000 });
    const large = await own.version({ packageId: ID, versionCode: 1, bytes: randomBytes(1_000_001) });
    const small = await own.version({ packageId: ID, versionCode: 2, bytes: randomBytes(1_000_000) });
    for (const { path } of [large, large, large, small]) await body(await own.get(path));
    expect(own.distribution.held().hotBytes).toBe(0);
    await body(await own.get(small.path));
    expect(own.distribution.held().hotBytes).toBe(1_000_000);
    await own.dispose();
  });

  it('holds no more than the bound however many slow readers hold different ones', async () => {
    const own = await createDistributionWorld({ hotBytes: 8_000_000, hotFileBytes: 4_000_000, idleMs: 5_000 });
    const versions = await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        own.version({ packageId: `com.example.slow${n}`, versionCode: 1, bytes: randomBytes(4_000_000) }),
      ),
    );
    for (const { path } of versions) await body(await own.get(path));
    const sockets = versions.flatMap(({ path }) =>
      [1, 2, 3].map(() => {
        const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
        socket.on('error', () => {});
        // Several answers: more than the system takes on a reader's behalf.
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(4));
        return socket.pause();
      }),
    );
    await until(() => own.distribution.held().downloads >= 12);
    await until(() => own.distribution.held().hotBytes === 8_000_000);
    for (const { path, sha256: expected } of versions) {
      expect(sha256(await body(await own.get(path)))).toBe(expected);
      expect(own.distribution.held().hotBytes).toBeLessThanOrEqual(8_000_000);
    }
    for (const socket of sockets) socket.destroy();
    await until(() => own.distribution.held().downloads === 0);
    await own.dispose();
  });
});

describe('what is not public', () => {
  it.each([
    ['DRAFT', 'DRAFT'],
    ['SUBMITTED', 'PUBLISHED'],
    ['IN_REVIEW', 'PUBLISHED'],
    ['APPROVED', 'PUBLISHED'],
    ['REJECTED', 'PUBLISHED'],
    ['UNPUBLISHED', 'PUBLISHED'],
    ['SUSPENDED', 'PUBLISHED'],
    ['PUBLISHED', 'SUSPENDED'],
    ['PUBLISHED', 'UNPUBLISHED'],
  ])('does not exist: a %s version of a %s app', async (state, appStatus) => {
    const packageId = `com.example.${state.toLowerCase()}_${appStatus.toLowerCase()}`;
    const { path } = await world.version({ packageId, versionCode: 1, state, appStatus });
    for (const hidden of [
      path,
      path.replace('package.mosis', 'signature.sig'),
      `/v1/store/apps/${packageId}/download`,
    ]) {
      const response = await world.get(hidden);
      expect([hidden, response.status]).toEqual([hidden, 404]);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it.each([
    '/v1/packages/..%2f..%2fkeys/1/package.mosis',
    '/v1/packages/com.example.big/3%2f..%2f3/package.mosis',
    '/v1/packages/com.example.big/03/package.mosis',
    '/v1/packages/com.example.big/3.0/package.mosis',
    '/v1/packages/com.example.big/-3/package.mosis',
    '/v1/packages/com.example.big/99999999999/package.mosis',
    '/v1/packages/com.example.big/3/package.mosis%00',
    '/v1/packages/COM.EXAMPLE.BIG/3/package.mosis',
    `/v1/packages/${'a.'.repeat(200)}b/3/package.mosis`,
    '/v1/packages/com.example.big/3/',
    '/v1/assets/com.example.big/3/..%2f..%2f..%2fkeys%2fplatform.pem',
    '/v1/assets/com.example.big/3/icon-65.png',
    "/v1/store/apps/com.example.big'--/download",
  ])('does not exist: %s', async (path) => {
    // fetch would tidy the path up; a hostile client does not.
    const sent = request(`${world.url}/`, { path }).end();
    const [response] = await once(sent, 'response');
    response.resume();
    expect(response.statusCode).toBe(404);
  });

  it('is not written to', async () => {
    const response = await world.get(big.path, {}, 'DELETE');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('the newest version', () => {
  const at = async (query: string): Promise<string | number> => {
    const response = await world.get(`/v1/store/apps/com.example.many/download${query}`);
    return response.status === 302 ? (response.headers.get('location') ?? '') : response.status;
  };
  const path = (code: number): string => `/v1/packages/com.example.many/${code}/package.mosis`;

  it('is the one that runs on the device, by semantic version precedence', async () => {
    const make = (versionCode: number, minMosisVersion: string, state = 'PUBLISHED') =>
      world.version({ packageId: 'com.example.many', versionCode, minMosisVersion, state, appStatus: 'PUBLISHED' });
    await make(1, '1.0.0');
    await make(2, '1.9.0');
    await make(3, '1.10.0');
    await make(4, '2.0.0-beta.2');
    await make(5, '1.0.0', 'SUSPENDED');
    expect(await at('')).toBe(path(4));
    expect(await at('?mosis_version=1.9.5')).toBe(path(2));
    expect(await at('?mosis_version=1.10.0')).toBe(path(3));
    expect(await at('?mosis_version=2.0.0-beta.1')).toBe(path(3));
    expect(await at('?mosis_version=2.0.0-beta.11')).toBe(path(4));
    expect(await at('?mosis_version=1.0.0-rc.1')).toBe(404);
    expect(await at('?mosis_version=abc')).toBe(400);
    expect(await at(`?mosis_version=${'9'.repeat(500)}.0.0`)).toBe(400);
  });

  it('is one that every device on the stable track gets', async () => {
    const rollouts = [
      [1, 'STABLE', 'COMPLETE', 10_000],
      [2, 'STABLE', 'ACTIVE', 10_000],
      [3, 'STABLE', 'ACTIVE', 9_999],
      [4, 'STABLE', 'PAUSED', 10_000],
      [5, 'STABLE', 'HALTED', 10_000],
      [6, 'BETA', 'COMPLETE', 10_000],
    ] as const;
    for (const [versionCode, track, state, basisPoints] of rollouts) {
      const { id } = await world.version({ packageId: 'com.example.staged', versionCode });
      const { appId } = await world.db.prisma.appVersion.findUniqueOrThrow({ where: { id } });
      const at = new Date('2026-01-05T12:00:00.000Z');
      const data = { id, appId, versionId: id, track, state, basisPoints, seed: sha256(Buffer.from(id)), schedule: [] };
      await world.db.prisma.rollout.create({ data: { ...data, startedAt: at, updatedAt: at } });
    }
    const response = await world.get('/v1/store/apps/com.example.staged/download');
    expect(response.headers.get('location')).toBe('/v1/packages/com.example.staged/2/package.mosis');
  });

  it('does not exist for an app that does not', async () => {
    expect((await world.get('/v1/store/apps/com.example.never/download')).status).toBe(404);
  });
});

describe('readers', () => {
  it('share few descriptors, and close releases them', async () => {
    const own = await createDistributionWorld({ keptFiles: 4 });
    const versions = await Promise.all(
      Array.from({ length: 12 }, (_, i) => own.version({ packageId: `com.example.app${i}`, versionCode: 1 })),
    );
    for (let round = 0; round < 3; round++) {
      const bodies = await Promise.all(versions.map(async ({ path }) => sha256(await body(await own.get(path)))));
      expect(bodies).toEqual(versions.map((version) => version.sha256));
    }
    await until(() => own.distribution.held().openFiles <= 4);
    expect(descriptorsOf(own.folder).length).toBeLessThanOrEqual(4);
    own.distribution.close();
    await until(() => own.distribution.held().openFiles === 0);
    expect(descriptorsOf(own.folder)).toEqual([]);
    await own.dispose();
  });

  it('that take nothing are cut off, and leave no descriptor and no count behind', async () => {
    const own = await createDistributionWorld({ idleMs: 200, keptFiles: 0 });
    const { path } = await own.version({ packageId: ID, versionCode: 1, bytes: randomBytes(30_000_000) });
    const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    socket.pause();
    await until(() => own.distribution.held().downloads === 1);
    await until(() => own.distribution.held().downloads === 0);
    await until(() => own.distribution.held().openFiles === 0);
    expect(descriptorsOf(own.folder)).toEqual([]);
    socket.destroy();
    await own.dispose();
  });

  it('that vanish leave nothing behind, and the next gets right bytes', async () => {
    const own = await createDistributionWorld({ keptFiles: 1 });
    const { path, sha256: expected } = await own.version({
      packageId: ID,
      versionCode: 1,
      bytes: randomBytes(20_000_000),
    });
    for (let round = 0; round < 20; round++) {
      const sent = request(`${own.url}${path}`).end();
      const [response] = await once(sent, 'response');
      await once(response, 'data');
      response.destroy();
    }
    await until(() => own.distribution.held().downloads === 0);
    expect(own.distribution.held().openFiles).toBe(1);
    expect(sha256(await body(await own.get(path)))).toBe(expected);
    expect(own.distribution.held().freeBuffers).toBeLessThanOrEqual(20);
    await own.dispose();
  });

  it('beyond the bounds are asked to come back', async () => {
    const own = await createDistributionWorld({ maxDownloads: 3, maxDownloadsPerAddress: 2 });
    const { path } = await own.version({ packageId: ID, versionCode: 1, bytes: randomBytes(30_000_000) });
    const sockets = [1, 2].map(() => {
      const socket = connect(Number(new URL(own.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return socket.pause();
    });
    await until(() => own.distribution.held().downloads === 2);
    const refused = await own.get(path);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    for (const socket of sockets) socket.destroy();
    await until(() => own.distribution.held().downloads === 0);
    expect((await own.get(path)).status).toBe(200);
    await own.dispose();
  });
});
