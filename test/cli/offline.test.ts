// What `mosis` does without a server, as a real process: the way from nothing to a signed package, exit codes, clean streams.
import { chmod, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { rawZip } from '../support/packages.ts';
import { createWorkplace, type Workplace } from './run.ts';

// Each test starts several programs, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const INIT = ['init', 'Notes', '--id', 'com.example.notes', '--author', 'Ada', '--email', 'ada@example.com'];
const ESC = '\u001b';
let at: Workplace;
let app: string;

beforeAll(async () => {
  at = await createWorkplace();
  app = join(at.folder, 'notes');
});
afterAll(() => at.remove());
beforeEach(async () => {
  await rm(app, { recursive: true, force: true });
  await rm(join(at.folder, 'config'), { recursive: true, force: true });
  expect((await at.mosis(INIT)).code).toBe(0);
});

const editManifest = async (change: Record<string, unknown>) => {
  const path = join(app, 'manifest.json');
  const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...(manifest as object), ...change }));
};

describe('from nothing to a signed package', () => {
  it('makes an app that is accepted, built and signed', async () => {
    expect((await at.mosis(['validate'], { cwd: app })).code).toBe(0);
    expect((await at.mosis(['keys', 'generate', '--no-passphrase'])).code).toBe(0);
    const built = (await at.mosis(['build', '--json'], { cwd: app })).json();
    const signed = (await at.mosis(['sign', String(built.path), '--json'], { cwd: app })).json();
    const verdict = (await at.mosis(['validate', String(signed.path), '--json'])).json();
    expect(verdict).toMatchObject({
      accepted: true,
      findings: [],
      package: { keyId: signed.keyId, sha256: signed.sha256 },
    });
  });

  it('builds the same bytes every time, and leaves out what is not the app', async () => {
    const first = (await at.mosis(['build', '--json'], { cwd: app })).json();
    await mkdir(join(app, 'node_modules', 'left-pad'), { recursive: true });
    await writeFile(join(app, 'node_modules', 'left-pad', 'index.js'), '');
    await writeFile(join(app, '.env'), 'SECRET=1');
    const second = (await at.mosis(['build', '--json'], { cwd: app })).json();
    expect(second.sha256).toBe(first.sha256);
  });

  it('signs with an encrypted key whose passphrase is in the environment', async () => {
    const env = { MOSIS_KEY_PASSPHRASE: 'correct horse' };
    const made = (await at.mosis(['keys', 'generate', '--json'], { env })).json();
    expect(await readFile(String(made.path), 'utf8')).toContain('ENCRYPTED');
    expect((await stat(String(made.path))).mode & 0o777).toBe(0o600);
    expect((await at.mosis(['sign', '--json'], { cwd: app, env })).json()).toMatchObject({ keyId: made.keyId });
    const wrong = await at.mosis(['sign', '--json'], { cwd: app, env: { MOSIS_KEY_PASSPHRASE: 'wrong' } });
    expect(wrong.json()).toMatchObject({ error: { code: 'KEY_PASSPHRASE' } });
    expect(wrong.code).toBe(1);
  });

  it('never overwrites a key', async () => {
    const made = (await at.mosis(['keys', 'generate', '--no-passphrase', '--json'])).json();
    const before = await readFile(String(made.path), 'utf8');
    expect((await at.mosis(['keys', 'generate', '--no-passphrase'])).code).toBe(6);
    expect(await readFile(String(made.path), 'utf8')).toBe(before);
  });

  it('warns of a key that others can read', async () => {
    const made = (await at.mosis(['keys', 'generate', '--no-passphrase', '--json'])).json();
    await chmod(String(made.path), 0o644);
    const signed = await at.mosis(['sign', '--json'], { cwd: app });
    expect(signed.code).toBe(0);
    expect(signed.stderr).toContain('can be read by others');
  });
});

describe('init', () => {
  it('writes a name with quotes and brackets so that every file still parses', async () => {
    const dir = join(at.folder, 'odd');
    const odd = await at.mosis(['init', 'A <b> & "c"', ...INIT.slice(2), '--dir', dir]);
    expect(odd.code).toBe(0);
    const verdict = (await at.mosis(['validate', dir, '--json'])).json();
    expect(verdict).toMatchObject({ accepted: true });
    await rm(dir, { recursive: true });
  });

  it('writes into no folder that holds something', async () => {
    const again = await at.mosis(INIT);
    expect(again.code).toBe(6);
    expect(again.stderr).toContain('holds an app already');
  });

  it('names the missing flag where nobody can be asked', async () => {
    const run = await at.mosis(['init', 'Other', '--non-interactive']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('add --id');
    expect(run.stdout).toBe('');
  });

  it('refuses an id that the format refuses', async () => {
    expect((await at.mosis(['init', 'Other', '--id', 'Bad Id', '--author', 'A', '--email', 'a@b.cc'])).code).toBe(2);
  });
});

describe('refusals', () => {
  it('exits with 5 for what the format refuses, and writes nothing', async () => {
    await writeFile(join(app, 'assets', 'scripts', 'evil.lua'), `${ESC}Lua`);
    for (const command of ['validate', 'build']) {
      const run = await at.mosis([command, '--json'], { cwd: app });
      expect(run.code).toBe(5);
      expect(run.json()).toMatchObject({ accepted: false });
    }
    await expect(stat(join(app, 'dist'))).rejects.toThrow();
  });

  it('exits with 5 for a hostile archive', async () => {
    const path = join(at.folder, 'evil.mosis');
    await writeFile(path, rawZip([{ name: '../../etc/passwd', content: 'x' }]));
    const run = await at.mosis(['validate', path, '--json']);
    expect(run.code).toBe(5);
    expect(run.json()).toMatchObject({ accepted: false, package: null });
    expect((await at.mosis(['sign', path, '--key', 'none.pem'])).code).toBe(3);
  });

  it('refuses a symbolic link instead of following it', async () => {
    await symlink('/etc/hostname', join(app, 'assets', 'link.txt'));
    const run = await at.mosis(['build', '--json'], { cwd: app });
    expect(run.code).toBe(5);
    expect(run.json()).toMatchObject({ error: { code: 'PACKAGE_REFUSED' } });
  });

  it.each([
    [['vlidate'], 2, 'Did you mean "validate"?'],
    [['validate', '--jsn'], 2, 'Did you mean --json?'],
    [['validate', 'a', 'b'], 2, 'One argument too many'],
    [['keys', 'pni'], 2, 'Did you mean "pin"?'],
    [['keys'], 2, 'needs one of'],
    [['build', '-o'], 2, 'needs a value'],
    [['sign', '--output', '--key'], 2, 'needs a value'],
    [['validate', 'nowhere'], 3, 'no file or folder'],
    [['explain', 'NO_SUCH'], 3, 'No finding has the code'],
    [['--url', 'ftp://x', 'apps'], 2, 'is not a server address'],
    [['status', 'com.example.notes', '--watch', '--timeout', '0x10'], 2, 'is a number of seconds'],
    [['status', 'com.example.notes', '--watch', '--timeout', '1e2'], 2, 'is a number of seconds'],
    [['whoami'], 4, 'not signed in'],
    [['login', '--token', 'mk_x'], 7, 'cannot be reached'],
  ])('%j exits with %i and says why', async (args, code, text) => {
    const run = await at.mosis(args);
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code, stderr: expect.stringContaining(text) });
    expect(run.stderr).toContain('next:');
    expect(run.stdout).toBe('');
  });
});

describe('streams', () => {
  it('prints one JSON document and nothing else, for failures too', async () => {
    await at.mosis(['keys', 'generate', '--no-passphrase']);
    const commands = [
      ['validate'],
      ['build'],
      ['sign'],
      ['explain'],
      ['explain', 'NO_SUCH'],
      ['vlidate'],
      ['--help'],
      ['--version'],
      ['completion', 'bash'],
      ['whoami'],
      ['device', 'list'],
    ];
    for (const args of commands) {
      const run = await at.mosis([...args, '--json'], { cwd: app });
      const document = run.json();
      expect(run.stdout.trim().split('\n').at(-1), args.join(' ')).toBe('}');
      if (run.code !== 0)
        expect(document).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
    }
  });

  it('uses no colours off a terminal or with NO_COLOR, and some with FORCE_COLOR', async () => {
    expect((await at.mosis(['--help'])).stdout).not.toContain(ESC);
    expect((await at.mosis(['--help'], { env: { FORCE_COLOR: '1' } })).stdout).toContain(ESC);
    expect((await at.mosis(['--help'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain(ESC);
  });

  it('escapes control and direction characters of a package, in text and in JSON', async () => {
    const hostile = `A${ESC}[2J${ESC}]0;owned\u0007\u202egnp.\u009b31m`;
    await editManifest({ name: hostile, permissions: [hostile] });
    await writeFile(join(app, `assets/${ESC}[31mred.txt`), 'x');
    for (const extra of [[], ['--json']]) {
      const run = await at.mosis(['validate', ...extra], { cwd: app, env: { NO_COLOR: '1' } });
      expect(run.code).toBe(5);
      const output = run.stdout + run.stderr;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(output).toContain('1b');
    }
  });
});
