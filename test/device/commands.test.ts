// `mosis device` against a store: what it prints, the JSON, and the exit codes.
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createWorkplace, type Workplace } from '../cli/run.ts';
import { hint, offering } from './store.ts';
import { APP, type Bench, createBench, rollouts } from './support.ts';

// Each test starts several programs.
vi.setConfig({ testTimeout: 60_000 });

const OTHER = 'com.example.other';
let bench: Bench;
let at: Workplace;
beforeEach(async () => {
  bench = await createBench();
  at = await createWorkplace({ MOSIS_URL: bench.store.url });
  bench.store.onCheck = offering(bench.publish({}), bench.publish({ id: OTHER }));
  expect((await at.mosis(['device', 'init'])).code).toBe(0);
});
afterEach(async () => {
  await at.remove();
  await bench.close();
});
const device = (...args: string[]) => at.mosis(['device', ...args]);

it('installs on a track, changes it, and updates what is named or everything', async () => {
  expect((await device('install', APP, '--track', 'beta', '--json')).json()).toMatchObject({
    result: 'installed',
    app: { track: 'beta', versionCode: 1 },
    rollback: null,
  });
  expect((await device('track', APP, 'stable', '--json')).json()).toMatchObject({ app: { track: 'stable' } });
  await device('install', OTHER);
  const beta = bench.publish({ versionCode: 2 }, rollouts('beta', 10_000));
  bench.store.onCheck = offering(beta);
  expect((await device('update', '--json')).json()).toMatchObject({
    updates: [{ result: 'current' }, { result: 'current' }],
    gone: [],
    checked: true,
  });
  await device('track', APP, 'beta');
  const named = await device('update', APP, OTHER);
  expect(named.code).toBe(0);
  expect(named.stdout).toContain(`updated  ${APP} 1.0.2 (was 1.0.1)`);
  expect(named.stdout).toContain(`current  ${OTHER} 1.0.1`);
  expect((await device('list')).stdout).toMatch(/com\.example\.notes +1\.0\.2 +code 2 +beta +Notes/);
});

it('says where the data was too much to copy, and updates', async () => {
  await device('install', APP);
  const large = join(at.folder, 'device-root', 'apps', APP, 'data', 'large');
  await writeFile(large, '');
  await truncate(large, 2 ** 43);
  bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
  const updated = await device('update', APP);
  expect(updated.code).toBe(0);
  expect(updated.stdout).toContain('DATA_TOO_LARGE: no copy of it was kept, so a rollback leaves it as it is');
});

it('says what went wrong, that the old version stays, when it is tried again, and what the developer knows', async () => {
  await device('install', APP);
  await device('install', OTHER);
  await device('report');
  const broken = bench.publish({ versionCode: 2, signed: false });
  bench.store.onCheck = offering(broken, bench.publish({ id: OTHER, versionCode: 2 }));
  const issues = [{ version_code: 2, reason: null, note: 'Version 2 was sent out unsigned. Wait for 2.0.1.' }];
  // The update of the other app is told of first.
  bench.store.telemetryAnswers.push({ status: 202 }, { status: 202, body: { known_issues: issues } });
  const failed = await device('update', '--all');
  expect(failed.code).toBe(5);
  expect(failed.stdout).toContain(`failed  ${APP} to code 2: PACKAGE_REFUSED`);
  expect(failed.stdout).toContain('It keeps 1.0.1.');
  expect(failed.stdout).toContain('known issue  Version 2 was sent out unsigned.');
  expect(failed.stdout).toContain(`updated  ${OTHER} 1.0.2`);
  const waiting = await device('update', '--json');
  expect({ code: waiting.code, ...waiting.json() }).toMatchObject({
    code: 0,
    updates: [
      { result: 'waiting', failure: { versionCode: 2, code: 'PACKAGE_REFUSED', count: 1, note: issues[0]?.note } },
      { result: 'current' },
    ],
  });
  const listed = await device('list');
  expect(listed.stdout).toContain('update failed  code 2: PACKAGE_REFUSED; tried again from');
  expect(listed.stdout).toContain('known issue  Version 2');
  const named = await device('update', APP, '--json');
  expect({ code: named.code, ...named.json() }).toMatchObject({ code: 5, error: { code: 'PACKAGE_REFUSED' } });
});

it('says that a version was taken back, and what became of the data', async () => {
  await device('install', APP);
  bench.store.onCheck = offering(bench.publish({ versionCode: 2 }));
  await device('update');
  const rollbacks = [{ track: 'stable' as const, from: 2, reason: 'It loses notes.', restore_data: true }];
  const back = bench.publish({ versionCode: 1 }, { rollbacks });
  bench.store.onCheck = () => ({ tag: 'x', updates: [hint(back, { kind: 'rollback' })], gone: [OTHER] });
  const run = await device('update');
  expect(run.code).toBe(0);
  expect(run.stdout).toContain(`rolled back  ${APP} 1.0.1 (was 1.0.2): It loses notes.`);
  expect(run.stdout).toContain('its data is as it was before that update');
  expect(run.stderr).toContain(`gone: the store does not serve ${OTHER} now`);
});

it('exits with 2 for a wrong call, 3 for what is not there, 5 for what is not offered, 7 without a network', async () => {
  expect((await device('update', APP, '--all')).code).toBe(2);
  expect((await device('track', APP, 'nightly')).code).toBe(2);
  expect((await device('install', APP, '--track', 'nightly')).code).toBe(2);
  expect((await device('track', APP, 'beta')).code).toBe(3);
  expect((await device('update', APP)).code).toBe(3);
  bench.store.onCheck = null;
  bench.publish({}, rollouts('beta', 10_000));
  const refused = await device('install', APP);
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain('next: wait: the rollout has not reached this device, or follow another track');
  expect((await device('install', APP, '--track', 'beta')).code).toBe(0);
  const empty = await at.mosis(['device', 'update', '--url', 'http://127.0.0.1:9']);
  expect(empty.code).toBe(7);
});

it('is in the help and the completions', async () => {
  expect((await device('--help')).stdout).toMatch(/track +Follow another track/);
  expect((await device('update', '--help')).stdout).toContain('mosis device update [PACKAGE_ID…]');
  const script = (await at.mosis(['completion', 'bash'])).stdout;
  for (const word of ['device track', 'device update', '--track', '--all']) expect(script).toContain(word);
});
