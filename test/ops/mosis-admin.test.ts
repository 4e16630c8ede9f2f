/** The operator command over real processes: through a running server, without one, and where the folder's holder is no use. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, type ServerProcess, startServer } from '../e2e/server-process.ts';
import { startApp } from '../support/app.ts';
import { createClient, type Session } from '../support/client.ts';
import { createSeed, type VersionHandle } from '../support/seed.ts';
import { admin } from './admin-process.ts';

const LOCK = fileURLToPath(new URL('../../server/platform/db/lock.ts', import.meta.url));
const SPIN = 'local function spin()\n  while true do\n    local x = 1\n  end\nend\nreturn spin\n';

let dataDir: string;
let server: ServerProcess | null = null;
let ada: { email: string; session: Session };
let published: VersionHandle;
beforeAll(async () => {
  const app = await startApp();
  dataDir = app.dataDir;
  const seed = createSeed(app);
  const developer = await seed.developer('Ada');
  const rita = await seed.reviewer();
  await seed.admin();
  published = await (await developer.app('com.example.notes')).upload({ files: { 'assets/spin.lua': SPIN } });
  await published.published(rita);
  ada = { email: developer.email, session: developer.session };
  await app.close({ keep: true });
  // As if its own checks had not known the warning yet.
  write((db) => db.exec("DELETE FROM findings WHERE severity = 'WARNING'"));
}, 60_000);
afterAll(async () => {
  await server?.kill();
  await rm(dirname(dataDir), { recursive: true, force: true });
});

function write(change: (db: Sqlite.Database) => void): void {
  const db = new Sqlite(join(dataDir, 'core.db'));
  change(db);
  db.close();
}
function rows<Row = Record<string, unknown>>(sql: string, folder = dataDir): Row[] {
  const db = new Sqlite(join(folder, 'core.db'), { readonly: true });
  try {
    return db.prepare(sql).all() as Row[];
  } finally {
    db.close();
  }
}
const audited = (action: string) =>
  rows<{ via: string }>(`SELECT via FROM audit_logs WHERE action = '${action}'`).map(({ via }) => via);
async function run(): Promise<ServerProcess> {
  server ??= await startServer({ dataDir, port: await freePort() });
  return server;
}
async function stop(): Promise<void> {
  await server?.stop();
  server = null;
}

describe('without a server', () => {
  it('it says what each failure is and what helps', async () => {
    const unknown = await admin(dataDir, 'dance');
    expect([unknown.code, unknown.err]).toEqual([2, 'error: There is no command dance.\n next: mosis-admin --help\n']);
    const nowhere = await admin(join(dataDir, 'nowhere'), 'status');
    expect([nowhere.code, nowhere.err]).toEqual([3, expect.stringContaining('no core.db')]);
    expect((await admin(dataDir, '--help')).out).toContain('suspend-app PACKAGE_ID --reason TEXT');
    expect((await admin(dataDir, 'suspend-app', 'com.example.notes')).err).toContain('A reason is needed');
  });

  it('it uses the folder itself, holds its lock, and lets go of it', async () => {
    const status = await admin(dataDir, 'status', '--json');
    expect(status.json()).toMatchObject({ running: false, publishedApps: 1, versions: 1, setupNeeded: false });
    const granted = await admin(dataDir, 'reviewer', 'grant', ada.email);
    expect([granted.code, granted.out]).toEqual([0, `${ada.email}: reviewer\n`]);
    expect((await admin(dataDir, 'reviewer', 'grant', ada.email)).code).toBe(6);
    expect((await admin(dataDir, 'reviewer', 'revoke', ada.email)).out).toBe(`${ada.email}: no role\n`);
    expect((await admin(dataDir, 'admin', 'revoke', 'admin@example.org')).err).toContain('last active admin');
    expect(audited('admin.change_role').filter((via) => via === 'OPERATOR')).toEqual(['OPERATOR', 'OPERATOR']);
    expect(existsSync(join(dataDir, 'lock.json'))).toBe(false);
  }, 60_000);

  it('it puts a new telemetry secret in front of the old ones, as an act of the operator', async () => {
    const rotated = await admin(dataDir, 'telemetry', 'rotate-secret', '--json');
    expect([rotated.code, rotated.json()]).toEqual([0, { secrets: 2 }]);
    expect(statSync(join(dataDir, 'keys', 'telemetry-secret')).mode & 0o777).toBe(0o600);
    expect(audited('admin.rotate_telemetry_secret')).toEqual(['OPERATOR']);
  }, 60_000);

  it('a folder whose holder does not answer is refused, and so is a restore', async () => {
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `
      const { lockFolder } = await import(${JSON.stringify(LOCK)});
      lockFolder(${JSON.stringify(dataDir)}, { pid: process.pid, startedAt: new Date().toISOString() });
      console.log('held'); setInterval(() => {}, 1000);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await once(holder.stdout, 'data');
      const refused = await admin(dataDir, 'status');
      expect(refused.code).toBe(7);
      expect(refused.err).toContain(`in use by process ${holder.pid}`);
      expect((await admin(dataDir, 'restore', join(dataDir, 'x'))).err).toContain('stop the server first');
    } finally {
      await killed(holder);
    }
    // The lock is the system's: a dead holder leaves none.
    expect((await admin(dataDir, 'status')).code).toBe(0);
  }, 60_000);

  it('a socket that nobody answers on is refused after a while; a dead one does not matter; an open one is not used', async () => {
    const path = join(dataDir, 'operator.sock');
    const mute = createServer((socket) => socket.resume()).listen(path);
    await once(mute, 'listening');
    chmodSync(path, 0o600);
    const silent = await admin(dataDir, 'status');
    expect([silent.code, silent.err]).toEqual([7, expect.stringContaining('does not answer')]);
    chmodSync(path, 0o666);
    const unsafe = await admin(dataDir, 'status');
    expect([unsafe.code, unsafe.err]).toEqual([1, expect.stringContaining('not a socket of this account alone')]);
    mute.close();
    await once(mute, 'close');
    rmSync(path, { force: true });
    await leaveDeadSocket(path);
    expect((await admin(dataDir, 'status')).code).toBe(0);
    rmSync(path, { force: true });
  }, 60_000);
});

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** What kill -9 leaves: the name of a socket that nobody listens on. */
async function leaveDeadSocket(path: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(path)}, () => { require('node:fs').chmodSync(${JSON.stringify(path)}, 0o600); console.log('up'); })`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  await killed(child);
  expect(existsSync(path)).toBe(true);
}

describe('through the running server', () => {
  it('the socket is the account’s alone, and the server answers', async () => {
    await run();
    expect(statSync(join(dataDir, 'operator.sock')).mode & 0o777).toBe(0o600);
    const status = await admin(dataDir, 'status');
    expect(status.code).toBe(0);
    expect(status.out).toContain(`runs, process ${server?.pid}`);
    expect((await admin(dataDir, 'jobs', '--dead')).err).toBe('No job is dead.\n');
    expect((await admin(dataDir, 'settings', '--json')).json()).toEqual(
      expect.arrayContaining([expect.objectContaining({ key: 'reviews' })]),
    );
    expect((await admin(dataDir, 'retry', 'nothing')).code).toBe(3);
  }, 60_000);

  it('a new password ends the sessions, and lets in', async () => {
    const { url } = await run();
    const { password } = (await admin(dataDir, 'reset-password', ada.email, '--json')).json<{ password: string }>();
    const client = createClient(url, ada.session);
    expect((await client.query<{ viewer: unknown }>('{ viewer { developer { email } } }')).viewer).toBeNull();
    const signedIn = await createClient(url).act('signIn', { email: ada.email, password });
    expect(signedIn.__typename).toBe('SignInPayload');
    expect(audited('admin.reset_password')).toEqual(['OPERATOR']);
  }, 60_000);

  it('an app is suspended and reinstated: hidden, no download, told, and as it was', async () => {
    const { url } = await run();
    const store = () =>
      createClient(url).query<{ storeApp: { packageId: string } | null }>(
        '{ storeApp(packageId: "com.example.notes") { packageId } }',
      );
    const download = async () => (await fetch(`${url}/v1/packages/com.example.notes/1/package.mosis`)).status;
    expect([(await store()).storeApp?.packageId, await download()]).toEqual(['com.example.notes', 200]);
    const suspended = await admin(dataDir, 'suspend-app', 'com.example.notes', '--reason', 'Malware.');
    expect([suspended.code, suspended.out]).toEqual([0, 'com.example.notes is suspended.\n']);
    expect([(await store()).storeApp, await download()]).toEqual([null, 404]);
    expect((await admin(dataDir, 'suspend-app', 'com.example.notes', '--reason', 'Again.')).code).toBe(6);
    expect((await admin(dataDir, 'reinstate-app', 'com.example.notes', '--reason', 'Mended.')).out).toBe(
      'com.example.notes is published.\n',
    );
    expect([(await store()).storeApp?.packageId, await download()]).toEqual(['com.example.notes', 200]);
    expect(rows("SELECT type FROM events WHERE type IN ('SUSPENDED', 'REINSTATED') ORDER BY n")).toEqual([
      { type: 'SUSPENDED' },
      { type: 'REINSTATED' },
    ]);
    expect([audited('admin.suspend_app'), audited('admin.reinstate_app')]).toEqual([['OPERATOR'], ['OPERATOR']]);
  }, 60_000);

  it('a rescan goes on after kill -9, flags once, and changes no state', async () => {
    await run();
    const before = rows('SELECT id, state, round FROM app_versions ORDER BY id');
    // Submissions go first: while the checks of one seem to run, the rescan waits, and can be killed there.
    write((db) =>
      db
        .prepare(
          `INSERT INTO jobs (id, kind, key, payload, state, attempt, run_at, lease_until, worker_id, created_at)
           VALUES ('busy', 'check-version', 'busy', '{"versionId":"none","round":1}', 'RUNNING', 1, @at, @later, 'nobody', @at)`,
        )
        .run({ at: '2026-01-01T00:00:00.000+00:00', later: '2099-01-01T00:00:00.000+00:00' }),
    );
    const watching = admin(dataDir, 'rescan', '--wait');
    const progress = () => rows("SELECT progress FROM jobs WHERE kind = 'rescan' AND state = 'RUNNING'").length;
    await expect.poll(progress, { timeout: 20_000 }).toBe(1);
    await server?.kill();
    server = null;
    const watched = await watching;
    expect([watched.code, watched.err]).toEqual([7, expect.stringContaining('goes on when it runs again')]);
    expect(rows('SELECT state, checked FROM rescans')).toEqual([{ state: 'RUNNING', checked: 0 }]);
    await run();
    await expect
      .poll(() => rows('SELECT state, checked, flagged FROM rescans'), { timeout: 20_000 })
      .toEqual([{ state: 'DONE', checked: 1, flagged: 1 }]);
    expect(rows('SELECT version_id FROM rescan_flags')).toEqual([{ version_id: published.key }]);
    expect(rows('SELECT id, state, round FROM app_versions ORDER BY id')).toEqual(before);
    const waited = await admin(dataDir, 'rescan', '--wait');
    expect([waited.code, waited.out]).toEqual([0, 'done, 1 of 1 checked, 1 flagged\n']);
    expect((await admin(dataDir, 'rescans')).out.split('\n')).toHaveLength(4);
  }, 90_000);
});

describe('a backup', () => {
  it('is taken while the server runs, is whole, and is put back with a new epoch', async () => {
    await run();
    const folder = join(dirname(dataDir), 'backup');
    const taken = await admin(dataDir, 'backup', folder);
    expect([taken.code, taken.err]).toEqual([0, expect.stringContaining('private keys')]);
    expect(readdirSync(folder).sort()).toEqual(
      expect.arrayContaining(['blobs', 'core.db', 'keys', 'mosis-backup.json']),
    );
    expect(audited('admin.backup')).toEqual(['OPERATOR']);
    expect((await admin(dataDir, 'backup', folder)).err).toContain('is not empty');
    expect((await admin(dataDir, 'restore', folder)).code).toBe(7);
    await stop();
    const epochs = rows<{ epoch: string }>('SELECT epoch FROM event_head');
    write((db) => db.exec("UPDATE apps SET name = 'Lost'"));
    expect((await admin(dataDir, 'restore', folder)).err).toContain('--replace');
    const restored = await admin(dataDir, 'restore', folder, '--replace');
    expect([restored.code, restored.out]).toEqual([0, expect.stringMatching(/is as it was at 20/)]);
    expect(rows('SELECT name FROM apps')).toEqual([{ name: 'App com.example.notes' }]);
    expect(rows<{ epoch: string }>('SELECT epoch FROM event_head')).not.toEqual(epochs);
    expect(audited('admin.restore')).toEqual(['OPERATOR']);
    const { url } = await run();
    expect((await fetch(`${url}/v1/packages/com.example.notes/1/package.mosis`)).status).toBe(200);
    await stop();
  }, 120_000);

  it('with a changed byte, or of another form, is not put back; one that was cut off keeps the server from starting', async () => {
    const folder = join(dirname(dataDir), 'backup');
    expect((await admin(dataDir, 'restore', dirname(folder), '--replace')).err).toContain('no whole backup');
    await writeFile(join(folder, 'keys', 'telemetry-secret'), 'other');
    const damaged = await admin(dataDir, 'restore', folder, '--replace');
    expect([damaged.code, damaged.err]).toEqual([
      1,
      expect.stringContaining('keys/telemetry-secret is missing or has other bytes'),
    ]);
    await writeFile(join(dataDir, 'restore-unfinished'), folder);
    await expect(startServer({ dataDir, port: await freePort() })).rejects.toThrow('was cut off');
    expect((await admin(dataDir, 'status')).err).toContain('was cut off');
    rmSync(join(dataDir, 'restore-unfinished'));
  }, 60_000);
});
