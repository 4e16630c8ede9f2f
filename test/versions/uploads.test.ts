/** How bytes travel: tus over real HTTP, its tokens, its limits, and what a crash leaves behind. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { tusHead, tusPatch, tusUpload } from '../support/client.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { type AppHandle, createSeed, type Developer, localId, type Seed, verdictOf } from '../support/seed.ts';

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;
let app: TestApp;
let seed: Seed;
let clock: TestClock;
beforeAll(async () => {
  clock = createTestClock();
  app = await startApp({ clock });
  seed = createSeed(app);
});
afterAll(() => app.close());

let names = 0;
async function someApp(): Promise<{ dev: Developer; notes: AppHandle }> {
  names += 1;
  const dev = await seed.developer(`Ada ${names}`);
  return { dev, notes: await dev.app(`com.example.app${names}`) };
}

async function problemOf(response: Response): Promise<{ status: number; code: string }> {
  return { status: response.status, code: JSON.parse(await response.text()).code };
}

function gateVerdict(uploadId: string) {
  return seed.event(({ payload }) => payload.uploadId === localId(uploadId));
}

describe('an upload', () => {
  it('goes on where a torn connection ended, and becomes a draft once', async () => {
    const { dev, notes } = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    expect((await tusPatch(upload, bytes.subarray(0, 100))).status).toBe(204);
    const head = await tusHead(upload);
    expect(head.headers.get('upload-offset')).toBe('100');
    expect(head.headers.get('upload-length')).toBe(String(bytes.length));
    await tusUpload(upload, bytes, 512);
    await gateVerdict(upload.id);
    const verdict = await verdictOf(dev, upload.id);
    expect(verdict.state).toBe('ACCEPTED');
    await expect.poll(() => existsSync(join(app.dataDir, 'uploads', localId(upload.id)))).toBe(false);
    expect(app.rows('SELECT id FROM app_versions WHERE app_id = ?', notes.key)).toHaveLength(1);
  });

  it('refuses a chunk at another offset, and one longer than was announced', async () => {
    const { notes } = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    expect((await tusPatch(upload, bytes.subarray(0, 50), 10)).status).toBe(409);
    const longer = new Uint8Array(bytes.length + 1);
    expect((await tusPatch(upload, longer)).status).toBe(413);
    expect((await tusHead(upload)).headers.get('upload-offset')).toBe('0');
  });

  it('refuses bytes of another hash, deletes them and says so on its row and in one event', async () => {
    const { dev, notes } = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    const wrong = Uint8Array.from(bytes);
    wrong[20] = (wrong[20] ?? 0) ^ 1;
    expect(await problemOf(await tusPatch(upload, wrong))).toEqual({ status: 422, code: 'UPLOAD_HASH_MISMATCH' });
    expect(await verdictOf(dev, upload.id)).toMatchObject({
      state: 'REFUSED',
      version: null,
      findings: [{ code: 'UPLOAD_HASH_MISMATCH', severity: 'ERROR' }],
    });
    expect(existsSync(join(app.dataDir, 'uploads', localId(upload.id)))).toBe(false);
    const events = app.rows(`SELECT type FROM events WHERE app_id = ? AND type LIKE 'UPLOAD%'`, notes.key);
    expect(events).toEqual([{ type: 'UPLOAD_REFUSED' }]);
  });

  it('is hidden from whoever has no token, another token or a cookie', async () => {
    const { dev, notes } = await someApp();
    const other = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    const theirs = await other.notes.start(bytes);
    expect((await tusPatch({ ...upload, token: theirs.token }, bytes)).status).toBe(404);
    expect((await tusHead({ ...upload, token: 'x'.repeat(43) })).status).toBe(404);
    const byCookie = await fetch(upload.url, {
      method: 'HEAD',
      headers: { 'tus-resumable': '1.0.0', cookie: dev.session.cookie ?? '', origin: app.url },
    });
    expect(byCookie.status).toBe(404);
    expect((await tusHead(upload)).status).toBe(200);
  });

  it('takes a renewed token once the first has ended after an hour, and no longer the first', async () => {
    const { dev, notes } = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    await tusPatch(upload, bytes.subarray(0, 10));
    clock.advance(HOUR_MS);
    expect(await problemOf(await tusPatch(upload, bytes.subarray(10), 10))).toEqual({
      status: 401,
      code: 'UNAUTHENTICATED',
    });
    const renewed = await dev.done<{ token: string }>('renewUpload', { uploadId: upload.id }, 'token');
    expect((await tusHead(upload)).status).toBe(404);
    expect((await tusPatch({ ...upload, token: renewed.token }, bytes.subarray(10), 10)).status).toBe(204);
    await gateVerdict(upload.id);
    expect(await dev.act('renewUpload', { uploadId: upload.id })).toMatchObject({ code: 'STATE_CONFLICT' });
  });

  it('ends after 24 hours: gone for tus and for renewal, and its row is swept away', async () => {
    const { dev, notes } = await someApp();
    const upload = await notes.start(notes.package());
    clock.advance(24 * HOUR_MS);
    expect((await tusHead(upload)).status).toBe(410);
    expect(await dev.act('renewUpload', { uploadId: upload.id })).toMatchObject({ code: 'UPLOAD_EXPIRED' });
    await app.services.uploads.sweep();
    expect(app.rows('SELECT id FROM uploads WHERE id = ?', localId(upload.id))).toEqual([]);
    const { upload: after } = await dev.query('query($id: ID!) { upload(id: $id) { id } }', { id: upload.id });
    expect(after).toBeNull();
  });

  it('is renewed only by who may upload to its app', async () => {
    const { dev, notes } = await someApp();
    const second = await dev.app(`com.example.second${names}`);
    const upload = await notes.start(notes.package());
    const reader = dev.as(await dev.apiKey(['APPS_READ']));
    expect(await reader.act('renewUpload', { uploadId: upload.id })).toMatchObject({ code: 'SCOPE_MISSING' });
    const elsewhere = dev.as(await dev.apiKey(['VERSIONS_WRITE'], { appId: second.id }));
    expect(await elsewhere.act('renewUpload', { uploadId: upload.id })).toMatchObject({ code: 'NOT_FOUND' });
    const { node } = await elsewhere.query('query($id: ID!) { node(id: $id) { id } }', { id: upload.id });
    expect(node).toBeNull();
    const stranger = await seed.developer('Mallory');
    expect(await stranger.act('renewUpload', { uploadId: upload.id })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('takes no more bytes once its account is suspended', async () => {
    const { dev, notes } = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    const grace = await seed.admin();
    await grace.done('suspendAccount', { developerId: dev.id, reason: 'spam' });
    expect(await problemOf(await tusPatch(upload, bytes))).toEqual({ status: 403, code: 'ACCOUNT_SUSPENDED' });
  });
});

describe('limits of uploads', () => {
  it('are 5 open ones and 250 MiB an account, and what the server takes', async () => {
    const { dev, notes } = await someApp();
    const announce = (size: number) =>
      dev.act('startUpload', { appId: notes.id, size, sha256: 'a'.repeat(64) }, 'token');
    expect(await announce(50 * MIB + 1)).toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect(await announce(0)).toMatchObject({ code: 'VALIDATION', fields: [{ path: 'input.size' }] });
    for (let count = 0; count < 5; count += 1) expect(await announce(50 * MIB)).not.toHaveProperty('code');
    expect(await announce(1)).toMatchObject({ code: 'UPLOAD_LIMIT' });
    const [left] = app.rows<{ n: number }>('SELECT count(*) AS n FROM uploads WHERE app_id = ?', notes.key);
    expect(left?.n).toBe(5);
  });

  it('hold when many start at once', async () => {
    const { notes } = await someApp();
    const bytes = notes.package();
    const all = await Promise.allSettled(Array.from({ length: 9 }, () => notes.start(bytes)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  });
});

describe('tus', () => {
  it.each(['POST', 'DELETE', 'PUT', 'GET'])('refuses %s: only startUpload makes an upload', async (method) => {
    const { notes } = await someApp();
    const upload = await notes.start(notes.package());
    const response = await fetch(upload.url, {
      method,
      headers: { 'tus-resumable': '1.0.0', authorization: `Bearer ${upload.token}` },
    });
    expect(await problemOf(response)).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect((await tusHead(upload)).status).toBe(200);
  });

  it('refuses POST on the folder of uploads, which other servers create with', async () => {
    const response = await fetch(`${app.url}/uploads`, {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0', 'upload-length': '5' },
    });
    expect(response.status).toBe(405);
  });

  it('does not take another method by a header that overrides it', async () => {
    const { notes } = await someApp();
    const upload = await notes.start(notes.package());
    const response = await fetch(upload.url, {
      method: 'PATCH',
      headers: {
        'tus-resumable': '1.0.0',
        'x-http-method-override': 'DELETE',
        authorization: `Bearer ${upload.token}`,
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      },
      body: 'x',
    });
    expect(response.status).not.toBe(200);
    expect((await tusHead(upload)).status).toBe(200);
  });

  it.each(['../core.db', '%2e%2e%2fcore.db', 'nothing'])('knows no upload %s', async (id) => {
    const response = await fetch(`${app.url}/uploads/${id}`, {
      method: 'HEAD',
      headers: { 'tus-resumable': '1.0.0', authorization: `Bearer ${'x'.repeat(43)}` },
    });
    expect(response.status).toBe(404);
  });
});

describe('startUpload with an idempotency key', () => {
  it('answers a repeat with the same upload and a working token', async () => {
    const { dev, notes } = await someApp();
    const bytes = notes.package();
    const first = await notes.start(bytes, { idempotencyKey: 'once' });
    const again = await notes.start(bytes, { idempotencyKey: 'once' });
    expect(again.id).toBe(first.id);
    await tusUpload(again, bytes);
    await gateVerdict(first.id);
    expect((await notes.start(bytes, { idempotencyKey: 'once' })).id).toBe(first.id);
    const other = await dev.act('startUpload', {
      appId: notes.id,
      size: 5,
      sha256: 'b'.repeat(64),
      idempotencyKey: 'once',
    });
    expect(other).toMatchObject({ __typename: 'ConflictError', code: 'IDEMPOTENCY_KEY_REUSED' });
  });
});

/** Enqueues the housekeeping job and waits until it has run. */
async function runHousekeeping(): Promise<void> {
  const key = `test:${clock.ms()}`;
  await app.services.work(async (unit) => unit.enqueue({ kind: 'housekeeping', key, payload: {} }));
  await expect.poll(() => app.rows('SELECT state FROM jobs WHERE key = ?', key)).toEqual([{ state: 'DONE' }]);
}

describe('idempotency keys', () => {
  it('of an API key are its own: a key for one app is not told what its developer did with another', async () => {
    const { dev, notes } = await someApp();
    const other = await dev.app('com.example.otherapp');
    const key = dev.as(await dev.apiKey(['VERSIONS_WRITE'], { appId: other.id }));
    const said = { appId: notes.id, size: 5, sha256: 'c'.repeat(64), idempotencyKey: 'shared' };
    await dev.done('startUpload', said);
    expect(await key.act('startUpload', said)).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are forgotten after 24 hours, and then name another act', async () => {
    const { dev, notes } = await someApp();
    const upload = await notes.start(notes.package(), { idempotencyKey: 'daily' });
    const owner = `developer:${localId(dev.id)}`;
    clock.advance(24 * HOUR_MS);
    await runHousekeeping();
    expect(app.rows('SELECT key FROM idempotency_keys WHERE owner = ?', owner)).toEqual([]);
    expect((await notes.start(notes.package(), { idempotencyKey: 'daily' })).id).not.toBe(upload.id);
  });
});

describe('a server that starts again', () => {
  it('finishes a full upload whose end it did not live to see, and sweeps files of no upload', async () => {
    const before = await startApp({ clock });
    const ada = await createSeed(before).developer('Ada');
    const notes = await ada.app('com.example.notes');
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    const stray = join(before.dataDir, 'uploads', 'stray');
    await writeFile(stray, 'left behind');
    await before.close({ keep: true });
    // As a kill between the last synced byte and its answer leaves it.
    await writeFile(join(before.dataDir, 'uploads', localId(upload.id)), bytes);
    clock.advance(2 * 60_000);
    const after = await startApp({ clock, dataDir: before.dataDir });
    try {
      await createSeed(after).event(({ type }) => type === 'UPLOADED');
      const [version] = after.rows<{ state: string; package_sha256: string }>(
        'SELECT state, package_sha256 FROM app_versions',
      );
      expect(version).toEqual({ state: 'DRAFT', package_sha256: createHash('sha256').update(bytes).digest('hex') });
      const stored = await readFile(join(after.dataDir, 'blobs', 'drafts', `${localId(upload.id)}.mosis`));
      expect(Buffer.from(bytes).equals(stored)).toBe(true);
    } finally {
      await after.close();
      await before.close();
    }
  });

  it('hands a full upload to the gate when its client only asks how far it is', async () => {
    const { dev, notes } = await someApp();
    const bytes = notes.package();
    const upload = await notes.start(bytes);
    await writeFile(join(app.dataDir, 'uploads', localId(upload.id)), bytes);
    expect((await tusHead(upload)).headers.get('upload-offset')).toBe(String(bytes.length));
    await gateVerdict(upload.id);
    expect(await verdictOf(dev, upload.id)).toMatchObject({ state: 'ACCEPTED' });
  });
});
