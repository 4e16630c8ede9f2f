/** `mosis publish --percent` and `mosis rollout …` against the real server: what is done, printed and refused, with which exit code. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventLines } from '../../cli/version-view.ts';
import { createWorkplace, type Run, type Workplace } from '../cli/run.ts';
import { createStand, type Stand } from './stand.ts';

// Each test starts several programs, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

let stand: Stand;
let at: Workplace;
beforeAll(async () => {
  stand = await createStand();
  const key = await stand.ada.apiKey(['VERSIONS_PUBLISH', 'VERSIONS_WRITE']);
  at = await createWorkplace({ MOSIS_URL: stand.app.url, MOSIS_TOKEN: key.bearer ?? '' });
});
afterAll(async () => {
  await at?.remove();
  await stand?.close();
});

const rollout = (...args: string[]): Promise<Run> => at.mosis(['rollout', ...args]);

it('the timeline tells of each change in words', () => {
  const base = { cursor: 'e.1', at: '2026-03-01T12:00:00Z', actor: { kind: 'SYSTEM', name: null }, message: null };
  const none = { check: null, checkState: null, durationMs: null, errors: null, warnings: null, notices: null };
  const told = (rollout: object, message: string | null = null) =>
    eventLines(
      {
        ...base,
        ...none,
        type: 'ROLLOUT_CHANGED',
        finding: null,
        reasons: [],
        version: null,
        rollout,
        message,
      } as Parameters<typeof eventLines>[0],
      80,
    )
      .map(({ plain }) => plain.replace(/^[\d:]+ +/, '').trim())
      .join(' ');
  const news = { track: 'STABLE', percent: 5, by: 'DEVELOPER', toVersionCode: null, stepsMovedByMs: null };
  expect(told({ ...news, change: 'STARTED' })).toBe('rollout on stable started at 5 %');
  expect(told({ ...news, change: 'PAUSED', by: 'GUARD' }, 'Of 400 devices 12 % crashed.')).toBe(
    'rollout on stable paused at 5 % by the platform: more devices crash Of 400 devices 12 % crashed.',
  );
  expect(told({ ...news, change: 'RESUMED', stepsMovedByMs: 7_200_000 })).toContain('its steps come 2 h later');
  expect(told({ ...news, change: 'ROLLED_BACK', toVersionCode: 3 })).toBe(
    'devices on stable go back to version code 3',
  );
});

describe('mosis rollout', () => {
  it('leads a version from its publication with a share to every device, and back', async () => {
    const id = stand.notes.packageId;
    await stand.published();
    const second = await stand.approved();
    await writeFile(join(at.folder, 'second.mosis'), second.bytes);
    const published = await at.mosis(['publish', 'second.mosis', '--percent', '5', '--schedule', '20@24h,100@3d']);
    expect([published.code, published.stdout]).toEqual([0, expect.stringContaining('5 % of stable, active')]);
    const listed = await rollout('list', id, '--json');
    expect(listed.json()).toMatchObject({
      packageId: id,
      rollouts: [
        {
          percent: 5,
          state: 'ACTIVE',
          schedule: [{ percent: 20 }, { percent: 100 }],
          version: { versionCode: 2 },
        },
        { percent: 100, state: 'COMPLETE', version: { versionCode: 1 } },
      ],
      rollbacks: [],
    });

    const raised = await rollout('raise', id, '--percent', '12.5%');
    expect([raised.code, raised.stdout]).toEqual([0, expect.stringContaining('12.5 % of stable, active')]);
    const scheduled = await rollout('schedule', id, '--steps', '50@2h', '--json');
    expect([scheduled.code, scheduled.json().schedule]).toEqual([0, [expect.objectContaining({ percent: 50 })]]);
    const paused = await rollout('pause', id, '--reason', 'Sign-in fails', '--json');
    expect([paused.code, paused.json()]).toMatchObject([0, { state: 'PAUSED', reason: 'Sign-in fails' }]);
    expect((await rollout('resume', id, '--json')).json()).toMatchObject({ state: 'ACTIVE', percent: 12.5 });
    const halted = await rollout('halt', id, '--reason', 'Gone', '--yes');
    expect([halted.code, halted.stdout]).toEqual([0, expect.stringContaining('halted')]);
    expect((await rollout('start', '2', id, '--percent', '50', '--json')).json()).toMatchObject({ state: 'ACTIVE' });
    const back = await rollout(
      'back',
      id,
      '--to',
      '1',
      '--reason',
      'Notes are lost',
      '--restore-data',
      '--yes',
      '--json',
    );
    expect([back.code, back.json()]).toMatchObject([
      0,
      {
        rollout: { state: 'COMPLETE' },
        rollbacks: [{ fromVersionCode: 2, reason: 'Notes are lost', restoreData: true, to: { versionCode: 1 } }],
      },
    ]);
    expect((await rollout('list', id)).stdout).toContain('Notes are lost');
    const shown = await at.mosis(['status', id, '--code', '2']);
    expect(shown.stdout).toMatch(/rollout\s+50 % of stable, halted/);
  });

  it('exits 2 for what is no share, step, code or answer, and says what is', async () => {
    const id = stand.notes.packageId;
    const cases: [string[], RegExp][] = [
      [['raise', id], /--percent 25/],
      [['raise', id, '--percent', '0'], /more than 0/],
      [['raise', id, '--percent', '12.345'], /two decimals/],
      [['schedule', id, '--steps', '20'], /PERCENT@WHEN/],
      [['schedule', id, '--steps', '20@soon'], /24h/],
      [['schedule', id], /--none/],
      [['start', 'two', id], /version code/],
      [['back', id, '--reason', 'x'], /--to CODE/],
      [['pause', id], /--reason/],
      [['list', id, '--track', 'nightly'], /no option|track/],
    ];
    for (const [args, says] of cases) {
      const run = await rollout(...args);
      expect([args, run.code, run.stdout]).toEqual([args, 2, '']);
      expect(run.stderr).toMatch(says);
    }
  });

  it('exits 3 where there is nothing of the kind, 6 where the state does not allow it, and 4 without the right', async () => {
    const id = stand.notes.packageId;
    expect((await rollout('list', 'com.example.never')).code).toBe(3);
    expect((await rollout('raise', id, '--percent', '50', '--track', 'beta')).code).toBe(3);
    expect((await rollout('start', '99', id)).code).toBe(3);
    const taken = await rollout('resume', id, '--code', '2', '--json');
    expect([taken.code, taken.json()]).toMatchObject([6, { error: { code: 'STATE_CONFLICT' } }]);
    const weak = await stand.ada.apiKey(['VERSIONS_WRITE']);
    const run = await at.mosis(['rollout', 'pause', id, '--code', '1', '--reason', 'Try'], {
      env: { MOSIS_TOKEN: weak.bearer ?? '' },
    });
    expect([run.code, run.stderr]).toEqual([4, expect.stringContaining('versions:publish')]);
  });

  it('asks before it halts or rolls back, and does neither unasked', async () => {
    const third = await stand.published({ percent: 5 });
    const id = stand.notes.packageId;
    for (const args of [
      ['halt', id, '--reason', 'x'],
      ['back', id, '--to', '1', '--reason', 'x'],
    ]) {
      const run = await rollout(...args);
      expect([args, run.code]).toEqual([args, 2]);
      expect(run.stderr).toContain('--yes');
    }
    expect((await stand.rollout(third)).state).toBe('ACTIVE');
  });

  it('is in the help and in the completions', async () => {
    expect((await at.mosis(['--help'])).stdout).toContain('rollout');
    const help = await rollout('--help');
    for (const word of ['list', 'start', 'raise', 'schedule', 'pause', 'resume', 'halt', 'back'])
      expect(help.stdout).toMatch(new RegExp(`\\b${word}\\b`));
    const completions = await at.mosis(['completion', 'bash']);
    for (const word of ['rollout', '--percent', '--restore-data']) expect(completions.stdout).toContain(word);
  });
});
