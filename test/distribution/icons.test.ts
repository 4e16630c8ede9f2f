import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng } from '../../format/assets/png.ts';
import { crc32 } from '../../format/crc32.ts';
import { ANONYMOUS } from '../../server/accounts/viewer.ts';
import { reencodeIcon } from '../../server/distribution/icon.ts';
import { goodPackage, png } from '../support/packages.ts';
import { createDistributionWorld, type DistributionWorld, developer, sha256 } from './world.ts';

const ID = 'com.example.icons';

function chunk(type: string, body: Uint8Array): Buffer {
  const whole = Buffer.alloc(body.length + 12);
  whole.writeUInt32BE(body.length, 0);
  whole.write(type, 4, 'latin1');
  whole.set(body, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, body.length + 8)), body.length + 8);
  return whole;
}

/** The chunks of a PNG in order. */
function chunksOf(bytes: Buffer): { type: string; body: Buffer }[] {
  const chunks: { type: string; body: Buffer }[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    chunks.push({ type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

/** A 64-pixel palette image with transparency, a comment, a time and a private chunk. */
function decoratedPng(): Buffer {
  const header = Buffer.from([0, 0, 0, 64, 0, 0, 0, 64, 8, 3, 0, 0, 0]);
  const rows = Buffer.alloc(64 * 65).map((_, i) => (i % 65 === 0 ? 0 : i % 2));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('tEXt', Buffer.from('Comment\0<script>alert(1)</script>')),
    chunk('PLTE', Buffer.from([255, 0, 0, 0, 0, 255])),
    chunk('tRNS', Buffer.from([0, 255])),
    chunk('prVt', Buffer.from('kept from view')),
    chunk('IDAT', deflateSync(rows, { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('an icon is made anew', () => {
  it('with the same pixels and nothing else', () => {
    const source = decoratedPng();
    const made = reencodeIcon(source, 64);
    if (made === null) throw new Error('refused');
    expect(decodePng(made)).toMatchObject({ ok: true, header: { width: 64, height: 64, colorType: 3 } });
    const before = chunksOf(source);
    const after = chunksOf(made);
    expect(after.map(({ type }) => type)).toEqual(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);
    const of = (list: typeof after, type: string): Buffer =>
      list.find((part) => part.type === type)?.body ?? Buffer.alloc(0);
    for (const type of ['IHDR', 'PLTE', 'tRNS']) expect(of(after, type)).toEqual(of(before, type));
    expect(inflateSync(of(after, 'IDAT'))).toEqual(inflateSync(of(before, 'IDAT')));
    expect(made.includes('script')).toBe(false);
  });

  it.each([
    ['another size', Buffer.from(png(32))],
    ['not square', Buffer.from(png(64, 32))],
    ['cut off', decoratedPng().subarray(0, -20)],
    ['followed by data', Buffer.concat([decoratedPng(), Buffer.from('PK')])],
    ['no PNG', Buffer.from('<svg onload="alert(1)"/>')],
    ['empty', Buffer.alloc(0)],
  ])('but not from a file that is %s', (_, bytes) => {
    expect(reencodeIcon(bytes, 64)).toBeNull();
  });
});

describe('the address of an icon', () => {
  let world: DistributionWorld;
  const path = (code: number, size = 64): string => `/v1/assets/${ID}/${code}/icon-${size}.png`;
  const bytes = (code: number): Uint8Array =>
    goodPackage({ manifest: { id: ID, version_code: code }, files: { 'icons/64.png': decoratedPng() } });

  beforeAll(async () => {
    world = await createDistributionWorld();
    await world.version({ packageId: ID, versionCode: 1, bytes: bytes(1) });
    await world.version({ packageId: ID, versionCode: 2, bytes: bytes(2), state: 'IN_REVIEW', appStatus: 'PUBLISHED' });
    await world.version({ packageId: ID, versionCode: 3, bytes: bytes(3), state: 'DRAFT', appStatus: 'PUBLISHED' });
  });
  afterAll(() => world.dispose());

  it('answers everybody once published, for ever and in a sandbox', async () => {
    const response = await world.get(path(1));
    expect(response.status).toBe(200);
    expect(
      Object.fromEntries(
        ['content-type', 'cache-control', 'content-security-policy', 'x-content-type-options'].map((name) => [
          name,
          response.headers.get(name),
        ]),
      ),
    ).toEqual({
      'content-type': 'image/png',
      'cache-control': 'public, max-age=31536000, immutable',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    });
    const icon = Buffer.from(await response.arrayBuffer());
    expect(decodePng(icon).ok).toBe(true);
    expect(response.headers.get('etag')).toBe(`"${sha256(icon)}"`);
    expect(world.viewerAsked).toEqual([]);
    const again = await world.get(path(1), { 'if-none-match': response.headers.get('etag') ?? '' });
    expect(again.status).toBe(304);
    expect((await world.get(path(1), {}, 'HEAD')).headers.get('content-length')).toBe(String(icon.length));
  });

  it('is stored once made, so that the package is opened once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => world.get(path(1))));
    const stored = await world.blobs.stat(`assets/${ID}/1/icon-64.png`);
    expect(stored?.size).toBeGreaterThan(50);
  });

  it('does not exist for a size that the version has not', async () => {
    expect((await world.get(path(1, 32))).status).toBe(404);
    expect((await world.get(path(9))).status).toBe(404);
  });

  it.each([2, 3])('before publication exists only for who may see version %i', async (code) => {
    const status = async (viewer: Parameters<DistributionWorld['actAs']>[0]): Promise<number> => {
      world.actAs(viewer);
      return (await world.get(path(code))).status;
    };
    expect(await status(ANONYMOUS)).toBe(404);
    expect(await status(developer('somebody-else'))).toBe(404);
    expect(await status(developer(world.ownerId))).toBe(200);
    expect(await status(developer('a-reviewer', { reviewer: true })), 'drafts are nobody else’s').toBe(
      code === 2 ? 200 : 404,
    );
    world.actAs(developer(world.ownerId));
    const response = await world.get(path(code));
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    world.actAs(ANONYMOUS);
    expect((await world.get(path(code))).status, 'also after it was made').toBe(404);
  });

  it('is private again once the version is taken out of the store', async () => {
    await world.version({ packageId: 'com.example.taken', versionCode: 1, state: 'SUSPENDED' });
    world.actAs(ANONYMOUS);
    expect((await world.get('/v1/assets/com.example.taken/1/icon-64.png')).status).toBe(404);
  });
});
