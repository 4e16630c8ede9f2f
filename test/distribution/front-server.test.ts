/** A server in front that sends packages by itself: nginx as it is installed here, and what is said to others. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFrontServer } from '../../server/distribution/front-server.ts';
import { packageKey } from '../../server/versions/paths.ts';
import { createDistributionWorld, type DistributionWorld, type StoredVersion, sha256 } from './world.ts';

const PREFIX = '/_packages/';
const LOOPBACK = ['127.0.0.1'];
const SIZE = 700_001;

let world: DistributionWorld;
let version: StoredVersion;
beforeAll(async () => {
  world = await createDistributionWorld(
    {},
    { sendfile: { kind: 'x-accel-redirect', prefix: PREFIX }, trustedProxies: LOOPBACK },
  );
  version = await world.version({ packageId: 'com.example.big', versionCode: 3, bytes: randomBytes(SIZE) });
});
afterAll(() => world.dispose());

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

describe('the server in front is told', () => {
  it('where the file lies, with all that an answer says, and no byte of it', async () => {
    const response = await world.get(version.path, { range: 'bytes=5-9' });
    expect(response.status).toBe(200);
    expect(await bytesOf(response)).toHaveLength(0);
    expect(response.headers.get('x-accel-redirect')).toBe('/_packages/packages/com.example.big/3/package.mosis');
    expect(response.headers.get('etag')).toBe(`"${version.sha256}"`);
    expect(response.headers.get('repr-digest')).toMatch(/^sha-256=:/);
  });

  it('nothing of what has no bytes: HEAD, conditions, ranges outside, versions that are hidden', async () => {
    const hidden = await world.version({ packageId: 'com.example.hidden', versionCode: 1, state: 'SUSPENDED' });
    const answers = [
      await world.get(version.path, {}, 'HEAD'),
      await world.get(version.path, { 'if-none-match': `"${version.sha256}"` }),
      await world.get(version.path, { range: `bytes=${SIZE}-` }),
      await world.get(hidden.path),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 304, 416, 404]);
    for (const { headers } of answers) expect(headers.has('x-accel-redirect')).toBe(false);
    expect(answers[0]?.headers.get('content-length')).toBe(String(SIZE));
  });

  it('by X-Sendfile the path of the file', async () => {
    const own = await createDistributionWorld({}, { sendfile: { kind: 'x-sendfile' }, trustedProxies: LOOPBACK });
    const { path } = await own.version({ packageId: 'com.example.big', versionCode: 3 });
    const response = await own.get(path);
    expect(response.headers.get('x-sendfile')).toBe(own.blobs.path(packageKey('com.example.big', 3)));
    expect(await bytesOf(response)).toHaveLength(0);
    await own.dispose();
  });

  it('and nobody else: who comes past it gets the bytes and no path', async () => {
    const own = await createDistributionWorld({}, { sendfile: { kind: 'x-sendfile' }, trustedProxies: ['192.0.2.7'] });
    const { path, sha256: expected } = await own.version();
    const response = await own.get(path, { 'x-forwarded-for': '192.0.2.7', 'x-sendfile-type': 'X-Sendfile' });
    expect(response.headers.has('x-sendfile')).toBe(false);
    expect(sha256(await bytesOf(response))).toBe(expected);
    await own.dispose();
  });

  it('no key that could leave the folder', () => {
    const request = { socket: { remoteAddress: '127.0.0.1' } } as Parameters<
      ReturnType<typeof createFrontServer>['handOver']
    >[0];
    for (const kind of ['x-sendfile', 'x-accel-redirect'] as const) {
      const front = createFrontServer({
        sendfile: { kind, prefix: PREFIX },
        isFromFront: () => true,
        blobs: world.blobs,
      });
      for (const key of [
        'packages/../../keys/a.pem',
        '/etc/passwd',
        'packages/.incoming/x',
        'packages/a\r\nX: y/1',
        'a//b',
      ])
        expect(() => front.handOver(request, key), key).toThrow(TypeError);
    }
  });

  it('of a delta whose file is gone: the whole', async () => {
    const { newer, base, delta } = await withDelta(world, 'com.example.lost');
    await world.blobs.delete(delta.key);
    const response = await world.get(newer.path, takingDelta(base));
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(response.headers.get('x-accel-redirect')).toBe('/_packages/packages/com.example.lost/2/package.mosis');
  });
});

const takingDelta = (base: StoredVersion) => ({
  'accept-encoding': 'dcz',
  'available-dictionary': `:${Buffer.from(base.sha256, 'hex').toString('base64')}:`,
});

async function withDelta(own: DistributionWorld, packageId: string) {
  const base = await own.version({ packageId, versionCode: 1 });
  const newer = await own.version({ packageId, versionCode: 2 });
  const bytes = randomBytes(5_000);
  const delta = { key: `deltas/${packageId}/2/${base.sha256}.dcz`, bytes, sha256: sha256(bytes) };
  await own.blobs.put(delta.key, bytes, delta);
  await own.db.prisma.packageDelta.create({
    data: {
      ...{ versionId: newer.id, baseVersionId: base.id, baseSha256: base.sha256 },
      ...{ size: bytes.length, sha256: delta.sha256, createdAt: new Date() },
    },
  });
  return { base, newer, delta };
}

/** Debian puts it where only an administrator's PATH looks. */
const NGINX = ['nginx', '/usr/sbin/nginx'].find((program) => spawnSync(program, ['-v']).error === undefined);

describe.runIf(NGINX !== undefined)('nginx in front', () => {
  let folder: string;
  let nginx: ChildProcess;
  let origin: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mosis-nginx-'));
    await chmod(folder, 0o755);
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    await writeFile(join(folder, 'nginx.conf'), await nginxConfig(folder, port, world));
    nginx = spawn(NGINX ?? 'nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await untilUp(nginx, `${origin}/v1/keys`);
  });
  afterAll(async () => {
    const exited = once(nginx, 'exit');
    nginx.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  });

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(`${origin}${path}`, { method, headers: { 'accept-encoding': 'identity', ...headers }, redirect: 'manual' });
  const SAID = [
    'etag',
    'content-type',
    'cache-control',
    'repr-digest',
    'vary',
    'x-mosis-signature',
    'use-as-dictionary',
    'content-encoding',
  ];
  const said = ({ headers }: Response) => SAID.map((name) => [name, headers.get(name)]);

  it('sends the whole package, and says what this server says', async () => {
    const response = await get(version.path);
    const own = await world.get(version.path, {}, 'HEAD');
    expect(response.headers.get('server')).toContain('nginx');
    expect([response.status, response.headers.get('content-length')]).toEqual([200, String(SIZE)]);
    expect(said(response)).toEqual(said(own));
    for (const name of ['x-accel-redirect', 'last-modified']) expect(response.headers.has(name)).toBe(false);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(sha256(await bytesOf(response))).toBe(version.sha256);
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=262143-262145', 262_143, 262_146],
    [`bytes=${SIZE - 7}-`, SIZE - 7, SIZE],
    ['bytes=-9', SIZE - 9, SIZE],
  ])('sends %s byte-exact', async (range, start, end) => {
    const response = await get(version.path, { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([
      206,
      `bytes ${start}-${end - 1}/${SIZE}`,
    ]);
    expect(response.headers.get('etag')).toBe(`"${version.sha256}"`);
    expect((await bytesOf(response)).equals(version.bytes.subarray(start, end))).toBe(true);
  });

  it('sends a part only of what the client has begun, and several parts as the whole', async () => {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await get(version.path, headers)).status;
    expect(await status({ range: 'bytes=10-19', 'if-range': `"${version.sha256}"` })).toBe(206);
    expect(await status({ range: 'bytes=10-19', 'if-range': '"0000"' })).toBe(200);
    expect(await status({ range: 'bytes=10-19', 'if-range': 'Wed, 21 Oct 2015 07:28:00 GMT' })).toBe(200);
    expect(await status({ range: 'bytes=0-1,5-6' })).toBe(200);
    expect(await status({ range: `bytes=${SIZE}-` })).toBe(416);
    expect(await status({ 'if-none-match': `"${version.sha256}"` })).toBe(304);
    expect(await status({ 'if-modified-since': new Date(Date.now() + 1e9).toUTCString() })).toBe(200);
  });

  it('sends a delta with its own tag and coding, whole and in parts', async () => {
    const { newer, base, delta } = await withDelta(world, 'com.example.delta');
    const response = await get(newer.path, takingDelta(base));
    expect([response.status, response.headers.get('content-encoding')]).toEqual([200, 'dcz']);
    expect(response.headers.get('etag')).toBe(`"${delta.sha256}"`);
    expect(response.headers.get('vary')).toBe('Accept-Encoding, Available-Dictionary');
    expect(sha256(await bytesOf(response))).toBe(delta.sha256);
    const part = await get(newer.path, {
      ...takingDelta(base),
      range: 'bytes=100-199',
      'if-range': `"${delta.sha256}"`,
    });
    expect(part.status).toBe(206);
    expect((await bytesOf(part)).equals(delta.bytes.subarray(100, 200))).toBe(true);
  });

  it.each([
    '/_packages/packages/com.example.big/3/package.mosis',
    '/_packages/../keys/platform.pem',
    '/_packages/',
    '/_packages/%2e%2e/keys/platform.pem',
  ])('shows nobody what this server did not hand over: %s', async (path) => {
    expect((await get(path)).status).toBeGreaterThanOrEqual(400);
  });

  it('counts a download once, also one that broke off and was continued', async () => {
    const counted = await world.version({
      packageId: 'com.example.counted',
      versionCode: 1,
      bytes: randomBytes(9_000),
    });
    await bytesOf(await get(counted.path));
    const second = await get(counted.path);
    await second.body?.cancel();
    await bytesOf(await get(counted.path, { range: 'bytes=100-' }));
    const failed = await get(counted.path, { 'if-match': '"other"' });
    expect(failed.status).toBe(412);
    for (const range of ['bytes=0-0', 'bytes=-1']) await bytesOf(await get(counted.path, { range }));
    await get(counted.path, {}, 'HEAD');
    await world.distribution.flushCounts();
    const rows = await world.db.prisma.downloadCount.findMany({ where: { versionId: counted.id } });
    expect(rows.map(({ full, delta }) => ({ full, delta }))).toEqual([{ full: 2, delta: 0 }]);
  });
});

/** The snippet of docs/OPERATIONS.md, with the folders and ports of this test. */
async function nginxConfig(folder: string, port: number, own: DistributionWorld): Promise<string> {
  const manual = await readFile(fileURLToPath(new URL('../../docs/OPERATIONS.md', import.meta.url)), 'utf8');
  const snippet = /```nginx\n(location \/_packages\/[\s\S]*?)```/.exec(manual)?.[1];
  if (snippet === undefined) throw new Error('The manual has no snippet for nginx');
  const places = `location / { proxy_pass ${own.url}; proxy_http_version 1.1; proxy_set_header Connection ''; }
    ${snippet.replace(/alias [^;]*;/, `alias ${join(own.folder, 'blobs')}/;`)}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log; user root;
    events { worker_connections 64; }
    http { access_log off; ${temporary.join(' ')} server { listen 127.0.0.1:${port}; ${places} } }`;
}

async function freePort(): Promise<number> {
  const server = createSocketServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilUp(child: ChildProcess, url: string): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  for (let tries = 0; ; tries += 1) {
    const up = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) return;
    if (tries > 200 || child.exitCode !== null) throw new Error(`nginx did not start: ${said}`);
    await wait(50);
  }
}
