// `mosis` against the real server: sign-in, publishing to the decision, a device that installs it, exit codes, broken links.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createClient } from '../support/client.ts';
import { createSeed, type Developer, type Reviewer } from '../support/seed.ts';
import { createWorkplace, type Workplace } from './run.ts';

// Each test starts several programs, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

interface Proxy {
  readonly port: number;
  /** Cuts the next connection that sends more than so many bytes, once. */
  cutAfterBytes: number | null;
  cuts: number;
  /** Holds the next connection that sends more than so many bytes, for good, once. */
  holdAfterBytes: number | null;
  held: number;
  /** Bytes that went to the server. */
  forwarded: number;
  /** Breaks every live connection (WebSocket) there is, and says how many there were. */
  breakLive(): number;
  close(): void;
}

/** A TCP link to the server that can break. */
async function startProxy(target: () => number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const live = new Set<Socket>();
  const server = createTcpServer((near) => {
    const far = connect(target(), 'localhost');
    let sent = 0;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        live.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => {
      sent += chunk.length;
      if (/^upgrade: websocket/im.test(chunk.toString('latin1'))) live.add(near);
      if (proxy.cutAfterBytes !== null && sent > proxy.cutAfterBytes) {
        proxy.cutAfterBytes = null;
        proxy.cuts += 1;
        near.destroy();
      } else if (proxy.holdAfterBytes !== null && sent > proxy.holdAfterBytes) {
        proxy.holdAfterBytes = null;
        proxy.held += 1;
        near.pause();
      } else {
        proxy.forwarded += chunk.length;
        far.write(chunk);
      }
    });
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
    cutAfterBytes: null,
    cuts: 0,
    holdAfterBytes: null,
    held: 0,
    forwarded: 0,
    breakLive() {
      const { size } = live;
      for (const socket of live) socket.destroy();
      return size;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return proxy;
}

let app: TestApp;
let proxy: Proxy;
let ada: Developer;
let rita: Reviewer;
let at: Workplace;

beforeAll(async () => {
  let port = 0;
  proxy = await startProxy(() => port);
  // Everybody goes through the link, uploads too.
  const url = `http://localhost:${proxy.port}`;
  app = await startApp({ env: { PUBLIC_URL: url } });
  port = app.port;
  const seed = createSeed({ ...app, url, client: () => createClient(url) });
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
  at = await createWorkplace({ MOSIS_URL: url });
  await signIn();
  expect((await at.mosis(['keys', 'generate', '--no-passphrase'])).code).toBe(0);
  expect((await at.mosis(['keys', 'register', '--name', 'laptop'])).code).toBe(0);
});
afterAll(async () => {
  await at?.remove();
  await app?.close();
  proxy?.close();
});

async function signIn(approve = true) {
  const login = at.begin(['login', '--no-browser', '--json']);
  const [, userCode] = await login.said(/Type\s+(\S+)/);
  await ada.done('confirmDeviceLogin', { userCode, approve });
  return await login.ended;
}

/** Makes an app folder and gives its path. */
async function newApp(slug: string): Promise<string> {
  const id = `com.example.${slug}`;
  const run = await at.mosis([
    'init',
    slug,
    '--id',
    id,
    '--author',
    'Ada',
    '--email',
    'ada@example.org',
    '--dir',
    slug,
  ]);
  expect(run.code).toBe(0);
  return join(at.folder, slug);
}

/** Text that does not compress well. */
function noise(characters: number): string {
  let text = '';
  for (let i = 0; text.length < characters; i += 1) text += `${Math.sin(i)} ${Math.cos(i * 7)}\n`;
  return text;
}

async function edit(folder: string, change: Record<string, unknown>): Promise<void> {
  const path = join(folder, 'manifest.json');
  const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...(manifest as object), ...change }));
}

async function decide(packageId: string, act: 'approveReview' | 'rejectReview', feedback = ''): Promise<void> {
  const query = 'query($p: String!) { app(packageId: $p) { versions(first: 1) { nodes { review { id } } } } }';
  const data = await rita.query<{ app: { versions: { nodes: { review: { id: string } }[] } } }>(query, {
    p: packageId,
  });
  const reviewId = data.app.versions.nodes[0]?.review.id;
  const claimed = await rita.done<{ review: { claimId: string } }>('claimReview', { reviewId }, 'review { claimId }');
  const more = act === 'rejectReview' ? { feedback } : {};
  await rita.done(act, { reviewId, claimId: claimed.review.claimId, ...more });
}

describe('login', () => {
  it('keeps the token in a file of its owner alone, and whoami knows them', async () => {
    const path = join(at.folder, 'config', 'mosis', 'credentials.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const who = (await at.mosis(['whoami', '--json'])).json();
    expect(who).toMatchObject({ email: ada.email, credential: { kind: 'CLI' } });
    expect((await at.mosis(['doctor', '--json'])).json()).toMatchObject({ ok: true });
  });

  it('exits with 4 when the person says no, and keeps the earlier sign-in', async () => {
    const denied = await signIn(false);
    expect(denied.code).toBe(4);
    expect(denied.json()).toMatchObject({ error: { code: 'DEVICE_CODE_DENIED' } });
    expect((await at.mosis(['whoami'])).code).toBe(0);
  });

  it('ends the session at the server when signing out', async () => {
    const path = join(at.folder, 'config', 'mosis', 'credentials.json');
    const { servers } = JSON.parse(await readFile(path, 'utf8')) as { servers: Record<string, { token: string }> };
    const token = Object.values(servers)[0]?.token ?? '';
    expect((await at.mosis(['logout', '--json'])).json()).toMatchObject({ signedOut: true, endedAtServer: true });
    expect((await at.mosis(['whoami'], { env: { MOSIS_TOKEN: token } })).code).toBe(4);
    expect((await at.mosis(['whoami'])).code).toBe(4);
    expect((await signIn()).code).toBe(0);
  });

  it('takes an API key, refuses a wrong one, and exits with 4 where its scopes end', async () => {
    const { bearer = '' } = await ada.apiKey(['APPS_READ']);
    expect((await at.mosis(['whoami', '--json'], { env: { MOSIS_TOKEN: bearer } })).json()).toMatchObject({
      credential: { kind: 'API_KEY' },
    });
    expect((await at.mosis(['login', '--token', 'mk_wrong'])).code).toBe(4);
    const folder = await newApp('scoped');
    const run = await at.mosis(['publish', '--create', '--json', '--non-interactive'], {
      cwd: folder,
      env: { MOSIS_TOKEN: bearer },
    });
    expect(run.json()).toMatchObject({ error: { code: 'SCOPE_MISSING' } });
    expect(run.code).toBe(4);
  });
});

describe('publish', () => {
  it('goes from a folder to the store and onto a device', async () => {
    const folder = await newApp('whole');
    expect((await at.mosis(['publish', '--no-wait', '--non-interactive'], { cwd: folder })).code).toBe(3);

    const first = await at.mosis(['publish', '--create', '--json'], { cwd: folder });
    expect({ code: first.code, ...first.json() }).toMatchObject({
      code: 0,
      state: 'IN_REVIEW',
      reviewReasons: ['FIRST_APP'],
    });
    expect(first.stderr).toContain('checks passed');
    // Link 1 of the pin chain was signed on the way.
    const keys = (await at.mosis(['keys', 'list', '--json'])).json();
    expect(keys).toMatchObject({ keys: [{ name: 'laptop', pinnedApps: [{ packageId: 'com.example.whole' }] }] });

    const watching = at.begin(['status', '--watch', '--json'], { cwd: folder });
    await decide('com.example.whole', 'approveReview');
    const watched = await watching.ended;
    expect({ code: watched.code, ...watched.json() }).toMatchObject({ code: 0, state: 'APPROVED' });

    const again = await at.mosis(['publish', '--publish', '--json'], { cwd: folder });
    expect({ code: again.code, ...again.json() }).toMatchObject({ code: 0, state: 'PUBLISHED', id: first.json().id });

    expect((await at.mosis(['device', 'init'])).stderr).toContain('trust on first use');
    const installed = await at.mosis(['device', 'install', 'com.example.whole', '--json']);
    expect({ code: installed.code, ...installed.json() }).toMatchObject({ code: 0, result: 'installed' });
    expect((await at.mosis(['device', 'report', 'com.example.whole', 'app_start', '--json'])).json()).toMatchObject({
      sent: 1,
      dropped: 0,
    });
    const crash = ['device', 'crash', 'com.example.whole', '--message', 'boom', '--stack', 'main.lua:1', '--json'];
    expect((await at.mosis(crash)).json()).toMatchObject({ sent: 1, dropped: 0, problem: null });
    expect((await at.mosis(['device', 'install', 'com.example.none'])).code).toBe(3);
  });

  it('exits with 6 for a spent version code and says the next free one', async () => {
    const folder = await newApp('spent');
    await at.mosis(['publish', '--create', '--no-wait'], { cwd: folder });
    await edit(folder, { version: '0.1.1' });
    const run = await at.mosis(['publish'], { cwd: folder });
    expect(run.code).toBe(6);
    expect(run.stderr).toContain('set "version_code": 2');
    const verdict = await at.mosis(['validate', '--json'], { cwd: folder });
    expect({ code: verdict.code, ...verdict.json() }).toMatchObject({
      code: 0,
      accepted: true,
      notChecked: [],
      server: { app: 'yours', findings: [{ code: 'MANIFEST_VERSION_CODE_USED' }] },
    });
    expect((await at.mosis(['status', '--code', '1', '--json'], { cwd: folder })).json()).toMatchObject({
      versionCode: 1,
    });
    expect((await at.mosis(['status', '--code', '9'], { cwd: folder })).code).toBe(3);
  });

  it('waits for a reviewer over a broken link, and exits with 5 when they refuse', async () => {
    const folder = await newApp('refused');
    await edit(folder, { permissions: ['storage', 'camera'] });
    const run = at.begin(['publish', '--create', '--wait'], { cwd: folder });
    await run.said(/a reviewer looks at it/);
    await expect.poll(() => proxy.breakLive()).toBeGreaterThan(0);
    await decide('com.example.refused', 'rejectReview', 'Please say what it is for.');
    const ended = await run.ended;
    expect(ended.code).toBe(5);
    expect(ended.stdout).toContain('Please say what it is for.');
  });

  it('uploads over a link that breaks', async () => {
    const folder = await newApp('large');
    await writeFile(join(folder, 'assets', 'noise.txt'), noise(3_000_000));
    proxy.cutAfterBytes = 500_000;
    const cutsBefore = proxy.cuts;
    const run = await at.mosis(['publish', '--create', '--no-wait', '--json'], { cwd: folder });
    expect(proxy.cuts).toBe(cutsBefore + 1);
    expect({ code: run.code, stderr: run.stderr }).toMatchObject({ code: 0 });
  });

  it('goes on with the upload of a run that was killed', async () => {
    const folder = await newApp('killed');
    await writeFile(join(folder, 'assets', 'noise.txt'), noise(6_000_000));
    proxy.holdAfterBytes = 1_500_000;
    const first = at.begin(['publish', '--create', '--no-wait'], { cwd: folder });
    await expect.poll(() => proxy.held, { timeout: 60_000 }).toBe(1);
    first.kill();
    await first.ended;
    const before = proxy.forwarded;
    const second = await at.mosis(['publish', '--no-wait', '--json'], { cwd: folder });
    expect({ code: second.code, stderr: second.stderr }).toMatchObject({ code: 0 });
    expect(second.stderr).toContain('Going on with an upload');
    const size = Number(second.json().packageSize);
    expect(size).toBeGreaterThan(2_000_000);
    expect(proxy.forwarded - before).toBeLessThan(size - 1_000_000);
  });

  it('refuses a key that is not pinned, saying which are', async () => {
    const folder = await newApp('pinned');
    await at.mosis(['publish', '--create', '--no-wait'], { cwd: folder });
    await edit(folder, { version: '0.2.0', version_code: 2 });
    await at.mosis(['keys', 'generate', '--no-passphrase', '-o', 'other.pem']);
    const run = await at.mosis(['publish', '--key', '../other.pem', '--json'], { cwd: folder });
    expect(run.code).toBe(5);
    expect(run.json()).toMatchObject({ error: { code: 'KEY_NOT_PINNED' } });

    const other = (await at.mosis(['keys', 'register', '--key', 'other.pem', '--json'])).json();
    const pinned = await at.mosis(['keys', 'pin', 'com.example.pinned', '--add', String(other.keyId), '--json']);
    expect(pinned.json()).toMatchObject({ serial: 2, pinnedKeyIds: expect.arrayContaining([other.keyId]) });
    expect((await at.mosis(['publish', '--key', '../other.pem', '--no-wait'], { cwd: folder })).code).toBe(0);

    const revoked = await at.mosis(['keys', 'revoke', String(other.keyId), '--retired', '--yes', '--json']);
    expect(revoked.json()).toMatchObject({ status: 'RETIRED' });
    expect((await at.mosis(['keys', 'revoke', 'SHA256:none', '--retired', '--yes'])).code).toBe(3);
  });
});

describe('waiting', () => {
  it('ends with 1 when the time is over, and says how to go on', async () => {
    const folder = await newApp('patient');
    await edit(folder, { permissions: ['storage', 'camera'] });
    const run = await at.mosis(['publish', '--create', '--wait', '--timeout', '2', '--json'], { cwd: folder });
    expect(run.code).toBe(1);
    expect(run.json()).toMatchObject({
      error: { code: 'WAIT_TIMEOUT', next: 'mosis status com.example.patient --watch' },
    });
  });
});

describe('a server that is not ours', () => {
  it('cannot send control characters to the terminal', async () => {
    const hostile = '\u001b]0;owned\u0007\u001b[2Jno\u202eon';
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ errors: [{ message: hostile, extensions: { code: 'NOT_FOUND' } }] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const extra of [[], ['--json']]) {
      const run = await at.mosis(['apps', '--url', url, ...extra], { env: { MOSIS_TOKEN: 'mk_x' } });
      expect(run.code).toBe(3);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(run.stdout + run.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
    server.close();
  });

  it('exits with 7 when it does not answer as a Mosis server', async () => {
    const server = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect((await at.mosis(['apps', '--url', url], { env: { MOSIS_TOKEN: 'mk_x' } })).code).toBe(7);
    server.close();
  });
});
