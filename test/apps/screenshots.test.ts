/** Screenshots through the public API: what is taken, what is made of it, who sees it, their order and their end. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng } from '../../format/assets/png.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { type Client, tusUpload } from '../support/client.ts';
import { concat, png, utf8 } from '../support/packages.ts';
import { type AppHandle, createSeed, type Developer, globalId, localId, type Seed } from '../support/seed.ts';

const MIB = 1024 * 1024;
let app: TestApp;
let seed: Seed;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
});
afterAll(() => app.close());

interface Shown {
  readonly id: string;
  readonly url: string;
  readonly width: number;
  readonly height: number;
}
interface Verdict {
  readonly state: string;
  readonly screenshot: Shown | null;
  readonly version: unknown;
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly message: string }[];
}

let names = 0;
async function someApp(): Promise<{ dev: Developer; notes: AppHandle }> {
  names += 1;
  const dev = await seed.developer(`Ada ${names}`);
  return { dev, notes: await dev.app(`com.example.shots${names}`) };
}

const inputOf = (notes: AppHandle, bytes: Uint8Array) => ({
  appId: notes.id,
  kind: 'SCREENSHOT',
  size: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

async function verdictOn(client: Client, uploadId: string): Promise<Verdict> {
  const { upload } = await client.query<{ upload: Verdict }>(
    `query($id: ID!) { upload(id: $id) { state screenshot { id url width height } version { id }
      findings { code severity message } } }`,
    { id: uploadId },
  );
  return upload;
}

/** Sends an image and waits for the verdict. */
async function send(notes: AppHandle, bytes: Uint8Array, client: Client = notes.owner): Promise<Verdict> {
  const started = await client.done<{ upload: { id: string; url: string }; token: string }>(
    'startUpload',
    inputOf(notes, bytes),
    'upload { id url } token',
  );
  await tusUpload({ ...started.upload, token: started.token }, bytes);
  await expect
    .poll(async () => (await verdictOn(client, started.upload.id)).state, { timeout: 15_000 })
    .toMatch(/^(ACCEPTED|REFUSED)$/);
  return verdictOn(client, started.upload.id);
}

async function accepted(notes: AppHandle, bytes: Uint8Array): Promise<Shown> {
  const { state, screenshot, findings } = await send(notes, bytes);
  if (screenshot === null) throw new Error(`${state} ${JSON.stringify(findings)}`);
  return screenshot;
}

async function shotsOf(client: Client, packageId: string): Promise<Shown[]> {
  const { app: found } = await client.query<{ app: { screenshots: Shown[] } }>(
    'query($packageId: String!) { app(packageId: $packageId) { screenshots { id url width height } } }',
    { packageId },
  );
  return found.screenshots;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat([utf8(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return concat([length, body, crc]);
}

/** The image with a chunk before its end. */
function decorated(image: Uint8Array, type: string, data: Uint8Array): Uint8Array {
  return concat([image.subarray(0, -12), chunk(type, data), image.subarray(-12)]);
}

/** An asset as a browser or a program of the client's asks for it. */
function get({ session }: Client, url: string): Promise<Response> {
  const { cookie, bearer } = session;
  return fetch(url, {
    headers: {
      ...(cookie === undefined ? {} : { cookie, 'sec-fetch-site': 'same-origin' }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
  });
}

const filesOf = (notes: AppHandle) =>
  readdir(join(app.dataDir, 'blobs', 'screenshots', notes.key)).catch(() => [] as string[]);

describe('a picture', () => {
  it('becomes a screenshot: made anew, without what was hidden in it, under its own hash', async () => {
    const { dev, notes } = await someApp();
    const secret = utf8('Comment\0taken at home, 52.5 N 13.4 E');
    const shot = await accepted(notes, decorated(png(320, 240), 'tEXt', secret));
    expect(shot).toMatchObject({ width: 320, height: 240 });
    const response = await get(dev, shot.url);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(decodePng(bytes)).toMatchObject({ ok: true, header: { width: 320, height: 240 } });
    expect(bytes.includes('tEXt')).toBe(false);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(shot.url).toBe(`${app.url}/v1/assets/${notes.packageId}/screenshots/${sha256}.png`);
    expect(await filesOf(notes)).toEqual([`${sha256}.png`]);
    expect(await readdir(join(app.dataDir, 'uploads'))).toEqual([]);
    expect(await shotsOf(dev, notes.packageId)).toEqual([shot]);
    const acts = app.rows('SELECT action FROM audit_logs WHERE resource_id = ? ORDER BY id', notes.key);
    expect(acts).toContainEqual({ action: 'app.add_screenshot' });
  });

  it('sent twice is one screenshot, also where only what is hidden in it differs', async () => {
    const { dev, notes } = await someApp();
    const first = await accepted(notes, png(300));
    expect(await accepted(notes, png(300))).toEqual(first);
    expect(await accepted(notes, decorated(png(300), 'tEXt', utf8('Title\0x')))).toEqual(first);
    expect(await shotsOf(dev, notes.packageId)).toHaveLength(1);
  });

  it.each([
    ['narrower than 240 pixels', 'SCREENSHOT_SIZE', () => png(239, 400)],
    ['higher than 2,560 pixels', 'SCREENSHOT_SIZE', () => png(300, 2561)],
    ['of a billion pixels that were never sent', 'SCREENSHOT_SIZE', () => bomb(40_000)],
    ['of pixels that do not fit its size', 'SCREENSHOT_NOT_PNG', () => bomb(2_000)],
    ['that is a JPEG', 'SCREENSHOT_NOT_PNG', () => concat([Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), randomBytes(500)])],
    ['that is cut off', 'SCREENSHOT_NOT_PNG', () => png(300).subarray(0, -20)],
    ['with a page behind it', 'SCREENSHOT_NOT_PNG', () => concat([png(300), utf8('<script>alert(1)</script>')])],
  ])('%s is refused with a finding', async (_what, code, make) => {
    const { dev, notes } = await someApp();
    const verdict = await send(notes, make());
    expect(verdict).toMatchObject({ state: 'REFUSED', screenshot: null, findings: [{ code, severity: 'ERROR' }] });
    const { finding } = await dev.query('query($code: String!) { finding(code: $code) { title fix } }', { code });
    expect(finding).not.toBeNull();
    expect(await filesOf(notes)).toEqual([]);
    expect(await readdir(join(app.dataDir, 'uploads'))).toEqual([]);
  });

  it('over 4 MiB is refused before a byte is sent', async () => {
    const { dev, notes } = await someApp();
    const input = { ...inputOf(notes, png(300)), size: 4 * MIB + 1 };
    expect(await dev.act('startUpload', input)).toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
  });

  it('beyond the eighth is refused; eight uploads at once leave no room for a ninth', async () => {
    const { dev, notes } = await someApp();
    for (let index = 0; index < 7; index += 1) await accepted(notes, png(240 + index));
    const last = [png(300), png(301)];
    const verdicts = await Promise.all(last.map((bytes) => send(notes, bytes)));
    expect(verdicts.map(({ state }) => state).sort()).toEqual(['ACCEPTED', 'REFUSED']);
    const refused = verdicts.find(({ state }) => state === 'REFUSED');
    expect(refused?.findings).toMatchObject([{ code: 'SCREENSHOT_LIMIT' }]);
    expect(await dev.act('startUpload', inputOf(notes, png(310)))).toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await shotsOf(dev, notes.packageId)).toHaveLength(8);
    expect(await filesOf(notes)).toHaveLength(8);
  });

  it('announced twice with one key is one upload', async () => {
    const { dev, notes } = await someApp();
    const input = { ...inputOf(notes, png(300)), idempotencyKey: 'one' };
    const first = await dev.done<{ upload: { id: string } }>('startUpload', input, 'upload { id }');
    expect(await dev.done('startUpload', input, 'upload { id }')).toEqual(first);
    const other = { ...input, kind: 'PACKAGE' };
    expect(await dev.act('startUpload', other)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });
});

/** A PNG that says it has so many pixels a side, and has almost none. */
function bomb(side: number): Uint8Array {
  const small = Buffer.from(png(300));
  small.writeUInt32BE(side, 16);
  small.writeUInt32BE(side > 2560 ? side : 300, 20);
  small.writeUInt32BE(crc32(small.subarray(12, 29)), 29);
  return small;
}

describe('the order', () => {
  it('is that of the uploads, then the one that is given; every screenshot is named once', async () => {
    const { dev, notes } = await someApp();
    const [a, b, c] = [
      await accepted(notes, png(250)),
      await accepted(notes, png(251)),
      await accepted(notes, png(252)),
    ];
    const idsNow = async () => (await shotsOf(dev, notes.packageId)).map(({ id }) => id);
    expect(await idsNow()).toEqual([a.id, b.id, c.id]);
    const order = (screenshotIds: readonly string[]) => dev.act('orderScreenshots', { appId: notes.id, screenshotIds });
    expect((await order([c.id, a.id, b.id])).code).toBeUndefined();
    expect((await order([c.id, a.id, b.id])).code).toBeUndefined();
    expect(await idsNow()).toEqual([c.id, a.id, b.id]);
    const stranger = await accepted((await someApp()).notes, png(260));
    for (const wrong of [[a.id, b.id], [a.id, b.id, b.id], [a.id, b.id, c.id, c.id], [a.id, b.id, stranger.id], []])
      expect(await order(wrong)).toMatchObject({ code: 'VALIDATION' });
    expect(await idsNow()).toEqual([c.id, a.id, b.id]);
    const acts = app.rows(
      `SELECT id FROM audit_logs WHERE resource_id = ? AND action = 'app.order_screenshots'`,
      notes.key,
    );
    expect(acts).toHaveLength(1);
  });
});

describe('a deleted screenshot', () => {
  it('is gone from the listing, its address and the disk; the same picture can come back', async () => {
    const { dev, notes } = await someApp();
    const [gone, stays] = [await accepted(notes, png(250)), await accepted(notes, png(251))];
    const deleted = await dev.done<{ app: { screenshots: { id: string }[] } }>(
      'deleteScreenshot',
      { screenshotId: gone.id },
      'app { screenshots { id } }',
    );
    expect(deleted.app.screenshots).toEqual([{ id: stays.id }]);
    expect((await get(dev, gone.url)).status).toBe(404);
    expect(await filesOf(notes)).toHaveLength(1);
    expect(await dev.act('deleteScreenshot', { screenshotId: gone.id })).toMatchObject({ code: 'NOT_FOUND' });
    const again = await accepted(notes, png(250));
    expect(again.url).toBe(gone.url);
    expect((await shotsOf(dev, notes.packageId)).map(({ id }) => id)).toEqual([stays.id, again.id]);
    expect((await get(dev, again.url)).status).toBe(200);
  });

  it('leaves no bytes behind where the process died, nor does a deleted app', async () => {
    const { dev, notes } = await someApp();
    const shot = await accepted(notes, png(250));
    const [name = ''] = await filesOf(notes);
    const file = join(app.dataDir, 'blobs', 'screenshots', notes.key, name);
    await dev.done('deleteApp', { appId: notes.id });
    await app.services.screenshots.sweep();
    // What is young may belong to a row that is being written.
    expect(existsSync(file)).toBe(true);
    await utimes(file, new Date(0), new Date(0));
    await app.services.screenshots.sweep();
    expect(existsSync(file)).toBe(false);
    expect((await get(dev, shot.url)).status).toBe(404);
  });
});

describe('who may', () => {
  it('see it: members before publication, everybody after', async () => {
    const { dev, notes } = await someApp();
    const shot = await accepted(notes, png(250));
    const stranger = await seed.developer('Eve');
    const node = (client: Client) => client.query('query($id: ID!) { node(id: $id) { id } }', { id: shot.id });
    for (const client of [app.client(), stranger]) {
      expect((await get(client, shot.url)).status).toBe(404);
      expect(await node(client)).toEqual({ node: null });
    }
    const mine = await get(dev, shot.url);
    expect([mine.status, mine.headers.get('cache-control')]).toEqual([200, 'private, no-store']);

    await (await notes.upload()).published(await seed.reviewer(`Rita ${names}`));
    const open = await get(app.client(), shot.url);
    expect(open.status).toBe(200);
    expect(open.headers.get('cache-control')).toMatch(/immutable/);
    expect(open.headers.get('content-type')).toBe('image/png');
    expect(open.headers.get('content-security-policy')).toBe('sandbox');
    const etag = open.headers.get('etag') ?? '';
    expect((await fetch(shot.url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const head = await fetch(shot.url, { method: 'HEAD' });
    expect([head.status, Number(head.headers.get('content-length'))]).toEqual([
      200,
      (await open.arrayBuffer()).byteLength,
    ]);
    const { storeApp } = await app
      .client()
      .query<{ storeApp: { screenshots: Shown[] } }>(
        'query($id: String!) { storeApp(packageId: $id) { screenshots { id url width height } } }',
        { id: notes.packageId },
      );
    expect(storeApp.screenshots).toEqual([shot]);
    // The public answer is kept, and yet a change shows at once.
    await dev.done('deleteScreenshot', { screenshotId: shot.id });
    const after = await app
      .client()
      .query<{ storeApp: { screenshots: Shown[] } }>(
        'query($id: String!) { storeApp(packageId: $id) { screenshots { id url width height } } }',
        { id: notes.packageId },
      );
    expect(after.storeApp.screenshots).toEqual([]);
  });

  it('change it: members who may edit the listing, and keys with that scope', async () => {
    const { dev, notes } = await someApp();
    const shot = await accepted(notes, png(250));
    const stranger = await seed.developer('Mallory');
    const writer = app.client().as(await dev.apiKey(['APPS_WRITE']));
    const uploader = app.client().as(await dev.apiKey(['VERSIONS_WRITE']));
    const input = inputOf(notes, png(260));
    for (const [client, code] of [
      [app.client(), 'UNAUTHENTICATED'],
      [stranger, 'NOT_FOUND'],
      [uploader, 'SCOPE_MISSING'],
    ] as const) {
      expect(await client.act('startUpload', input)).toMatchObject({ code });
      expect(await client.act('deleteScreenshot', { screenshotId: shot.id })).toMatchObject({ code });
      expect(await client.act('orderScreenshots', { appId: notes.id, screenshotIds: [shot.id] })).toMatchObject({
        code,
      });
    }
    expect(await writer.act('startUpload', { ...input, kind: 'PACKAGE' })).toMatchObject({ code: 'SCOPE_MISSING' });
    expect((await send(notes, png(260), writer)).state).toBe('ACCEPTED');
    const unknown = globalId('Screenshot', localId(notes.id));
    expect(await dev.act('deleteScreenshot', { screenshotId: unknown })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('ask for a file of another name: nobody', async () => {
    const { dev, notes } = await someApp();
    await accepted(notes, png(250));
    const base = `${app.url}/v1/assets/${notes.packageId}/screenshots/`;
    for (const name of ['..%2f..%2fcore.db', 'x.png', `${'0'.repeat(64)}.png`, `${'0'.repeat(64)}.png.mosis`])
      expect((await get(dev, `${base}${name}`)).status).toBe(404);
  });
});
