// The file that is published: one bundle that needs no node_modules, beside its templates.
import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWorkplace, type Workplace } from './run.ts';

// Each test starts several programs, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const CLI = fileURLToPath(new URL('../../cli/', import.meta.url));
const INIT = ['init', 'Notes', '--id', 'com.example.notes', '--author', 'Ada', '--email', 'ada@example.com'];
let at: Workplace;
let bin: string;

/** This Node, and the machine's own when it is another one. */
function nodes(): string[] {
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  for (const folder of path) {
    try {
      execFileSync(join(folder, 'node'), ['--version']);
      return [process.execPath, join(folder, 'node')];
    } catch {
      // Not in this folder.
    }
  }
  return [process.execPath];
}

beforeAll(async () => {
  at = await createWorkplace();
  const home = join(at.folder, 'package');
  bin = join(home, 'bin', 'mosis.mjs');
  await mkdir(join(home, 'bin'), { recursive: true });
  await copyFile(join(CLI, 'package.json'), join(home, 'package.json'));
  await copyFile(join(CLI, 'bin', 'mosis.mjs'), bin);
  await cp(join(CLI, 'templates'), join(home, 'templates'), { recursive: true });
  const build = `import { buildCli } from ${JSON.stringify(join(CLI, 'build.mjs'))}; await buildCli(process.argv[2]);`;
  await writeFile(join(at.folder, 'build.mjs'), build);
  execFileSync(process.execPath, [join(at.folder, 'build.mjs'), join(home, 'dist', 'mosis.mjs')]);
});
afterAll(() => at.remove());

describe.each(nodes())('on %s', (node) => {
  it('makes, validates, builds and signs an app', async () => {
    const run = (args: string[], cwd?: string) => at.mosis(args, { bin, node, ...(cwd === undefined ? {} : { cwd }) });
    await rm(join(at.folder, 'notes'), { recursive: true, force: true });
    await rm(join(at.folder, 'config'), { recursive: true, force: true });
    expect((await run(['--version'])).stdout).toMatch(/^mosis \d/);
    expect((await run(INIT)).code).toBe(0);
    const folder = join(at.folder, 'notes');
    expect((await run(['validate', '--json'], folder)).json()).toMatchObject({ accepted: true });
    const fromSource = (await at.mosis(['build', '--json'], { cwd: folder })).json();
    expect((await run(['build', '--json'], folder)).json()).toMatchObject({ sha256: fromSource.sha256 });
    expect((await run(['keys', 'generate', '--no-passphrase'])).code).toBe(0);
    expect((await run(['sign'], folder)).code).toBe(0);
  });
});
